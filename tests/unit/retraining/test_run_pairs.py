"""One test for each requirement on runs: the state in which it holds, and the one in which it does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from controlplane.retraining.model import Outcome
from controlplane.retraining.runs.model import Run, RunState
from tests.support.retraining_world import BATCH, PIPELINE, RetrainingWorld


async def _begun(
    environment: str = "dev", pipeline: dict[str, Any] = BATCH, outcome: Outcome = Outcome.SUBMIT
) -> tuple[RetrainingWorld, Run]:
    """Not through the intake and the questions: what is broken there is other requirements'."""
    world = RetrainingWorld(environment=environment)
    await world.begin({"pipeline": pipeline})
    return world, await world.begun(outcome)


async def _later(world: RetrainingWorld, time: timedelta) -> RunState:
    world.clock.advance(time.total_seconds())
    await world.tick()
    return (await world.runs())[0].state


async def s1_14() -> None:
    """A registered pipeline is run by its name and version, on the cluster that the policy names."""
    world, run = await _begun(pipeline=PIPELINE)
    job = world.ml.jobs.get(run.id)
    assert job is not None
    assert (getattr(job.source, "ref", None), job.compute) == ("azureml:retrain:3", "cpu")


async def d28() -> None:
    """Nobody's yes is no yes, and it is not waited for for ever."""
    world, _ = await _begun("prod", outcome=Outcome.AWAIT_APPROVAL)
    assert await _later(world, timedelta(days=2)) is RunState.WAITING_APPROVAL
    assert await _later(world, timedelta(days=1, minutes=1)) is RunState.REJECTED


async def d29() -> None:
    """A challenger that is not better on the same data does not win; one that is does."""
    for value, state in (("0.7", RunState.REJECTED), ("0.9", RunState.SUCCEEDED)):
        world, run = await _begun()
        tags = {"cp.metric.accuracy": value, "cp.champion.accuracy": "0.8"}
        if run.id in world.ml.jobs:
            world.ml.end(run.id, "Completed", **tags)
        assert await _later(world, timedelta(minutes=2)) is state


async def d30() -> None:
    """The job says by itself which monitor run and which breach it comes of."""
    world, run = await _begun()
    tags = world.ml.jobs[run.id].tags if run.id in world.ml.jobs else {}
    assert (tags.get("cp.model"), tags.get("cp.monitorRun")) == ("churn", "step-1")
    assert "watch_drift" in tags.get("cp.breach", "")


async def _told(requirement: str, tests: dict[str, Callable[[], Awaitable[None]]]) -> None:
    await tests[requirement]()


@pytest.mark.parametrize("requirement", ["S1-14", "D30"])
async def test_create(requirement: str) -> None:
    await _told(requirement, {"S1-14": s1_14, "D30": d30})


@pytest.mark.parametrize("requirement", ["D29"])
async def test_enforce(requirement: str) -> None:
    await _told(requirement, {"D29": d29})


@pytest.mark.parametrize("requirement", ["D28"])
async def test_react(requirement: str) -> None:
    await _told(requirement, {"D28": d28})
