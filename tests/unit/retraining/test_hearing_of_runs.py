"""Events of our own jobs: their run is looked at at once; what they say is not believed."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.objects.repository import put
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import RetrainingWorld
from tests.unit.retraining.test_from_event_to_run import EAGER


async def running() -> tuple[RetrainingWorld, Run]:
    world = RetrainingWorld()
    await world.begin(EAGER)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,) = await world.runs()
    assert run.state is RunState.RUNNING
    assert run.due_at is not None
    assert run.due_at > world.clock.now()
    return world, run


def told(world: RetrainingWorld, run: str, status: str) -> dict[str, Any]:
    event = world.event(run, {})
    return {**event, "data": {**event["data"], "runStatus": status}}


async def test_a_run_whose_job_ended_is_due_at_once() -> None:
    world, run = await running()
    world.ml.plant(world.known.workspace_id, run.id, "Completed")
    assert (await hear(world.intake, told(world, run.id, "completed"))).reason == "due"
    assert (await hear(world.intake, told(world, run.id, "completed"))).reason == "known"
    before = world.clock.now()
    await world.tick()
    (after,) = await world.runs()
    assert (world.clock.now(), after.state is RunState.RUNNING) == (before, False)


async def test_the_jobs_own_status_counts_and_not_the_events() -> None:
    world, run = await running()
    await hear(world.intake, told(world, run.id, "failed"))
    await world.tick()
    (after,) = await world.runs()
    assert after.state is RunState.RUNNING
    calls = len(world.azure.calls)
    for _ in range(50):
        assert (await hear(world.intake, told(world, run.id, "Running"))).reason == "known"
    await world.tick()
    assert len(world.azure.calls) == calls, "who says what is known makes nothing be read"


@pytest.mark.parametrize("name", ["rt-unknown-1", "rt-", "rt-../../x"])
async def test_names_like_ours_are_left_alone(name: str) -> None:
    world, _ = await running()
    assert (await hear(world.intake, told(world, name, "completed"))).id is None


async def test_a_run_of_another_workspace_is_left_alone() -> None:
    world, run = await running()
    stored = await world.objects.require(Run, run.id)
    other = stored.value.model_copy(update={"workspace_id": run.workspace_id + "2"})
    await world.objects.commit(put(stored, other))
    assert (await hear(world.intake, told(world, run.id, "completed"))).reason == "it is no run of ours"


async def test_a_run_that_waits_for_a_person_waits_on() -> None:
    world = RetrainingWorld(environment="prod")
    await world.begin({**EAGER, "approval": {"required": True}})
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,) = await world.runs()
    assert run.state is RunState.WAITING_APPROVAL
    assert (await hear(world.intake, told(world, run.id, "completed"))).reason == "known"
    assert (await world.runs()) == (run,)
