"""What exists, read in the fewest calls: one list per type at the resource group, per zone, per endpoint.

Reads of a workspace that exists: the group, one list per listed type, computes, role assignments, links and records of
each zone, the zone groups of each endpoint, and the diagnostic settings of each resource that has some. Of one that
does not: the group, and what it has in somebody else's hub. Besides: what is watched of somebody else's, and one list
per type that only what was removed from the spec is of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.arm import fold, is_within, parent_of, type_of
from controlplane.errors import Conflict, NotYet, Rejected, Throttled, Transient
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.workspaces import kinds as k
from controlplane.workspaces.access.powers import POWERS
from controlplane.workspaces.kinds import Kind, Listing
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import (
    Answer,
    Blueprint,
    Observed,
    Origin,
    Read,
    Resource,
    RoleAssignmentId,
    Unreadable,
)
from controlplane.workspaces.policies.effective import assignments_of, definitions_of
from controlplane.workspaces.policies.registry import asks_admin
from controlplane.workspaces.records import Owned
from controlplane.workspaces.resolve import at, holder_key, holder_of

#: What a read may wait, all its pauses together, before it counts as unreadable: somebody waits for the answer.
PATIENCE_SECONDS = 3.0
_FIRST_PAUSE = 0.1
#: Made by Azure or listed for what they say of others: nobody has to manage them.
_CHILDREN = frozenset(
    {
        k.A_RECORD, k.ELIGIBILITY, k.ACTIVATION, k.DATASTORE, k.POLICY_ASSIGNMENT, k.POLICY_DEFINITION, k.POLICY_SET,
        k.ROLE_DEFINITION,
    }
)  # fmt: skip
#: Listed with their parent although the blueprint may hold none: what was removed from a spec must still be seen.
_WITH_PARENT = {
    k.DNS_ZONE: (k.DNS_LINK, k.A_RECORD),
    k.ML_WORKSPACE: (k.COMPUTE, k.DATASTORE),
    k.VM: (k.VM_EXTENSION,),
}
_NOTHING: Mapping[str, Owned] = {}
_INLINE = {
    k.VNET: tuple(kind for kind in KINDS.values() if kind.listing is Listing.INLINE),
}


def reads(blueprint: Blueprint, inventory: Mapping[str, Owned] = _NOTHING) -> tuple[Read, ...]:
    """Every question, the resource group's first; none twice."""
    return tuple(_questions(blueprint, inventory))


async def take_snapshot(
    blueprint: Blueprint, reader: ResourceReader, inventory: Mapping[str, Owned] = _NOTHING, parallel: int = 16
) -> Observed:
    """Reads and observes. ``inventory``: what the workspace owns, some of it perhaps not asked for any more.
    ``parallel``: calls in flight.

    A read that Azure refuses or cannot answer becomes ``unknown``; raises ``Fatal`` (an unexpected host) only.
    """
    first, *others = reads(blueprint, inventory)
    answer = await _ask(reader, first)
    if isinstance(answer, Unreadable):
        # When even the group cannot be read, nothing is known.
        return observe(blueprint, dict.fromkeys((first, *others), answer), inventory)
    known: dict[Read, Answer] = {first: answer}
    if not answer:
        # Without its group nothing of it exists. What lies in somebody else's hub stays there when the group goes.
        known |= {read: answer for read in others if any(is_within(read.path, own) for own in blueprint.own_groups)}
    gate = asyncio.Semaphore(parallel)

    async def ask(read: Read) -> Answer:
        async with gate:
            return await _ask(reader, read)

    asked = [read for read in others if read not in known]
    known |= dict(zip(asked, await asyncio.gather(*(ask(read) for read in asked)), strict=True))
    more = tuple(_assigned(blueprint, known))
    known |= dict(zip(more, await asyncio.gather(*(ask(read) for read in more)), strict=True))
    return observe(blueprint, known, inventory)


def _assigned(blueprint: Blueprint, answers: Mapping[Read, Answer]) -> dict[Read, str]:
    """What is asked after it is known which policies are assigned and who has which role: definitions of both."""
    found = answers.get(assignments_of(blueprint.own_groups[0]), ())
    policies = {} if isinstance(found, Unreadable) else definitions_of(blueprint.subscription_id, found)
    return {**policies, **_roles_defined(blueprint, answers)}


def _roles_defined(blueprint: Blueprint, answers: Mapping[Read, Answer]) -> dict[Read, str]:
    """Definitions of roles that somebody holds or may take, and that are not known here: custom ones, and rare ones."""
    if not blueprint.access.members:
        return {}
    names: set[str] = set()
    for kind in (k.ROLE_ASSIGNMENT, k.ELIGIBILITY):
        found = answers.get(Read(f"{blueprint.own_groups[0]}/providers/{kind}", k.API_VERSIONS[kind], True), ())
        for body in () if isinstance(found, Unreadable) else found:
            names.add(str(at(body, "properties.roleDefinitionId")).rpartition("/")[2].lower())
    return {role_definition(blueprint, name): k.ROLE_DEFINITION for name in sorted(names - POWERS.keys())}


def role_definition(blueprint: Blueprint, guid: str) -> Read:
    """The question what a role allows."""
    path = f"/subscriptions/{blueprint.subscription_id}/providers/{k.ROLE_DEFINITION}/{guid}"
    return Read(path, k.API_VERSIONS[k.ROLE_DEFINITION], False)


async def _ask(reader: ResourceReader, read: Read) -> Answer:
    """One read, asked again after a passing fault: of so many, one nearly always meets one when Azure is busy."""
    waited, pause = 0.0, _FIRST_PAUSE
    while True:
        try:
            if read.is_list:
                return tuple(await reader.list(read.path, read.api_version, read.query))
            body = await reader.get(read.path, read.api_version)
            return () if body is None else (body,)
        except Transient as error:
            seconds = error.retry_after or pause
            if waited + seconds > PATIENCE_SECONDS:
                told = error.retry_after if isinstance(error, Throttled) else 0.0
                return Unreadable(error.code, error.message, told)
            await asyncio.sleep(seconds)
            waited, pause = waited + seconds, 2 * pause
        except (Rejected, Conflict, NotYet) as error:
            return Unreadable(error.code, error.message)


def observe(
    blueprint: Blueprint, answers: Mapping[Read, Answer], inventory: Mapping[str, Owned] = _NOTHING
) -> Observed:
    """What the answers mean for each key. Raises ``KeyError`` when a read was not answered at all."""
    found = _Found()
    for read, resource_type in (_questions(blueprint, inventory) | _assigned(blueprint, answers)).items():
        if resource_type == k.ROLE_DEFINITION and read not in answers:
            continue  # What a role allows is unknown until somebody asked.
        answer = answers[read]
        if isinstance(answer, Unreadable):
            found.unreadable[fold(read.path)] = answer
            if not read.is_list and resource_type == k.VNET:
                # Somebody else's network: asked for by itself, and looked up as if its group had been listed.
                found.unreadable[fold(read.path.rpartition("/")[0])] = answer
        else:
            for body in answer:
                found.add(body, KINDS[resource_type], read.path)
    claimed = _claim(blueprint, found)
    unmanaged = tuple(_unmanaged(blueprint, found, claimed))
    return Observed(found.bodies, found.unknown, unmanaged, found.snapshot, found.read_from, found.unreadable)


def _questions(blueprint: Blueprint, inventory: Mapping[str, Owned]) -> dict[Read, str]:
    """Read → ARM type of what it answers."""
    asked = _declared(blueprint)
    paths = {fold(read.path) for read in asked}
    for key, owned in inventory.items():
        path = None if key in blueprint.by_key else _shown_by(owned, blueprint)
        if path is not None and fold(path) not in paths:
            paths.add(fold(path))
            asked[Read(path, KINDS[owned.type].api_version, True)] = owned.type
    return asked


#: Without these nothing of a type that the spec has no more would be seen, and so never deleted.
_REMOVABLE = frozenset({Listing.GROUP, Listing.PARENT})


def _shown_by(owned: Owned, blueprint: Blueprint) -> str | None:
    """The list in which something is seen that the spec has no more."""
    kind = KINDS.get(owned.type)
    if kind is None:
        return None
    if kind.listing is Listing.GROUP_EXTENSION:
        # A role on something of somebody else's: their group is asked for nothing else any more.
        return f"{_group_of(owned.resource_id)}/providers/{kind.type}"
    path = owned.resource_id.rpartition("/")[0]
    own = any(is_within(path, group) for group in blueprint.own_groups)
    return path if own and kind.listing in _REMOVABLE else None


def _declared(blueprint: Blueprint) -> dict[Read, str]:
    asked: dict[Read, str] = {}
    for resource in blueprint.resources:
        kind = KINDS[resource.type]
        if kind.listing is Listing.INLINE:
            if (network := _abroad(blueprint, resource)) is not None:
                asked[Read(network, k.API_VERSIONS[k.VNET], False)] = k.VNET
            continue
        if resource.origin is Origin.GIVEN:
            asked[Read(str(resource.id), kind.api_version, False)] = kind.type
            continue
        path = _path(resource, kind)
        asked[Read(path, kind.api_version, kind.listing is not Listing.SELF)] = kind.type
        for child in _below(resource, kind):
            asked[Read(f"{resource.id}/{child.rpartition('/')[2]}", k.API_VERSIONS[child], True)] = child
        if kind.type == k.DNS_LINK and (zone := _abroad(blueprint, resource)) is not None:
            asked[Read(f"{zone}/A", k.API_VERSIONS[k.A_RECORD], True)] = k.A_RECORD
    for resource_type, arm_id in blueprint.watched:
        asked[Read(arm_id, k.API_VERSIONS[resource_type], False)] = resource_type
        if resource_type == k.STORAGE:
            roles = f"{_group_of(arm_id)}/providers/{k.ROLE_ASSIGNMENT}"
            asked[Read(roles, k.API_VERSIONS[k.ROLE_ASSIGNMENT], True)] = k.ROLE_ASSIGNMENT
    if blueprint.access.members:
        # Who may take a role, and who has taken it for a while, matters where somebody shall not hold it.
        for kind_of_role in (k.ELIGIBILITY, k.ACTIVATION):
            path = f"{blueprint.own_groups[0]}/providers/{kind_of_role}"
            asked[Read(path, k.API_VERSIONS[kind_of_role], True)] = kind_of_role
    if asks_admin(blueprint) is not None:
        asked[assignments_of(blueprint.own_groups[0])] = k.POLICY_ASSIGNMENT
    return asked


def _below(resource: Resource, kind: Kind) -> tuple[str, ...]:
    """Types that are listed with a resource; the outbound rules of a workspace only where it has any."""
    found = _WITH_PARENT.get(kind.type, ())
    managed = kind.type == k.ML_WORKSPACE and at(resource.body, "properties.managedNetwork") is not None
    return (*found, k.OUTBOUND_RULE) if managed else found


def _abroad(blueprint: Blueprint, resource: Resource) -> str | None:
    """Somebody else's network or zone that a resource of ours lies in; None for our own."""
    parent = parent_of(str(resource.id)) or ""
    own = any(is_within(parent, group) for group in blueprint.own_groups)
    return None if own or isinstance(resource.id, RoleAssignmentId) else parent


def _path(resource: Resource, kind: Kind) -> str:
    if isinstance(resource.id, RoleAssignmentId):
        # One list at the group answers everything at, above and below it.
        return f"{_group_of(resource.id.scope)}/providers/{kind.type}"
    if kind.listing is Listing.SELF:
        return resource.id
    return resource.id.rpartition("/")[0]


def _group_of(arm_id: str) -> str:
    return arm_id.partition("/providers/")[0]


def collection_of(arm_id: str, resource_type: str) -> str:
    """Folded path of the read that would have shown a resource: what :attr:`Observed.unreadable` is keyed by."""
    kind = KINDS[resource_type]
    if kind.listing is Listing.SELF:
        return fold(arm_id)
    if kind.listing is Listing.GROUP_EXTENSION:
        return fold(f"{_group_of(arm_id)}/providers/{kind.type}")
    path = arm_id.rpartition("/")[0]
    if kind.listing is Listing.INLINE:
        path = path.rpartition("/")[0].rpartition("/")[0]
    return fold(path)


@dataclass(slots=True)
class _Found:
    """Everything read, while it is being sorted."""

    bodies: dict[str, JsonObject] = field(default_factory=dict)
    unknown: dict[str, Unreadable] = field(default_factory=dict)
    snapshot: dict[str, JsonObject] = field(default_factory=dict)
    read_from: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    roles: dict[tuple[str, str, str], JsonObject] = field(default_factory=dict)
    manageable: list[str] = field(default_factory=list)
    """Folded ids that a key should claim."""

    def add(self, body: JsonObject, kind: Kind, path: str) -> None:
        """A body and what it carries inside."""
        arm_id = self._put(body, path)
        properties = body.get("properties") or {}
        if kind.type == k.ROLE_ASSIGNMENT:
            self.roles[_triple(properties)] = body
        if kind.type not in _CHILDREN:
            self.manageable.append(arm_id)
        for child in _INLINE.get(kind.type, ()):
            for item in properties.get(str(child.inline).rpartition(".")[2]) or ():
                self.manageable.append(self._put(item, path))
        for connection in properties.get("privateEndpointConnections") or ():
            if connection.get("id"):
                self._put(connection, path)

    def _put(self, body: JsonObject, path: str) -> str:
        arm_id = fold(str(body["id"]))
        self.snapshot[arm_id] = body
        self.read_from[arm_id] = path
        return arm_id


def _triple(properties: JsonObject) -> tuple[str, str, str]:
    role = str(properties.get("roleDefinitionId", "")).rpartition("/")[2]
    return fold(str(properties.get("scope", ""))), role.lower(), str(properties.get("principalId", "")).lower()


def _claim(blueprint: Blueprint, found: _Found) -> set[str]:
    """Fills ``bodies`` and ``unknown``, dependencies first; returns the folded ids claimed."""
    bodies, unknown = found.bodies, found.unknown
    so_far = Observed(bodies)
    claimed: set[str] = set()
    for resource in blueprint.resources:
        arm_id = resource.id
        if isinstance(arm_id, RoleAssignmentId):
            body, where = _role(arm_id, found, so_far), arm_id.scope
        else:
            body, where = found.snapshot.get(fold(arm_id)), arm_id
        if body is not None:
            bodies[resource.key] = body
            claimed.add(fold(str(body["id"])))
            continue
        collection = fold(where) if resource.origin is Origin.GIVEN else collection_of(where, resource.type)
        holder = holder_key(arm_id) if isinstance(arm_id, RoleAssignmentId) else None
        if holder is not None and holder in unknown:
            unknown[resource.key] = unknown[holder]
        elif collection in found.unreadable:
            unknown[resource.key] = found.unreadable[collection]
        elif isinstance(arm_id, str):
            found.read_from.setdefault(fold(arm_id), collection)
    return claimed


def _role(wanted: RoleAssignmentId, found: _Found, so_far: Observed) -> JsonObject | None:
    """By (scope, role, principal): Azure keeps one assignment of a triple, whatever its name and whoever made it."""
    holder = holder_of(wanted, so_far)
    if holder is None:
        return None
    return found.roles.get((fold(wanted.scope), wanted.role_definition.lower(), holder.lower()))


_ROLES = f"/providers/{k.ROLE_ASSIGNMENT.lower()}"


def _unmanaged(blueprint: Blueprint, found: _Found, claimed: set[str]) -> Iterator[JsonObject]:
    """What lies in our own groups and no key claims.

    Not among them: grants inherited from above, which lie elsewhere, grants to the workspace's own identities, of
    which Azure makes several by itself (S2-09), and those that an administrator was asked to make.
    """
    own = tuple(fold(group) + "/" for group in blueprint.own_groups)
    ours = {
        str(at(found.snapshot[arm_id], path)).lower()
        for arm_id in claimed
        for path in ("identity.principalId", "properties.principalId")
        if not arm_id.rpartition("/")[0].endswith(_ROLES)
    }
    theirs = {fold(str(body["id"])) for (_, _, holder), body in found.roles.items() if holder in ours}
    by_hand = {(fold(grant.scope), grant.role.guid, grant.principal) for grant in blueprint.access.by_hand}
    theirs |= {fold(str(body["id"])) for triple, body in found.roles.items() if triple in by_hand}
    theirs |= taken_roles(found.snapshot).keys()
    for arm_id in found.manageable:
        # The interface of a private endpoint is Azure's, and comes and goes with it.
        made_by_azure = at(found.snapshot[arm_id], "properties.privateEndpoint.id") is not None or _required(
            found.snapshot[arm_id]
        )
        if arm_id not in claimed and arm_id not in theirs and arm_id.startswith(own) and not made_by_azure:
            yield found.snapshot[arm_id]


def taken_roles(snapshot: Mapping[str, JsonObject]) -> Mapping[str, JsonObject]:
    """Folded id of each role assignment that is an activation (PIM), and what Azure says of it. It ends by itself."""
    found = {}
    for arm_id, body in snapshot.items():
        origin = at(body, "properties.originRoleAssignmentId")
        activated = at(body, "properties.assignmentType") == "Activated"
        if activated and isinstance(origin, str) and type_of(arm_id).lower() == k.ACTIVATION.lower():
            found[fold(origin)] = body
    return found


def _required(body: JsonObject) -> bool:
    """An outbound rule that Azure makes for itself, or that follows from one."""
    return at(body, "properties.category") in ("Required", "Recommended", "Dependency")
