"""How much is let in: twenty hints a workspace and hour, kept for those that a monitor of ours could have sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from controlplane.errors import Transient
from controlplane.ports.store import Entity
from controlplane.retraining.model import Outcome
from controlplane.retraining.signal import Signal, SignalKind, Source, signal_id
from controlplane.retraining.signals.admission import MOST_IN_AN_HOUR, MOST_OF_NOBODYS
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.intake import hear, take
from tests.support.memory_store import MemoryStore
from tests.support.retraining_world import DRIFT, RetrainingWorld, message
from tests.unit.retraining.test_from_event_to_run import EAGER


def forged(world: RetrainingWorld, run: str, name: str = "nobodys_drift") -> dict[str, Any]:
    return world.event(run, {BREACH_TAG: message(name, PopulationStabilityIndex=(0.4, 0.2))})


def polled(world: RetrainingWorld, number: int, source: Source) -> Signal:
    now = world.clock.now()
    return Signal(
        id=signal_id("ws", f"{source}{number}"), due_at=now, workspace="ws", project="churn", kind=SignalKind.LATENCY,
        source=source, dedupe_key=f"{source}{number}", observed_at=now, received_at=now,
    )  # fmt: skip


async def test_no_more_than_twenty_new_ones_in_an_hour() -> None:
    world = RetrainingWorld()
    await world.begin()
    ids = [(await hear(world.intake, forged(world, f"r{n}", DRIFT))).id for n in range(MOST_IN_AN_HOUR + 5)]
    assert (len(set(filter(None, ids))), ids[-5:]) == (MOST_IN_AN_HOUR, [None] * 5)
    world.clock.advance(1800)
    assert (await hear(world.intake, forged(world, "later", DRIFT))).id is None
    assert (await hear(world.intake, forged(world, "r0", DRIFT))).reason == "known", "a copy needs no place"
    world.clock.advance(1801)
    assert (await hear(world.intake, forged(world, "an-hour-later", DRIFT))).id is not None


async def test_many_at_once_do_not_get_past_each_other() -> None:
    world = RetrainingWorld(store=Slow())
    await world.begin()
    many = (hear(world.intake, forged(world, f"r{n}", DRIFT)) for n in range(2 * MOST_IN_AN_HOUR))
    taken = await asyncio.gather(*many, return_exceptions=True)
    stored = await world.signals()
    assert len(stored) <= MOST_IN_AN_HOUR
    # Whoever found no turn is told to come again, and nobody is told that he is in who is not.
    assert all(isinstance(one, Transient) for one in taken if isinstance(one, BaseException))
    told = {one.id for one in taken if not isinstance(one, BaseException) and one.id is not None}
    assert told == {one.id for one in stored}


async def test_noise_of_nobodys_monitor_leaves_room_for_a_true_breach() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    ids = [(await hear(world.intake, forged(world, f"r{n}"))).id for n in range(100)]
    assert len(list(filter(None, ids))) == MOST_OF_NOBODYS
    assert (await hear(world.intake, world.breach("true"))).id is not None
    await world.tick()
    outcomes = [one.outcome for one in await world.decisions()]
    assert sorted(outcomes) == sorted([Outcome.SUBMIT, *[Outcome.NOTIFY] * MOST_OF_NOBODYS])


@pytest.mark.parametrize("name", ["watch", "watch_", "watch_drif", "_drift", "watch_drift_", "Watch_drift", "x" * 200])
async def test_a_name_that_only_looks_like_a_monitors_is_nobodys(name: str) -> None:
    world = RetrainingWorld()
    await world.begin()
    ids = [(await hear(world.intake, forged(world, f"r{n}", name))).id for n in range(10)]
    assert len(list(filter(None, ids))) == MOST_OF_NOBODYS


@pytest.mark.parametrize("source", [Source.POLL, Source.PERSON])
async def test_what_polls_find_and_people_wish_is_no_hint(source: Source) -> None:
    world = RetrainingWorld()
    await world.begin()
    for number in range(MOST_IN_AN_HOUR + 5):
        assert (await take(world.intake, polled(world, number, source))).reason == "stored"
    assert (await take(world.intake, polled(world, 0, source))).reason == "known"
    ids = [(await take(world.intake, polled(world, n, Source.ALERT))).id for n in range(MOST_IN_AN_HOUR + 5)]
    assert len(list(filter(None, ids))) == MOST_IN_AN_HOUR, "they took nobody's place"


class Slow(MemoryStore):
    """Every read lets others go first; counts them."""

    reads = 0

    async def get(self, partition: str, row: str) -> Entity | None:
        self.reads += 1
        found = await super().get(partition, row)
        await asyncio.sleep(0)
        return found


async def test_a_copy_costs_one_read() -> None:
    store = Slow()
    world = RetrainingWorld(store=store)
    await world.begin()
    event = forged(world, "r", DRIFT)
    await hear(world.intake, event)
    store.reads = 0
    copies = 50
    for number in range(copies):
        assert (await hear(world.intake, {**event, "id": f"e{number}"})).reason == "known"
    assert store.reads == copies
    world.clock.advance(11)
    await hear(world.intake, event)
    assert store.reads > copies + 1, "after some seconds the workspace is looked up again"


async def test_a_hint_that_is_lost_does_not_fail_what_is_stored() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    deps = replace(world.intake, queue=NoQueue())
    assert (await hear(deps, world.breach("step"))).reason == "stored"
    await world.tick()
    assert len(await world.runs()) == 1


class NoQueue:
    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        raise Transient("ServerBusy", "The queue is away.", retry_after=1.0)
