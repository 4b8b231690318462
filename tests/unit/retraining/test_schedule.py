"""Retraining by schedule (S3-35): at least so often, and not again because somebody edits the policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.objects.repository import put
from controlplane.retraining.history import with_policy
from controlplane.retraining.model import LOOK, Outcome
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import RunState
from controlplane.retraining.schedule import next_due
from controlplane.retraining.signal import SignalKind
from tests.support.retraining_world import PIPELINE, RetrainingWorld

EVERY = timedelta(days=10)
POLICY: dict[str, Any] = {
    "schedule": "P10D", "cooldown": "P1D", "approval": {"required": False}, "windows": {"period": "PT1H"},
}  # fmt: skip


async def scheduled(workload: str = "classical", **changes: Any) -> RetrainingWorld:
    """A policy as ``PUT`` stores it: due at once, so that the model's tick says when."""
    world = RetrainingWorld(workload=workload)
    await world.begin(POLICY | changes)
    await due(world)
    await world.tick()
    return world


async def due(world: RetrainingWorld, **changes: Any) -> None:
    stored = await world.state()
    policy = RetrainingPolicy.model_validate({"pipeline": PIPELINE, **POLICY, **changes})
    now = world.clock.now()
    after = with_policy(stored.value, policy).model_copy(update={"due_at": now, "policy_changed_at": now})
    await world.objects.commit(put(stored, after))


async def test_a_model_is_trained_when_its_period_has_passed() -> None:
    world = await scheduled()
    begun = world.clock.now()
    assert (await world.state()).value.due_at == begun + LOOK  # the row is looked at anyway
    await world.clock.sleep((EVERY - timedelta(seconds=1)).total_seconds())
    await world.tick()
    assert await world.signals() == ()
    assert (await world.state()).value.due_at == begun + EVERY
    await world.clock.sleep(1)
    await world.tick()
    (signal,) = await world.signals()
    assert (signal.kind, signal.model, signal.evidence.read_back) == (SignalKind.SCHEDULE, "churn", True)
    (run,) = await world.runs()
    assert run.signal_id == signal.id
    assert list(world.ml.jobs) == [run.id]
    assert next_due((await world.state()).value) == world.clock.now() + EVERY


async def test_a_training_for_another_reason_puts_it_off() -> None:
    world = await scheduled()
    await world.clock.sleep(timedelta(days=6).total_seconds())
    stored = await world.state()
    sent = world.clock.now()
    await world.objects.commit(put(stored, stored.value.model_copy(update={"last_submitted_at": sent})))
    await world.clock.sleep(timedelta(days=4).total_seconds())
    await world.tick()
    assert await world.signals() == ()
    assert next_due((await world.state()).value) == sent + EVERY


async def test_whoever_edits_the_policy_does_not_put_it_off() -> None:
    world = await scheduled()
    begun = world.clock.now()
    await world.clock.sleep(timedelta(days=9).total_seconds())
    await due(world, cooldown="P2D")
    await world.tick()
    assert next_due((await world.state()).value) == begun + EVERY


async def test_a_policy_without_a_schedule_or_a_disabled_one_is_at_rest() -> None:
    for changes in ({"schedule": None}, {"mode": "disabled"}):
        world = await scheduled()
        await due(world, **changes)
        await world.tick()
        state = (await world.state()).value
        assert state.scheduled_at is None
        await world.clock.sleep(2 * EVERY.total_seconds())
        await world.tick()
        assert await world.signals() == ()


async def test_a_refused_period_is_followed_by_the_next_one() -> None:
    """Vision models are never trained on their own (S3-43); the schedule says so once a period."""
    world = await scheduled(workload="cv")
    for count in (1, 2):
        await world.clock.sleep(EVERY.total_seconds())
        await world.tick()
        assert len(await world.signals()) == count
    assert {one.outcome for one in await world.decisions()} == {Outcome.REFUSE}
    assert world.ml.jobs == {}


async def test_a_tick_that_is_repeated_makes_one_signal() -> None:
    world = await scheduled()
    await world.clock.sleep(EVERY.total_seconds())
    stored = await world.state()
    await world.tick()
    current = await world.state()
    # As if the commit of the model's row had been lost after the signal was stored.
    again = current.value.model_copy(update={"scheduled_at": stored.value.scheduled_at, "due_at": world.clock.now()})
    again = again.model_copy(update={"last_submitted_at": None})
    await world.objects.commit(put(current, again))
    await world.tick()
    assert len(await world.signals()) == 1
    assert [one.state for one in await world.runs()] != [RunState.WAITING_APPROVAL]
