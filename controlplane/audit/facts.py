"""What is told of each change of a workspace or a project. Pure: stored models in, facts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controlplane.audit.canonical import digest, exact
from controlplane.audit.changes import changes
from controlplane.audit.model import CONTROL_PLANE, Action, Actor, ActorKind, Fact, Kind
from controlplane.operations.model import Operation, Step
from controlplane.operations.preconditions import Preconditions
from controlplane.projects.access import Caller


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a request said beside its content."""

    actor_kind: ActorKind = ActorKind.UNKNOWN
    correlation_id: str | None = None
    preconditions: Preconditions = field(default_factory=Preconditions)

    def told(self) -> dict[str, Any]:
        """As it stands in an entry's details."""
        asked = self.preconditions
        return {
            "correlationId": self.correlation_id,
            "conditions": {
                "ifMatch": None if asked.if_match is None else list(asked.if_match),
                "ifNoneMatch": None if asked.if_none_match is None else list(asked.if_none_match),
            },
        }


def evidence_of(caller: Caller, preconditions: Preconditions | None = None) -> Evidence:
    """Of an authenticated request."""
    kind = ActorKind.APPLICATION if caller.is_application else ActorKind.USER
    return Evidence(kind, caller.correlation_id or None, preconditions or Preconditions())


@dataclass(frozen=True, slots=True)
class Versions:
    """A workspace's spec before and after a request, and which incarnation it is of."""

    incarnation: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


def accepted(operation: Operation, versions: Versions, evidence: Evidence) -> Fact:
    """A request that starts an operation was accepted."""
    details = {
        "operation": operation.id,
        "kind": operation.kind.value,
        "generation": operation.generation,
        "incarnation": versions.incarnation,
        "allowDestructive": operation.allow_destructive,
        "reapply": list(operation.reapply),
        "recreate": list(operation.recreate),
        "specHash": digest(exact(dict(versions.after))),
        "changes": changes(versions.before, versions.after),
        "waivers": _waived(versions),
        **evidence.told(),
    }
    actor = Actor(operation.created_by, evidence.actor_kind)
    return _of_operation(operation, operation.created_at, actor, Action.OPERATION_ACCEPTED, details)


def _waived(versions: Versions) -> list[Any]:
    """Waivers that the actor asked for, or changed: whole, because they switch requirements off."""
    before = list((versions.before or {}).get("waivers") or ())
    return [exact(dict(one)) for one in versions.after.get("waivers") or () if one not in before]


def cancel_requested(operation: Operation, evidence: Evidence) -> Fact:
    """Somebody wants the operation to stop."""
    details = {"operation": operation.id, "kind": operation.kind.value, **evidence.told()}
    actor = Actor(operation.cancel_requested_by or operation.created_by, evidence.actor_kind)
    return _of_operation(operation, operation.last_modified_at, actor, Action.CANCEL_REQUESTED, details)


def ended(operation: Operation, *, buried: bool = False) -> Fact:
    """An operation has its end: what it sent to Azure, what came of it. ``buried``: the workspace is gone with it."""
    details = {
        "operation": operation.id,
        "kind": operation.kind.value,
        "generation": operation.generation,
        "status": operation.status.value,
        "requestedBy": operation.created_by,
        "cancelRequestedBy": operation.cancel_requested_by,
        "error": operation.error.model_dump(mode="json", by_alias=True) if operation.error else None,
        "writes": [_write(step) for step in operation.steps if step.attempts or step.correlation_id],
        "residue": [item.model_dump(mode="json", by_alias=True) for item in operation.residue],
    }
    action = Action.WORKSPACE_DELETED if buried else Action.OPERATION_ENDED
    actor = Actor(CONTROL_PLANE, ActorKind.CONTROL_PLANE)
    return _of_operation(operation, operation.ended_at or operation.last_modified_at, actor, action, details)


def _write(step: Step) -> dict[str, Any]:
    """One resource that was written, or whose write was refused: attempts with their last correlation id and times."""
    return {
        "resourceId": step.resource_id,
        "action": step.action,
        "status": step.status.value,
        "attempts": step.attempts,
        "correlationId": step.correlation_id,
        "startedAt": step.started_at.isoformat() if step.started_at else None,
        "endedAt": step.ended_at.isoformat() if step.ended_at else None,
        "error": step.error.code if step.error else None,
    }


def _of_operation(operation: Operation, at: datetime, actor: Actor, action: Action, details: Mapping[str, Any]) -> Fact:
    name = operation.target.partition("/")[2]
    return Fact(Kind.WORKSPACES, name, operation.project, at, actor, action, details)


@dataclass(frozen=True, slots=True)
class Approved:
    """Who approved which grants, by their names."""

    caller: Caller
    at: datetime
    grants: tuple[str, ...]


def approved(name: str, project: str, what: Approved) -> Fact:
    """Grants that the operator may not make were approved."""
    evidence = evidence_of(what.caller)
    details = {"grants": list(what.grants), **evidence.told()}
    actor = Actor(what.caller.principal, evidence.actor_kind)
    return Fact(Kind.WORKSPACES, name, project, what.at, actor, Action.GRANTS_APPROVED, details)


@dataclass(frozen=True, slots=True)
class Registered:
    """A project's registration before and after; None is no project."""

    name: str
    generation: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def registered(change: Registered, principal: str, at: datetime, evidence: Evidence) -> Fact:
    """A project was registered, its registration replaced, or ended."""
    action = Action.PROJECT_CHANGED
    if change.before is None:
        action = Action.PROJECT_REGISTERED
    elif change.after is None:
        action = Action.PROJECT_DELETED
    details = {
        "generation": change.generation,
        "registrationHash": None if change.after is None else digest(exact(dict(change.after))),
        "changes": changes(change.before, change.after),
        **evidence.told(),
    }
    actor = Actor(principal, evidence.actor_kind)
    return Fact(Kind.PROJECTS, change.name, change.name, at, actor, action, details)
