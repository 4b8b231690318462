"""Nothing public: no open door in the workspace's own groups, whoever made the thing. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from controlplane.arm import name_of, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, unknown

_ADDRESS = "$.properties.ipAddress"
_ACCESS, _RULES, _NODES = (
    "$.properties.publicNetworkAccess",
    "$.properties.networkAcls.defaultAction",
    "$.properties.properties.enableNodePublicIp",
)
#: Where an absent publicNetworkAccess means Enabled (ARM reference of each type).
_OPEN_BY_DEFAULT = frozenset(t.lower() for t in (kinds.STORAGE, kinds.VAULT, kinds.REGISTRY, kinds.ML_WORKSPACE))
_INTERNET = frozenset({"*", "internet", "any", "0.0.0.0/0", "::/0"})
_NOT_OURS = "It is not in the blueprint: whoever made it decides what becomes of it."


def public_access(scene: Scene) -> Iterator[Outcome]:
    """No resource of the group answers the internet, in the blueprint or not."""
    for resource in scene.blueprint.resources:
        if resource.type.lower() not in _OPEN_BY_DEFAULT:
            continue
        resource_id = scene.id_of(resource)
        if why := scene.unreadable(resource.key):
            yield unknown(resource.key, resource_id, _ACCESS, "Disabled", why)
        elif (body := scene.body(resource.key)) is not None:
            opened = _opened(body)
            causes = (Cause(resource.key, _ACCESS), Cause(resource.key, "$.properties.networkAcls"))
            path, observed = opened or (_ACCESS, value_at(body, _ACCESS))
            status = FindingStatus.FAIL if opened else FindingStatus.PASS
            message = f"{resource.key} {'answers' if opened else 'does not answer'} the internet."
            yield Outcome(
                resource.key, resource_id, status, path, "Disabled", _shown(observed), message, causes,
                manual("The blueprint does not declare this property."),
            )  # fmt: skip
    for body in scene.observed.unmanaged:
        opened = _opened(body)
        if opened:
            path, observed = opened
            yield _stranger(body, path, "Disabled", observed, "answers the internet")


def _opened(body: JsonObject) -> tuple[str, Any] | None:
    """The path and value that open a resource, or None."""
    access = value_at(body, _ACCESS)
    if isinstance(access, str):
        return (_ACCESS, access) if access.casefold() == "enabled" else None
    rules = value_at(body, _RULES)
    if isinstance(rules, str) and rules.casefold() == "allow":
        return _RULES, rules
    if access is ABSENT and type_of(str(body.get("id", ""))).lower() in _OPEN_BY_DEFAULT:
        return _ACCESS, ABSENT
    return None


def public_addresses(scene: Scene) -> Iterator[Outcome]:
    """No public IP but the blueprint's, and no nodes with public addresses that the blueprint does not have."""
    for body in scene.observed.unmanaged:
        resource_type = type_of(str(body.get("id", ""))).lower()
        if resource_type == kinds.PUBLIC_IP.lower():
            yield _stranger(body, _ADDRESS, None, value_at(body, _ADDRESS), "is a public address")
        elif resource_type == kinds.COMPUTE.lower() and value_at(body, _NODES) is not False:
            yield _stranger(body, _NODES, False, value_at(body, _NODES), "has nodes with public addresses")
    for resource in scene.of_type(kinds.PUBLIC_IP):
        if scene.body(resource.key) is not None:
            resource_id = scene.id_of(resource)
            yield Outcome(
                resource.key,
                resource_id,
                FindingStatus.PASS,
                "$",
                None,
                None,
                "One of the blueprint's addresses.",
            )


def open_ports(scene: Scene) -> Iterator[Outcome]:
    """No rule of a network security group lets the internet in."""
    path = "$.properties.securityRules"
    for group in scene.of_type(kinds.NSG):
        resource_id = scene.id_of(group)
        if why := scene.unreadable(group.key):
            yield unknown(group.key, resource_id, path, "nothing from the internet", why)
        elif (body := scene.body(group.key)) is not None:
            yield from _ports(group, resource_id, body, path)


def _ports(group: Resource, resource_id: str | None, body: JsonObject, path: str) -> Iterator[Outcome]:
    # The Bastion's own door is asked for (nsg_rules.bastion); whoever changes that rule differs from what is declared.
    declared = {rule["name"] for rule in group.body["properties"]["securityRules"] if _lets_internet_in(rule)}
    found = body.get("properties", {}).get("securityRules") or ()
    rules = [rule for rule in found if rule.get("name") not in declared and _lets_internet_in(rule)]
    for rule in rules:
        yield Outcome(
            group.key,
            resource_id,
            FindingStatus.FAIL,
            f"{path}[{rule.get('name')}]",
            None,
            rule,
            f"Rule {rule.get('name')} of {group.key} lets the internet in.",
            (Cause(group.key, path),),
            manual("Left to whoever added the rule, where the group's declared rules do not put it back."),
        )
    if not rules:
        yield Outcome(
            group.key, resource_id, FindingStatus.PASS, path, None, None, "Nothing comes in from the internet."
        )


def _lets_internet_in(rule: Any) -> bool:
    properties = rule.get("properties", {})
    if str(properties.get("direction")).casefold() != "inbound" or str(properties.get("access")).casefold() != "allow":
        return False
    sources = (properties.get("sourceAddressPrefix"), *(properties.get("sourceAddressPrefixes") or ()))
    return any(_is_internet(source) for source in sources if source)


def _is_internet(source: str) -> bool:
    if source.casefold() in _INTERNET:
        return True
    try:
        return ipaddress.ip_network(source, strict=False).is_global
    except ValueError:
        return False  # a service tag or a security group


def _stranger(body: JsonObject, path: str, wanted: Any, observed: Any, what: str) -> Outcome:
    resource_id = str(body.get("id", ""))
    message = f"{name_of(resource_id)} ({type_of(resource_id)}), which is not in the blueprint, {what}."
    return Outcome(
        None, resource_id, FindingStatus.FAIL, path, wanted, _shown(observed), message, repair=manual(_NOT_OURS)
    )


def _shown(value: Any) -> Any:
    return None if value is ABSENT else value
