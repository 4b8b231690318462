"""Functions for the listeners of funchost, without an app around them, and funchost itself as a process."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funchost.functions import Function
from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "tests" / "data" / "funchost_app"


def function(call: Callable[..., Any], trigger: Mapping[str, Any], *, name: str = "under_test") -> Function:
    """An indexed function, as ``funchost.functions.index`` describes one."""
    kinds = {"httpTrigger": "http", "queueTrigger": "queue", "timerTrigger": "timer", "eventGridTrigger": "event"}
    return Function(
        name=name,
        kind=kinds[trigger["type"]],
        call=call,
        trigger=trigger,
        directory=Path("/app"),
        requires_context="context" in inspect.signature(call).parameters,
        is_async=inspect.iscoroutinefunction(call),
        returns_http=trigger["type"] == "httpTrigger",
    )


@dataclass
class Host:
    """A running ``python -m funchost``."""

    process: asyncio.subprocess.Process
    url: str
    notes_file: Path

    def notes(self, event: str | None = None) -> list[dict[str, Any]]:
        """What the app's functions wrote down so far."""
        lines = self.notes_file.read_text().splitlines() if self.notes_file.exists() else []
        notes = [json.loads(line) for line in lines]
        return [note for note in notes if event in (None, note["event"])]

    async def until(self, done: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> None:
        """Waits for a state that the host's processes bring about."""
        async with asyncio.timeout(patience):
            while not done():  # noqa: ASYNC110 - other processes bring it about
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running_host(folder: Path, *options: str, app: Path = APP, **environment: str) -> AsyncIterator[Host]:
    """Starts funchost with its state in ``folder``, waits until it is ready, and ends it."""
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    notes = folder / "notes"
    settings = {"NOTES": str(notes), "WORK_QUEUE": "ticks", **environment}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "funchost", "--app", str(app), "--port", "0", "--state", str(folder), "--ready-file", str(ready)),
        *options,
        cwd=ROOT,
        env={**os.environ, **settings},
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ready.exists():
                if process.returncode is not None:
                    raise RuntimeError(f"funchost ended with {process.returncode}")
                await asyncio.sleep(0.02)
        yield Host(process, ready.read_text().strip(), notes)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
