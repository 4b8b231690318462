"""A job whose run is over: found, cancelled, told; somebody else's is left alone, and nobody looks for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.audit.model import ENTRY, Action, Kind
from controlplane.errors import Rejected, Transient
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import WATCHED
from controlplane.retraining.runs.orphans import FOUND
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import RetrainingWorld
from tests.support.run_states import EAGER, later


async def timed_out(pipeline: dict[str, Any] | None = None) -> tuple[RetrainingWorld, Run]:
    """A run whose PUT never seemed to arrive."""
    world = RetrainingWorld()
    await world.begin({**EAGER, **({"pipeline": pipeline} if pipeline else {})})

    async def away(workspace_id: str, job: Any) -> None:
        raise Transient("ServerTimeout", "busy", retry_after=1.0)

    world.ml.submit = away  # type: ignore[method-assign]
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    run = await later(world, timedelta(hours=3))
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "SubmitTimedOut")
    return world, run


def appears(world: RetrainingWorld, run: Run, status: str = "Running", owner: str | None = None) -> None:
    tags = {"cp.decisionId": owner or run.decision_id}
    world.ml.plant(world.known.workspace_id, run.id, status, **tags)


async def told(world: RetrainingWorld) -> int:
    page = await world.store.query(Kind.RETRAINING, prefix=ENTRY)
    entries = [one.value for one in page.entities if one.value["action"] == Action.RUN_CHANGED]
    return sum(one["details"]["reason"] == FOUND for one in entries)


async def test_a_job_that_comes_after_its_run_has_ended_is_cancelled_and_told_once() -> None:
    world, run = await timed_out()
    appears(world, run)
    run = await later(world)
    assert (run.state, run.transitions[-1].reason, world.ml.canceled) == (RunState.FAILED, FOUND, [run.id])
    run = await later(world)
    assert (run.job_status, run.due_at, run.watched_until, world.ml.canceled) == ("Canceled", None, None, [run.id])
    assert await told(world) == 1


async def test_a_cancel_that_is_not_taken_is_sent_again() -> None:
    world, run = await timed_out()
    appears(world, run)
    cancel, world.ml.after_cancel = world.ml.cancel, "Running"

    async def refused(workspace_id: str, name: str) -> None:
        world.ml.cancel = cancel  # type: ignore[method-assign]
        raise Rejected("AuthorizationFailed", "no", status=403)

    world.ml.cancel = refused  # type: ignore[method-assign]
    assert (await later(world)).due_at is not None
    for _ in range(2):
        run = await later(world, timedelta(hours=1))
    assert world.ml.canceled == [run.id, run.id]
    assert await told(world) == 1


async def test_an_invoked_job_without_tags_is_known_by_its_deployment() -> None:
    world, run = await timed_out({"kind": "batchDeployment", "name": "training", "deployment": "blue"})
    world.ml.plant(world.known.workspace_id, run.id, "Running")
    own = {"azureml.batchendpointid": "training", "azureml.deploymentname": "blue"}
    world.azure.body(f"/jobs/{run.id}")["properties"]["properties"] = own
    run = await later(world)
    assert world.ml.canceled == [run.id]
    assert world.azure.body(f"/jobs/{run.id}")["properties"]["tags"]["cp.decisionId"] == run.decision_id


@pytest.mark.parametrize(("status", "owner"), [("Running", "another"), ("Completed", None)])
async def test_somebody_elses_and_what_has_ended_is_left_alone(status: str, owner: str | None) -> None:
    world, run = await timed_out()
    appears(world, run, status, owner)
    run = await later(world)
    assert (run.due_at, run.watched_until, world.ml.canceled) == (None, None, [])


async def test_nobody_looks_for_ever() -> None:
    world, run = await timed_out()
    looks = len(world.azure.calls)
    for _ in range(int(WATCHED / timedelta(minutes=10)) + 6):
        run = await later(world, timedelta(minutes=10))
    assert (run.due_at, run.state, world.ml.canceled) == (None, RunState.FAILED, [])
    assert len(world.azure.calls) - looks < 60
    # An event of it is looked at all the same.
    appears(world, run)
    assert (await hear(world.intake, {**world.event(run.id, {}), "data": said(run, "Running")})).reason == "due"
    assert (await later(world)).transitions[-1].reason == FOUND


def said(run: Run, status: str) -> dict[str, Any]:
    return {"runId": run.id, "runStatus": status, "runTags": {}}


async def test_an_event_of_what_has_ended_asks_for_nothing() -> None:
    world, run = await timed_out()
    event = {**world.event(run.id, {}), "data": said(run, "Completed")}
    assert (await hear(world.intake, event)).reason == "known"
