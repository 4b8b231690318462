"""What the traffic log says: every 4xx and 5xx, a sudden rise, delays; and Resource Manager's own throttling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import Rejected, Throttled
from controlplane.ports.logs import Rows
from controlplane.retraining.polls.model import WINDOW, WorkspacePoll, slot_at
from controlplane.retraining.polls.queries import TRAFFIC
from controlplane.retraining.signal import Severity, SignalKind
from tests.support.polled import PolledWorld

TABLE = TRAFFIC.partition("\n")[0]


async def serving() -> PolledWorld:
    world = PolledWorld()
    await world.begin()
    world.serve()
    return world


def traffic(world: PolledWorld, *windows: dict[str, float], complete: bool = True) -> None:
    """Rows of the windows that the next sweep asks for, the latest last."""
    end = slot_at(world.clock.now() + WINDOW) - WINDOW
    rows: list[dict[str, Any]] = []
    for place, values in enumerate(reversed(windows), 1):
        row = {"EndpointName": "ep", "Window": end - place * WINDOW, "Calls": 0, "Errors": 0, "Server": 0}
        rows.append({**row, "Delay": 0, "DelayBack": 0, **values})
    world.monitor.rows[TABLE] = Rows(tuple(rows), complete)


async def test_every_4xx_and_5xx_counts_as_an_error() -> None:
    world = await serving()
    for _ in range(3):
        traffic(world, {"Calls": 1000, "Errors": 60})
        await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.severity, signal.target) == (SignalKind.ERRORS, Severity.HIGH, world.endpoint)
    assert signal.measures[0].value == pytest.approx(0.06)
    # The window that the rows are of: logs are asked a window later than metrics.
    end = slot_at(signal.received_at) - WINDOW
    assert (signal.window_at, f"until {end:%F %R}" in signal.evidence.summary) == (end - WINDOW, True)
    # The query itself counts them, of the front as of the model.
    assert "Front >= 400 or ModelStatusCode >= 400" in TRAFFIC
    traffic(world, {"Calls": 1000, "Errors": 1})
    await world.window()
    assert (await world.signals())[0].resolved


async def test_a_share_of_few_calls_says_nothing() -> None:
    world = await serving()
    for _ in range(3):
        traffic(world, {"Calls": 10, "Errors": 10})
        await world.window()
    assert await world.signals() == ()


async def test_a_sudden_rise_of_500s_is_critical_at_once() -> None:
    world = await serving()
    traffic(world, {"Calls": 1000, "Server": 4, "Errors": 4}, {"Calls": 1000, "Server": 40, "Errors": 40})
    await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.severity) == (SignalKind.ERRORS, Severity.CRITICAL)
    assert signal.measures[0].metric == "ServerErrorsRise"


async def test_waiting_for_bandwidth_both_ways_is_throttling() -> None:
    world = await serving()
    for _ in range(2):
        traffic(world, {"Calls": 1000, "Delay": 30_000, "DelayBack": 30_000})
        await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.measures[0].value) == (SignalKind.THROTTLING, 60_000)


async def test_throttling_of_resource_manager_is_watched_too() -> None:
    world = await serving()
    world.monitor.waited = 0.0
    await world.window()
    await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.target) == (SignalKind.THROTTLING, world.known.workspace_id)
    world.monitor.waited = 3600.0
    await world.window()
    assert (await world.signals())[0].resolved


@pytest.mark.parametrize("how", ["partial", "refused", "none"])
async def test_what_logs_do_not_say_is_unknown(how: str) -> None:
    world = await serving()
    for _ in range(2):
        traffic(world, {"Calls": 1000, "Errors": 900})
        await world.window()
    (raised,) = [one for one in await world.signals() if one.kind is SignalKind.ERRORS]
    if how == "partial":
        traffic(world, {"Calls": 1000, "Errors": 0}, complete=False)
    elif how == "refused":
        world.monitor.log_errors = [Rejected("InsufficientAccessError", "no", status=403)]
    else:
        traffic(world)
    await world.window()
    assert not (await world.signals())[0].resolved
    (poll,) = (await world.objects.page(WorkspacePoll)).values
    assert raised.id == (await world.signals())[0].id
    assert how == "none" or poll.why


async def test_logs_are_asked_a_window_later_than_metrics_with_the_span_as_a_parameter() -> None:
    world = await serving()
    await world.window()
    end = slot_at(world.clock.now()) - WINDOW
    assert world.monitor.spans[0] == (end - 2 * WINDOW, end)
    assert world.monitor.queries[TABLE] == 1
    assert "{" not in TRAFFIC
    assert end - timedelta(minutes=0) < world.clock.now()


async def test_throttled_logs_wait_as_told_and_metrics_do_not() -> None:
    world = await serving()
    world.monitor.log_errors = [Throttled("ThrottledError", "200 in 30 s", retry_after=30.0)]
    await world.window()
    (poll,) = (await world.objects.page(WorkspacePoll)).values
    assert poll.due_at == world.clock.now() + timedelta(seconds=30)
    assert len(world.monitor.calls) == 2
    await world.clock.sleep(30)
    await world.tick()
    assert world.monitor.queries[TABLE] == 2
    (poll,) = (await world.objects.page(WorkspacePoll)).values
    assert (poll.due_at, poll.logs_done) == (None, True)
