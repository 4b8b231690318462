"""``make proof ID=S1-37``: runs the tests of one requirement, as ``docs/requirements.csv`` names them."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "requirements.csv"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is done for one requirement."""

    id: str
    kind: str
    """create, validate, enforce, react, report or advise."""
    where: str
    """The module that does it."""
    test: str
    """The node id of the test that fails without it."""


def rows(table: Path = TABLE) -> tuple[Row, ...]:
    """Raises ``TypeError`` for a row with other columns."""
    with table.open(newline="") as lines:
        return tuple(Row(**row) for row in csv.DictReader(lines))


def main(arguments: list[str]) -> int:
    """Exit code of pytest; 2 when the requirement is not in the table."""
    wanted = arguments[0].upper() if arguments else ""
    found = [row for row in rows() if row.id == wanted]
    if not found:
        known = ", ".join(sorted({row.id for row in rows()}))
        print(f"usage: make proof ID=<requirement>; '{wanted}' is not one of: {known}", file=sys.stderr)
        return 2
    for row in found:
        print(f"{row.id} {row.kind}: {row.where}, proved by {row.test}")
    command = [sys.executable, "-m", "pytest", "-v", "--no-header", *(row.test for row in found)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
