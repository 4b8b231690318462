"""Taking computes or people's roles away from a workspace, and bringing them back: its spec stays, and means less in
between (``effective``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controlplane.audit.facts import Evidence
from controlplane.audit.model import CONTROL_PLANE, ActorKind
from controlplane.operations.model import Operation, OperationKind
from controlplane.workspaces import kinds
from controlplane.workspaces.repository import Beside, StoredWorkspace, WorkspaceRepository, new_operation_id

#: What an operation is there to take away: computes with the roles that they had, and the roles of people.
TAKEN = {
    OperationKind.ARCHIVE: frozenset({kinds.COMPUTE, kinds.ROLE_ASSIGNMENT}),
    OperationKind.END_ACCESS: frozenset({kinds.ROLE_ASSIGNMENT}),
}
#: What the record says from then on.
_WISHES: Mapping[OperationKind, Mapping[str, bool]] = {
    OperationKind.ARCHIVE: {"archived": True},
    OperationKind.RESTORE: {"archived": False},
    OperationKind.DELETE: {"deleting": True},
    OperationKind.END_ACCESS: {"access_ended": True},
    OperationKind.RENEW_ACCESS: {"access_ended": False},
}


async def begin(
    repository: WorkspaceRepository, stored: StoredWorkspace, kind: OperationKind, by: str, now: datetime
) -> Operation:
    """Accepts an operation of one of these kinds on a workspace where nothing runs.

    Raises ``Conflict`` when somebody else was faster.
    """
    record = stored.record
    operation = Operation(
        id=new_operation_id(now),
        kind=kind,
        target=f"workspaces/{record.name}",
        project=record.project,
        generation=record.generation,
        created_at=now,
        created_by=by,
        last_modified_at=now,
    )
    update = {
        **_WISHES[kind],
        "active_operation": operation.id,
        "last_operation": operation.id,
        "due_at": now,
        "last_modified_at": now,
        "last_modified_by": by,
    }
    evidence = Evidence(ActorKind.CONTROL_PLANE if by == CONTROL_PLANE else ActorKind.UNKNOWN)
    await repository.accept(record.model_copy(update=update), operation, stored, Beside(evidence=evidence))
    return operation
