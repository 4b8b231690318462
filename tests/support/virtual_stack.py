"""Simulator and function host as processes whose time is moved by hand: a month of both in a minute.

with virtual_stack(folder) as stack:
    stack.leap(hours=6)     # Azure's time and the product's; then everything that is due is done
    stack.sweep()           # the timer of the poll fires

The host's timers are off: they would follow the machine's time. What they do, ``leap`` and ``sweep`` do.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.objects.repository import Objects
from controlplane.store import SqliteQueue, SqliteStore
from controlplane.triggers.monitors import MonitorDeps, begin_sweep
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.simulator import RunningSimulator
from tests.support.waiting import PATIENCE_SECONDS
from tools.local import callbacks, controlplane_environment, free_port, start_functions, start_simulator, stop

T = TypeVar("T")
_TIMERS = ("wake", "checkpoint", "monitors", "costs", "live", "fleet")
_LOOK_SECONDS = 0.05
#: A process does not use an older answer of its clock (``controlplane/clocks.py``).
_BEHIND_SECONDS = 0.25


class SimulatorClock:
    """``ports.clock.Clock``: what the processes read by ``CONTROLPLANE_CLOCK``, moved on from here only."""

    def __init__(self, azure: RunningSimulator) -> None:
        self._azure = azure
        self._ahead = timedelta()
        self.move(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def move(self, seconds: float) -> None:
        """The product's time goes on, then Azure's: what happens on the way is told to nobody who is behind."""
        self._azure.control("PUT", "clock", json={"advanceSeconds": seconds})
        time.sleep(_BEHIND_SECONDS)
        back = self._azure.control("GET", "clock")["now"]
        before = datetime.fromisoformat(back) - timedelta(seconds=seconds)
        wish = {"now": before.isoformat(), "advanceSeconds": seconds, "azure": True}
        shown = self._azure.control("PUT", "clock", json=wish)
        self._ahead = datetime.fromisoformat(shown["now"]) - datetime.now(UTC)


class VirtualStack:
    """``azure`` is the simulator, ``api_url`` the host's."""

    def __init__(self, azure: RunningSimulator, api_url: str, folder: Path, store: SqliteStore) -> None:
        self.azure, self.api_url, self.clock = azure, api_url, SimulatorClock(azure)
        self._runner = asyncio.Runner()
        self._queue_file = folder / "queue.db"
        self._queue, objects = SqliteQueue(self._queue_file, "ticks"), Objects(store, Kind.RETRAINING)
        self._wake = SweepDeps(WorkspaceRepository(store), self._queue, self.clock, SystemClock(), None, (objects,))
        self._sweep = MonitorDeps(objects, self._queue, self.clock)

    def close(self) -> None:
        self._runner.close()
        self._queue.close()

    def leap(self, seconds: float = 0.0, *, hours: float = 0.0) -> None:
        """Both clocks go on; Azure tells of what happened on the way, and the product does what is due."""
        self.clock.move(seconds + 3600 * hours)
        self.settle()

    def leap_to(self, moment: datetime) -> None:
        """As :meth:`leap`."""
        self.leap(max(0.0, (moment - self.clock.now()).total_seconds()))

    def sweep(self) -> None:
        """The poll looks at everything, to its end."""
        assert self._do(begin_sweep(self._sweep)), "this quarter of an hour was swept before"
        self.settle()

    def settle(self) -> None:
        """Until no event and no alert is on its way, no message waits, and nothing is due."""
        deadline, quiet = time.monotonic() + 2 * PATIENCE_SECONDS, 0
        # Once more: what the simulator had not published when it was asked is on its way after that.
        while quiet < 2:
            assert time.monotonic() < deadline, "something is due again and again"
            if self._busy() or self._do(wake_due(self._wake)) or self._do(self._due()):
                quiet = 0
                time.sleep(_LOOK_SECONDS)
            else:
                quiet += 1

    def _busy(self) -> bool:
        soon = self.clock.now().timestamp() + 1
        for listed in (self.azure.control("GET", plane) for plane in ("eventgrid", "alerts")):
            if listed["underWay"] or any(one["due"] < soon for one in listed["waiting"]):
                return True
        with closing(sqlite3.connect(self._queue_file)) as file:
            # Hints with a delay are not waited for: what they tell of is woken when it is due.
            asked = "SELECT count(*) FROM queue_messages WHERE queue = 'ticks' AND (visible_at <= ? OR dequeue_count)"
            (found,) = file.execute(asked, (time.time(),)).fetchone()
        return bool(found)

    async def _due(self) -> bool:
        """Also what is held: by a tick that runs, or by one that failed until its lease is over."""
        now = self.clock.now()
        found = [await self._wake.repository.due(now), *[await one.due(now) for one in self._wake.objects]]
        return any(found)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


@contextmanager
def virtual_stack(folder: Path, *, time_scale: float) -> Iterator[VirtualStack]:
    """Stopped at the end whatever happens. ``time_scale`` is the simulator's, until its settings say another."""
    with ExitStack() as open_:
        simulator, env = start_simulator(folder, "--time-scale", str(time_scale))
        open_.callback(stop, simulator)
        port = free_port()
        settings = {
            **controlplane_environment(env, folder),
            **callbacks(env, folder, f"http://127.0.0.1:{port}"),
            **{f"AzureWebJobs.{name}.Disabled": "true" for name in _TIMERS},
            "CONTROLPLANE_CLOCK": f"{env['SIMULATOR_URL']}/simulator/clock",
        }
        functions, url = start_functions(folder, settings, port=port)
        open_.callback(stop, functions)
        azure = open_.enter_context(closing(RunningSimulator(simulator, folder / "azure.env")))
        azure.settings(throttling=False)
        store = open_.enter_context(closing(SqliteStore(folder / "store.db")))
        yield open_.enter_context(closing(VirtualStack(azure, url, folder, store)))


def midnight_after(moment: datetime) -> datetime:
    """The next one, in UTC."""
    return datetime.fromtimestamp((moment.timestamp() // 86400 + 1) * 86400, UTC)
