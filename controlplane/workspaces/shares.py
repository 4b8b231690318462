"""What all workspaces share, as rows with conditional writes: addresses, resource groups, a project's places.

A share is taken in the commit that accepts a workspace and given back in the commit that buries it, so that none is
ever taken by nobody. No request waits for the turn of another one: two meet only where they want the same.

Addresses are kept on shelves, each a /22 with a row of its own, named by its first address. A range takes all shelves
that it touches, so that two that overlap always write one row, whatever their sizes; a shelf is looked up by its
name, never by reading the fleet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from controlplane.ports.store import Insert, Remove, Replace, Store, Write
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.rows import PARTITION

SHELF_PREFIX = 22
_SHELF = 1 << (32 - SHELF_PREFIX)
#: Shelves that one workspace may hold; a commit is 100 writes.
MOST_SHELVES = 64


@dataclass(frozen=True, slots=True)
class Claim:
    """A range and who has it."""

    network: IPv4Network
    workspace: str
    project: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """One row of the ledger as it was read; ``etag`` is None where there is no row."""

    etag: str | None
    claims: tuple[Claim, ...] = ()


Shelves = Mapping[str, Shelf]
"""Row → shelf; a row that is not there is an empty shelf."""


def shelf_rows(network: IPv4Network) -> tuple[str, ...]:
    """Rows of every shelf that a range touches, in order."""
    first, last = int(network.network_address), int(network.broadcast_address)
    return tuple(_row(start) for start in range(first // _SHELF * _SHELF, last + 1, _SHELF))


def _row(address: int) -> str:
    return f"n!{address:08x}"


def shelf_network(row: str) -> IPv4Network:
    """The /22 of a row."""
    return IPv4Network((IPv4Address(int(row.removeprefix("n!"), 16)), SHELF_PREFIX))


def group_row(subscription: str, group: str) -> str:
    """The row of a resource group; whoever has it may make the group and delete it."""
    digest = hashlib.sha256(f"{subscription}/{group}".lower().encode()).hexdigest()
    return f"g!{digest[:40]}"


def place_row(project: str, place: int) -> str:
    """The row of one of the workspaces that a project may have."""
    return f"m!{project}!{place:06d}"


class Shares:
    """Raises what the store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def shelves(self, network: IPv4Network, start: str = "") -> tuple[dict[str, Shelf], str | None]:
        """The shelves of a range that are not empty, and the row where what was not read begins (None: all was)."""
        first = _row(int(network.network_address) // _SHELF * _SHELF)
        below = _row(int(network.broadcast_address) + 1) if int(network.broadcast_address) < 2**32 - 1 else None
        page = await self._store.query(PARTITION, prefix="n!", at_least=start or first, below=below)
        found = {entity.row: Shelf(entity.etag, _claims(entity.value["taken"])) for entity in page.entities}
        if page.continuation is None or not page.entities:
            return found, None
        return found, _row(int(page.entities[-1].row.removeprefix("n!"), 16) + _SHELF)

    async def all_shelves(self, networks: Iterable[IPv4Network]) -> dict[str, Shelf]:
        """The shelves of ranges of a workspace."""
        found: dict[str, Shelf] = {}
        for network in networks:
            start: str | None = ""
            while start is not None:
                some, start = await self.shelves(network, start)
                found |= some
        return found

    async def holder(self, row: str) -> str | None:
        """The workspace that has a resource group."""
        entity = await self._store.get(PARTITION, row)
        return None if entity is None else str(entity.value["workspace"])

    async def places(self, project: str) -> frozenset[int]:
        """Places of a project that are taken."""
        found: set[int] = set()
        continuation: str | None = None
        while True:
            page = await self._store.query(PARTITION, prefix=f"m!{project}!", continuation=continuation)
            found.update(int(entity.row.rpartition("!")[2]) for entity in page.entities)
            continuation = page.continuation
            if continuation is None:
                return frozenset(found)

    async def are_as_read(self, writes: Sequence[Write]) -> bool:
        """Whether rows are still as the writes take for granted: a commit that failed then failed because of others."""
        found = await self._store.get_many(PARTITION, [write.row for write in writes])
        for write, entity in zip(writes, found, strict=True):
            etag = entity.etag if entity else None
            if isinstance(write, Insert) and etag is not None:
                return False
            if isinstance(write, Replace | Remove) and write.etag not in ("*", etag):
                return False
        return True

    async def release(self, before: WorkspaceRecord, after: WorkspaceRecord | None) -> list[Write]:
        """Writes that give back what ``before`` holds and ``after`` does not; None holds nothing."""
        kept = set(held(after)) if after else set()
        gone = [network for network in held(before) if network not in kept]
        writes = release_writes(await self.all_shelves(gone), before.name, gone) if gone else []
        if after is None:
            writes.append(Remove(group_row(str(before.spec.get("subscriptionId")), before.resource_group), "*"))
            if before.place is not None:
                writes.append(Remove(place_row(before.project, before.place), "*"))
        return writes


def held(record: WorkspaceRecord) -> tuple[IPv4Network, ...]:
    """Every range of the ledger that a workspace has."""
    ranges = (*record.former_address_spaces, record.address_space)
    return tuple(IPv4Network(text) for text in dict.fromkeys(ranges) if text)


def overlapping(network: IPv4Network, shelves: Shelves, workspace: str) -> tuple[Claim, ...]:
    """Others' ranges that a range cannot be taken beside, each once."""
    claims = {c: None for row in sorted(shelves) for c in shelves[row].claims}
    return tuple(c for c in claims if c.workspace != workspace and c.network.overlaps(network))


def claim_writes(shelves: Shelves, claim: Claim) -> list[Write]:
    """Writes that put a range on its shelves; nothing where the workspace has it already."""
    writes: list[Write] = []
    for row in shelf_rows(claim.network):
        shelf = shelves.get(row, Shelf(None))
        if claim not in shelf.claims:
            writes.append(_put(row, shelf, (*shelf.claims, claim)))
    return writes


def release_writes(shelves: Shelves, workspace: str, networks: Sequence[IPv4Network]) -> list[Write]:
    """Writes that take a workspace's ranges off their shelves."""
    gone, writes = frozenset(networks), list[Write]()
    for row, shelf in sorted(shelves.items()):
        left = tuple(c for c in shelf.claims if c.workspace != workspace or c.network not in gone)
        if len(left) != len(shelf.claims):
            writes.append(_put(row, shelf, left))
    return writes


def _put(row: str, shelf: Shelf, claims: tuple[Claim, ...]) -> Write:
    value = {"taken": [_value(claim) for claim in claims]}
    if shelf.etag is None:
        return Insert(row, value)
    return Replace(row, value, shelf.etag) if claims else Remove(row, shelf.etag)


def _value(claim: Claim) -> dict[str, str]:
    return {"range": str(claim.network), "workspace": claim.workspace, "project": claim.project}


def _claims(values: Sequence[Mapping[str, str]]) -> tuple[Claim, ...]:
    return tuple(Claim(IPv4Network(v["range"]), v["workspace"], v["project"]) for v in values)
