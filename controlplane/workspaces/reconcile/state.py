"""What one tick knows, what it may do next, and what came of it. Pure data.

A :class:`State` is replaced, never changed. Steps are addressed by their index in ``operation.steps``, because one key
may have two of them: a deletion and a creation when a resource is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from controlplane.errors import ControlPlaneError
from controlplane.json_types import JsonObject
from controlplane.operations.model import Operation, Step, StepStatus
from controlplane.ports.reader import OperationReading
from controlplane.ports.writer import Accepted
from controlplane.workspaces.model import Blueprint, Observed, Unreadable
from controlplane.workspaces.records import Owned

GROUP_TYPE = "Microsoft.Resources/resourceGroups"


class StepAction(StrEnum):
    """What a step does; ``Step.action`` holds the value."""

    CREATE = "create"
    UPDATE = "update"
    IN_PLACE = "updateInPlace"
    """Written with what only a replacement could change left as it is."""
    REAPPLY = "reapply"
    """Written although no declared property differs."""
    AWAIT = "await"
    """Never written: Azure makes it, or it is there and has to become ready."""
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Watch:
    """What this tick knows of a step beyond what is stored; lost with the tick, on purpose."""

    looks: int = 0
    """Looks in a row that settled nothing; the back-off grows with it."""
    waits: int = 0
    """Refusals in a row that were no failed attempts."""
    landed: bool = False
    """The write was accepted and its operation, if any, has ended well: only a look is missing."""
    write_due: bool = False
    """It is known that a write is needed, from a look or from a refusal."""
    idle: bool = False
    """Nothing of this step is going on in Azure."""
    refused: int = 0
    """Times in a row that Azure did not take our token (401)."""
    recover: bool = False
    """Azure keeps a deleted resource of this id, which the next write asks back."""
    by_triple: bool = False
    """Look for a role assignment by scope, role and principal, not by name."""


@dataclass(frozen=True, slots=True)
class Put:
    """Create or replace."""

    index: int
    id: str
    api_version: str
    body: JsonObject


@dataclass(frozen=True, slots=True)
class Delete:
    index: int
    id: str
    api_version: str


@dataclass(frozen=True, slots=True)
class Poll:
    """One reading of a long operation."""

    index: int
    url: str


@dataclass(frozen=True, slots=True)
class Look:
    """A GET; with ``triple`` (scope, role definition GUID, principal id) a search when the GET finds nothing."""

    index: int
    id: str
    api_version: str
    triple: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Inspect:
    """What is left in a resource group, before it is deleted."""

    index: int
    group_id: str


Act = Put | Delete | Poll | Look | Inspect


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act: ``error``, or ``result``.

    The result of a put is ``Accepted``, of a delete ``Accepted | None``, of a poll ``OperationReading``, of a look a
    body or None, of an inspection the bodies that are left.
    """

    act: Act
    result: Accepted | OperationReading | JsonObject | tuple[JsonObject, ...] | None = None
    error: ControlPlaneError | None = None


@dataclass(frozen=True)
class State:
    """Everything a decision depends on."""

    blueprint: Blueprint
    operation: Operation
    observed: Observed
    inventory: Mapping[str, Owned]
    dependants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Key → every key that needs it, directly or not; for deletions."""
    urgency: Mapping[str, float] = field(default_factory=dict)
    """Key → expected seconds from its beginning to the end of the longest chain that needs it."""
    watches: Mapping[int, Watch] = field(default_factory=dict)
    busy: frozenset[int] = frozenset()
    """Steps with a call in flight."""
    gates: Mapping[str, datetime] = field(default_factory=dict)
    """Subscription → no write before this time (429)."""
    ahead: timedelta = timedelta()
    """Of the product's clock before the system's, which steps go by: for days that people are told."""

    @cached_property
    def open_steps(self) -> frozenset[int]:
        """Indexes of steps that have not ended well."""
        return frozenset(i for i, s in enumerate(self.steps) if s.status is not StepStatus.SUCCEEDED)

    @cached_property
    def open_deletions(self) -> frozenset[int]:
        return frozenset(i for i in self.open_steps if self.steps[i].action == StepAction.DELETE)

    @cached_property
    def open_keys(self) -> frozenset[str]:
        return frozenset(self.steps[i].key for i in self.open_steps)

    @cached_property
    def stopping(self) -> bool:
        """No further write is sent: somebody cancelled, or a step failed."""
        return self.operation.cancel_requested or any(s.status is StepStatus.FAILED for s in self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.operation.steps

    def watch(self, index: int) -> Watch:
        return self.watches.get(index, _NOTHING_KNOWN)

    def with_step(self, index: int, **changes: Any) -> State:
        """With fields of one step changed."""
        steps = list(self.steps)
        steps[index] = steps[index].model_copy(update=changes)
        return replace(self, operation=self.operation.model_copy(update={"steps": tuple(steps)}))

    def with_watch(self, index: int, **changes: Any) -> State:
        return replace(self, watches={**self.watches, index: replace(self.watch(index), **changes)})

    def forget(self, index: int) -> State:
        """With nothing known of a step but what is stored."""
        return replace(self, watches={i: watch for i, watch in self.watches.items() if i != index})

    def with_busy(self, index: int) -> State:
        return replace(self, busy=self.busy | {index})

    def without_busy(self, index: int) -> State:
        return replace(self, busy=self.busy - {index})

    def with_body(self, key: str, body: JsonObject | None) -> State:
        """With a resource as it was just read; None when it is not there."""
        bodies = {k: v for k, v in self.observed.bodies.items() if k != key}
        if body is not None:
            bodies[key] = body
        unknown = {k: v for k, v in self.observed.unknown.items() if k != key}
        return replace(self, observed=replace(self.observed, bodies=bodies, unknown=unknown))

    def with_unknown(self, key: str, cause: Unreadable) -> State:
        return replace(self, observed=replace(self.observed, unknown={**self.observed.unknown, key: cause}))

    def with_owned(self, key: str, owned: Owned | None) -> State:
        """With an inventory entry written, or taken away."""
        inventory = {k: v for k, v in self.inventory.items() if k != key}
        if owned is not None:
            inventory[key] = owned
        return replace(self, inventory=inventory)


_NOTHING_KNOWN = Watch()


def provisioning_state(body: JsonObject) -> str | None:
    """``properties.provisioningState``, or None: an absent one means done."""
    properties = body.get("properties")
    value = properties.get("provisioningState") if isinstance(properties, Mapping) else None
    return value if isinstance(value, str) and value else None


def in_progress(body: JsonObject) -> bool:
    """Whether Azure is still at work on it. A vault says ``RegisteringDns`` (recording keyvault-vault-create), and new
    words appear: whatever is not known as an end is still under way.
    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations (terminal states)."""
    state = provisioning_state(body)
    return state is not None and state.lower() not in _ENDS


def has_failed(body: JsonObject) -> bool:
    """Whether its last write ended badly."""
    return (provisioning_state(body) or "").lower() in _BAD_ENDS


_BAD_ENDS = frozenset({"failed", "canceled", "cancelled"})
#: ``Provisioned`` is the good end of Microsoft.Insights' components.
_ENDS = _BAD_ENDS | {"succeeded", "ready", "provisioned"}
