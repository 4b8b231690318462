"""What the audit holds of an operation's life in Azure, and that it outlives the workspace."""

from __future__ import annotations

from typing import Any

from controlplane.audit.model import ENTRY, Kind
from controlplane.audit.proof import prove_all
from controlplane.errors import Rejected
from controlplane.operations.model import OperationKind
from tests.support.tick_world import GROUP, ML, STORAGE, World
from tests.support.virtual_time import run

CREATE, DELETE = OperationKind.CREATE, OperationKind.DELETE


async def told(world: World) -> list[dict[str, Any]]:
    """Entries of the workspace, oldest first."""
    page = await world.store.query(Kind.WORKSPACES, prefix=f"{ENTRY}ws!")
    return [dict(entity.value) for entity in reversed(page.entities)]


def test_the_end_of_an_operation_names_every_write(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(CREATE)
        accepted, ended = await told(world)
        assert (accepted["action"], accepted["actor"]) == ("OperationAccepted", "ada")
        assert (ended["action"], ended["details"]["status"]) == ("OperationEnded", "Succeeded")
        assert (ended["details"]["requestedBy"], ended["actor"]) == ("ada", "controlplane")
        sent = {write.partition(" ")[2].lower() for write in world.azure.writes()}
        writes = ended["details"]["writes"]
        assert {write["resourceId"].lower() for write in writes} == sent
        assert {write["action"] for write in writes} == {step.action for step in operation.steps if step.attempts}
        assert all(write["startedAt"] and write["endedAt"] and write["attempts"] for write in writes)
        assert {w["correlationId"] for w in writes} == {s.correlation_id for s in operation.steps if s.attempts}

    run(scene())


def test_a_failure_is_told_with_its_cause(world: World) -> None:
    async def scene() -> None:
        refused = Rejected("RequestDisallowedByPolicy", "Policy says no.", status=403)
        world.azure.fail("PUT", STORAGE, lambda: refused)
        operation = await world.do(CREATE)
        ended = (await told(world))[-1]
        assert operation.error is not None
        assert (ended["details"]["status"], ended["details"]["error"]["code"]) == ("Failed", operation.error.code)
        (failed,) = [write for write in ended["details"]["writes"] if write["error"]]
        assert (failed["status"], failed["error"]) == ("Failed", operation.error.code)

    run(scene())


def test_the_chain_outlives_the_workspace_and_goes_on_with_the_next_of_its_name(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        await world.do(DELETE)
        assert await world.record() is None
        buried = (await told(world))[-1]
        assert (buried["action"], buried["sequence"]) == ("WorkspaceDeleted", 4)
        assert ML in {residue["resourceId"] for residue in buried["details"]["residue"]}
        assert f"DELETE {GROUP}" in world.azure.writes()
        await world.do(CREATE)
        entries = await told(world)
        assert [entry["sequence"] for entry in entries] == [1, 2, 3, 4, 5, 6]
        assert entries[4]["previousHash"] == buried["hash"]
        found = await prove_all(world.store, None)
        assert (found.consistent, found.checked_entries) == (True, 6)

    run(scene())
