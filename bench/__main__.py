"""``python -m bench [NAME …]``: measures, prints a table, writes ``.local/bench.json``; exits 1 when a bound breaks."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Figure

ROOT = Path(__file__).resolve().parent.parent
#: In the order of the README's table.
BENCHES = (
    "imports",
    "compiling",
    "creation",
    "variants",
    "addresses",
    "reconcile",
    "reading",
    "storage",
    "breach",
    "year",
    "delivery",
    "poll",
    "sweep",
    "load",
    "scale_out",
    "chaos",
)


def main(names: list[str]) -> int:
    """Runs the named benches, or all."""
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    console = Console()
    figures: list[Figure] = []
    for name in names or BENCHES:
        started = time.monotonic()
        figures += importlib.import_module(f"bench.{name}").measure()
        console.print(f"[dim]{name}: {time.monotonic() - started:.0f} s[/]")
    output = ROOT / ".local" / "bench.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    _show(console, figures)
    return 0 if all(figure.holds for figure in figures) else 1


def _show(console: Console, figures: list[Figure]) -> None:
    table = Table("figure", "value", "bound", "note")
    for figure in figures:
        bound = "" if figure.bound is None else f"≤ {figure.bound:g}"
        style = "" if figure.holds else "red bold"
        table.add_row(figure.name, f"{figure.value:.3g} {figure.unit}", bound, figure.note, style=style)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
