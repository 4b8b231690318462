"""Where an expiry's rule stands, how one begins, and who may make it look at once. Nothing here writes to Azure."""

from __future__ import annotations

from datetime import datetime

from controlplane.errors import Conflict
from controlplane.governance.expiry.model import Expiry, Rule, expiry_id
from controlplane.governance.expiry.moves import BEGUN
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import message_of
from controlplane.ports.store import WorkQueue
from controlplane.workspaces.lasting import Standing
from controlplane.workspaces.records import WorkspaceRecord


def rule_of(expiry: Expiry | None, record: WorkspaceRecord) -> Rule | None:
    """What is set beside the spec, or what the spec declares; both are never set together."""
    declared = record.spec.get("expiry")
    if declared is not None:
        return Rule.model_validate(declared)
    return expiry.rule if expiry is not None else None


async def standing(objects: Objects, workspace: str, incarnation: int) -> Standing:
    """For who changes the spec of a workspace."""
    stored = await objects.get(Expiry, expiry_id(workspace))
    if stored is None or stored.value.incarnation != incarnation:
        return Standing()
    return Standing(stored.value.rule, under_way=stored.value.stage in BEGUN)


def made(record: WorkspaceRecord, now: datetime, by: str, rule: Rule | None = None) -> Expiry:
    """Of a workspace that had none; its first look is due."""
    return Expiry(
        id=expiry_id(record.name),
        due_at=now,
        workspace=record.name,
        incarnation=record.incarnation,
        project=record.project,
        rule=rule,
        environment=str(record.spec["environment"]),
        since=now,
        last_modified_at=now,
        last_modified_by=by,
    )


async def due_now(objects: Objects, queue: WorkQueue, workspace: str, now: datetime) -> bool:
    """For who found a candidate: its expiry looks at that time, for itself. False where there is none, or it is due
    by then."""
    stored = await objects.get(Expiry, expiry_id(workspace))
    if stored is None or (stored.value.due_at is not None and stored.value.due_at <= now):
        return False
    try:
        await objects.commit(put(stored, stored.value.model_copy(update={"due_at": now})))
    except Conflict:
        return False  # it is at work
    await queue.send(message_of(Expiry.KIND, stored.value.id))
    return True
