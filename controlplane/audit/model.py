"""The words of the audit: a fact is told, an entry is written, a head ends a chain. Pure data, and the keys of rows.

Rows, in the partition of the object's kind (``workspaces``, ``projects``), beside what they tell of:
``~x!name!sequence`` entry, newest first; ``~xh!name`` head; ``~xt!time!name!sequence`` index by time, newest first.
They sort after every other row, and stay when the object is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from controlplane.audit.canonical import digest, exact
from controlplane.json_types import JsonObject
from controlplane.operations.model import Model

VERSION = 1
#: What the first entry of a chain has in place of a hash of the one before.
GENESIS = "0" * 64
ENTRY, HEAD, TIME = "~x!", "~xh!", "~xt!"
#: Every row of the audit sorts at or after it, every other row of the two partitions before it.
BEGIN = "~x"
_LAST_SEQUENCE = 9_999_999_999
_END_OF_TIME = 99_999_999_999_999


class Kind(StrEnum):
    """Kinds of objects that have chains; also their partition of the store."""

    PROJECTS = "projects"
    WORKSPACES = "workspaces"
    RETRAINING = "retraining"
    """What happens to the models of a workspace; a chain is named ``{workspace}.{model}``."""
    GOVERNANCE = "governance"
    """Money and lifetime; a chain is named ``workspace.{name}``, ``project.{name}`` or ``department.{name}``."""


class Action(StrEnum):
    """What an entry tells of."""

    OPERATION_ACCEPTED = "OperationAccepted"
    CANCEL_REQUESTED = "CancelRequested"
    OPERATION_ENDED = "OperationEnded"
    WORKSPACE_DELETED = "WorkspaceDeleted"
    """The end of a deletion: the workspace is gone, its chain stays."""
    GRANTS_APPROVED = "GrantsApproved"
    """A Platform.Admin approved roles that an administrator has to give."""
    POLICY_CHANGED = "PolicyChanged"
    BREAKER_RESET = "BreakerReset"
    """A person has looked at a model whose runs failed; they do not count any more."""
    MONITOR_CHANGED = "MonitorChanged"
    LABELING_CHANGED = "LabelingChanged"
    DECISION_MADE = "DecisionMade"
    """On a signal about a model: its outcome with the reason; what was only ignored is not told."""
    RUN_CHANGED = "RunChanged"
    """A retraining run has another state."""
    PROMOTION_CHANGED = "PromotionChanged"
    TASK_CHANGED = "TaskChanged"
    EXPIRY_CHANGED = "ExpiryChanged"
    """The rule of a workspace's expiry, its stage, or what a person decided about it."""
    ARCHIVE_CHANGED = "ArchiveChanged"
    """An archive, or its restoration, has another state."""
    BUDGET_CHANGED = "BudgetChanged"
    """A rule about money was set or taken away, or its owner has answered."""
    ENFORCEMENT_CHANGED = "EnforcementChanged"
    """A tier was reached; what a budget does about it was announced, taken or given back."""
    PROJECT_REGISTERED = "ProjectRegistered"
    PROJECT_CHANGED = "ProjectChanged"
    PROJECT_DELETED = "ProjectDeleted"


class ActorKind(StrEnum):
    """Who acted."""

    USER = "User"
    APPLICATION = "Application"
    CONTROL_PLANE = "ControlPlane"
    """A tick or a timer; ``requestedBy`` in the details names whose request it worked on."""
    UNKNOWN = "Unknown"


CONTROL_PLANE = "controlplane"


@dataclass(frozen=True, slots=True)
class Actor:
    """``principal`` is ``{tenant id}/{object id}``, or ``controlplane``."""

    principal: str
    kind: ActorKind


@dataclass(frozen=True, slots=True)
class Fact:
    """What a commit changes, to be told in the same commit."""

    kind: Kind
    name: str
    project: str
    at: datetime
    actor: Actor
    action: Action
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def object(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """The end of a chain."""

    object: str
    sequence: int
    hash: str


class AuditEntry(Model):
    """One link. ``hash`` is SHA-256 of the canonical JSON (RFC 8785) of everything else in it."""

    version: int = Field(description="Of the format; 1.")
    object: str = Field(
        description="`workspaces/{name}`, `projects/{name}`, `retraining/{workspace}.{model}` or "
        "`governance/{scope}.{name}`."
    )
    sequence: int = Field(description="1 for the first entry of the object's chain.")
    at: datetime
    project: str
    actor: str = Field(description="`{tenant id}/{object id}`, or `controlplane`.")
    actor_kind: ActorKind
    action: Action
    details: Mapping[str, Any] = Field(description="By action; docs/audit.md lists the fields.")
    previous_hash: str = Field(description="`hash` of the entry before; zeros for the first.")
    hash: str


def seal(fact: Fact, before: Head | None) -> JsonObject:
    """The entry that follows ``before`` in the object's chain, as it is stored."""
    value: dict[str, Any] = {
        "version": VERSION,
        "object": fact.object,
        "sequence": before.sequence + 1 if before else 1,
        "at": fact.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "project": fact.project,
        "actor": fact.actor.principal,
        "actorKind": fact.actor.kind.value,
        "action": fact.action.value,
        "details": exact(dict(fact.details)),
        "previousHash": before.hash if before else GENESIS,
    }
    return {**value, "hash": digest(value)}


def hash_of(value: JsonObject) -> str:
    """The hash that a stored entry should have."""
    return digest({key: item for key, item in value.items() if key != "hash"})


def head_of(value: JsonObject) -> Head:
    """The head that a stored entry or head stands for. Raises ``KeyError``, ``ValueError``, ``TypeError``."""
    return Head(str(value["object"]), int(value["sequence"]), str(value["hash"]))


def entry_prefix(name: str) -> str:
    return f"{ENTRY}{name}!"


def entry_row(name: str, sequence: int) -> str:
    return f"{ENTRY}{name}!{_LAST_SEQUENCE - sequence:010d}"


def sequence_of(row: str) -> tuple[str, int]:
    """Name and sequence of an entry's row. Raises ``ValueError`` for a row that no entry can have."""
    name, _, inverted = row.removeprefix(ENTRY).partition("!")
    sequence = _LAST_SEQUENCE - int(inverted)
    if entry_row(name, sequence) != row:
        raise ValueError(row)
    return name, sequence


def head_row(name: str) -> str:
    return f"{HEAD}{name}"


def time_bound(at: datetime) -> str:
    """The index rows of this millisecond start with it; later ones sort before, earlier ones after. Times before 1970
    and after 5138 count as those: another number of digits would sort anywhere, and hide what is there."""
    return f"{TIME}{min(_END_OF_TIME, max(0, _END_OF_TIME - int(at.timestamp() * 1000))):014d}"


def time_row(fact: Fact, sequence: int) -> str:
    return f"{time_bound(fact.at)}!{fact.name}!{_LAST_SEQUENCE - sequence:010d}"
