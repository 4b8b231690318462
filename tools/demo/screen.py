"""What the walk shows: plans, the steps of an operation, findings with their evidence."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

#: A terminal has its own width; a file or a pipe gets one that tables fit in.
console = Console(record=True, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "140")))
_LEVELS = {"info": "dim", "warning": "yellow", "critical": "bold red"}
_STYLE = {"Succeeded": "green", "Running": "yellow", "Failed": "red", "Canceled": "magenta", "Pending": "dim"}


def save_picture(path: Path) -> None:
    """Everything that was shown, as an SVG that loads nothing from elsewhere."""
    svg = console.export_svg(title="make demo")
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


def chapter(number: int, title: str) -> None:
    """A heading."""
    console.print()
    console.rule(f"[bold]{number}. {title}", align="left")


def said(text: str) -> None:
    """One plain sentence."""
    console.print(f"   {text}", highlight=False)


def plan(answer: dict[str, Any]) -> None:
    """Counts per type, the critical path, the warnings."""
    counts: Counter[tuple[str, str]] = Counter((c["action"], c["type"]) for c in answer["changes"])
    table = Table("action", "resource type", "count", box=None, padding=(0, 2))
    for (action, kind), count in sorted(counts.items()):
        table.add_row(action, kind, str(count))
    console.print(table)
    said(f"expected duration {answer['expectedDuration']}, along {' → '.join(answer['criticalPath'])}")
    for warning in answer["warnings"]:
        said(f"[{_LEVELS[warning['level']]}]{warning['level']} {warning['code']}[/]: {warning['message']}")


@contextmanager
def steps(title: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yields a function that draws an operation as it moves."""
    with Live(console=console, refresh_per_second=8, transient=True) as live:

        def draw(operation: dict[str, Any]) -> None:
            live.update(_operation(title, operation))

        yield draw


def _operation(title: str, operation: dict[str, Any]) -> Panel:
    moving = [s for s in operation["steps"] if s["status"] in ("Running", "Failed")]
    counts = Counter(s["status"] for s in operation["steps"])
    table = Table.grid(padding=(0, 2))
    table.add_row(
        ProgressBar(total=100, completed=operation["percentComplete"], width=40),
        "  ".join(f"[{_STYLE.get(status, '')}]{status} {count}[/]" for status, count in sorted(counts.items())),
    )
    for step in moving[:14]:
        note = step.get("waitingFor") or (step.get("error") or {}).get("code") or ""
        table.add_row(f"[{_STYLE[step['status']]}]{step['action']:<8} {step['key']}[/]", note)
    return Panel(table, title=f"{title}: {operation['status']}", title_align="left")


def operation_result(operation: dict[str, Any], seconds: float) -> None:
    """One line when an operation ended, and its error when it has one."""
    style = _STYLE.get(operation["status"], "")
    done = sum(s["status"] == "Succeeded" for s in operation["steps"])
    said(f"[{style}]{operation['status']}[/] in {seconds:.1f} s, {done} of {len(operation['steps'])} steps")
    if operation.get("error"):
        said(f"[red]{operation['error']['code']}: {operation['error']['message']}[/]")


def findings(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Counts, and a row for each failing finding; returns the failing ones."""
    counts = Counter(f["status"] for f in report["findings"])
    said(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    failing = [f for f in report["findings"] if f["status"] in ("Fail", "Unknown")]
    if failing:
        table = Table(box=SIMPLE_HEAD)
        for title in ("control", "resource", "wanted", "observed", "read from"):
            table.add_column(title, overflow="fold")
        for found in failing:
            table.add_row(
                f"[red]{found['control']}[/]",
                f"{found['key']}\n[dim]{found.get('path') or ''}[/]",
                _short(found.get("wanted")),
                _short(found.get("observed")),
                f"[dim]{without_group(found.get('readFrom') or '')}[/]",
            )
        console.print(table)
    return failing


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = without_group(text)
    return text if len(text) <= 120 else f"{text[:117]}..."


def without_group(path: str) -> str:
    """An ARM id or path from its provider on; the group above it is the workspace's own."""
    head, found, tail = path.partition("/providers/")
    return f"…/{tail}" if found and head.startswith("/subscriptions/") else path


def residue(operation: dict[str, Any]) -> None:
    """What a deletion left, and why."""
    for left in operation["residue"]:
        until = f" until {left['until']}" if left.get("until") else ""
        said(f"left: {without_group(left['resourceId'])}\n         {left['reason']}{until}: {left['message']}")
    if not operation["residue"]:
        said("nothing is left")
