"""What Azure would answer for a blueprint that was created: bodies with defaults, children, and other people's changes.

:class:`Estate` holds a body per ARM id and answers the reads of a blueprint from them, as lists per type, with subnets
and peerings inside their network. Tests change it as another principal would, and observe again. Pure: no clock, no
randomness; ids and addresses derive from the resource ids. Defaults are those seen in ``tests/data/arm``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import fold, is_within, name_of, parent_of, type_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces import observe
from controlplane.workspaces.model import Answer, Blueprint, Observed, Read, Ref, Resource, RoleAssignmentId, Unreadable
from controlplane.workspaces.resolve import at
from tests.support.azure_defaults import CONNECTION_LISTS, DEFAULTS, REGION, TENANT, Body, guid, leads_to, plain

__all__ = ["TENANT", "Estate", "create", "guid"]

_INLINE = {"subnets": k.SUBNET, "virtualNetworkPeerings": k.PEERING}


#: What is somebody else's, by type: a storage account behind private endpoints, a registry without an admin account.
_THEIRS: Mapping[str, Body] = {
    k.VAULT: {"location": REGION, "properties": {"enableSoftDelete": True, "enablePurgeProtection": True}},
    k.STORAGE: {
        "properties": {
            "publicNetworkAccess": "Disabled",
            "networkAcls": {"defaultAction": "Deny", "bypass": "None"},
            "allowSharedKeyAccess": False,
        }
    },
    k.REGISTRY: {"sku": {"name": "Premium"}, "properties": {"adminUserEnabled": False}},
}


def create(blueprint: Blueprint) -> Estate:
    """Everything of a blueprint, made by Azure in its order."""
    estate = Estate(blueprint)
    for kind, arm_id in blueprint.watched:
        body = {"id": arm_id, "name": name_of(arm_id), "type": kind, **copy.deepcopy(_THEIRS[kind])}
        estate.bodies[fold(arm_id)] = body
    for resource in blueprint.resources:
        estate.put(resource)
    return estate


@dataclass
class Estate:
    """Folded ARM id → body."""

    blueprint: Blueprint
    bodies: dict[str, Body] = field(default_factory=dict)
    refused: dict[str, Unreadable] = field(default_factory=dict)
    """Folded path of a read → why Azure refuses it."""

    def copy(self) -> Estate:
        """Another estate in the same state."""
        return Estate(self.blueprint, copy.deepcopy(self.bodies), dict(self.refused))

    def id_of(self, key: str) -> str:
        """The ARM id of a key, a role assignment's as its principal makes it."""
        arm_id = self.blueprint.by_key[key].id
        if isinstance(arm_id, RoleAssignmentId):
            return arm_id.resolve(str(self._filled(arm_id.principal)))  # a Ref, or an object id as it is
        return arm_id

    def get(self, arm_id: str) -> Body | None:
        """What a GET answers, as JSON of its own."""
        body = self.bodies.get(fold(arm_id))
        if body is None:
            return None
        return copy.deepcopy(self._network(body) if type_of(arm_id).lower() == k.VNET.lower() else body)

    def body(self, key: str) -> Body:
        """The body under a key, to be changed in place."""
        return self.bodies[fold(self.id_of(key))]

    def observed(self, asked: Blueprint | None = None) -> Observed:
        """What a control plane that asks now would see; ``asked``: with another blueprint than was made."""
        return observe.observe(asked or self.blueprint, self.answers(asked))

    def answers(self, asked: Blueprint | None = None) -> Mapping[Read, Answer]:
        """An answer to every read of a blueprint."""
        return {read: self._answer(read) for read in observe.reads(asked or self.blueprint)}

    def _answer(self, read: Read) -> Answer:
        path = fold(read.path)
        if path in self.refused:
            return self.refused[path]
        if not read.is_list:
            found = self.get(read.path)
            return () if found is None else (found,)
        return tuple(found for arm_id in self.bodies if self._lists(path, arm_id) and (found := self.get(arm_id)))

    def _lists(self, path: str, arm_id: str) -> bool:
        for kind in (k.ROLE_ASSIGNMENT.lower(), k.ELIGIBILITY.lower(), k.POLICY_ASSIGNMENT.lower()):
            if path.endswith("/providers/" + kind):
                return type_of(arm_id).lower() == kind
        return arm_id.rpartition("/")[0] == path

    def _network(self, body: Body) -> Body:
        inside = {
            name: [b for b in self.bodies.values() if parent_of(b["id"]) and self._child(b, body, kind)]
            for name, kind in _INLINE.items()
        }
        return {**body, "properties": {**body["properties"], **inside}}

    def _child(self, body: Body, parent: Body, kind: str) -> bool:
        return type_of(body["id"]).lower() == kind.lower() and fold(parent_of(body["id"]) or "") == fold(parent["id"])

    def put(self, resource: Resource) -> None:
        """Creates one resource, and what Azure makes beside it."""
        arm_id = self.id_of(resource.key)
        body: Body = {
            "id": arm_id,
            "name": name_of(arm_id),
            "type": resource.type,
            **copy.deepcopy(self._filled(resource.body)),
        }
        body.setdefault("properties", {})
        self.bodies[fold(arm_id)] = body
        DEFAULTS.get(resource.type, plain)(self, body)

    def _filled(self, value: Any) -> Any:
        match value:
            case Ref(key=key, path=path):
                found: Any = self.bodies.get(fold(self.id_of(key)), {}) if key in self.blueprint.by_key else {}
                value = at(found, path)
                return guid(key, path) if value is None else value
            case Mapping():
                return {name: self._filled(item) for name, item in value.items()}
            case list() | tuple():
                return [self._filled(item) for item in value]
            case _:
                return value

    def delete(self, arm_id: str) -> None:
        """As another principal would delete it, with what Azure does then."""
        gone = [body for key, body in self.bodies.items() if is_within(key, arm_id)]
        for body in gone:
            self.bodies.pop(fold(body["id"]))
        for body in gone:
            self._after_delete(body)

    def _after_delete(self, body: Body) -> None:
        match type_of(body["id"]):
            case k.PRIVATE_ENDPOINT:
                for target in self._targets(body):
                    properties = self.bodies[fold(target)]["properties"]
                    properties["privateEndpointConnections"] = [
                        c
                        for c in properties["privateEndpointConnections"]
                        if fold(c["properties"]["privateEndpoint"]["id"]) != fold(body["id"])
                    ]
            case k.ZONE_GROUP:
                for config in body["properties"]["privateDnsZoneConfigs"]:
                    for record in config["properties"]["recordSets"]:
                        zone = config["properties"]["privateDnsZoneId"]
                        self.bodies.pop(fold(f"{zone}/A/{record['recordSetName']}"), None)
            case k.PEERING:
                for twin in self.bodies.values():
                    if twin["type"] == k.PEERING and leads_to(twin, parent_of(body["id"]) or ""):
                        twin["properties"].update(peeringState="Disconnected", peeringSyncLevel="FullyInSync")
            case _:
                self._disconnect(body["id"])

    def _disconnect(self, target: str) -> None:
        """Endpoints whose target is gone."""
        for body in self.bodies.values():
            if type_of(body["id"]) == k.PRIVATE_ENDPOINT:
                for connection in body["properties"][CONNECTION_LISTS[0]]:
                    if fold(connection["properties"]["privateLinkServiceId"]) == fold(target):
                        connection["properties"]["privateLinkServiceConnectionState"]["status"] = "Disconnected"

    def _targets(self, endpoint: Body) -> list[str]:
        connections = [c for name in CONNECTION_LISTS for c in endpoint["properties"].get(name) or ()]
        ids = [c["properties"]["privateLinkServiceId"] for c in connections]
        return [target for target in ids if fold(target) in self.bodies]
