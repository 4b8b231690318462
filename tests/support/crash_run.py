"""One run of the crash test: from the accepted request to the operation's end, whatever is killed on the way."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from controlplane.clocks import SystemClock
from controlplane.operations.model import Operation
from controlplane.store import SqliteQueue, SqliteStore
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.arm_proxy import Watched
from tests.support.crash_case import Case
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.zygote import Zygote

NAME = "crash"
#: Pause between two looks of the wake timer, after one that found something. In Azure it is a minute.
WAKE_SECONDS = 0.5


class DidNotEnd(AssertionError):
    """The operation did not come to its end in time."""


class Files:
    """The store and the queue of a run, opened by the test process as the wake timer would."""

    def __init__(self, home: Path, messages: int) -> None:
        self._messages = messages
        self._store = SqliteStore(home / "store.db", busy_seconds=PATIENCE_SECONDS)
        self._queue = SqliteQueue(home / "queue.db", "ticks", busy_seconds=PATIENCE_SECONDS)
        self._repository = WorkspaceRepository(self._store)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._store.close()
        self._queue.close()
        self._loop.close()

    def wake(self) -> int:
        """The product's timer, once for each time that a message is sent; how many messages there were."""
        clock = SystemClock()
        deps = SweepDeps(self._repository, self._queue, clock, clock)
        return sum(self._do(wake_due(deps)) for _ in range(max(1, self._messages)))

    def is_leased(self) -> bool:
        return bool(self._do(self._repository.is_leased(NAME, SystemClock().now())))

    def operation(self) -> Operation:
        """The only one there is."""
        ((operation,), _) = self._do(self._repository.list_operations())
        found: Operation = operation
        return found

    def facts(self) -> dict[str, Any]:
        """What the store holds of the workspace and its operation."""
        stored, operation = self._do(self._repository.load(NAME)), self.operation()
        return {
            "status": operation.status.value,
            "error": operation.error,
            "steps": sorted((s.key, s.action, s.status.value, s.resource_id) for s in operation.steps),
            "active": stored.record.active_operation,
            "conditions": sorted((c.type, c.status.value, c.reason) for c in stored.status.conditions),
            "inventory": {key: owned.resource_id for key, owned in stored.status.inventory.items()},
            "outputs": dict(stored.status.outputs),
            "observedGeneration": stored.status.observed_generation,
        }

    def _do(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)


class Worker(Protocol):
    """What runs the ticks."""

    def kill(self) -> None:
        """SIGKILL, unless it has ended already."""

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""

    def wait(self) -> int:
        """Its exit code, when it has ended."""


class Copy:
    """A copy of the zygote."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote, self._pid = zygote, pid

    def kill(self) -> None:
        self._zygote.kill(self._pid)

    def exit_code(self) -> int | None:
        return self._zygote.exit_code(self._pid)

    def wait(self) -> int:
        return self._zygote.wait(self._pid)


class Host:
    """``python -m funchost``: ``all`` of its processes are killed, or the ``worker`` of the ticks, and it goes on."""

    def __init__(self, process: subprocess.Popen[bytes], victim: str) -> None:
        self._process = process
        self._victim = victim
        self._killed = False

    def kill(self) -> None:
        host = psutil.Process(self._process.pid)
        workers = host.children()
        ticks = [worker for worker in workers if "ticks" in worker.cmdline()]
        assert len(ticks) == 1, workers
        self._end(ticks if self._victim == "worker" else [*ticks, host, *workers])
        self._killed = True

    def exit_code(self) -> int | None:
        code = self._process.poll()
        return -signal.SIGKILL if self._killed else code

    def wait(self) -> int:
        if self._victim != "worker":
            self._process.wait()
        return -signal.SIGKILL

    def revive(self) -> bool:
        """Whether the host is there, and starts the worker again by itself."""
        self._killed = False
        return self._process.poll() is None

    def end(self) -> None:
        """All of it, at the end of the run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            host = psutil.Process(self._process.pid)
            self._end([host, *host.children()])
        self._process.wait()

    @staticmethod
    def _end(processes: Sequence[Any]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


class Run:
    """From the accepted request to the operation's end. ``start`` gives the worker whose calls are ``Watched``; the
    case is the one to die by, None after it has."""

    def __init__(self, case: Case, files: Files, start: Callable[[Watched, Case | None], Worker]) -> None:
        self._case = case
        self._files = files
        self._start_worker = start
        self._worker: Worker | None = None
        self._watched = Watched()
        self._woken_at = time.monotonic()
        self.calls: list[str] = []
        self.killed_at: str | None = None
        self.deaths = 0

    def go(self) -> None:
        """Raises ``DidNotEnd``."""
        # A whole life of a workspace, with lost messages and hosts whose timers wake them minutes after a kill.
        deadline = time.monotonic() + 3 * PATIENCE_SECONDS
        self._start(self._case)
        while not self._is_over():
            if time.monotonic() > deadline:
                raise DidNotEnd(self._story())
            if self._worker is not None and self._worker.exit_code() is not None:
                self._note_death()
                self._start(None)
            if not self._case.host and time.monotonic() - self._woken_at > WAKE_SECONDS and self._files.wake():
                self._woken_at = time.monotonic()
            time.sleep(0.02)

    def end(self) -> None:
        """The run is over: its worker has nothing to say any more."""
        if self._worker is not None:
            self._worker.kill()
            self._note_death()

    def _start(self, case: Case | None) -> None:
        watched = Watched(kill=self._kill)
        if case is not None and case.at == "call":
            watched.kill_at, watched.after = case.number, case.after
        self._watched = watched
        self._worker = self._start_worker(watched, case)

    def _kill(self) -> None:
        assert self._worker is not None
        self._worker.kill()

    def _note_death(self) -> None:
        assert self._worker is not None
        code = self._worker.wait()
        self._worker = None
        assert code == -signal.SIGKILL, f"the worker ended by itself, with {code}"
        self._watched.settle()
        self.deaths += 1
        self.calls += self._watched.calls
        self.killed_at = self.killed_at or self._watched.killed_at

    def _is_over(self) -> bool:
        """The operation has its end, and no tick is at work any more."""
        if not self._files.operation().status.is_terminal or self._watched.dead:
            return False
        return not self._files.is_leased()

    def _story(self) -> str:
        operation = self._files.operation()
        left = [(s.key, s.status.value, s.waiting_for, s.attempts) for s in operation.steps if s.status != "Succeeded"]
        return f"{self._case.name}: operation {operation.status.value}, {self.deaths} deaths, open: {left[:8]}"
