"""Ticks against the fake Azure, in virtual time: what is there afterwards, and what was sent."""

from __future__ import annotations

from controlplane.operations.model import ConditionStatus, OperationKind, OperationStatus, StepStatus
from tests.support.tick_world import REGISTRY, World
from tests.support.virtual_time import run


def test_an_undisturbed_creation_makes_everything_once(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(OperationKind.CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert {step.status for step in operation.steps} == {StepStatus.SUCCEEDED}
        assert set(world.azure.created.values()) == {1}
        assert len(world.azure.writes()) == 10
        assert world.azure.early_polls == 0
        ready = await world.condition()
        assert ready.status is ConditionStatus.TRUE
        status = await world.status()
        assert status.observed_generation == 1
        assert set(status.inventory) == {resource.key for resource in world.resources}
        assert status.outputs["containerRegistryId"] == REGISTRY

    run(scene())
