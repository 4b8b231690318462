"""Each row of the error table as an operation shows it: Azure gives the code once, to a write or at a write's end."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Conflict, ControlPlaneError, Transient
from controlplane.operations.model import Operation, OperationKind, OperationStatus, Step, StepStatus
from controlplane.workspaces import kinds as k
from controlplane.workspaces.arm_errors import BACKOFF, TABLE, Row, Verdict
from tests.support.tick_world import ENDPOINT, GROUP, ML, REGISTRY, STORAGE, World, meaning, resource, small_resources
from tests.support.virtual_time import run

CREATE, REPAIR = OperationKind.CREATE, OperationKind.REPAIR
VAULT = f"{GROUP}/providers/{k.VAULT}/kv"
WITH_VAULT = (
    *small_resources(),
    resource("vault", k.VAULT, VAULT, ("resource-group",), body={"location": "westeurope", "properties": {"a": 1}}),
)
#: Type of a row → the step that meets it, and a part of its id; rows of any type meet the registry.
PLACES = {
    None: ("registry", REGISTRY),
    k.PRIVATE_ENDPOINT: ("endpoint", ENDPOINT),
    k.ROLE_ASSIGNMENT: ("role/blob", f"{STORAGE}/providers/microsoft.authorization"),
    k.VAULT: ("vault", VAULT),
    k.ML_WORKSPACE: ("workspace", f"{ML}$"),
}
NAMES = [f"{row.code}, {row.type or 'any type'}" for row in TABLE]
#: Verdict → attempts that the step has used when all is well, and how the operation ends.
AGAIN = {
    Verdict.RETRY_FAST: 2,
    Verdict.RETRY_SLOW: 2,
    Verdict.WAIT: 1,
    Verdict.THROTTLED: 1,
    Verdict.RECOVER: 2,
    Verdict.ADOPT: 1,
}


def world_of(row: Row) -> World:
    """What the row's step needs, and little else."""
    few = row.type is None
    return World(resources=tuple(r for r in WITH_VAULT if not few or r.key in ("resource-group", "registry")))


def step_of(operation: Operation, key: str) -> Step:
    (found,) = [step for step in operation.steps if step.key == key]
    return found


def refusal(row: Row) -> ControlPlaneError:
    if row.verdict is Verdict.THROTTLED:
        return Transient(row.code, "said Azure", retry_after=0)
    return Conflict(row.code, "said Azure")


def after_it(world: World, row: Row, method: str) -> list[float]:
    """Seconds from the refusal to each later call of the same kind for the same thing."""
    _, part = PLACES[row.type]
    mine = [c for c in world.azure.calls if c.method == method and part.rstrip("$").lower() in c.path.lower()]
    first = next(c.at for c in mine if c.status == row.code)
    return [c.at - first for c in mine if c.at > first]


@pytest.mark.parametrize("row", TABLE, ids=NAMES)
def test_a_write_that_is_refused(row: Row) -> None:
    key, part = PLACES[row.type]

    async def scene() -> None:
        with meaning(world_of(row)) as world:
            world.azure.fail("PUT", part, lambda: refusal(row))
            if row.verdict is Verdict.ADOPT:
                await granted_before(world)
            operation = await world.do(CREATE)
            step = step_of(operation, key)
            if row.verdict is Verdict.FATAL:
                assert operation.status is OperationStatus.FAILED
                assert step.status is StepStatus.FAILED and step.error is not None
                assert (step.error.code, step.error.message, step.attempts) == (row.code, "said Azure", 1)
                assert after_it(world, row, "PUT") == []
                return
            assert operation.status is OperationStatus.SUCCEEDED, operation.error
            assert (step.error, step.attempts) == (None, AGAIN[row.verdict])
            if row.verdict in BACKOFF:
                assert min(after_it(world, row, "PUT")) >= BACKOFF[row.verdict].delay(1)

    run(scene())


async def granted_before(world: World) -> None:
    """Somebody makes the same grant under another name, after the plan was made."""
    definition = next(r for r in WITH_VAULT if r.key == "role/blob").body["properties"]["roleDefinitionId"]

    def grant(azure: Any, workspace: dict[str, Any]) -> None:
        name = "00000000-0000-0000-0000-0000000000cc"
        properties = {
            "scope": STORAGE,
            "roleDefinitionId": definition,
            "principalId": workspace["identity"]["principalId"],
        }
        azure.plant(f"{STORAGE}/providers/{k.ROLE_ASSIGNMENT}/{name}", properties=properties)

    world.azure.when_made[k.ML_WORKSPACE.lower()] = grant


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in TABLE
        if row.verdict is not Verdict.ADOPT and row.type != k.ROLE_ASSIGNMENT and row.type != k.VAULT
    ],
    ids=lambda row: f"{row.code}, {row.type or 'any type'}",
)
def test_a_write_that_was_taken_and_failed_later(row: Row) -> None:
    """The code stands at the operation's URL; what is there is looked at before anything is repeated."""
    key, part = PLACES[row.type]

    async def scene() -> None:
        with meaning(world_of(row)) as world:
            world.azure.doomed.append((part.rstrip("$"), row.code, "said Azure"))
            operation = await world.do(CREATE)
            step = step_of(operation, key)
            if row.verdict is Verdict.FATAL:
                assert operation.status is OperationStatus.FAILED
                assert step.error is not None
                assert (step.error.code, step.error.message, step.attempts) == (row.code, "said Azure", 1)
            else:
                assert operation.status is OperationStatus.SUCCEEDED, operation.error
                assert step.attempts == AGAIN[row.verdict]

    run(scene())


@pytest.mark.parametrize("row", [row for row in TABLE if row.type is None], ids=lambda row: row.code)
def test_a_deletion_that_is_refused(row: Row) -> None:
    gone = row.code in ("ParentResourceNotFound", "ResourceGroupNotFound", "ResourceNotFound", "NotFound")

    async def scene() -> None:
        with meaning(world_of(row)) as world:
            assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED
            world.azure.fail("DELETE", f"{REGISTRY}$", lambda: refusal(row))
            operation = await world.do(OperationKind.DELETE)
            step = step_of(operation, "registry")
            if gone:
                assert (step.status, step.attempts) == (StepStatus.SUCCEEDED, 1)
            elif row.verdict is Verdict.FATAL:
                assert operation.status is OperationStatus.FAILED
                assert step.error is not None and step.error.code == row.code
            else:
                assert operation.status is OperationStatus.SUCCEEDED, operation.error
                assert min(after_it(world, row, "DELETE")) >= BACKOFF[row.verdict].delay(1)

    run(scene())


# -- what Azure keeps of what was deleted ------------------------------------------------------------------------------


def test_a_deleted_vault_is_asked_back_and_then_made_as_declared() -> None:
    async def scene() -> None:
        with meaning(World(resources=WITH_VAULT)) as world:
            assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED
            del world.azure.resources[VAULT.lower()]
            sent = record_writes(world)
            world.azure.fail("PUT", VAULT, lambda: Conflict("ConflictError", "exists in deleted state"))
            operation = await world.do(REPAIR)
            assert operation.status is OperationStatus.SUCCEEDED, operation.error
            modes = [body["properties"].get("createMode") for arm_id, body in sent if arm_id == VAULT]
            assert modes[:2] == [None, "recover"]

    run(scene())


def test_a_vault_that_does_not_come_back_fails_with_azures_words() -> None:
    async def scene() -> None:
        with meaning(World(resources=WITH_VAULT)) as world:
            world.azure.fail("PUT", VAULT, lambda: Conflict("ConflictError", "exists in deleted state"))
            error = Conflict("SoftDeletedVaultDoesNotExist", "of somebody else")
            world.azure.fail("PUT", VAULT, lambda: error)
            operation = await world.do(CREATE)
            step = step_of(operation, "vault")
            assert step.error is not None
            assert (step.error.code, step.attempts) == ("SoftDeletedVaultDoesNotExist", 2)

    run(scene())


def record_writes(world: World) -> list[tuple[str, Any]]:
    """(id, body) of every PUT from now on."""
    sent: list[tuple[str, Any]] = []
    put = world.azure.put

    async def recording(arm_id: str, api_version: str, body: Any) -> Any:
        sent.append((arm_id, body))
        return await put(arm_id, api_version, body)

    world.azure.put = recording  # type: ignore[method-assign]
    return sent


def test_a_repair_leaves_a_deleted_workspace_and_does_the_rest() -> None:
    async def scene() -> None:
        with meaning(World(resources=WITH_VAULT)) as world:
            assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED
            for arm_id in [i for i in world.azure.resources if i.startswith(ML.lower())]:
                del world.azure.resources[arm_id]
            world.azure.body(STORAGE)["properties"]["publicNetworkAccess"] = "Enabled"
            operation = await world.do(REPAIR)
            assert operation.status is OperationStatus.SUCCEEDED, operation.error
            assert {step.key for step in operation.steps} == {"storage"}
            assert world.azure.body(STORAGE)["properties"]["publicNetworkAccess"] == "Disabled"
            # Whoever has purged it asks for it again.
            again = await world.do(OperationKind.UPDATE)
            assert again.status is OperationStatus.SUCCEEDED, again.error
            assert {"workspace", "cluster"} <= {step.key for step in again.steps}

    run(scene())


def test_a_repair_rights_what_it_can_of_what_only_a_replacement_would_right_wholly() -> None:
    async def scene() -> None:
        with meaning(World()) as world:
            assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED
            storage = world.azure.body(STORAGE)
            storage["properties"]["publicNetworkAccess"] = "Enabled"
            storage["location"] = "northeurope"
            sent = record_writes(world)
            operation = await world.do(REPAIR)
            assert operation.status is OperationStatus.SUCCEEDED, operation.error
            assert [(step.key, step.action) for step in operation.steps] == [("storage", "updateInPlace")]
            ((arm_id, body),) = sent
            assert (arm_id, body["location"]) == (STORAGE, "northeurope")
            assert body["properties"]["publicNetworkAccess"] == "Disabled"

    run(scene())
