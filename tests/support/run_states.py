"""A run of one model, begun by a breach, and what happens to it from outside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.objects.repository import put
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import PIPELINE, RetrainingWorld

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
    "cooldown": "P1D",
}
WON = {"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"}


async def begun(policy: dict[str, Any] | None = None, **world: Any) -> RetrainingWorld:
    """A breach was heard, and decided."""
    made = RetrainingWorld(**world)
    await made.begin({**EAGER, **(policy or {})})
    await hear(made.intake, made.breach("step-1"))
    await made.tick()
    return made


async def run_of(world: RetrainingWorld) -> Run:
    return (await world.runs())[0]


async def later(world: RetrainingWorld, time: timedelta = timedelta(minutes=2)) -> Run:
    world.clock.advance(time.total_seconds())
    await world.tick()
    return await run_of(world)


async def change(world: RetrainingWorld, **policy: Any) -> None:
    """The policy as an edit leaves it."""
    stored = await world.state()
    before = stored.value
    parsed = RetrainingPolicy.model_validate({"pipeline": PIPELINE, **EAGER, **policy})
    after = before.model_copy(update={"policy": parsed, "policy_generation": before.policy_generation + 1})
    await world.objects.commit(put(stored, after))


async def cancel(world: RetrainingWorld) -> None:
    (run,) = await world.runs()
    stored = await world.objects.require(Run, run.id)
    now = world.clock.now()
    asked = {"cancel_requested_by": "t/ada", "stopping_since": now, "due_at": now}
    await world.objects.commit(put(stored, stored.value.model_copy(update=asked)))


async def approve(world: RetrainingWorld) -> None:
    (run,) = await world.runs()
    stored = await world.objects.require(Run, run.id)
    now = world.clock.now()
    said = {"state": RunState.SUBMITTED, "due_at": now, "deadline": now + timedelta(hours=2)}
    await world.objects.commit(put(stored, stored.value.model_copy(update=said)))
