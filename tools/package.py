"""``make package``: the deployment zip, as ``func azure functionapp publish`` would make it from ``.funcignore``.

``.funcignore`` has the syntax and the rules of ``.gitignore``
(https://learn.microsoft.com/azure/azure-functions/functions-core-tools-reference#func-azure-functionapp-publish).
The zip holds sources and ``requirements.txt``; the platform's remote build installs the packages. The same tree gives
the same bytes: names are sorted, times are fixed.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "build" / "package.zip"
#: The earliest time that a zip can hold.
_TIME = (1980, 1, 1, 0, 0, 0)


def shipped(root: Path) -> tuple[str, ...]:
    """Paths below ``root`` that ``.funcignore`` leaves in, with forward slashes, sorted."""
    rules = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    return tuple(sorted(_walk(root, rules)))


def _walk(root: Path, rules: GitIgnoreSpec) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        place = Path(folder).relative_to(root)
        # As git does it: nothing inside an ignored folder can be taken in again, and nobody looks there.
        names[:] = [name for name in names if not rules.match_file(f"{(place / name).as_posix()}/")]
        for name in files:
            path = (place / name).as_posix()
            if not rules.match_file(path):
                yield path


def build(root: Path = ROOT, target: Path = TARGET) -> Path:
    """Writes the zip and returns its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in shipped(root):
            archive.writestr(zipfile.ZipInfo(path, _TIME), (root / path).read_bytes(), zipfile.ZIP_DEFLATED)
    return target


def main() -> None:
    """Builds it and says how large it is."""
    target = build()
    with zipfile.ZipFile(target) as archive:
        count = len(archive.namelist())
    print(f"{target.relative_to(ROOT)}: {count} files, {target.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
