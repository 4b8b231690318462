"""The same estate on the simulator, throttling on and at Azure's own pace (scale 1), as the operator. What was called
and refused is what the simulator's recorder says.

All of it is asked by the product's own adapters: Resource Graph, metrics, Resource Manager, Cost Management. Cost
Management's pace is kept in Azure's time, which leaps: seven seconds between two questions take none here.
"""

from __future__ import annotations

import os
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.sweep_estate import (
    MOST_LOOK,
    MOST_MEGABYTES,
    WORKSPACES,
    Fewest,
    Place,
    fewest,
    idle_names,
    idle_pass,
    look,
    places,
    remember,
)
from controlplane.governance.costs.model import CostScope, CostSweep, Course
from controlplane.governance.expiry.model import Expiry, Verdict
from controlplane.objects.tick import tick_object
from controlplane.store.sqlite_store import SqliteStore
from controlplane.triggers.fleet import FleetDeps, begin_costs
from tests.support.real_costs import RealCosts, real_costs
from tests.support.simulator import RunningSimulator, start_simulator

_CLIENTS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
_DAY = 86400.0
_WORKSPACE = re.compile(r"/workspaces/([^/]+)", re.IGNORECASE)
Calls = Sequence[Mapping[str, Any]]


async def measure(folder: Path) -> list[Figure]:
    store = SqliteStore(str(folder / "simulated.db"))
    try:
        with start_simulator(folder, time_scale=1) as running, _clients_of(running):
            if not running.settings(throttling=True)["throttling"]:
                raise RuntimeError("the simulator does not throttle")
            async with real_costs(running, store) as world:
                return await _measure(world, running)
    finally:
        store.close()


@contextmanager
def _clients_of(running: RunningSimulator) -> Iterator[None]:
    """Azure's clients find it by the environment."""
    before = {name: os.environ.get(name) for name in _CLIENTS}
    os.environ.update({name: running.env[name] for name in _CLIENTS})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


async def _measure(world: RealCosts, running: RunningSimulator) -> list[Figure]:
    # Early in a month: none turns on the way.
    early = (world.clock.now().replace(day=28) + timedelta(days=5)).replace(day=8, hour=12, minute=30)
    world.advance((early - world.clock.now()).total_seconds())
    found, idle = places(world), idle_names()
    running.control("POST", "fleet", json={"workspaces": [_wish(one, idle) for one in found]})
    world.advance(2 * _DAY)  # there is something to be charged
    await remember(world, found)
    running.clear_calls()
    began = time.perf_counter()
    await idle_pass(world)
    swept = time.perf_counter() - began
    await _collect(world)
    phase_one, whole = running.calls(), time.perf_counter() - began
    running.clear_calls()
    await look(world, world.advance)
    phase_two, looked = running.calls(), time.perf_counter() - began - whole
    expiries = [one for one in (await world.objects.page(Expiry, limit=WORKSPACES)).values if one.evidence]
    words = f"throttling on, scale 1; idle {swept:.0f} s, costs {whole - swept:.0f} s, phase 2 {looked:.0f} s"
    return [
        _phase_one(phase_one, fewest(found)),
        _refused([*phase_one, *phase_two], words),
        *_phase_two(phase_two, expiries, idle),
        _memory(),
    ]


def _wish(place: Place, idle: frozenset[str]) -> dict[str, Any]:
    nodes = 0 if place.space.name in idle else 2
    clusters = [{"name": "cpu", "nodes": nodes, "days": 30}]
    return {"id": place.space.workspace_id, "location": place.region, "ageDays": 60, "clusters": clusters}


async def _collect(world: RealCosts) -> None:
    """One question after the other, each when it is due."""
    await begin_costs(FleetDeps(world.objects, world.queue, world.clock))
    await tick_object(CostSweep.KIND, "costs", world.machines)
    due = await world.objects.due(world.clock.now() + timedelta(hours=1), WORKSPACES)
    for one in [one for one in due if one.kind == CostScope.KIND]:
        at = datetime.strptime(one.row.split("!")[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        world.advance(max(0.0, (at - world.clock.now()).total_seconds()))
        await tick_object(CostScope.KIND, one.id, world.machines)
    scopes = (await world.objects.page(CostScope)).values
    if not scopes or any(one.course is Course.ROWS or one.why for one in scopes):
        raise RuntimeError("costs of some subscription were not read")


def _kind(call: Mapping[str, Any]) -> str:
    """`tokens` are of no plane that the sweep is about."""
    path = str(call["path"]).lower()
    if call["plane"] in ("entra", "metadata"):
        return "tokens"
    if call["plane"] == "metrics":
        return "metrics"
    if "/microsoft.resourcegraph/" in path:
        return "Resource Graph"
    return "costs" if "/microsoft.costmanagement/" in path else "reads"


def _phase_one(calls: Calls, least: Fewest) -> Figure:
    kinds = Counter(_kind(one) for one in calls)
    tokens = kinds.pop("tokens", 0)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    note = f"on the simulator: {told} (and {tokens} for tokens); {least.words}"
    return Figure("sweep on the simulator: calls of phase 1", kinds.total(), "calls", 1.1 * least.calls, note)


def _refused(calls: Calls, words: str) -> Figure:
    refused = sum(one["status"] == 429 for one in calls)
    wrong = sum(one["status"] >= 400 for one in calls)
    note = f"of {len(calls)} calls, of which {wrong} were refused at all; {words}"
    return Figure("sweep on the simulator: answers 429", refused, "answers", 0, note)


def _phase_two(calls: Calls, found: Sequence[Expiry], idle: frozenset[str]) -> list[Figure]:
    seen = {one.workspace for one in found if one.evidence and one.evidence.verdict is Verdict.IDLE}
    named = Counter(match[1].lower() for one in calls if (match := _WORKSPACE.search(str(one["path"]))))
    # A batch's path does not say whose it is: each candidate asks for its own.
    batches = sum(_kind(one) == "metrics" for one in calls)
    most = max(named.values(), default=0) + -(-batches // max(1, len(found)))
    note = f"on the simulator: {len(found)} candidates, {named.total()} reads and {batches} batches in all"
    missed = "sweep on the simulator: idle ones missed, others called idle"
    return [
        Figure(missed, len(idle ^ seen), "workspaces", 0, f"{len(seen)} found of {len(idle)}, {len(found)} looked"),
        Figure("sweep on the simulator: calls of a candidate", most, "calls", MOST_LOOK, note),
    ]


def _memory() -> Figure:
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figure(
        "sweep on the simulator: memory",
        megabytes,
        "MiB",
        MOST_MEGABYTES,
        "on the simulator",
    )
