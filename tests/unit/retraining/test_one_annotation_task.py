"""D35: a CV or NLP model has one open annotation task; a drift that goes on is taken in by it, and told once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from controlplane.notifications.model import Notification
from controlplane.objects.repository import of_workspace, put
from controlplane.retraining.annotation import TAG
from controlplane.retraining.model import Decision, ModelState, Outcome, state_id
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.tasks import KEPT_SIGNALS, Task, TaskState
from tests.support.retraining_world import RetrainingWorld
from tests.support.run_states import EAGER

POLICY: dict[str, Any] = {**EAGER, "annotation": {"worstSamples": 2}}
DAY = timedelta(days=1).total_seconds()


def uri(name: str) -> str:
    return f"azureml://datastores/images/paths/{name}.png"


async def tell(world: RetrainingWorld, run: str, *samples: str) -> None:
    """A breach is heard of, and not looked at yet."""
    event = world.breach(run)
    world.azure.body(f"/jobs/{run}")["properties"]["tags"][TAG] = json.dumps([uri(one) for one in samples])
    await hear(world.intake, event)


async def drifts(world: RetrainingWorld, run: str, *samples: str) -> Decision:
    await tell(world, run, *samples)
    await world.tick()
    return (await world.decisions())[0]


async def tasks(world: RetrainingWorld) -> tuple[Task, ...]:
    """Newest first."""
    return (await world.objects.page(Task, of_workspace(Task, "ws"))).values


async def told(world: RetrainingWorld) -> int:
    return len((await world.objects.page(Notification, of_workspace(Notification, "ws"), limit=1000)).values)


async def begun(workload: str = "cv") -> RetrainingWorld:
    world = RetrainingWorld(workload=workload)
    await world.begin(POLICY)
    return world


async def close(world: RetrainingWorld, task: Task) -> None:
    stored = await world.objects.require(Task, task.id)
    await world.objects.commit(put(stored, stored.value.model_copy(update={"state": TaskState.CLOSED})))


@pytest.mark.parametrize("workload", ["cv", "nlp"])
async def test_an_open_task_takes_further_signals_in(workload: str) -> None:
    world = await begun(workload)
    first = await drifts(world, "step-1", "a", "b")
    (opened,) = await tasks(world)
    assert (first.task_id, opened.signal_count, opened.unread, await told(world)) == (opened.id, 1, (), 1)
    world.clock.advance(DAY)
    second = await drifts(world, "step-2", "b", "c")
    (task,) = await tasks(world)
    assert (second.outcome, second.reason, second.task_id) == (Outcome.ANNOTATE, "WorkloadNeedsAnnotation", task.id)
    assert f"Task {task.id}, open since" in second.sentence
    assert second.sentence.endswith("takes it in as signal 2.")
    assert (task.signal_count, task.further_signals, task.unread) == (2, (second.signal_id,), ())
    assert (task.id, task.created_at, task.due_at) == (opened.id, opened.created_at, None)
    assert task.samples == (uri("b"), uri("c"), uri("a"))
    assert "3 images to look at, of 2 signals." in task.text or "3 texts to look at, of 2 signals." in task.text
    assert task.text.count("never trained again") == 1
    assert task.generation > opened.generation
    assert await told(world) == 1


async def test_signals_of_one_moment_are_one_task_with_the_samples_of_all() -> None:
    world = await begun()
    for number in range(5):
        await tell(world, f"step-{number}", f"s{number}")
        world.clock.advance(1)
    await world.tick()
    (task,) = await tasks(world)
    assert (task.signal_count, len(task.further_signals), task.unread) == (5, 4, ())
    assert set(task.samples) == {uri(f"s{number}") for number in range(5)}
    assert {one.task_id for one in await world.decisions()} == {task.id}
    assert await told(world) == 1


async def test_a_copy_of_a_signal_is_not_counted_again() -> None:
    world = await begun()
    await drifts(world, "step-1", "a")
    before = await tasks(world)
    await drifts(world, "step-1", "a")
    assert await tasks(world) == before


async def test_after_the_last_was_closed_another_is_opened() -> None:
    world = await begun()
    await drifts(world, "step-1", "a")
    (old,) = await tasks(world)
    await close(world, old)
    world.clock.advance(DAY)
    decision = await drifts(world, "step-2", "b")
    new, still = await tasks(world)
    assert (new.id == decision.task_id != old.id, new.samples, new.signal_count) == (True, (uri("b"),), 1)
    assert (still.id, still.state, still.signal_count) == (old.id, TaskState.CLOSED, 1)
    assert await told(world) == 2
    world.clock.advance(DAY)
    assert (await drifts(world, "step-3", "c")).task_id == new.id


async def test_a_task_that_another_project_has_takes_nothing_in() -> None:
    """The workspace moved: who sees the task may not know of the signal."""
    world = await begun()
    await drifts(world, "step-1", "a")
    (old,) = await tasks(world)
    stored = await world.objects.require(Task, old.id)
    await world.objects.commit(put(stored, stored.value.model_copy(update={"project": "other"})))
    world.clock.advance(DAY)
    decision = await drifts(world, "step-2", "b")
    new, still = await tasks(world)
    assert (new.id, new.project) == (decision.task_id, "churn")
    assert (still.id, still.signal_count) == (old.id, 1)


async def test_a_dry_run_takes_nothing_in() -> None:
    world = await begun()
    await drifts(world, "step-1", "a")
    before = await tasks(world)
    state = await world.objects.require(ModelState, state_id("ws", "churn"))
    assert state.value.policy is not None
    dry = type(state.value.policy).model_validate({**state.value.policy.model_dump(), "mode": "dryRun"})
    await world.objects.commit(put(state, state.value.model_copy(update={"policy": dry})))
    world.clock.advance(DAY)
    decision = await drifts(world, "step-2", "b")
    assert (decision.outcome, decision.task_id, await tasks(world)) == (Outcome.ANNOTATE, None, before)


async def test_what_is_named_is_bounded_and_all_of_it_is_counted() -> None:
    world = await begun()
    await drifts(world, "step-0", "a")
    (task,) = await tasks(world)
    stored = await world.objects.require(Task, task.id)
    many = tuple(f"ws.{number}" for number in range(KEPT_SIGNALS))
    full = stored.value.model_copy(update={"further_signals": many, "signal_count": KEPT_SIGNALS + 1})
    await world.objects.commit(put(stored, full))
    world.clock.advance(DAY)
    decision = await drifts(world, "step-1", "b")
    (task,) = await tasks(world)
    assert task.further_signals == (*many[1:], decision.signal_id)
    assert task.signal_count == KEPT_SIGNALS + 2
