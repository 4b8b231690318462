"""The example workspace, compiled and judged as in production, on a SQLite file."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from controlplane.arm import fold, type_of
from controlplane.errors import Rejected
from controlplane.operations.model import ConditionStatus, OperationKind, OperationStatus, Step
from controlplane.store import SqliteStore
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.reconcile.deps import TickDeps, posture_conditions
from controlplane.workspaces.reconcile.shell import compile_record, tick
from tests.support import blueprints
from tests.support.fake_azure import FakeAzure
from tests.support.fake_azure_parts import STYLES
from tests.support.tick_world import World
from tests.support.virtual_time import run


class WholeWorld(World):
    """Ticks compile the example's spec, and the posture gives the conditions."""

    @property
    def deps(self) -> TickDeps:
        return replace(super().deps, judge=posture_conditions)

    async def ask(self, kind: OperationKind, **more: Any) -> str:
        operation_id = await super().ask(kind, **more)
        stored = await self.repository.load("ws")
        assert stored is not None
        record = stored.record.model_copy(update={"spec": blueprints.example()})
        await self.repository.save_record(stored, record)
        return operation_id

    async def tick(self) -> None:
        await tick("ws", self.deps)


def _pull(azure: FakeAzure, cluster: dict[str, Any]) -> None:
    """AcrPull on the registry, granted by Azure when a cluster was made (S2-75)."""
    (registry,) = [r for i, r in azure.resources.items() if fold(type_of(i)) == fold(k.REGISTRY)]
    name = uuid.uuid5(uuid.NAMESPACE_URL, "azure" + cluster["id"])
    definitions = registry["id"].partition("/resourceGroups")[0] + "/providers/Microsoft.Authorization/roleDefinitions"
    properties = {
        "scope": registry["id"],
        "roleDefinitionId": f"{definitions}/{ROLES['acr-pull']}",
        "principalId": cluster["identity"]["principalId"],
        "principalType": "ServicePrincipal",
    }
    arm_id = f"{registry['id']}/providers/Microsoft.Authorization/roleAssignments/{name}"
    azure.later(3.0, lambda: azure.plant(arm_id, properties=properties))


def _world(path: Path) -> WholeWorld:
    world = WholeWorld(tick_seconds=600.0)
    world.store = SqliteStore(path / "store.sqlite")
    world.azure.when_made = {fold(k.COMPUTE): _pull}
    return world


def critical_path(blueprint: Blueprint, retry_after: float) -> float:
    """Seconds of the longest chain, each operation with a URL rounded up to a multiple of its Retry-After."""
    done: dict[str, float] = {}
    for resource in blueprint.resources:
        style = STYLES.get(fold(resource.type))
        seconds = style.create if style else 0.0
        if style is not None and style.kind == "url":
            seconds = -(-seconds // retry_after) * retry_after
        done[resource.key] = seconds + max((done[key] for key in resource.depends_on), default=0.0)
    return max(done.values())


async def _compiled(world: WholeWorld) -> Blueprint:
    record = await world.record()
    assert record is not None
    return compile_record(record, world.deps)


def test_the_example_is_created_on_its_critical_path_observed_and_deleted(tmp_path: Path) -> None:
    world = _world(tmp_path)

    async def scene() -> None:
        began = asyncio.get_running_loop().time()
        operation = await world.do(OperationKind.CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        blueprint = await _compiled(world)
        wall = asyncio.get_running_loop().time() - began
        assert wall <= 1.05 * critical_path(blueprint, world.azure.retry_after)
        assert {step.key for step in operation.steps} == {r.key for r in blueprint.resources}
        assert set(world.azure.created.values()) == {1}
        assert world.azure.early_polls == 0
        _in_order(blueprint, {step.key: step for step in operation.steps})
        kinds = {condition.type for condition in (await world.status()).conditions}
        assert {"Ready", "NetworkIsolated", "IdentityAssigned", "AccessGranted", "Monitored"} <= kinds
        assert (await world.condition("AccessGranted")).status is ConditionStatus.TRUE
        outputs = (await world.status()).outputs
        assert {"resourceGroupId", "workspaceId", "principalId", "storageAccountId", "privateEndpoints"} <= set(outputs)
        writes = len(world.azure.writes())
        again = await world.do(OperationKind.UPDATE)
        assert again.steps == ()
        await world.tick()
        assert len(world.azure.writes()) == writes
        gone = await world.do(OperationKind.DELETE)
        assert gone.status is OperationStatus.SUCCEEDED, gone.error
        assert world.azure.resources == {}
        assert await world.record() is None

    run(scene())


def _in_order(blueprint: Blueprint, steps: Mapping[str, Step]) -> None:
    for step in steps.values():
        for need in blueprint.by_key[step.key].depends_on:
            done = steps[need].ended_at
            assert done is not None and step.started_at is not None and done <= step.started_at


def test_a_tick_that_begins_blind_goes_on_when_it_sees(tmp_path: Path) -> None:
    """Lists fail when the second tick begins: what was made before cannot be seen, and is not made again."""
    world = _world(tmp_path)
    world.tick_seconds = 60.0

    async def scene() -> None:
        operation_id = await world.ask(OperationKind.CREATE)
        await world.tick()
        refused = Rejected("AuthorizationFailed", "no", status=403)
        world.azure.fail("LIST", "", lambda: refused, times=100)
        operation = await world.settle(operation_id)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert len({(step.key, step.action) for step in operation.steps}) == len(operation.steps)
        assert set(world.azure.created.values()) == {1}

    run(scene())


def test_a_repair_puts_back_what_somebody_changed(tmp_path: Path) -> None:
    world = _world(tmp_path)

    async def scene() -> None:
        await world.do(OperationKind.CREATE)
        before = len(world.azure.writes())
        (account,) = [r for i, r in world.azure.resources.items() if fold(type_of(i)) == fold(k.STORAGE)]
        account["properties"]["publicNetworkAccess"] = "Enabled"
        links = [i for i in world.azure.resources if fold(type_of(i)) == fold(k.DNS_LINK)]
        del world.azure.resources[links[0]]
        operation = await world.do(OperationKind.REPAIR)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert {w.lower() for w in world.azure.writes()[before:]} == {f"put {links[0]}", f"put {fold(account['id'])}"}

    run(scene())
