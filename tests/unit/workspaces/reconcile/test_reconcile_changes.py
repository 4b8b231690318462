"""Updates and repairs: what is written, what needs consent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from controlplane.operations.model import ConditionStatus, OperationKind, OperationStatus, StepStatus
from tests.support.tick_world import ENDPOINT, ML, STORAGE, VNET, World
from tests.support.virtual_time import run

CREATE, UPDATE, REPAIR = OperationKind.CREATE, OperationKind.UPDATE, OperationKind.REPAIR


def test_a_repair_writes_only_what_differs(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        world.azure.body(STORAGE)["properties"]["publicNetworkAccess"] = "Enabled"
        del world.azure.resources[ENDPOINT.lower()]
        operation = await world.do(REPAIR)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert sorted(world.azure.writes()[before:]) == sorted([f"PUT {STORAGE}", f"PUT {ENDPOINT}"])
        assert (await world.condition()).status is ConditionStatus.TRUE

    run(scene())


def test_a_repair_reapplies_and_recreates_on_wish(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        operation = await world.do(REPAIR, reapply=("subnet",), recreate=("endpoint",))
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert world.azure.writes()[before:] == [
            f"PUT {VNET}/subnets/a",
            f"DELETE {ENDPOINT}",
            f"PUT {ENDPOINT}",
        ]

    run(scene())


def _moved(world: World) -> None:
    """The spec now wants the subnet elsewhere: Azure cannot change that in place."""
    world.resources = tuple(
        replace(r, body={"properties": {"addressPrefix": "10.0.9.0/24"}}) if r.key == "subnet" else r
        for r in world.resources
    )


def test_a_destructive_update_needs_consent(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        _moved(world)
        refused = await world.do(UPDATE)
        assert refused.status is OperationStatus.FAILED
        assert refused.error is not None and refused.error.code == "DestructiveChangeNotAllowed"
        assert len(world.azure.writes()) == before
        allowed = await world.do(UPDATE, allow_destructive=True)
        assert allowed.status is OperationStatus.SUCCEEDED, allowed.error
        writes = world.azure.writes()[before:]
        assert writes.index(f"DELETE {ENDPOINT}") < writes.index(f"DELETE {VNET}/subnets/a")
        assert writes.index(f"PUT {VNET}/subnets/a") < writes.index(f"PUT {ENDPOINT}")

    run(scene())


@pytest.mark.parametrize("consent", [False, True])
def test_what_others_change_behind_a_running_operation_needs_consent_too(world: World, consent: bool) -> None:
    """The operation has to look at the whole again, because something it was done with is gone; in the meantime
    somebody moved a subnet, which only a replacement cures."""
    world.tick_seconds = 8

    async def scene() -> None:
        asked = await world.ask(CREATE, allow_destructive=consent)

        async def has_made(key: str) -> bool:
            steps = (await world.operation(asked)).steps
            return any(step.key == key and step.status is StepStatus.SUCCEEDED for step in steps)

        while not await has_made("endpoint"):
            await world.tick()
            await asyncio.sleep(5)
        assert not await has_made("workspace")
        world.azure.body(f"{VNET}/subnets/a")["properties"]["addressPrefix"] = "10.0.7.0/24"
        del world.azure.resources[ENDPOINT.lower()]
        operation = await world.settle(asked)
        deletions = [write for write in world.azure.writes() if write.startswith("DELETE")]
        if consent:
            assert operation.status is OperationStatus.SUCCEEDED, operation.error
            assert deletions == [f"DELETE {VNET}/subnets/a"]
        else:
            assert operation.error is not None and operation.error.code == "DestructiveChangeNotAllowed"
            assert deletions == []

    run(scene())


def test_what_left_the_spec_is_deleted_with_consent(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        world.resources = tuple(r for r in world.resources if r.key not in ("cluster", "role/pull"))
        operation = await world.do(UPDATE, allow_destructive=True)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        writes = world.azure.writes()[before:]
        assert [w.partition(" ")[0] for w in writes] == ["DELETE", "DELETE"]
        assert writes[1] == f"DELETE {ML}/computes/cpu"
        assert not {"cluster", "role/pull"} & set((await world.status()).inventory)

    run(scene())
