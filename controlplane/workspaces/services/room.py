"""Whether there is room for what a spec asks: a resource group, addresses, a place under the project's limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from controlplane.errors import Conflict
from controlplane.workspaces.kinds import RESOURCE_GROUP
from controlplane.workspaces.model import Plan
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import Allocation
from controlplane.workspaces.services.asked import Asked
from controlplane.workspaces.services.deps import ServiceDeps


@dataclass(frozen=True, slots=True)
class Room:
    """``allocation`` is spent when the request is accepted; None when it takes nothing that is shared."""

    allocation: Allocation | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    """Workspace → its address space. Names of other projects' workspaces are not told."""


async def find_room(deps: ServiceDeps, asked: Asked) -> Room:
    """Raises ``Conflict``: ``ResourceGroupUnavailable``, ``WorkspaceLimitReached``."""
    is_new = asked.stored is None
    if not is_new and not _moves(asked):
        return Room()
    allocation = await deps.repository.allocation()
    taken: dict[str, str] = {}
    siblings = 0
    async for record in _others(deps, asked.name):
        own = record.project == asked.spec.project
        siblings += own
        if is_new and _same_group(record, asked):
            raise Conflict(
                "ResourceGroupUnavailable",
                f"Another workspace has the resource group {asked.resource_group!r}; choose another name.",
                target="name",
            )
        taken[record.name if own else f"of another project ({len(taken) + 1})"] = _addresses(record.spec)
    limit = asked.registration.limits.max_workspaces
    if is_new and siblings >= limit:
        raise Conflict("WorkspaceLimitReached", f"Project {asked.spec.project!r} may have {limit} workspaces.")
    return Room(allocation, taken)


def require_place(plan: Plan) -> None:
    """A resource group that exists stays in its region, and is never deleted for another one.

    Raises ``Conflict("ResourceGroupUnavailable")``.
    """
    for change in plan.changes:
        elsewhere = next((d for d in change.differences if d.path == "$.location"), None)
        if change.type == RESOURCE_GROUP and elsewhere is not None:
            raise Conflict(
                "ResourceGroupUnavailable",
                f"{change.id} exists in {elsewhere.observed} and cannot move to {elsewhere.wanted}; choose another "
                "name or region.",
                target="name",
            )


async def _others(deps: ServiceDeps, name: str) -> AsyncIterator[WorkspaceRecord]:
    continuation: str | None = None
    while True:
        records, continuation = await deps.repository.list(continuation=continuation)
        for record in records:
            if record.name != name:
                yield record
        if continuation is None:
            return


def _moves(asked: Asked) -> bool:
    return asked.stored is not None and _addresses(asked.stored.record.spec) != asked.spec.network.address_space


def _addresses(spec: Mapping[str, object]) -> str:
    network = spec["network"]
    assert isinstance(network, Mapping)
    return str(network["addressSpace"])


def _same_group(record: WorkspaceRecord, asked: Asked) -> bool:
    return (
        record.resource_group.lower() == asked.resource_group.lower()
        and str(record.spec["subscriptionId"]).lower() == asked.spec.subscription_id.lower()
    )
