"""S3-36: a drift that retrains nothing goes back to the inner loop, as a task and a notification; not once a window."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.notifications.model import Notification
from controlplane.objects.repository import of_workspace
from controlplane.retraining.model import Outcome
from controlplane.retraining.opening import INVESTIGATED
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.tasks import Task, TaskKind, TaskState
from tests.support.retraining_world import RetrainingWorld, message
from tests.support.run_states import EAGER

#: Another signal has to agree, and none does.
ALONE = {**EAGER, "agreement": "secondSignalOrKpi"}


async def tasks(world: RetrainingWorld) -> tuple[Task, ...]:
    """Newest first."""
    return (await world.objects.page(Task, of_workspace(Task, "ws"))).values


async def drifts(world: RetrainingWorld, run: str) -> Outcome:
    await hear(world.intake, world.breach(run))
    await world.tick()
    return (await world.decisions())[0].outcome


async def test_a_drift_that_is_only_told_opens_an_investigation() -> None:
    world = RetrainingWorld()
    await world.begin(ALONE)
    assert await drifts(world, "step-1") is Outcome.NOTIFY
    (task,) = await tasks(world)
    assert (task.kind, task.state, task.model, task.assignees) == (
        TaskKind.INVESTIGATION, TaskState.OPEN, "churn", "dataScientists",
    )  # fmt: skip
    assert task.due_at is None
    (told,) = (await world.objects.page(Notification, of_workspace(Notification, "ws"))).values
    assert told.link == f"/api/tasks/{task.id}"
    assert world.ml.submitted == []


async def test_a_drift_that_goes_on_is_one_investigation_a_week() -> None:
    world = RetrainingWorld()
    await world.begin(ALONE)
    for day in range(8):
        assert await drifts(world, f"step-{day}") is Outcome.NOTIFY
        assert len(await tasks(world)) == (2 if timedelta(days=day) >= INVESTIGATED else 1)
        world.clock.advance(timedelta(days=1).total_seconds())


async def test_what_azure_does_not_bear_out_and_what_is_a_dry_run_opens_none() -> None:
    world = RetrainingWorld()
    await world.begin(ALONE)
    event = world.breach("step-1")
    world.azure.resources.pop(f"{world.known.workspace_id}/jobs/step-1".lower())
    await hear(world.intake, event)
    await world.tick()
    assert ((await world.decisions())[0].outcome, await tasks(world)) == (Outcome.NOTIFY, ())
    dry = RetrainingWorld()
    await dry.begin({**ALONE, "mode": "dryRun"})
    assert await drifts(dry, "step-1") is Outcome.NOTIFY
    assert await tasks(dry) == ()


async def test_a_drift_that_retrains_opens_none() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    assert await drifts(world, "step-1") is Outcome.SUBMIT
    assert await tasks(world) == ()


@pytest.mark.parametrize("policy", [None, {**ALONE, "kinds": ["predictionDrift", "featureAttributionDrift"]}])
async def test_what_has_become_better_opens_none(policy: dict[str, Any] | None) -> None:
    """Azure ML's component calls an accuracy above its threshold a breach (D20)."""
    world = RetrainingWorld()
    await world.begin(policy)
    for run, value, expected in (("step-1", 0.9, 0), ("step-2", 0.7, 1)):
        await hear(world.intake, world.breach(run, message("watch_quality", Accuracy=(value, 0.8))))
        await world.tick()
        assert (await world.decisions())[0].outcome is Outcome.NOTIFY
        assert len(await tasks(world)) == expected, value
