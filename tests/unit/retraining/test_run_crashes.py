"""The process dies at every commit and at every call that changes something, before and after the effect.

The next tick comes when the lease has run out; what was sent is sent once, and everything ends as undisturbed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from controlplane.audit.model import ENTRY, Kind
from controlplane.audit.proof import prove_object
from controlplane.notifications.model import Notification
from controlplane.objects.repository import of_workspace, put
from controlplane.objects.tick import tick_object
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.intake import hear
from tests.support.clock import FrozenClock
from tests.support.kill_switch import Killed, KillSwitch
from tests.support.memory_store import MemoryStore
from tests.support.retraining_world import PIPELINE, RetrainingWorld

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
}
WON = {"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"}
BATCH = {"kind": "batchDeployment", "name": "training", "deployment": "blue"}
PATIENCE = timedelta(minutes=40)


@dataclass(frozen=True)
class Scene:
    """``ends``: how each attempt's job ends. ``cancel``: a person stops it while it runs."""

    ends: tuple[str, ...] = ("Completed",)
    environment: str = "dev"
    pipeline: str = "component"
    cancel: bool = False


SCENES = {
    "won": Scene(),
    "retried": Scene(("Failed", "Completed")),
    "approved": Scene(environment="prod"),
    "batch": Scene(pipeline="batch"),
    "canceled": Scene(cancel=True),
}


@dataclass(frozen=True)
class Result:
    """What is left, and how it went."""

    runs: tuple[tuple[str, str, tuple[str, ...]], ...]
    submitted: tuple[str, ...]
    decisions: tuple[str, ...]
    ends: tuple[str, ...]
    active: str | None
    notifications: tuple[str, ...]
    told: tuple[str, ...]
    points: int


def play_world(scene: Scene, switch: KillSwitch) -> RetrainingWorld:
    world = RetrainingWorld(store=MemoryStore(switch), environment=scene.environment)
    world.azure.switch = switch
    # Leases are judged by the same clock that the test moves.
    world.machines = replace(world.machines, system=Ticking(world.clock))
    return world


class Ticking(FrozenClock):
    """The world's time; nobody renews a lease in it, because a tick takes none."""

    def __init__(self, clock: FrozenClock) -> None:
        self._clock = clock

    def now(self) -> Any:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def play(scene: Scene, kill_at: int | None = None, *, after: bool = False) -> Result:
    switch = KillSwitch()
    world = play_world(scene, switch)
    pipeline = BATCH if scene.pipeline == "batch" else PIPELINE
    await world.begin({**EAGER, "pipeline": pipeline})
    await hear(world.intake, world.breach("step-1"))
    start = len(switch.seen)
    switch.kill_at, switch.after = (None if kill_at is None else start + kill_at), after
    until = world.clock.now() + PATIENCE
    while world.clock.now() < until:
        await ticks(world, switch)
        try:
            await people_and_jobs(world, scene)
        except Killed:
            # Whoever asked got no answer, looks, and asks again where it was not done.
            switch.revive()
        world.clock.advance(45)
    return await result(world, len(switch.seen) - start)


async def ticks(world: RetrainingWorld, switch: KillSwitch) -> None:
    """Every due object gets one tick; a dead process is followed by a new one at the next moment."""
    for one in await world.objects.due(world.clock.now() + timedelta(microseconds=1)):
        try:
            await tick_object(one.kind, one.id, world.machines)
        except Killed:
            switch.revive()
            return


async def people_and_jobs(world: RetrainingWorld, scene: Scene) -> None:
    """What happens without us, once it can."""
    for run in await world.runs():
        job = world.azure.resources.get(f"{run.workspace_id}/jobs/{run.id}".lower())
        stored, now = await world.objects.require(Run, run.id), world.clock.now()
        if run.state is RunState.WAITING_APPROVAL:
            said = {"state": RunState.SUBMITTED, "due_at": now, "deadline": now + timedelta(hours=2)}
            await world.objects.commit(put(stored, run.model_copy(update=said)))
        elif run.state is RunState.RUNNING and scene.cancel:
            if run.cancel_requested_by is None:
                asked = {"cancel_requested_by": "t/ada", "stopping_since": now, "due_at": now}
                await world.objects.commit(put(stored, run.model_copy(update=asked)))
        elif run.state is RunState.RUNNING and job is not None and job["properties"]["status"] == "Running":
            world.ml.end(run.id, scene.ends[run.attempt - 1], **WON)


async def result(world: RetrainingWorld, points: int) -> Result:
    state = (await world.state()).value
    for end in state.ends:
        assert await world.objects.get(Run, end.run_id) is not None
    notes = (await world.objects.page(Notification, of_workspace(Notification, "ws"), limit=1000)).values
    return Result(
        runs=tuple((one.id, one.state.value, tuple(s.reason for s in one.transitions)) for one in await world.runs()),
        submitted=tuple(world.ml.submitted),
        decisions=tuple(one.reason for one in await world.decisions()),
        ends=tuple(end.outcome for end in state.ends),
        active=state.active_run,
        notifications=tuple(sorted(one.type for one in notes)),
        told=await told(world),
        points=points,
    )


async def told(world: RetrainingWorld) -> tuple[str, ...]:
    """What the audit says of the model, oldest first; the chain is whole."""
    assert (await prove_object(world.store, None, Kind.RETRAINING, "ws.churn")).consistent
    page = await world.store.query(Kind.RETRAINING, prefix=ENTRY)
    return tuple(str(entity.value["action"]) for entity in reversed(page.entities))


@cache
def known(name: str) -> list[Result]:
    """Filled by the first who needs it."""
    return []


async def undisturbed(name: str) -> Result:
    if not known(name):
        known(name).append(await play(SCENES[name]))
    return known(name)[0]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENES)
async def test_a_crash_at_any_point_changes_nothing_of_the_end(name: str, after: bool) -> None:
    wanted = await undisturbed(name)
    assert wanted.points > 8
    for kill_at in range(1, wanted.points + 1):
        found = await play(SCENES[name], kill_at, after=after)
        assert replace(found, points=0) == replace(wanted, points=0), f"{name} killed at {kill_at}"


async def test_undisturbed_scenes_end_as_they_should() -> None:
    ends = {name: (await undisturbed(name)).ends for name in SCENES}
    assert ends == {
        "won": ("succeeded",),
        "retried": ("failed", "succeeded"),
        "approved": ("succeeded",),
        "batch": ("succeeded",),
        "canceled": ("canceled",),
    }
    assert len((await undisturbed("retried")).submitted) == 2
    assert [(await undisturbed(name)).active for name in SCENES] == [None] * len(SCENES)


async def test_the_kill_switch_kills() -> None:
    """What the tests above rest on: a killed process leaves its lease, which somebody else waits for."""
    switch = KillSwitch()
    world = play_world(Scene(), switch)
    await world.begin({**EAGER, "pipeline": PIPELINE})
    await hear(world.intake, world.breach("step-1"))
    switch.kill_at = len(switch.seen) + 2
    await ticks(world, switch)
    (due,) = await world.objects.due(world.clock.now() + timedelta(microseconds=1))
    assert await world.objects.leases.is_held(f"{Signal.KIND}!{due.id}", world.clock.now())
    assert not await world.decisions()
