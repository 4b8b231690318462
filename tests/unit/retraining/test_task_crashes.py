"""The process dies at every commit and at every call of a task's life, before and after the effect: the task ends as it
would have, its step is made once, and people and the audit are told once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.notifications.model import Notification
from controlplane.objects.repository import of_workspace
from controlplane.retraining.signals.alarm import alarm
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.tasks import Task
from tests.support.kill_switch import Killed, KillSwitch
from tests.support.memory_store import MemoryStore
from tests.support.retraining_world import RetrainingWorld
from tests.unit.retraining import test_alerts_are_read_back as alerts
from tests.unit.retraining import test_remediation as remediation
from tests.unit.retraining.test_run_crashes import EAGER, Ticking, ticks, told

#: Leases, Azure's time and a look after it.
PATIENCE = timedelta(minutes=20)


@dataclass(frozen=True)
class Scene:
    """``prepare`` is before the first crash; ``hear`` is told again until it is answered, as Azure does; ``over`` comes
    after half of the time, in the same way."""

    prepare: Callable[[RetrainingWorld], Awaitable[None]]
    hear: Callable[[RetrainingWorld], Awaitable[object]]
    over: Callable[[RetrainingWorld], Awaitable[object]] | None = None
    workload: str = "classical"


async def _scalable(world: RetrainingWorld) -> None:
    remediation.plant(world)
    await remediation.allowed(world)
    await _alerted(world)


async def _without_quota(world: RetrainingWorld) -> None:
    await _scalable(world)
    for _ in range(5):
        refused = Rejected("OutOfQuota", "Not enough quota.", status=400)
        world.azure.fail("PATCH", "/ep/deployments/blue", lambda error=refused: error)  # type: ignore[misc]


async def _unscalable(world: RetrainingWorld) -> None:
    await world.begin()
    await _alerted(world)


async def _alerted(world: RetrainingWorld, condition: str = "Fired") -> None:
    alerts.plant(world, remediation.ids(world)["endpoint"], condition)


async def _fired(world: RetrainingWorld) -> object:
    return await alarm(world.intake, _payload(world))


async def _resolved(world: RetrainingWorld) -> object:
    await _alerted(world, "Resolved")
    over = {"monitorCondition": "Resolved", "resolvedDateTime": world.clock.now().isoformat()}
    return await alarm(world.intake, _payload(world, **over))


def _payload(world: RetrainingWorld, **more: Any) -> dict[str, Any]:
    """Both forms name the moment when it fired."""
    about = {"alertTargetIDs": [remediation.ids(world)["endpoint"]]}
    return alerts.latency(world, firedDateTime=world.record.created_at.isoformat(), **about, **more)


async def _images(world: RetrainingWorld) -> None:
    await world.begin(EAGER)


async def _drifted(world: RetrainingWorld) -> object:
    event = world.breach("step-1", at=world.record.created_at)
    world.azure.body("/jobs/step-1")["properties"]["tags"]["cp.worstSamples"] = '["azureml://a/1", "azureml://a/2"]'
    return await hear(world.intake, event)


async def _drifted_again(world: RetrainingWorld) -> object:
    event = world.breach("step-2", at=world.record.created_at)
    world.azure.body("/jobs/step-2")["properties"]["tags"]["cp.worstSamples"] = '["azureml://a/3"]'
    return await hear(world.intake, event)


SCENES = {
    "scaled": Scene(_scalable, _fired),
    "refused": Scene(_without_quota, _fired),
    "closed": Scene(_unscalable, _fired, _resolved),
    "scaled and over": Scene(_scalable, _fired, _resolved),
    "annotated": Scene(_images, _drifted, workload="cv"),
    "annotated twice": Scene(_images, _drifted, _drifted_again, workload="cv"),
}


@dataclass(frozen=True)
class Result:
    """What is left, and what was told of it."""

    tasks: tuple[Any, ...]
    counts: tuple[int, ...]
    decisions: tuple[str, ...]
    notifications: tuple[str, ...]
    audit: tuple[str, ...]
    points: int


async def play(scene: Scene, kill_at: int | None = None, *, after: bool = False) -> Result:
    switch = KillSwitch()
    world = RetrainingWorld(store=MemoryStore(switch), workload=scene.workload)
    world.azure.switch = switch
    world.machines = replace(world.machines, system=Ticking(world.clock))
    await scene.prepare(world)
    start = len(switch.seen)
    switch.kill_at, switch.after = (None if kill_at is None else start + kill_at), after
    begin, said = world.clock.now(), dict.fromkeys(("hear", "over"), False)
    while world.clock.now() < begin + PATIENCE:
        half = world.clock.now() >= begin + PATIENCE / 2
        for name, tell in (("hear", scene.hear), ("over", scene.over if half else None)):
            if tell is not None and not said[name]:
                try:
                    await tell(world)
                    said[name] = True
                except Killed:
                    switch.revive()
        await ticks(world, switch)
        world.clock.advance(45)
    return await _result(world, len(switch.seen) - start)


async def _result(world: RetrainingWorld, points: int) -> Result:
    tasks = (await world.objects.page(Task, of_workspace(Task, "ws"))).values
    notes = (await world.objects.page(Notification, of_workspace(Notification, "ws"), limit=1000)).values
    bodies = [body for path, body in world.azure.resources.items() if path.endswith("/deployments/blue")]
    return Result(
        tasks=tuple(
            (
                one.kind,
                one.state,
                one.error and one.error.code,
                one.samples,
                one.signal_count,
                one.generation,
                one.due_at,
            )
            for one in tasks
        ),
        counts=tuple(body["sku"]["capacity"] for body in bodies if "sku" in body),
        decisions=tuple(one.reason for one in await world.decisions()),
        notifications=tuple(sorted(one.type for one in notes)),
        audit=await told(world),
        points=points,
    )


@cache
def known(name: str) -> list[Result]:
    """Filled by the first who needs it."""
    return []


async def undisturbed(name: str) -> Result:
    if not known(name):
        known(name).append(await play(SCENES[name]))
    return known(name)[0]


async def test_undisturbed_scenes_end_as_they_should() -> None:
    ends = {name: [one[:3] for one in (await undisturbed(name)).tasks] for name in SCENES}
    assert ends == {
        "scaled": [("scaleEndpoint", "done", None)],
        "refused": [("scaleEndpoint", "failed", "OutOfQuota")],
        "closed": [("platform", "closed", None)],
        "scaled and over": [("scaleEndpoint", "done", None)],
        "annotated": [("annotation", "open", None)],
        "annotated twice": [("annotation", "open", None)],
    }
    assert [(await undisturbed(name)).counts for name in SCENES] == [(2,), (1,), (), (2,), (), ()]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENES)
async def test_a_crash_at_any_point_changes_nothing_of_the_end(name: str, after: bool) -> None:
    wanted = await undisturbed(name)
    assert wanted.points > 3
    for kill_at in range(1, wanted.points + 1):
        found = await play(SCENES[name], kill_at, after=after)
        assert replace(found, points=0) == replace(wanted, points=0), f"{name} killed at {kill_at}"
