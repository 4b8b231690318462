"""Ticks against the fake Azure, in virtual time: what is there afterwards, and what was sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.errors import Conflict, Rejected, Transient
from controlplane.operations.model import ConditionStatus, OperationKind, OperationStatus, Step, StepStatus
from controlplane.workspaces.reconcile import load_durations, tick
from controlplane.workspaces.reconcile.measure import store_durations
from tests.support.fake_azure import FakeAzure
from tests.support.tick_world import BLOB, ENDPOINT, GROUP, ML, REGISTRY, STORAGE, VNET, World
from tests.support.virtual_time import run

CREATE, UPDATE, REPAIR = OperationKind.CREATE, OperationKind.UPDATE, OperationKind.REPAIR


def step_of(steps: tuple[Step, ...], key: str) -> Step:
    (found,) = [step for step in steps if step.key == key]
    return found


def test_an_undisturbed_creation_makes_everything_once(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert {step.status for step in operation.steps} == {StepStatus.SUCCEEDED}
        assert set(world.azure.created.values()) == {1}
        assert len(world.azure.writes()) == 10
        assert world.azure.early_polls == 0
        assert operation.percent_complete == 100
        ready = await world.condition()
        assert ready.status is ConditionStatus.TRUE
        status = await world.status()
        assert status.observed_generation == 1
        assert set(status.inventory) == {resource.key for resource in world.resources}
        assert status.outputs["containerRegistryId"] == REGISTRY
        assert status.outputs["privateEndpoints"]["endpoint"][0]["ipAddresses"] == ["10.0.0.4"]
        record = await world.record()
        assert record is not None
        assert (record.active_operation, record.last_operation) == (None, operation.id)
        assert record.due_at is not None
        rest = record.due_at - world.clock.now()
        assert timedelta(hours=4.7) < rest < timedelta(hours=7.3)

    run(scene())


def test_creation_takes_no_longer_than_its_critical_path(world: World) -> None:
    """Virtual time: nothing but Azure's durations, Retry-After and the fake's latency counts.

    Registry 20, workspace 90, cluster 60 and Azure's own grant 3 seconds are the critical path, each a multiple of
    Retry-After but the last.
    """
    world.tick_seconds = 600

    async def scene() -> None:
        began = asyncio.get_running_loop().time()
        operation = await world.ask(CREATE)
        await world.settle(operation)
        wall = asyncio.get_running_loop().time() - began
        assert wall <= 1.05 * (20 + 90 + 60 + 3)

    run(scene())


def test_what_exists_is_not_written_again(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.calls)
        operation = await world.do(UPDATE)
        assert operation.status is OperationStatus.SUCCEEDED
        assert operation.steps == ()
        calls = world.azure.calls[before:]
        assert {call.method for call in calls} <= {"GET", "LIST"}
        assert len({call.path for call in calls}) == len(calls)
        assert (await world.status()).observed_generation == 2

    run(scene())


def test_a_workspace_at_rest_is_observed_and_never_written(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        writes = len(world.azure.writes())
        world.azure.body(STORAGE)["properties"]["publicNetworkAccess"] = "Enabled"
        await world.tick()
        ready = await world.condition()
        assert (ready.status, ready.reason) == (ConditionStatus.FALSE, "Drifted")
        assert len(world.azure.writes()) == writes
        record = await world.record()
        assert record is not None and record.due_at is not None
        assert record.due_at - world.clock.now() > timedelta(hours=4)

    run(scene())


def test_a_workspace_that_cannot_be_read_is_unknown_not_ready(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        refused = Rejected("AuthorizationFailed", "no", status=403)
        world.azure.fail("LIST", "storageAccounts", lambda: refused)
        await world.tick()
        ready = await world.condition()
        assert (ready.status, ready.reason) == (ConditionStatus.UNKNOWN, "AuthorizationFailed")

    run(scene())


def test_a_long_creation_leaves_and_comes_back(world: World) -> None:
    world.tick_seconds = 25.0

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED
        assert world.number > 4
        assert set(world.azure.created.values()) == {1}
        assert len(world.azure.writes()) == 10
        assert world.azure.early_polls == 0
        hints = [delay for message, delay in world.queue.sent if message == {"kind": "workspace", "name": "ws"}]
        assert hints and all(0 <= delay <= 3600 for delay in hints)

    run(scene())


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


def test_cancel_stops_before_the_next_write(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        running = asyncio.ensure_future(world.settle(operation_id))
        await asyncio.sleep(12.0)
        found = await world.repository.load_operation(operation_id)
        assert found is not None
        wish = found.operation.model_copy(update={"cancel_requested": True, "last_modified_at": world.clock.now()})
        await world.repository.request_cancel(found, wish)
        wished_at = asyncio.get_running_loop().time()
        operation = await running
        assert operation.status is OperationStatus.CANCELED
        assert all(c.at <= wished_at for c in world.azure.calls if c.method in ("PUT", "DELETE"))
        states = {step.key: step.status for step in operation.steps}
        assert states["registry"] is StepStatus.SUCCEEDED, "what was in flight is heard out"
        assert states["workspace"] is StepStatus.CANCELED
        again = await world.do(CREATE)
        assert again.status is OperationStatus.SUCCEEDED

    run(scene())


def test_two_ticks_at_once_have_one_effect(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        for _ in range(20):
            await asyncio.gather(*(tick("ws", world.deps) for _ in range(3)))
            if (await world.operation(operation_id)).status.is_terminal:
                break
            await asyncio.sleep(5.0)
        assert (await world.operation(operation_id)).status is OperationStatus.SUCCEEDED
        assert len(world.azure.writes()) == 10
        assert set(world.azure.created.values()) == {1}
        assert world.azure.early_polls == 0

    run(scene())


def test_a_tick_that_lost_its_lease_stops(world: World) -> None:
    async def scene() -> None:
        await world.ask(CREATE)
        working = asyncio.ensure_future(world.tick())
        await asyncio.sleep(3.0)
        stolen = await world.repository.take_lease("ws", "thief", world.clock.now() + timedelta(hours=1), 90.0)
        assert stolen is not None
        await working
        taken_at = 3.0
        sent = [c.at for c in world.azure.calls if c.method == "PUT" and c.at > taken_at + 0.1]
        assert sent == [], "no write after the lease was lost"
        assert await world.repository.is_leased("ws", world.clock.now())

    run(scene())


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
        assert operation.error.code == "OperationTimedOut"
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


def test_measured_durations_become_medians(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(CREATE)
        measured = await load_durations(world.store)
        assert measured["Microsoft.MachineLearningServices/workspaces:create"] == pytest.approx(90, abs=1)
        for _ in range(30):
            steps = tuple(
                s.model_copy(update={"ended_at": (s.started_at or world.clock.now()) + timedelta(seconds=7)})
                for s in operation.steps
            )
            faster = operation.model_copy(update={"steps": steps})
            await store_durations(world.store, faster, {"workspace": "Microsoft.MachineLearningServices/workspaces"})
        assert (await load_durations(world.store))["Microsoft.MachineLearningServices/workspaces:create"] == 7

    run(scene())


def test_another_management_than_ours_is_left_alone(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        stored = await world.repository.load("ws")
        assert stored is not None
        await world.repository.save_record(stored, stored.record.model_copy(update={"spec": {"management": "keep"}}))
        operation = await world.settle(operation_id)
        assert operation.error is not None and operation.error.code == "WorkspaceNotManaged"
        assert world.azure.writes() == []

    run(scene())
