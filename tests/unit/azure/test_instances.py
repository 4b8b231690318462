"""Compute instances: which calls a PUT of one becomes."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.writer import ArmWriter
from controlplane.errors import Conflict, ControlPlaneError, Rejected
from tests.unit.azure.server import Answer, FakeArm

WORKSPACE = (
    "/subscriptions/5b1f2e6a-0000-4000-8000-000000000001/resourceGroups/rg-1"
    "/providers/Microsoft.MachineLearningServices/workspaces/ml"
)
BOX = f"{WORKSPACE}/computes/ada-box"
ACTION = f"{BOX}/updateIdleShutdownSetting"
VERSION = "2025-12-01"
NOT_FOUND = Answer(404, {"error": {"code": "ResourceNotFound", "message": "Not there."}})


def body(idle: str | None, kind: str = "ComputeInstance", state: str | None = None) -> dict[str, Any]:
    shown = {} if state is None else {"provisioningState": state}
    return {"properties": {"computeType": kind, **shown, "properties": {"idleTimeBeforeShutdown": idle}}}


async def methods(arm: FakeArm, client: ArmClient, asked: dict[str, Any], found: Answer) -> list[str]:
    """What was sent, for a compute that Azure shows like that."""
    arm.on("GET", BOX, found)
    arm.on("POST", ACTION, Answer(200))
    arm.on("PUT", BOX, Answer(200, {"id": BOX}))
    await ArmWriter(client).put(BOX, VERSION, asked)
    assert all(call.target.endswith(f"?api-version={VERSION}") for call in arm.calls)
    return [call.method for call in arm.calls]


async def test_another_idle_time_is_set_before_the_rest(arm: FakeArm, client: ArmClient) -> None:
    shown = Answer(200, body("PT1H", state="Succeeded"))
    assert await methods(arm, client, body("PT30M"), shown) == ["GET", "POST", "PUT"]
    assert arm.calls[1].json == {"idleTimeBeforeShutdown": "PT30M"}
    assert arm.calls[1].target.startswith(ACTION)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(body("PT30M"), NOT_FOUND, id="it is not there"),
        pytest.param(body("PT30M"), Answer(200, body("PT30M", state="Succeeded")), id="it has it"),
        pytest.param(body("PT30M"), Answer(200, body("PT1H", state="Creating")), id="it is being made"),
        pytest.param(body(None), Answer(200, body("PT1H", state="Succeeded")), id="none is asked for"),
        pytest.param(body("PT30M"), Answer(200, body(None, "AmlCompute", "Succeeded")), id="it is a cluster"),
    ],
)
async def test_nothing_but_the_put(arm: FakeArm, client: ArmClient, asked: dict[str, Any], found: Answer) -> None:
    assert await methods(arm, client, asked, found) == ["GET", "PUT"]


async def test_a_cluster_is_not_looked_at(arm: FakeArm, client: ArmClient) -> None:
    assert await methods(arm, client, body(None, "AmlCompute"), NOT_FOUND) == ["PUT"]


@pytest.mark.parametrize(("method", "path"), [("GET", BOX), ("POST", ACTION)])
@pytest.mark.parametrize(("status", "kind"), [(403, Rejected), (409, Conflict)])
async def test_a_refusal_is_the_puts(
    arm: FakeArm, client: ArmClient, method: str, path: str, status: int, kind: type[ControlPlaneError]
) -> None:
    arm.on("GET", BOX, Answer(200, body("PT1H", state="Succeeded")))
    arm.on(method, path, Answer(status, {"error": {"code": "No", "message": "Not now."}}))
    with pytest.raises(kind) as refused:
        await ArmWriter(client).put(BOX, VERSION, body("PT30M"))
    assert refused.value.code == "No"
    assert "PUT" not in [call.method for call in arm.calls]
