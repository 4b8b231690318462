"""What was stored about a workspace never acts on another one of the same name, and ends with the one it was about."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.audit.model import Action, Kind, entry_prefix
from controlplane.notifications.model import Notification
from controlplane.objects.repository import everything, put
from controlplane.objects.tick import tick_object
from controlplane.ports.ml import PipelineJob
from controlplane.ports.store import Insert, Remove, Upsert
from controlplane.retraining.keeping import tell_of_the_end
from controlplane.retraining.model import LOOK, ModelState, state_id
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signal import Signal, SignalKind, SignalState, Source, signal_id
from controlplane.retraining.signals.intake import hear
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from tests.support.retraining_world import PIPELINE, RetrainingWorld

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
}
APPROVED = {**EAGER, "approval": {"required": True, "expiresAfter": "P3D"}}
DAY = timedelta(days=1).total_seconds()


async def delete(world: RetrainingWorld) -> None:
    """What the last commit of a deletion stores."""
    tombstone = Upsert("t!ws", {"incarnation": world.record.incarnation})
    await world.store.commit(PARTITION, [Remove("w!ws", "*"), tombstone])


async def make(world: RetrainingWorld, incarnation: int = 2, project: str = "churn") -> None:
    """Another workspace of the name."""
    now = world.clock.now()
    update = {"incarnation": incarnation, "created_at": now, "project": project}
    world.record = world.record.model_copy(update=update)
    await world.store.commit(PARTITION, [Insert("w!ws", dump(world.record))])


def wish(world: RetrainingWorld, **changes: Any) -> Signal:
    now = world.clock.now()
    fields: dict[str, Any] = {
        "id": signal_id("ws", now.isoformat()), "workspace": "ws", "project": "churn", "kind": SignalKind.PERSON,
        "source": Source.PERSON, "dedupe_key": now.isoformat(), "observed_at": now, "received_at": now, "due_at": now,
        "model": "churn", "requested_by": "t/ada", "reason": "I want it.",
    }  # fmt: skip
    return Signal(**{**fields, **changes})


@pytest.mark.parametrize("project", ["churn", "fraud"])
async def test_a_wish_for_the_old_one_starts_nothing_on_the_new_one(project: str) -> None:
    """Even where the new one has the same policy, which would run at once."""
    world = RetrainingWorld()
    await world.begin(EAGER)
    before = wish(world)
    await world.add(before)
    world.clock.advance(60)
    await delete(world)
    await make(world, project=project)
    state = await world.state()
    fresh = state.value.model_copy(update={"incarnation": 2, "project": project})
    await world.objects.commit(put(state, fresh))
    await world.tick()
    assert await world.runs() == ()
    signal = (await world.objects.require(Signal, before.id)).value
    assert (signal.state, signal.due_at) == (SignalState.IGNORED, None)
    assert signal.reason == "The workspace is not managed any more."
    world.clock.advance(1)
    after = wish(world, project=project)
    await world.add(after)
    await world.tick()
    assert [(run.signal_id, run.incarnation) for run in await world.runs()] == [(after.id, 2)]


async def test_a_run_that_waits_for_a_yes_ends_with_its_workspace() -> None:
    """The deletion's end asks for the ticks: nobody waits for the approval's deadline."""
    world = RetrainingWorld()
    await world.begin(APPROVED)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,) = await world.runs()
    assert run.state is RunState.WAITING_APPROVAL
    await delete(world)
    world.queue.sent.clear()
    await tell_of_the_end("ws", world.machines)
    asked = {(one["kind"], one["name"]) for one, _ in world.queue.sent}
    assert {("model", "ws.churn"), ("monitor", "ws.watch")} <= asked
    await tick_object("model", "ws.churn", world.machines)
    world.clock.advance(61)
    await world.tick()
    (run,) = await world.runs()
    assert (run.state, run.transitions[-1].reason) == (RunState.CANCELED, "WorkspaceGone")
    assert world.ml.submitted == []
    assert await world.objects.get(ModelState, state_id("ws", "churn")) is None
    chain = await world.store.query(Kind.RETRAINING, prefix=entry_prefix("ws.churn"))
    newest = chain.entities[0].value
    assert (newest["action"], newest["details"]["reason"]) == (Action.POLICY_CHANGED, "WorkspaceGone")
    assert newest["actor"] == "controlplane"


async def test_without_the_hint_it_ends_when_it_is_due() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    state = await world.state()
    await world.objects.commit(put(state, state.value.model_copy(update={"due_at": world.clock.now() + LOOK})))
    await delete(world)
    await make(world)
    await world.tick()
    assert (await world.state()).value.incarnation == 1
    world.clock.advance(LOOK.total_seconds())
    await world.tick()
    assert await world.objects.get(ModelState, state_id("ws", "churn")) is None
    rows = await world.store.query(Kind.RETRAINING, prefix="d!")
    assert not [row for row in rows.entities if row.value["kind"] == ModelState.KIND]


async def test_a_policy_that_stays_is_looked_at_again_and_not_changed() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    before = (await world.state()).value
    await tick_object("model", before.id, world.machines)
    after = (await world.state()).value
    assert after == before.model_copy(update={"due_at": world.clock.now() + LOOK})


@pytest.mark.parametrize("gone", [False, True])
async def test_a_model_is_not_held_by_a_run_that_does_not_run(gone: bool) -> None:
    """A defect's traces: the row names a run that has ended without it, or that is not there."""
    world = RetrainingWorld()
    await world.begin(EAGER)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,) = await world.runs()
    stored = await world.objects.require(Run, run.id)
    row = f"w!run!{run.id}"
    ended = stored.value.model_copy(update={"state": RunState.FAILED, "due_at": None})
    if gone:
        await world.store.commit(Kind.RETRAINING, [Remove(row, "*")])
    else:
        await world.objects.commit(put(stored, ended))
    state = await world.state()
    waiting = wish(world, state=SignalState.HELD, due_at=None)
    await world.add(waiting)
    await world.objects.commit(put(state, state.value.model_copy(update={"waiting_signal": waiting.id})))
    await tick_object("model", state.value.id, world.machines)
    state = await world.state()
    assert (state.value.active_run, state.value.waiting_signal) == (None, None)
    assert (await world.objects.require(Signal, waiting.id)).value.due_at == world.clock.now()


async def test_a_running_job_of_the_old_one_says_nothing_to_the_new_one() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,) = await world.runs()
    await delete(world)
    await make(world)
    fresh = (await world.state()).value.model_copy(update={"incarnation": 2, "active_run": None})
    await world.objects.commit(put(await world.state(), fresh))
    world.ml.end(run.id, "Completed", **{"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"})
    world.clock.advance(120)
    await world.tick()
    (run,) = await world.runs()
    assert (run.state, run.transitions[-1].reason) == (RunState.CANCELED, "WorkspaceGone")
    state = (await world.state()).value
    assert (state.incarnation, state.ends, state.active_run) == (2, (), None)
    before = len((await world.objects.page(Notification, everything(Notification))).values)
    world.clock.advance(DAY)
    await world.tick()
    assert len((await world.objects.page(Notification, everything(Notification))).values) == before


async def test_monitors_of_the_old_one_go_and_wait_for_a_deletion_that_may_be_taken_back() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    stored = await world.objects.require(Monitor, "ws.watch")
    deleting = world.record.model_copy(update={"deleting": True})
    await world.store.commit(PARTITION, [Upsert("w!ws", dump(deleting))])
    await tick_object("monitor", "ws.watch", world.machines)
    kept = (await world.objects.require(Monitor, "ws.watch")).value
    assert kept.spec == stored.value.spec
    assert kept.due_at is not None
    await delete(world)
    await tick_object("monitor", "ws.watch", world.machines)
    assert await world.objects.get(Monitor, "ws.watch") is None


_WORDS = ["wish", "breach", "delete", "make", "tick", "wait", "delete make", "delete make policy"]
STEPS = st.lists(st.sampled_from(_WORDS), max_size=10).map(lambda words: " ".join(words).split())


@given(steps=STEPS, approval=st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_happens_nothing_acts_on_another_incarnation(steps: list[str], approval: bool) -> None:
    """In every order of wishes, breaches, deletions, creations and ticks: a job is sent to the workspace that its
    signal was about, and to one that is there."""
    asyncio.run(_live(steps, APPROVED if approval else EAGER))


async def _live(steps: list[str], policy: dict[str, Any]) -> None:
    world = RetrainingWorld()
    await world.begin(policy)
    there, about, sent = True, dict[str, int](), list[tuple[str, bool]]()
    submit = world.ml.submit

    async def watched(workspace_id: str, job: PipelineJob) -> None:
        sent.append((job.name, there and workspace_id == world.known.workspace_id))
        await submit(workspace_id, job)

    world.ml.submit = watched  # type: ignore[method-assign]
    for number, step in enumerate([*steps, "tick"]):
        world.clock.advance(1)
        if step == "wish" and there:
            signal = wish(world)
            about[signal.id] = world.record.incarnation
            await world.add(signal)
        elif step == "breach" and there:
            taken = await hear(world.intake, world.breach(f"step-{number}"))
            if taken.id is not None:
                about.setdefault(taken.id, world.record.incarnation)
        elif step == "delete" and there:
            there = False
            await delete(world)
        elif step == "make" and not there:
            there = True
            await make(world, world.record.incarnation + 1)
            path = f"{world.known.workspace_id}/components/retrain/versions/3"
            world.azure.plant(path, properties={"componentSpec": {"type": "pipeline"}})
        elif step == "policy" and there:
            await _set(world, policy)
        elif step == "wait":
            world.clock.advance(DAY)
        elif step == "tick":
            await world.tick()
    assert all(right for _, right in sent), sent
    for run in await world.runs():
        assert run.incarnation == about[run.signal_id]
    state = await world.objects.get(ModelState, state_id("ws", "churn"))
    if there and state is not None and state.value.active_run is not None:
        active = await world.objects.require(Run, state.value.active_run)
        assert active.value.incarnation == state.value.incarnation


async def _set(world: RetrainingWorld, policy: dict[str, Any]) -> None:
    """What a PUT of the policy stores for the workspace that is there."""
    stored = await world.objects.get(ModelState, state_id("ws", "churn"))
    if stored is not None and stored.value.incarnation == world.record.incarnation:
        return
    fresh = ModelState(
        id=state_id("ws", "churn"), workspace="ws", incarnation=world.record.incarnation, project="churn",
        model="churn", policy=RetrainingPolicy.model_validate({"pipeline": PIPELINE, **policy}), policy_generation=1,
        due_at=stored.value.due_at if stored else None,
    )  # fmt: skip
    await world.objects.commit(put(stored, fresh))


async def test_what_its_monitor_made_goes_where_its_group_stays() -> None:
    """Of others nothing goes, of a namesake that is there by now neither: its marks are the same."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/rg-ws"
    ours, theirs = (f"{group}/providers/microsoft.insights/metricalerts/{one}" for one in ("ours", "theirs"))
    for again, left in ((False, {theirs}), (True, {ours, theirs})):
        world = RetrainingWorld()
        await world.begin(EAGER)
        world.azure.plant(ours, tags={"cp-monitors": "ws"}, properties={})
        world.azure.plant(theirs, tags={}, properties={})
        stored = await world.objects.require(Monitor, "ws.watch")
        update = {"made": (ours, theirs), "marks": True, "due_at": world.clock.now()}
        await world.objects.commit(put(stored, stored.value.model_copy(update=update)))
        await delete(world)
        if again:
            await make(world)
        for _ in range(2):
            await tick_object(Monitor.KIND, "ws.watch", world.machines)
        assert await world.objects.get(Monitor, "ws.watch") is None
        assert {one for one in world.azure.resources if "/metricalerts/" in one} == left
