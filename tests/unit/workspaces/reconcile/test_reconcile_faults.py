"""What goes wrong in Azure, and what the ticks make of it."""

from __future__ import annotations

import pytest

from controlplane.errors import Conflict, Rejected, Transient
from controlplane.operations.model import ConditionStatus, OperationKind, OperationStatus, Step, StepStatus
from tests.support.fake_azure import FakeAzure
from tests.support.tick_world import BLOB, ENDPOINT, GROUP, ML, STORAGE, VNET, World
from tests.support.virtual_time import run

CREATE, UPDATE, REPAIR = OperationKind.CREATE, OperationKind.UPDATE, OperationKind.REPAIR


def step_of(steps: tuple[Step, ...], key: str) -> Step:
    (found,) = [step for step in steps if step.key == key]
    return found


def test_a_failure_in_the_middle_keeps_what_was_made_and_is_continued(world: World) -> None:
    message = "The platform could not make it."
    world.azure.doomed.append((ML, "WorkspaceQuotaUsed", message))

    async def scene() -> None:
        failed = await world.do(CREATE)
        assert failed.status is OperationStatus.FAILED
        assert failed.error is not None
        assert (failed.error.code, failed.error.message) == ("WorkspaceQuotaUsed", message)
        step = step_of(failed.steps, "workspace")
        assert step.status is StepStatus.FAILED and step.error is not None
        assert (step.error.code, step.error.message) == ("WorkspaceQuotaUsed", message)
        assert step_of(failed.steps, "cluster").status is StepStatus.CANCELED
        # The endpoint was in flight when the workspace failed: it was heard out.
        assert step_of(failed.steps, "endpoint").status is StepStatus.SUCCEEDED
        assert {"storage", "registry", "endpoint", "workspace"} <= set((await world.status()).inventory)
        ready = await world.condition()
        assert (ready.status, ready.reason) == (ConditionStatus.FALSE, "WorkspaceQuotaUsed")
        again = await world.do(CREATE)
        assert again.status is OperationStatus.SUCCEEDED, again.error
        assert {step.key for step in again.steps} == {"workspace", "role/blob", "cluster", "role/pull"}
        assert set(world.azure.created.values()) == {1}

    run(scene())


def test_a_refused_write_fails_with_arms_words(world: World) -> None:
    refused = Rejected("RequestDisallowedByPolicy", "Policy says no.", status=403)
    world.azure.fail("PUT", STORAGE, lambda: refused)

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.FAILED
        step = step_of(operation.steps, "storage")
        assert step.error is not None
        assert (step.error.code, step.error.message) == ("RequestDisallowedByPolicy", "Policy says no.")
        assert step.error.target == STORAGE

    run(scene())


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(lambda: Transient("InternalServerError", "oops", retry_after=0), id="500"),
        pytest.param(lambda: Transient("ConnectionReset", "cut", retry_after=2), id="dropped"),
        pytest.param(lambda: Conflict("AnotherOperationInProgress", "wait"), id="409-in-progress"),
        pytest.param(lambda: Rejected("ParentResourceNotFound", "lag", status=404), id="parent-not-yet-visible"),
        pytest.param(lambda: Transient("TooManyRequests", "slow", retry_after=7), id="429"),
    ],
)
def test_what_passes_is_tried_again(world: World, error: object) -> None:
    world.azure.fail("PUT", "subnets", error, times=3)  # type: ignore[arg-type]

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert step_of(operation.steps, "subnet").error is None
        assert set(world.azure.created.values()) == {1}

    run(scene())


def test_no_write_to_a_throttled_subscription_before_retry_after(world: World) -> None:
    world.azure.fail("PUT", "vnet", lambda: Transient("TooManyRequests", "slow", retry_after=40))

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED
        refused = next(c for c in world.azure.calls if c.status == "TooManyRequests")
        # Writes of the same round were on their way already; none is sent after the refusal arrived.
        later = [
            c.at - refused.at
            for c in world.azure.calls
            if c.method == "PUT" and c.at > refused.at + world.azure.latency and c is not refused
        ]
        assert min(later) >= 40
        assert step_of(operation.steps, "vnet").attempts == 1

    run(scene())


def test_retries_are_bounded(world: World) -> None:
    world.azure.fail("PUT", "subnets", lambda: Transient("ServerBusy", "busy", retry_after=0), times=1000)

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.FAILED
        assert step_of(operation.steps, "subnet").attempts == 12
        assert operation.error is not None and operation.error.code == "ServerBusy"

    run(scene())


@pytest.mark.parametrize("part", [STORAGE, ML, VNET, "roleAssignments", GROUP])
def test_a_lost_answer_is_resolved_by_reading(world: World, part: str) -> None:
    world.azure.lose_answer("PUT", part)

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        puts = [call.path for call in world.azure.calls if call.method == "PUT"]
        assert len(puts) == len(set(puts)), "nothing is sent twice when it had arrived"

    run(scene())


def test_a_forgotten_operation_url_falls_back_to_the_resource(world: World) -> None:
    world.azure.forget_operations = True

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert len(world.azure.writes()) == 10

    run(scene())


def test_a_new_principal_may_take_a_while(world: World) -> None:
    world.azure.replication = 120.0

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert step_of(operation.steps, "role/blob").attempts > 1

    run(scene())


def test_an_existing_grant_under_another_name_is_adopted(world: World) -> None:
    other = f"{STORAGE}/providers/Microsoft.Authorization/roleAssignments/11111111-1111-1111-1111-111111111111"

    def grant(azure: FakeAzure, made: dict[str, object]) -> None:
        definition = next(r for r in world.resources if r.key == "role/blob").body["properties"]["roleDefinitionId"]
        identity = made["identity"]
        assert isinstance(identity, dict) and BLOB in definition
        azure.plant(
            other,
            properties={"scope": STORAGE, "roleDefinitionId": definition, "principalId": identity["principalId"]},
        )

    world.azure.when_made["microsoft.machinelearningservices/workspaces"] = grant

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert (await world.status()).inventory["role/blob"].resource_id == other

    run(scene())


def test_what_azure_should_make_is_awaited_then_written_by_a_repair(world: World) -> None:
    world.azure.when_made.clear()
    world.azure.when_made["none"] = lambda azure, body: None

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.FAILED
        assert operation.error is not None and operation.error.code == "AwaitedResourceMissing"
        repaired = await world.do(REPAIR)
        assert repaired.status is OperationStatus.SUCCEEDED, repaired.error
        assert [(s.key, s.action) for s in repaired.steps] == [("role/pull", "create")]
        assert (await world.condition()).status is ConditionStatus.TRUE

    run(scene())


def test_an_expectation_that_does_not_hold_is_awaited(world: World) -> None:
    def pending(azure: FakeAzure, body: dict[str, object]) -> None:
        properties = body["properties"]
        assert isinstance(properties, dict)
        state = properties["privateLinkServiceConnections"][0]["properties"]
        state["privateLinkServiceConnectionState"] = {"status": "Pending"}
        azure.later(100.0, lambda: state.update(privateLinkServiceConnectionState={"status": "Approved"}))

    world.azure.when_made["microsoft.network/privateendpoints"] = pending

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        endpoint, cluster = step_of(operation.steps, "endpoint"), step_of(operation.steps, "cluster")
        assert endpoint.ended_at is not None and cluster.started_at is not None
        assert cluster.started_at >= endpoint.ended_at

    run(scene())


def test_nothing_is_decided_about_what_cannot_be_read(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        refused = Rejected("AuthorizationFailed", "no", status=403)
        world.azure.fail("LIST", "storageAccounts", lambda: refused, times=10_000)
        world.azure.fail("GET", "storageAccounts", lambda: refused, times=10_000)
        operation = await world.do(UPDATE)
        assert operation.status is OperationStatus.FAILED
        assert operation.error is not None
        assert operation.error.code == "OperationDeadlineExceeded"
        assert "AuthorizationFailed" in operation.error.message
        assert len(world.azure.writes()) == before

    run(scene())


def test_what_can_be_read_again_is_decided_then(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        world.azure.body(STORAGE)["properties"]["publicNetworkAccess"] = "Enabled"
        away = Transient("ServiceUnavailable", "away", retry_after=1)
        world.azure.fail("LIST", "storageAccounts", lambda: away)
        world.azure.fail("GET", "storageAccounts", lambda: away, times=3)
        operation = await world.do(UPDATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert world.azure.writes()[before:] == [f"PUT {STORAGE}"]

    run(scene())


def test_a_resource_that_failed_before_is_written_again(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        world.azure.body(ENDPOINT)["properties"]["provisioningState"] = "Failed"
        operation = await world.do(UPDATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert world.azure.writes()[before:] == [f"PUT {ENDPOINT}"]

    run(scene())


def test_reads_that_lag_behind_writes_make_no_second_write(world: World) -> None:
    world.azure.read_lag = 4.0

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert len(world.azure.writes()) == 10

    run(scene())
