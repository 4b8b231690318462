"""Timers: schedules in UTC, what is past due, what never overlaps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from funchost.host_json import HostError
from funchost.invocation import Invoker
from funchost.timer_listener import Schedule, Status, StatusFile, TimerListener
from tests.support.funchost import function
from tests.support.waiting import PATIENCE_SECONDS

NOW = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)

OCCURRENCES = {
    "each minute": ("0 * * * * *", "2026-11-01T12:01:00"),
    "five fields": ("* * * * *", "2026-11-01T12:01:00"),
    "each second": ("* * * * * *", "2026-11-01T12:00:31"),
    "each five minutes": ("0 */5 * * * *", "2026-11-01T12:05:00"),
    "seconds come first": ("15 30 9 * * *", "2026-11-02T09:30:15"),
    "weekdays": ("0 30 9 * * 1-5", "2026-11-02T09:30:00"),
}


@pytest.mark.parametrize("name", OCCURRENCES)
def test_occurrences(name: str) -> None:
    expression, expected = OCCURRENCES[name]
    assert Schedule(expression).after(NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_schedules_are_utc_whatever_the_zone_of_the_moment() -> None:
    moment = NOW.astimezone(timezone(timedelta(hours=9)))
    found = Schedule("0 0 13 * * *").after(moment)
    assert found == datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("expression", ["", "* * *", "0 61 * * * *", "00:05:00", "0 * * * * * *"])
def test_wrong_schedules_are_refused(expression: str) -> None:
    with pytest.raises(HostError):
        Schedule(expression)


def test_only_schedules_of_a_minute_or_more_are_monitored() -> None:
    assert Schedule("0 * * * * *").is_monitored(NOW)
    assert not Schedule("*/30 * * * * *").is_monitored(NOW)


class Bench:
    """Runs a timer from ``now`` on, in a time that moves only while the function runs or a test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.calls: list[Any] = []
        self.during: Callable[[], None] = lambda: None
        self.timed_out: list[str] = []

    @property
    def status(self) -> StatusFile:
        return StatusFile(self.folder / "under_test.json")

    def listener(self, schedule: str, timeout: float | None = None, **trigger: Any) -> TimerListener:
        def call(timer: func.TimerRequest) -> None:
            self.calls.append(timer)
            self.during()

        binding = {"type": "timerTrigger", "name": "timer", "schedule": schedule, **trigger}
        return TimerListener(
            function(call, binding), self.folder, Invoker(timeout), lambda: self.timed_out.append("end"), self.clock
        )

    def clock(self) -> datetime:
        return self.now

    async def start(self, listener: TimerListener) -> None:
        """What happens at once; a stopped listener waits for no occurrence."""
        stop = asyncio.Event()
        stop.set()
        await listener.run(stop)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_first_start_runs_nothing_and_writes_the_status(bench: Bench) -> None:
    await bench.start(bench.listener("0 */5 * * * *"))
    assert bench.calls == []
    status = bench.status.read()
    assert status is not None
    assert (status.next, status.updated) == (NOW.replace(minute=5, second=0), NOW)


async def test_run_on_startup(bench: Bench) -> None:
    await bench.start(bench.listener("0 */5 * * * *", runOnStartup=True))
    assert [call.past_due for call in bench.calls] == [False]


async def test_what_was_missed_runs_once_past_due(bench: Bench) -> None:
    await bench.start(bench.listener("0 */5 * * * *"))
    bench.now += timedelta(minutes=17)
    await bench.start(bench.listener("0 */5 * * * *", runOnStartup=True))
    (call,) = bench.calls
    assert call.past_due is True
    assert call.schedule_status["Next"] == "2026-11-01T12:05:00+00:00"
    assert call.schedule == {"AdjustForDST": True}
    status = bench.status.read()
    assert status is not None
    assert status.next == datetime(2026, 11, 1, 12, 20, tzinfo=UTC)
    await bench.start(bench.listener("0 */5 * * * *"))
    assert len(bench.calls) == 1


async def test_nothing_was_missed_within_the_interval(bench: Bench) -> None:
    await bench.start(bench.listener("0 */5 * * * *"))
    bench.now += timedelta(minutes=4)
    await bench.start(bench.listener("0 */5 * * * *"))
    assert bench.calls == []


async def test_a_changed_schedule_counts_as_it_is_now(bench: Bench) -> None:
    await bench.start(bench.listener("0 0 * * * *"))
    bench.now += timedelta(minutes=10)
    await bench.start(bench.listener("0 */5 * * * *"))
    assert [call.past_due for call in bench.calls] == [True]


@pytest.mark.parametrize(
    "monitored", [{"schedule": "*/30 * * * * *"}, {"schedule": "0 * * * * *", "useMonitor": False}]
)
async def test_without_monitor_nothing_is_past_due(bench: Bench, monitored: dict[str, Any]) -> None:
    await bench.start(bench.listener(**monitored))
    bench.now += timedelta(hours=1)
    await bench.start(bench.listener(**monitored))
    assert bench.calls == []
    assert bench.status.read() is None


async def run_occurrences(bench: Bench, listener: TimerListener, count: int) -> None:
    """Lets ``count`` occurrences come; each starts when the clock is set to it."""
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run(stop))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(bench.calls) < count:  # noqa: ASYNC110 - the listener's task brings it about
            await asyncio.sleep(0.001)
    stop.set()
    await task


async def test_occurrences_do_not_overlap_and_missed_ones_are_left_out(bench: Bench) -> None:
    starts: list[datetime] = []

    def during() -> None:
        starts.append(bench.now)
        # The run takes over two minutes; then the next occurrence is near.
        bench.now = bench.now.replace(second=0, microsecond=0) + timedelta(minutes=2, seconds=59, microseconds=990_000)

    def moving() -> datetime:
        bench.now += timedelta(microseconds=100)
        return bench.now

    bench.during = during
    bench.now = datetime(2026, 11, 1, 12, 0, 59, 990_000, tzinfo=UTC)
    listener = bench.listener("0 * * * * *")
    listener._now = moving
    await run_occurrences(bench, listener, 3)
    minutes = [start.replace(microsecond=0) for start in starts[:3]]
    assert minutes == [datetime(2026, 11, 1, 12, minute, tzinfo=UTC) for minute in (1, 4, 7)]
    assert [call.past_due for call in bench.calls[:3]] == [False, False, False]


async def test_a_failed_run_is_not_repeated(bench: Bench) -> None:
    def during() -> None:
        raise ValueError("always")

    bench.during = during
    await bench.start(bench.listener("0 */5 * * * *", runOnStartup=True))
    await bench.start(bench.listener("0 */5 * * * *"))
    assert len(bench.calls) == 1


async def test_real_seconds(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    listener = bench.listener("* * * * * *")
    listener._now = lambda: datetime.now(UTC)
    await run_occurrences(bench, listener, 2)
    assert [call.past_due for call in bench.calls] == [False, False]
    assert bench.calls[0].schedule_status in (None, {})


def test_a_broken_status_is_refused(tmp_path: Path) -> None:
    file = StatusFile(tmp_path / "timers" / "t.json")
    assert file.read() is None
    status = Status(NOW, NOW + timedelta(minutes=1), NOW)
    file.write(status)
    assert file.read() == status
    (tmp_path / "timers" / "t.json").write_text('{"Last": 1}')
    with pytest.raises(HostError):
        file.read()
