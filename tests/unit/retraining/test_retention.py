"""After 400 days signals, decisions, runs and notifications are forgotten, in bounded steps; the audit stays."""

from __future__ import annotations

from datetime import timedelta

from controlplane.audit.model import Kind
from controlplane.notifications.model import Notification
from controlplane.objects.repository import of_workspace, put
from controlplane.retraining.retention import KEPT, forget
from controlplane.retraining.signal import SignalState, Source
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import RetrainingWorld
from tests.unit.retraining.test_admission import polled
from tests.unit.retraining.test_from_event_to_run import EAGER


async def rows(world: RetrainingWorld, prefix: str) -> list[str]:
    page = await world.store.query(str(Kind.RETRAINING), prefix=prefix, limit=10_000)
    return [one.row for one in page.entities]


async def told(world: RetrainingWorld) -> tuple[Notification, ...]:
    return (await world.objects.page(Notification, of_workspace(Notification, "ws"))).values


async def lived() -> RetrainingWorld:
    """A breach that was retrained, and one that came 400 days later."""
    world = RetrainingWorld()
    await world.begin(EAGER)
    await hear(world.intake, world.breach("old"))
    await world.tick()
    (run,) = await world.runs()
    world.ml.plant(world.known.workspace_id, run.id, "Canceled")
    world.clock.advance(120)
    await world.tick()
    for thing in await told(world):
        stored = await world.objects.require(Notification, thing.id)
        await world.objects.commit(put(stored, thing.model_copy(update={"due_at": None})))
    world.clock.advance((KEPT - timedelta(hours=1)).total_seconds())
    await hear(world.intake, world.breach("new"))
    await world.tick()
    return world


async def test_what_is_400_days_old_is_forgotten_with_all_its_rows() -> None:
    world = await lived()
    signals, decisions, runs = await world.signals(), await world.decisions(), await world.runs()
    assert (len(signals), len(decisions), len(runs)) == (2, 2, 2)
    audit = set(await rows(world, "")) - set(await rows(world, "x!"))
    audit = {row for row in audit if not row.startswith(("w!", "d!", "l!"))}
    assert await forget(world.objects, world.clock.now()) == 0, "not an hour before"
    world.clock.advance(2 * 3600)
    assert await forget(world.objects, world.clock.now()) > 2
    left = await world.signals(), await world.decisions(), await world.runs()
    assert left == ((signals[0],), (decisions[0],), (runs[0],))
    gone = {signals[1].id, decisions[1].id, runs[1].id}
    assert not [row for row in await rows(world, "") if row not in audit and any(one in row for one in gone)]
    assert audit
    assert audit <= set(await rows(world, ""))
    assert [end.run_id for end in (await world.state()).value.ends] == [runs[1].id], "the model's row remembers"


async def test_what_still_waits_is_kept_and_one_call_is_bounded() -> None:
    world = RetrainingWorld()
    await world.begin()
    waiting = polled(world, 0, Source.POLL)
    await world.add(waiting)
    for number in range(1, 121):
        at_rest = polled(world, number, Source.POLL).model_copy(update={"state": SignalState.DECIDED, "due_at": None})
        await world.add(at_rest)
    world.clock.advance(KEPT.total_seconds() + 1)
    counts = []
    while found := await forget(world.objects, world.clock.now()):
        counts.append(found)
    assert (sum(counts), max(counts) <= 50) == (120, True)
    assert await world.signals() == (waiting,)
