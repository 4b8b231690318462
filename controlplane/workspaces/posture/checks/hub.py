"""Who else is let in: build agents' rights, their age, links of our zones and grants that nobody declared. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from controlplane.arm import fold, is_within, name_of, parent_of, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.agent_versions import MONTHS, months_behind
from controlplane.workspaces.model import Resource, RoleAssignmentId
from controlplane.workspaces.posture.checks.holders import assignments, entra_names, unread
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, unknown
from controlplane.workspaces.resolve import holder_key

_SCOPE = "$.properties.scope"
_NETWORK = "$.properties.virtualNetwork.id"
_SCRIPT = "$.properties.settings.script"
_VERSION = re.compile(r"version='([0-9.]+)'")


def agent_scope(scene: Scene) -> Iterator[Outcome]:
    """S4-05: what a build agent's identity holds ends at the workspace's own resource group.

    The list of the group also shows what is held above it: a subscription's or a management group's roles.
    """
    for machine in _agents(scene):
        resource_id = scene.id_of(machine)
        if why := scene.unreadable(machine.key) or unread(scene):
            yield unknown(machine.key, resource_id, _SCOPE, list(scene.blueprint.own_groups), why)
            continue
        body = scene.body(machine.key)
        if body is None:
            continue
        held = [
            role
            for role in assignments(scene)
            if _same(_at(role, "principalId"), value_at(body, "$.identity.principalId"))
        ]
        wide = [role for role in held if not _inside(scene, str(_at(role, "scope")))]
        for role in wide:
            yield _too_wide(scene, machine, role)
        if not wide:
            message = f"{machine.key} holds {len(held)} roles, all inside the resource group."
            yield Outcome(machine.key, resource_id, FindingStatus.PASS, _SCOPE, None, None, message)


def _too_wide(scene: Scene, machine: Resource, role: JsonObject) -> Outcome:
    scope = str(_at(role, "scope"))
    return Outcome(
        machine.key,
        str(role["id"]),
        FindingStatus.FAIL,
        _SCOPE,
        list(scene.blueprint.own_groups),
        scope,
        f"The identity of {machine.key} has a role on {scope}, beyond the workspace's resource group.",
        (),
        manual("Whoever granted it decides; a pipeline needs no more than the resource group."),
        str(role["id"]),
    )


def _agents(scene: Scene) -> Iterator[Resource]:
    yield from scene.of_type(kinds.SCALE_SET)
    for machine in scene.of_type(kinds.VM):
        if machine.key.startswith("vm/agent-"):
            yield machine


def _at(body: JsonObject, name: str) -> Any:
    return (body.get("properties") or {}).get(name)


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


def _inside(scene: Scene, scope: str) -> bool:
    return any(is_within(scope, group) for group in scene.blueprint.own_groups)


def agent_age(scene: Scene) -> Iterator[Outcome]:
    """S1-64: how far the agent's version is behind the newest that is known here, from what its machine was told."""
    for extension in scene.of_type(kinds.VM_EXTENSION):
        if not extension.key.endswith("/agent"):
            continue
        resource_id, wanted = scene.id_of(extension), f"at most {MONTHS} months behind"
        if why := scene.unreadable(extension.key):
            yield unknown(extension.key, resource_id, _SCRIPT, wanted, why)
            continue
        body = scene.body(extension.key)
        if body is None:
            continue
        version = _version(value_at(body, _SCRIPT))
        behind = months_behind(version) if version else None
        causes = (Cause(extension.key, "$.properties.settings"),)
        if behind is None:
            status, message = FindingStatus.UNKNOWN, f"{extension.key}: nobody knows how old version {version} is."
        else:
            status = FindingStatus.PASS if behind <= MONTHS else FindingStatus.FAIL
            message = f"{extension.key}: agent {version} is {behind} months behind the newest one known."
        repair = manual("The version is the spec's: network.hub.agents.version.")
        yield Outcome(extension.key, resource_id, status, _SCRIPT, wanted, version, message, causes, repair)


def _version(script: Any) -> str | None:
    if not isinstance(script, str):
        return None
    try:
        text = base64.b64decode(script, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
    found = _VERSION.search(text)
    return found[1] if found else None


def foreign_links(scene: Scene) -> Iterator[Outcome]:
    """A network that nobody declared and that one of our zones answers: it learns where everything private is."""
    strangers = [body for body in scene.observed.unmanaged if _is(body, kinds.DNS_LINK)]
    for body in strangers:
        network = value_at(body, _NETWORK)
        zone = parent_of(str(body["id"])) or ""
        yield Outcome(
            scene.key_of(zone),
            str(body["id"]),
            FindingStatus.FAIL,
            _NETWORK,
            None,
            None if network is ABSENT else network,
            f"Zone {name_of(zone)} is linked to {network}, a network that this workspace does not have.",
            (),
            manual("Somebody made this link; whether anything needs it is not known here."),
        )
    dirty = {fold(parent_of(str(body["id"])) or "") for body in strangers}
    for zone_resource in scene.of_type(kinds.DNS_ZONE):
        if scene.body(zone_resource.key) is not None and fold(str(zone_resource.id)) not in dirty:
            links = f"{zone_resource.id}/virtualNetworkLinks"
            if why := scene.unlisted(links):
                yield unknown(zone_resource.key, scene.id_of(zone_resource), _NETWORK, "only our networks", why)
            else:
                message = f"{name_of(str(zone_resource.id))} is linked to our networks only."
                yield Outcome(
                    zone_resource.key, scene.id_of(zone_resource), FindingStatus.PASS, _NETWORK, None, None, message
                )


def foreign_grants(scene: Scene) -> Iterator[Outcome]:
    """A role on something of ours that nobody declared, for somebody who is not one of our identities."""
    # What we or Azure granted to an identity that is no more stays behind: it was made by who made those that are
    # declared, which nobody else can claim (``createdBy`` is the server's).
    ours = _makers(scene)
    unmanaged = (body for body in scene.observed.unmanaged if _is(body, kinds.ROLE_ASSIGNMENT))
    strangers = [body for body in unmanaged if str(_at(body, "createdBy") or "").lower() not in ours]
    # Personas and people have checks of their own, which say more.
    strangers = [body for body in strangers if not _is_known(scene, body)]
    # A lost identity leaves its grants behind, and nobody can tell them from somebody else's.
    holders = {holder_key(r.id) for r in scene.blueprint.resources if isinstance(r.id, RoleAssignmentId)}
    causes = tuple(
        cause
        for key in sorted(key for key in holders if key is not None)
        for cause in (Cause(key), Cause(key, "$.identity"))
    )
    names = entra_names(scene)
    for body in strangers:
        holder, scope = _at(body, "principalId"), str(_at(body, "scope"))
        known = names.get(str(holder).lower())
        who = f"{holder} ({known})" if known else f"{holder}"
        yield Outcome(
            None,
            str(body["id"]),
            FindingStatus.FAIL,
            "$.properties.principalId",
            None,
            holder,
            f"Principal {who} has a role on {scope} that this workspace does not declare.",
            causes,
            manual("Somebody granted it; whether anyone needs it is not known here."),
        )
    group = next(iter(scene.of_type(kinds.RESOURCE_GROUP)), None)
    if group is not None and not strangers:
        if why := unread(scene):
            yield unknown(group.key, scene.id_of(group), "$.properties.principalId", "declared roles", why)
        elif scene.body(group.key) is not None:
            message = "Every role inside the resource group is declared, or held by an identity of the workspace."
            yield Outcome(
                group.key, scene.id_of(group), FindingStatus.PASS, "$.properties.principalId", None, None, message
            )


def _is_known(scene: Scene, body: JsonObject) -> bool:
    person = str(_at(body, "principalType")).lower() == "user"
    return person or scene.grants.persona_of(str(_at(body, "principalId")).lower()) is not None


def _makers(scene: Scene) -> frozenset[str]:
    """Principals, in lower case, who made the role assignments that are declared and there."""
    declared = (r.key for r in scene.blueprint.resources if isinstance(r.id, RoleAssignmentId))
    bodies = (body for key in declared if (body := scene.body(key)) is not None)
    return frozenset(str(maker).lower() for body in bodies if (maker := _at(body, "createdBy")))


def _is(body: JsonObject, resource_type: str) -> bool:
    return type_of(str(body.get("id", ""))).lower() == resource_type.lower()
