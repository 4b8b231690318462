"""The difference between a blueprint and what exists, as changes; and what to write to remove it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from controlplane.arm import fold, type_of
from controlplane.errors import NotYet
from controlplane.json_types import JsonObject
from controlplane.workspaces.compare import added_by_azure, differences
from controlplane.workspaces.kinds import SUBNET, Kind
from controlplane.workspaces.kinds_table import KINDS, kind_of
from controlplane.workspaces.model import (
    SYSTEM_PRINCIPAL,
    Action,
    Blueprint,
    Change,
    Difference,
    Expectation,
    Observed,
    Origin,
    Ref,
    Resource,
    RoleAssignmentId,
)
from controlplane.workspaces.observe import collection_of
from controlplane.workspaces.records import Owned
from controlplane.workspaces.resolve import Unresolved, at, holder_of, resolve

#: Answered by Azure inside what we write back of a subnet, and never to be sent.
_READ_ONLY = frozenset(
    {
        "etag",
        "ipConfigurationProfiles",
        "ipConfigurations",
        "privateEndpoints",
        "provisioningState",
        "purpose",
        "resourceGuid",
        "resourceNavigationLinks",
        "serviceAssociationLinks",
        "type",
    }
)


def body(
    resource: Resource, existing: JsonObject | None, observed: Observed, *, force: bool = False
) -> JsonObject | None:
    """What to PUT so that the resource becomes as declared; None when it is, unless ``force`` wants it written anyway.

    Raises ``NotYet("DependencyOutputMissing")`` while an output it needs is unknown.
    """
    kind = kind_of(resource)
    if existing is not None and not force and not differences(resource.body, existing, kind, observed):
        return None
    resolved = resolve(resource, observed)
    if isinstance(resolved, Unresolved):
        missing = ", ".join(resolved.keys)
        raise NotYet("DependencyOutputMissing", f"{resource.key} needs an output of {missing}.", retry_after=0)
    if existing is None:
        return resolved.body
    if kind.merges:
        return _merged(existing, resolved.body)
    return _with_theirs(existing, resolved.body, kind, observed)


def _with_theirs(existing: JsonObject, ours: JsonObject, kind: Kind, observed: Observed) -> JsonObject:
    """Ours, with tags of others, what Azure added to a list, and what others change by right."""
    merged = dict(ours)
    if "tags" in ours:
        merged["tags"] = _merged_tags(existing.get("tags") or {}, ours["tags"])
    for path in kind.kept:
        merged = _kept(merged, existing, path.split("."))
    for path in kind.additions:
        part, _, name = path.partition(".")
        mine, theirs = (body.get(part) or {} for body in (merged, existing))
        if name in mine and theirs.get(name):
            key = kind.keyed[path]
            named = {str(item.get(key)).lower() for item in mine[name]}
            kept = [
                item
                for item in theirs[name]
                if str(item.get(key)).lower() not in named and added_by_azure(item.get(key), path, kind, observed)
            ]
            merged[part] = {**mine, name: [*mine[name], *kept]}
    return merged


def _kept(ours: JsonObject, existing: JsonObject, path: Sequence[str]) -> dict[str, Any]:
    """Ours, with the value that stands at ``path`` now, where there is one."""
    name, *rest = path
    theirs = existing.get(name)
    if theirs is None:
        return dict(ours)
    if not rest:
        return {**ours, name: theirs}
    inner = ours.get(name)
    mine = inner if isinstance(inner, Mapping) else {}
    return {**ours, name: _kept(mine, theirs, rest)}


def _merged(existing: JsonObject, ours: JsonObject) -> JsonObject:
    """GET plus our fields, without those that shall not be there: a PUT of a subnet drops whatever it does not name."""
    kept = _without_read_only(existing.get("properties") or {})
    merged = {**kept, **ours["properties"]}
    return {**ours, "properties": {name: value for name, value in merged.items() if value is not None}}


def released(
    resource: Resource, found: JsonObject | None, blueprint: Blueprint, inventory: Mapping[str, Owned]
) -> Resource:
    """With nothing declared where a subnet still uses what the blueprint no longer has: Azure deletes no NAT gateway,
    route table or policy that is in use. Somebody else's stays, as everything of a subnet that is not declared."""
    if resource.type != SUBNET or found is None:
        return resource
    going = {fold(owned.resource_id) for key, owned in inventory.items() if key not in blueprint.by_key}
    declared = resource.body["properties"]
    left: dict[str, None] = {}
    for name, path, with_it in _LET_GO:
        used = at(found, path)
        if isinstance(used, str) and fold(used) in going:
            left |= {part: None for part in (name, *with_it) if part not in declared}
    return replace(resource, body={**resource.body, "properties": {**declared, **left}}) if left else resource


#: What a subnet can use, where it says so, and what makes no sense without it.
_LET_GO = (
    ("natGateway", "properties.natGateway.id", ()),
    ("routeTable", "properties.routeTable.id", ()),
    ("serviceEndpointPolicies", "properties.serviceEndpointPolicies[0].id", ("serviceEndpoints",)),
)


def _without_read_only(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_read_only(item)
            for name, item in value.items()
            if name not in _READ_ONLY and item is not None
        }
    return [_without_read_only(item) for item in value] if isinstance(value, list) else value


def _merged_tags(existing: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Other people's tags stay; a PUT without them would delete them."""
    names = {name.lower() for name in ours}
    return {**{name: value for name, value in existing.items() if name.lower() not in names}, **ours}


def unmet(resource: Resource, observed_body: JsonObject) -> tuple[Expectation, ...]:
    """Post-conditions that do not hold."""
    return tuple(expected for expected in resource.ready if not _holds(expected, observed_body))


def _holds(expected: Expectation, observed_body: JsonObject) -> bool:
    values = _values(observed_body, expected.path.split("."))
    allowed = {value.casefold() for value in expected.one_of}
    return bool(values) and all(isinstance(v, str) and v.casefold() in allowed for v in values)


def _values(value: Any, path: Sequence[str]) -> list[Any]:
    """Values at a path; ``name[*]`` is every item. Nothing where a step leads nowhere."""
    if not path:
        return [value]
    name, every, _ = path[0].partition("[*]")
    found = value.get(name) if isinstance(value, Mapping) else None
    if not every:
        return _values(found, path[1:])
    return [item for each in found or () for item in _values(each, path[1:])]


def diff(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> tuple[Change, ...]:
    """Every resource of the blueprint in its order, then deletions (dependants first), then what nobody manages.

    A deletion is an entry of ``inventory`` whose key the blueprint no longer has and which still exists.
    """
    wanted = [released(one, observed.bodies.get(one.key), blueprint, inventory) for one in blueprint.resources]
    changes = [_moved(resource, _change(resource, observed), inventory) for resource in wanted]
    if any(change.action is Action.REPLACE for change in changes):
        changes = _spread(blueprint, changes)
    changes.extend(_deletions(blueprint, observed, inventory))
    owned = {fold(item.resource_id) for item in inventory.values()}
    for found in observed.unmanaged:
        arm_id = str(found["id"])
        if fold(arm_id) not in owned:
            key = f"unmanaged/{arm_id.rpartition('/providers/')[2]}"
            changes.append(Change(key, type_of(arm_id), arm_id, Action.UNMANAGED, reason="Nobody declared it."))
    return tuple(changes)


_MAKERS = {
    Origin.DECLARED: "",
    Origin.AZURE: "Azure makes it.",
    Origin.GIVEN: "Whoever brings it has to make it.",
}


def _change(resource: Resource, observed: Observed) -> Change:
    key = resource.key
    if key in observed.unknown:
        why = observed.unknown[key]
        reason = f"{why.code}: {why.message}"
        return _of(resource, observed, Action.UNKNOWN, (), reason)
    found = observed.bodies.get(key)
    if found is None:
        return _of(resource, observed, Action.CREATE, (), _MAKERS[resource.origin])
    differing = differences(resource.body, found, kind_of(resource), observed)
    if not differing:
        return _of(resource, observed, Action.NONE, (), "")
    action = Action.REPLACE if any(item.replaces for item in differing) else Action.UPDATE
    return _of(resource, observed, action, differing, "")


def _moved(resource: Resource, change: Change, inventory: Mapping[str, Owned]) -> Change:
    """What the workspace owns under another id than is asked for now (a link in another zone, a peering of another
    hub) goes there before it is made here: only the inventory knows it."""
    owned = inventory.get(resource.key)
    if owned is None or not isinstance(resource.id, str) or fold(owned.resource_id) == fold(resource.id):
        return change
    return replace(change, action=Action.REPLACE, reason=f"It is {owned.resource_id} until then.")


def _of(
    resource: Resource, observed: Observed, action: Action, differing: tuple[Difference, ...], reason: str
) -> Change:
    arm_id = resource.id
    if isinstance(arm_id, RoleAssignmentId):
        found = observed.bodies.get(resource.key)
        known = str(found["id"]) if found is not None else _future_id(arm_id, observed)
    else:
        known = arm_id
    return Change(resource.key, resource.type, known, action, differing, resource.depends_on, 0.0, reason)


def _future_id(arm_id: RoleAssignmentId, observed: Observed) -> str | None:
    holder = holder_of(arm_id, observed)
    return arm_id.resolve(holder) if holder is not None else None


def _spread(blueprint: Blueprint, changes: list[Change]) -> list[Change]:
    """Replacing a resource replaces what lies in it, and what cannot be moved away from it."""
    replaced: dict[str, str] = {}
    for place, (resource, change) in enumerate(zip(blueprint.resources, changes, strict=True)):
        if change.action is Action.REPLACE:
            replaced[resource.key] = str(change.id)
            continue
        if change.action not in (Action.NONE, Action.UPDATE):
            continue
        fixed = [str(resource.id.scope if isinstance(resource.id, RoleAssignmentId) else resource.id)]
        fixed += [str(value) for path in kind_of(resource).replacing for value in _fixed(resource.body, path)]
        cause = next((key for key in resource.depends_on if key in replaced and _lies_in(fixed, replaced[key])), None)
        cause = cause or _principal_lost(resource, replaced)
        if cause is not None:
            changes[place] = replace(change, action=Action.REPLACE, reason=f"{cause} is replaced.")
            replaced[resource.key] = str(change.id)
    return changes


def _fixed(declared: JsonObject, path: str) -> list[Any]:
    return [value for value in _values(declared, path.replace("[]", "[*]").split(".")) if isinstance(value, str)]


def _lies_in(ids: list[str], outer: str) -> bool:
    folded = fold(outer)
    return any(fold(arm_id) == folded or fold(arm_id).startswith(folded + "/") for arm_id in ids)


#: A system identity's, and what a user-assigned one shows of itself.
_OWN_PRINCIPALS = frozenset({SYSTEM_PRINCIPAL, "properties.principalId"})


def _principal_lost(resource: Resource, replaced: Mapping[str, str]) -> str | None:
    """A new system identity is a new principal: its grants are other grants. A user-assigned one outlives it all."""
    principal = resource.id.principal if isinstance(resource.id, RoleAssignmentId) else None
    if isinstance(principal, Ref) and principal.path in _OWN_PRINCIPALS and principal.key in replaced:
        return principal.key
    return None


def _deletions(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> Iterator[Change]:
    gone = {key: owned for key, owned in inventory.items() if key not in blueprint.by_key}
    for key in reversed(_dependencies_first(gone)):
        owned = gone[key]
        if owned.type in KINDS and KINDS[owned.type].stays:
            continue
        unread = observed.unreadable.get(collection_of(owned.resource_id, owned.type))
        holds = tuple(sorted(other for other, item in gone.items() if key in item.depends_on))
        if unread is not None:
            reason = f"{unread.code}: {unread.message}"
            yield Change(key, owned.type, owned.resource_id, Action.UNKNOWN, (), holds, 0.0, reason)
        elif fold(owned.resource_id) in observed.snapshot:
            reason = "No longer asked for."
            yield Change(key, owned.type, owned.resource_id, Action.DELETE, (), holds, 0.0, reason)


def _dependencies_first(items: Mapping[str, Owned]) -> list[str]:
    depth: dict[str, int] = {}

    def measure(key: str) -> int:
        if key not in depth:
            depth[key] = 0
            depth[key] = 1 + max((measure(on) for on in items[key].depends_on if on in items), default=-1)
        return depth[key]

    return sorted(items, key=lambda key: (measure(key), key))
