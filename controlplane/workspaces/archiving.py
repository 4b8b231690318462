"""Taking a workspace's computes away, and bringing them back: its spec stays, and means none in between
(``effective``)."""

from __future__ import annotations

from datetime import datetime

from controlplane.operations.model import Operation, OperationKind
from controlplane.workspaces import kinds
from controlplane.workspaces.repository import StoredWorkspace, WorkspaceRepository, new_operation_id

#: What an archive takes away: computes, and the roles that they had.
TAKEN = frozenset({kinds.COMPUTE, kinds.ROLE_ASSIGNMENT})


async def begin(
    repository: WorkspaceRepository, stored: StoredWorkspace, kind: OperationKind, by: str, now: datetime
) -> Operation:
    """Accepts the operation that takes the computes away, brings them back, or ends what is archived, on a workspace
    where nothing runs.

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
        "archived": kind is OperationKind.ARCHIVE or (record.archived and kind is OperationKind.DELETE),
        "deleting": kind is OperationKind.DELETE,
        "active_operation": operation.id,
        "last_operation": operation.id,
        "due_at": now,
        "last_modified_at": now,
        "last_modified_by": by,
    }
    await repository.accept(record.model_copy(update=update), operation, stored)
    return operation
