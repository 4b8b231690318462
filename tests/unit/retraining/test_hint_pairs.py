"""One test for each requirement on what is heard: the state in which something comes of it, and the one in which
nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from controlplane.retraining.signal import SignalKind
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import DRIFT, MONITOR, RetrainingWorld, message

TEXT = message(PopulationStabilityIndex=(0.4, 0.2))
QUALITY = f"{MONITOR}_quality"


async def _heard(
    world: RetrainingWorld, run: str, text: str, status: str = "Completed", event: str = "e"
) -> str | None:
    told = world.event(run, {BREACH_TAG: text} if text else {})
    told["data"]["runStatus"] = status
    return (await hear(world.intake, {**told, "id": event})).id


async def d18(world: RetrainingWorld) -> None:
    """Of all that happens to runs, only what has the tag of a breach with its words is heard."""
    for text in ("", "all is well", "The signal 'x' is fine."):
        assert await _heard(world, "step", text) is None
    assert await _heard(world, "step", TEXT) is not None


async def d19(world: RetrainingWorld) -> None:
    """The name of the signal carries the monitor's, and so says which model it is about."""
    await hear(world.intake, world.breach("known", TEXT))
    await hear(world.intake, world.breach("unknown", message("other_drift", PopulationStabilityIndex=(0.4, 0.2))))
    await world.tick()
    found = {one.signal_name: (one.monitor, one.model, one.kind) for one in await world.signals()}
    assert found == {DRIFT: (MONITOR, "churn", SignalKind.DATA_DRIFT), "other_drift": (None, None, SignalKind.CUSTOM)}


async def d20(world: RetrainingWorld) -> None:
    """One signal for each name of one step, whatever the step's status, of which there is an event each."""
    statuses = ("Running", "Finalizing", "Completed", "Failed")
    first = {await _heard(world, "step", TEXT, status) for status in statuses}
    second = {await _heard(world, "step", message(QUALITY, Accuracy=(0.5, 0.8)), status) for status in statuses}
    assert (len(first), len(second), len(first | second)) == (1, 1, 2)
    assert None not in first | second


async def d21(world: RetrainingWorld) -> None:
    """Copies, by whatever event, are one; another run of the monitor is another."""
    copies = {await _heard(world, "monday", TEXT, event=f"e{number}") for number in range(5)}
    later = {await _heard(world, "tuesday", TEXT, event="e0")}
    assert (len(copies), len(later), len(copies | later)) == (1, 1, 2)


PAIRS: dict[str, Callable[[RetrainingWorld], Awaitable[None]]] = {"D18": d18, "D19": d19, "D20": d20, "D21": d21}


@pytest.mark.parametrize("requirement", PAIRS)
async def test_react(requirement: str) -> None:
    world = RetrainingWorld()
    await world.begin()
    await PAIRS[requirement](world)
