"""Whether there is room for what a spec asks: a resource group, addresses, a place under the project's limit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from controlplane.errors import Conflict
from controlplane.ports.store import Insert, Write
from controlplane.workspaces.addresses import AUTO, beyond_the_hub, choice, choose, free, suits, usable, wanted_prefix
from controlplane.workspaces.kinds import RESOURCE_GROUP
from controlplane.workspaces.model import Blueprint, Observed, Plan
from controlplane.workspaces.plan_checks.managed_network import kept_from
from controlplane.workspaces.records import Owned, WorkspaceRecord
from controlplane.workspaces.services.asked import Asked
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.services.hub import hub_ranges
from controlplane.workspaces.shares import (
    MOST_SHELVES,
    Claim,
    Shares,
    Shelf,
    claim_writes,
    group_row,
    held,
    overlapping,
    place_row,
    shelf_network,
    shelf_rows,
)


@dataclass(frozen=True, slots=True)
class Room:
    """What a request would take. Nothing is taken before ``writes`` are committed with the request itself."""

    address_space: str
    """The range that the workspace has then, also where the spec says ``auto``."""
    writes: tuple[Write, ...] = ()
    place: int | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    """Whose → a range that the one asked for overlaps. Of other projects' neither name nor range is told: they are one
    entry of nobody's, with the range that was asked for."""
    beside: tuple[IPv4Network, ...] = ()
    """Ranges that ``auto`` keeps clear of: in Azure, and behind a VPN gateway."""

    def holding(self, record: WorkspaceRecord) -> WorkspaceRecord:
        """The record that holds what is taken; a range that it moves away from is kept until it has moved."""
        former = tuple(str(n) for n in held(record) if str(n) != self.address_space)
        place = record.place if self.place is None else self.place
        update = {"address_space": self.address_space, "former_address_spaces": former, "place": place}
        return record.model_copy(update=update)


async def find_room(
    deps: ServiceDeps, asked: Asked, attempt: int = 0, beside: tuple[IPv4Network, ...] | None = None
) -> Room:
    """``attempt``: how often others were faster. ``beside``: what the hub was seen to use, if it was looked at.

    Raises ``Conflict``: ``ResourceGroupUnavailable``, ``WorkspaceLimitReached``, ``AddressPoolExhausted``.
    """
    shares, writes, place = deps.repository.shares, list[Write](), None
    if asked.stored is None:
        writes.append(await _group(shares, asked))
        place = await _place(shares, asked, attempt)
        row = place_row(asked.spec.project, place)
        writes.append(Insert(row, {"workspace": asked.name}))
    known = _known(asked)
    if known is not None and asked.stored is not None and known == asked.stored.record.address_space:
        return Room(known, tuple(writes), place)
    if known is None:
        if beside is None:
            beside = (*await hub_ranges(deps, asked.spec), *beyond_the_hub(asked.spec))
        network, shelves = await _free(shares, asked, attempt, beside)
    else:
        network = IPv4Network(known)
        shelves = await shares.all_shelves([network])
    _require_few(asked, network)
    others = overlapping(network, shelves, asked.name)
    mine = asked.spec.project
    taken = {claim.workspace if claim.project == mine else "": str(network) for claim in others}
    taken |= {claim.workspace: str(claim.network) for claim in others if claim.project == mine}
    if not taken:
        writes += claim_writes(shelves, Claim(network, asked.name, asked.spec.project))
    return Room(str(network), tuple(writes), place, taken, beside or ())


def _known(asked: Asked) -> str | None:
    """The range that nobody has to look for; None where one has to be found."""
    space = asked.spec.network.address_space
    if space != AUTO:
        return str(IPv4Network(space))
    before = asked.stored.record.address_space if asked.stored else ""
    return before if before and suits(before, asked.spec) else None


async def _group(shares: Shares, asked: Asked) -> Write:
    row = group_row(asked.spec.subscription_id, asked.resource_group)
    holder = await shares.holder(row)
    if holder == asked.name:
        raise Conflict("EntityAlreadyExists", f"Workspace {asked.name!r} was made meanwhile.")
    if holder is not None:
        raise Conflict(
            "ResourceGroupUnavailable",
            f"Another workspace has the resource group {asked.resource_group!r}; choose another name.",
            target="name",
        )
    return Insert(row, {"workspace": asked.name})


async def _place(shares: Shares, asked: Asked, attempt: int) -> int:
    """One of the free places; where only few are left, all who look at once compete for those."""
    limit = asked.registration.limits.max_workspaces
    taken = await shares.places(asked.spec.project)
    left = limit - len(taken)
    if left <= 0:
        raise Conflict("WorkspaceLimitReached", f"Project {asked.spec.project!r} may have {limit} workspaces.")
    numbers = (number for number in itertools.count() if number not in taken)
    return choose(tuple(itertools.islice(numbers, min(left, choice(attempt)))), asked.name, attempt)


async def _free(
    shares: Shares, asked: Asked, attempt: int, beside: Sequence[IPv4Network]
) -> tuple[IPv4Network, Mapping[str, Shelf]]:
    """A free range of the project's pools and the shelves that it lies on."""
    prefix, wanted = wanted_prefix(asked.spec), choice(attempt)
    places: list[IPv4Network] = []
    seen: dict[str, Shelf] = {}
    for pool in usable(asked.registration.address_pools):
        start: str | None = ""
        while start is not None and len(places) < wanted:
            some, start = await shares.shelves(pool, start)
            seen |= some
            taken = [*beside, *(claim.network for shelf in seen.values() for claim in shelf.claims)]
            known = int(shelf_network(start).network_address) if start else 1 << 32
            for network in free(pool, prefix, taken):
                if int(network.broadcast_address) >= known or len(places) >= wanted:
                    break
                if network not in places:
                    places.append(network)
    if not places:
        text = f"No free /{prefix} is left in the address pools of project {asked.spec.project!r}."
        raise Conflict("AddressPoolExhausted", text, target="$.network.addressSpace")
    network = choose(places, asked.name, attempt)
    return network, {row: seen[row] for row in shelf_rows(network) if row in seen}


def _require_few(asked: Asked, network: IPv4Network) -> None:
    """A commit has room for so many rows."""
    before = held(asked.stored.record) if asked.stored else ()
    if sum(len(shelf_rows(one)) for one in {network, *before}) > MOST_SHELVES:
        text = (
            f"Workspace {asked.name!r} would hold {', '.join(str(one) for one in before)} and {network} until it has "
            "moved, which is more than one workspace may. Let the update before this one end, or ask for less."
        )
        raise Conflict("AddressSpaceTooLarge", text, target="$.network.addressSpace")


def require_possible(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> None:
    """Raises ``Conflict("TransitionNotAllowed")`` where Azure would not give the workspace the isolation asked for."""
    if details := kept_from(blueprint, observed, inventory):
        raise Conflict(details[0].code, details[0].message, target=details[0].target, details=details)


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
