"""The message of a workspace that is gone asks for the ticks of what ends with it."""

from __future__ import annotations

import pytest

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import Machines
from controlplane.operations.model import OperationKind
from controlplane.retraining.model import ModelState, state_id
from controlplane.triggers.ticks import run_tick
from tests.support.memory_store import MemoryQueue
from tests.support.tick_world import World, meaning
from tests.support.virtual_time import run

MESSAGE = b'{"kind": "workspace", "name": "ws"}'


@pytest.mark.parametrize("there", [False, True])
def test_models_hear_of_the_end_of_their_workspace(there: bool) -> None:
    async def scene(world: World) -> None:
        if there:
            await world.ask(OperationKind.CREATE)
        objects, queue = Objects(world.store, Kind.RETRAINING), MemoryQueue()
        for name in ("ws", "other"):
            state = ModelState(id=state_id(name, "m"), workspace=name, incarnation=1, project="churn", model="m")
            await objects.commit(put(None, state))
        machines = Machines(objects, {}, queue, world.clock, SystemClock(), "test")
        await run_tick(MESSAGE, world.deps, None, lambda: machines)
        asked = [(message["kind"], message["name"]) for message, _ in queue.sent]
        rules = [("expiry", "workspace.ws"), ("budget", "workspace.ws")]
        assert asked == ([] if there else [("model", "ws.m"), *rules])

    with meaning(World()) as world:
        run(scene(world))


def test_who_looks_after_its_end_hears_of_a_workspace_that_rests() -> None:
    """A spec may declare an expiry: nobody else begins it."""

    async def scene(world: World) -> None:
        created = await world.ask(OperationKind.CREATE)
        await world.settle(created)
        queue = MemoryQueue()
        machines = Machines(Objects(world.store, Kind.RETRAINING), {}, queue, world.clock, SystemClock(), "test")
        await run_tick(MESSAGE, world.deps, None, lambda: machines)
        assert [(one["kind"], one["name"]) for one, _ in queue.sent] == [("expiry", "workspace.ws")]

    with meaning(World()) as world:
        run(scene(world))
