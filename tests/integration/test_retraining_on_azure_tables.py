"""Signals, decisions, runs and models' rows in Azure Tables, on Azurite: from a breach to the run's end, in lists, and
as large as a row can get."""

from __future__ import annotations

import asyncio
import json
import random
import string
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from controlplane.audit.model import Kind
from controlplane.audit.proof import prove_object
from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.tables import AzureTableStore
from controlplane.clocks import SystemClock
from controlplane.objects.listing import newest
from controlplane.objects.repository import Objects, everything, of_project, of_workspace, put
from controlplane.objects.tick import Machines
from controlplane.ports.store import Entity, Page, Store, Write
from controlplane.retraining.history import with_window
from controlplane.retraining.model import KEPT_WINDOWS, Decision, ModelState, Window, WindowVerdict, state_id
from controlplane.retraining.runs.model import RunState
from controlplane.retraining.signal import Direction, Measure, Signal, SignalKind, SignalState, Source
from controlplane.retraining.signals.breach import MOST_MEASURES
from controlplane.retraining.signals.intake import hear
from controlplane.store.codec import MAX_BYTES, encode
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.triggers.ticks import run_tick
from tests.support.azurite import RunningAzurite
from tests.support.clock import START
from tests.support.retraining_world import RetrainingWorld
from tests.support.stores import new_name

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
}
WON = {"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"}
#: The longest name of a model; every character that Azure ML takes in one.
LONGEST = ("Az09._-" * 40)[:255]


@pytest.fixture
async def store(azurite: RunningAzurite) -> AsyncIterator[Store]:
    account = StorageAccount(from_connection_string(azurite.connection_string))
    try:
        yield AzureTableStore(account, new_name("models"))
    finally:
        await account.close()


class ShortPages:
    """A store whose pages are short and go on, as Tables' may be; they hold two rows at most."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, partition: str, row: str) -> Entity | None:
        return await self._store.get(partition, row)

    async def get_many(self, partition: str, rows: Sequence[str]) -> tuple[Entity | None, ...]:
        return await self._store.get_many(partition, rows)

    async def query(self, partition: str, *, limit: int = 1000, **asked: Any) -> Page:
        return await self._store.query(partition, limit=min(limit, 2), **asked)

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        return await self._store.commit(partition, writes)


async def work(world: RetrainingWorld, hosts: Sequence[Machines]) -> int:
    """The timer wakes what is due, and every host gets every message at once; how many there were."""
    world.clock.advance(1)
    world.queue.sent.clear()
    await wake_due(SweepDeps(world.workspaces, world.queue, world.clock, SystemClock(), None, (world.objects,)))
    messages = [json.dumps(message).encode() for message, _ in world.queue.sent]
    for body in messages:
        await asyncio.gather(*(run_tick(body, Any, None, lambda host=host: host) for host in hosts))  # type: ignore[misc, arg-type]
    return len(messages)


async def until_rest(world: RetrainingWorld, hosts: Sequence[Machines]) -> None:
    for _ in range(20):
        if not await work(world, hosts):
            return
    raise AssertionError("it never comes to rest")


async def test_from_a_breach_to_the_end_of_its_run_on_two_hosts(store: Store) -> None:
    """Through the due index and messages only, every message delivered twice at once: one of everything."""
    world = RetrainingWorld(store=ShortPages(store))
    hosts = [
        Machines(world.objects, world.machines.parts, world.queue, world.clock, SystemClock(), f"host-{number}")
        for number in range(2)
    ]
    await world.begin(EAGER, LONGEST)
    event = world.breach("step-1")
    heard = await asyncio.gather(*(hear(world.intake, {**event, "id": f"copy-{n}"}) for n in range(8)))
    assert len({one.id for one in heard}) == 1
    await until_rest(world, hosts)
    (run,) = await world.runs()
    assert (run.state, run.model, world.ml.submitted) == (RunState.RUNNING, LONGEST, [run.id])
    world.ml.end(run.id, "Completed", **WON)
    for _ in range(3):
        world.clock.advance(120)
        await until_rest(world, hosts)
    (run,) = await world.runs()
    assert (run.state, run.due_at) == (RunState.SUCCEEDED, None)
    state = (await world.state(LONGEST)).value
    assert (state.active_run, [end.run_id for end in state.ends]) == (None, [run.id])
    assert len(await world.decisions()) == len(await world.signals()) == 1
    proof = await prove_object(store, None, Kind.RETRAINING, f"ws.{LONGEST}")
    # The decision; the run began, was evaluated, ended.
    assert (proof.consistent, proof.checked_entries >= 3) == (True, True)
    held = await store.query(Kind.RETRAINING, prefix="l!")
    assert held.entities == ()


def signal(number: int, project: str = "churn", workspace: str = "ws") -> Signal:
    at = START + timedelta(minutes=number)
    return Signal(
        id=f"{workspace}.{number:032x}", workspace=workspace, project=project, kind=SignalKind.DATA_DRIFT,
        source=Source.EVENT, state=SignalState.DECIDED, dedupe_key=str(number), observed_at=at, received_at=at,
        due_at=at,
    )  # fmt: skip


async def test_lists_hold_everything_once_whatever_the_pages(store: Store) -> None:
    objects = Objects(ShortPages(store), Kind.RETRAINING)
    everybody = [signal(n, ("churn", "fraud")[n % 2], ("ws", "other")[n % 2]) for n in range(11)]
    await asyncio.gather(*(objects.commit(put(None, one)) for one in everybody))
    wanted = [one.id for one in reversed(everybody)]
    both = [of_project(Signal, "churn"), of_project(Signal, "fraud")]
    for indexes, expected in (
        ([everything(Signal)], wanted),
        (both, wanted),
        (both[:1], wanted[::2]),
        ([of_workspace(Signal, "other")], wanted[1::2]),
    ):
        for size in (1, 3, 4, 50):
            found: list[str] = []
            after: str | None = None
            for _ in range(20):
                page = await newest(objects, Signal, indexes, after, size)
                found += [one.id for _, one in page.items]
                after = page.last
                if after is None:
                    break
            assert found == expected, (indexes, size)
    assert list(await objects.ids(everything(Signal))) == wanted
    assert [one.id for one in (await objects.page(Signal, of_workspace(Signal, "ws"))).values] == wanted[::2]
    due = await objects.due(START + timedelta(hours=1))
    assert [one.id for one in due] == wanted[::-1]


def worst_window(dice: random.Random, number: int) -> Window:
    """One as large as a message of 32 KiB can make it, of which no two have a word in common."""

    def word(length: int) -> str:
        return "".join(dice.choices(string.printable[:94], k=length))

    measures = tuple(
        Measure(
            metric=word(30), value=dice.random(), threshold=dice.random(), group=word(200), direction=Direction.WORSE
        )
        for _ in range(MOST_MEASURES // 5)
    )
    return Window(
        monitor="watch", signal_name=f"watch_signal{number % 10}", kind=SignalKind.DATA_DRIFT,
        at=START + timedelta(hours=number // 10), verdict=WindowVerdict.BREACH, samples=dice.randrange(10**9),
        measures=measures, run_id=word(255),
    )  # fmt: skip


async def test_a_models_row_fits_whatever_its_windows_say(store: Store) -> None:
    """Ten signals with a hundred windows each, and what a hostile pipeline could write into each of them."""
    dice = random.Random(5)
    full = ModelState(id=state_id("ws", LONGEST), workspace="ws", incarnation=1, project="churn", model=LONGEST)
    shortened = [with_window(full, worst_window(dice, number)).windows[0] for number in range(10 * KEPT_WINDOWS)]
    full = with_window(full.model_copy(update={"windows": tuple(shortened)}), worst_window(dice, 10 * KEPT_WINDOWS))
    assert len(full.windows) == 10 * KEPT_WINDOWS
    packed = sum(len(chunk) for chunk in encode(full.model_dump(mode="json", by_alias=True)))
    # That is more than any history of a real monitor, and there is room for the policy and the ends.
    assert 300 * 1024 < packed < MAX_BYTES * 0.9
    objects = Objects(store, Kind.RETRAINING)
    decision = Decision(
        id="d", workspace="ws", project="churn", model=LONGEST, signal_id="s", outcome="refuse", reason="R",
        sentence="S", at=START,
    )  # fmt: skip
    await objects.commit([*put(None, full), *put(None, decision), *put(None, signal(1))])
    stored = await objects.require(ModelState, full.id)
    assert stored.value == full
    again = stored.value.model_copy(update={"policy_generation": 2})
    await objects.commit(put(stored, again))
    assert (await objects.page(ModelState, "m!ws!")).values == (again,)


def test_more_signals_keep_fewer_windows_each() -> None:
    state = ModelState(id=state_id("ws", "m"), workspace="ws", incarnation=1, project="churn", model="m")
    window = Window(
        monitor="w", signal_name="", kind=SignalKind.DATA_DRIFT, at=START, verdict=WindowVerdict.CLEAR,
    )  # fmt: skip
    many = [
        window.model_copy(update={"signal_name": f"s{name:02d}", "at": START + timedelta(hours=hour)})
        for hour in range(KEPT_WINDOWS)
        for name in range(20)
    ]
    state = with_window(state.model_copy(update={"windows": tuple(many[:-1])}), many[-1])
    counts = {name: [one.at for one in state.windows if one.signal_name == name] for name in ("s00", "s19")}
    half = KEPT_WINDOWS // 2
    newest_half = [START + timedelta(hours=hour) for hour in range(half, KEPT_WINDOWS)]
    assert counts == {"s00": newest_half, "s19": newest_half}
