"""What keeps a resource group alive when its workspace is deleted, and what does not."""

from __future__ import annotations

import pytest

from controlplane.operations.model import OperationKind, OperationStatus
from tests.support.tick_world import GROUP, World
from tests.support.virtual_time import run

RULE = f"{GROUP}/providers/microsoft.alertsmanagement/smartDetectorAlertRules/Failure Anomalies - appi-ws"
ACTIONS = f"{GROUP}/providers/microsoft.insights/actionGroups/Application Insights Smart Detection"
SOMEBODYS = f"{GROUP}/providers/microsoft.insights/actionGroups/on-call"


@pytest.mark.parametrize(
    ("planted", "left"),
    [
        pytest.param((RULE, ACTIONS), (), id="what Azure made goes with the group"),
        pytest.param((RULE, SOMEBODYS), (GROUP, RULE, SOMEBODYS), id="what somebody made keeps it"),
    ],
)
def test_what_comes_with_application_insights_does_not_keep_a_group(
    world: World, planted: tuple[str, ...], left: tuple[str, ...]
) -> None:
    async def scene() -> None:
        await world.do(OperationKind.CREATE)
        for arm_id in planted:
            world.azure.plant(arm_id, properties={})
        operation = await world.do(OperationKind.DELETE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert set(world.azure.resources) == {arm_id.lower() for arm_id in left}

    run(scene())
