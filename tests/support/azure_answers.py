"""What Azure would answer for a blueprint that was created: bodies with defaults, children, and other people's changes.

:class:`Estate` holds a body per ARM id and answers the reads of a blueprint from them, as lists per type, with subnets
and peerings inside their network. Tests change it as another principal would, and observe again. Pure: no clock, no
randomness; ids and addresses derive from the resource ids. Defaults are those seen in ``tests/data/arm``.
"""

from __future__ import annotations

import copy
import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import fold, is_within, name_of, parent_of, type_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces import observe
from controlplane.workspaces.model import Answer, Blueprint, Observed, Read, Ref, Resource, RoleAssignmentId, Unreadable
from controlplane.workspaces.resolve import at

Body = dict[str, Any]
TENANT = "00000000-0000-0000-0000-0000000000aa"
_REGION = "westeurope"
_INLINE = {"subnets": k.SUBNET, "virtualNetworkPeerings": k.PEERING}
_LISTS = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")


def guid(*parts: str) -> str:
    """A GUID that is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join(parts).lower()))


#: What is somebody else's, by type: a storage account behind private endpoints, a registry without an admin account.
_THEIRS: Mapping[str, Body] = {
    k.VAULT: {"location": _REGION, "properties": {"enableSoftDelete": True, "enablePurgeProtection": True}},
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
        _DEFAULTS.get(resource.type, _plain)(self, body)

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
                    if twin["type"] == k.PEERING and _leads_to(twin, parent_of(body["id"]) or ""):
                        twin["properties"].update(peeringState="Disconnected", peeringSyncLevel="FullyInSync")
            case _:
                self._disconnect(body["id"])

    def _disconnect(self, target: str) -> None:
        """Endpoints whose target is gone."""
        for body in self.bodies.values():
            if type_of(body["id"]) == k.PRIVATE_ENDPOINT:
                for connection in body["properties"][_LISTS[0]]:
                    if fold(connection["properties"]["privateLinkServiceId"]) == fold(target):
                        connection["properties"]["privateLinkServiceConnectionState"]["status"] = "Disconnected"

    def _targets(self, endpoint: Body) -> list[str]:
        connections = [c for name in _LISTS for c in endpoint["properties"].get(name) or ()]
        ids = [c["properties"]["privateLinkServiceId"] for c in connections]
        return [target for target in ids if fold(target) in self.bodies]


def _leads_to(peering: Body, network: str) -> bool:
    return fold(peering["properties"]["remoteVirtualNetwork"]["id"]) == fold(network)


def _plain(estate: Estate, body: Body) -> None:
    body["properties"].setdefault("provisioningState", "Succeeded")
    body["etag"] = f'W/"{guid(body["id"], "etag")}"'


def _bare(estate: Estate, body: Body) -> None:
    """Types that answer no provisioning state."""


def _with_identity(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    identity = body.get("identity")
    if not identity:
        return
    if "systemassigned" in identity["type"].lower():
        identity = {**identity, "principalId": guid(body["id"], "principal"), "tenantId": TENANT}
    if "userAssignedIdentities" in identity:
        given = {
            one: {"principalId": guid(one), "clientId": guid(one, "c")} for one in identity["userAssignedIdentities"]
        }
        identity = {**identity, "userAssignedIdentities": given}
    body["identity"] = identity


def _identity(estate: Estate, body: Body) -> None:
    body["properties"] = {"principalId": guid(body["id"]), "clientId": guid(body["id"], "c"), "tenantId": TENANT}


def _group(estate: Estate, body: Body) -> None:
    body["properties"] = {"provisioningState": "Succeeded"}


def _security_group(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    for rule in body["properties"]["securityRules"]:
        rule["id"] = f"{body['id']}/securityRules/{rule['name']}"
        rule["properties"] |= {"provisioningState": "Succeeded", "sourceAddressPrefixes": []}
    body["properties"]["defaultSecurityRules"] = [
        {
            "name": "DenyAllInBound",
            "properties": {"access": "Deny", "direction": "Inbound", "priority": 65500, "sourceAddressPrefix": "*"},
        }
    ]


def _subnet(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    body["properties"].setdefault("delegations", [])
    body["properties"].setdefault("privateLinkServiceNetworkPolicies", "Enabled")


def _public_ip(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    body["sku"]["tier"] = "Regional"
    body["properties"] |= {"ipAddress": "20.50.1.7", "ipTags": []}


def _peering(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    own = parent_of(body["id"]) or ""
    far = body["properties"]["remoteVirtualNetwork"]["id"]
    twin = next(
        (b for b in estate.bodies.values() if b["type"] == k.PEERING and fold(parent_of(b["id"]) or "") == fold(far)),
        None,
    )
    connected = {"peeringState": "Connected", "peeringSyncLevel": "FullyInSync"}
    body["properties"] |= {"peeringState": "Initiated", "peeringSyncLevel": "RemoteNotInSync"}
    if twin is not None and _leads_to(twin, own):
        body["properties"] |= connected
        twin["properties"] |= connected


def _link(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    body["properties"]["virtualNetworkLinkState"] = "Completed"


def _storage(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    body["sku"]["tier"] = "Standard"
    body["properties"] |= {"privateEndpointConnections": [], "accessTier": "Hot", "statusOfPrimary": "available"}
    encryption = body["properties"].setdefault("encryption", {"keySource": "Microsoft.Storage"})
    for name in ("blob", "file"):
        service = encryption.setdefault("services", {}).setdefault(name, {"enabled": True})
        service |= {"keyType": "Account", "lastEnabledTime": "2026-11-01T00:00:00Z"}


def _vault(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    body["properties"] |= {
        "privateEndpointConnections": [],
        "vaultUri": f"https://{body['name']}.vault.azure.net/",
        "enabledForDeployment": False,
    }


def _registry(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    body["sku"]["tier"] = "Premium"
    body["properties"] |= {"privateEndpointConnections": [], "loginServer": f"{body['name']}.azurecr.io"}


def _logs(estate: Estate, body: Body) -> None:
    """Azure answers this one with parts of its id and its SKU in lower case."""
    _plain(estate, body)
    body["id"] = body["id"].replace("resourceGroups", "resourcegroups").replace("Microsoft.Oper", "microsoft.oper")
    body["properties"]["sku"]["name"] = body["properties"]["sku"]["name"].lower()
    body["properties"]["customerId"] = guid(body["id"], "customer")


def _diagnostic(estate: Estate, body: Body) -> None:
    body["id"] = body["id"].lower()
    body |= {"location": None, "kind": None, "tags": None, "identity": None}


def _workspace(estate: Estate, body: Body) -> None:
    _with_identity(estate, body)
    body["properties"] |= {
        "privateEndpointConnections": [],
        "workspaceId": guid(body["id"], "workspace"),
        "allowPublicAccessWhenBehindVnet": False,
    }


def _compute(estate: Estate, body: Body) -> None:
    _with_identity(estate, body)
    body["properties"] |= {"provisioningState": "Succeeded", "provisioningErrors": None, "isAttachedCompute": False}
    body["properties"]["properties"] |= {"currentNodeCount": 0, "allocationState": "Steady"}


def _role(estate: Estate, body: Body) -> None:
    scope = body["id"].partition("/providers/Microsoft.Authorization/")[0]
    body["properties"] |= {"scope": scope, "condition": None, "createdBy": guid("operator")}


def _endpoint(estate: Estate, body: Body) -> None:
    _plain(estate, body)
    subnet = estate.bodies.get(fold(body["properties"]["subnet"]["id"]))
    taken = sum(len(_fqdns(b)) for b in estate.bodies.values() if b["type"] == k.PRIVATE_ENDPOINT and b is not body)
    network = ipaddress.ip_network(subnet["properties"]["addressPrefix"] if subnet else "10.0.0.0/27")
    body["properties"]["customDnsConfigs"] = [
        {"fqdn": fqdn, "ipAddresses": [str(network[4 + taken + place])]} for place, fqdn in enumerate(_fqdns(body))
    ]
    body["properties"]["networkInterfaces"] = [{"id": f"{parent_of(body['id'])}/providers/Microsoft.Network/nic"}]
    state = {"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}
    for connection in body["properties"][_LISTS[0]]:
        connection["id"] = f"{body['id']}/{_LISTS[0]}/{connection['name']}"
        connection["properties"] |= {"provisioningState": "Succeeded", "privateLinkServiceConnectionState": dict(state)}
    for target in estate._targets(body):
        name = f"{body['name']}.{guid(body['id'], target)}"
        estate.bodies[fold(target)]["properties"].setdefault("privateEndpointConnections", []).append(
            {
                "id": f"{target}/privateEndpointConnections/{name}",
                "name": name,
                "type": f"{type_of(target)}/privateEndpointConnections",
                "properties": {
                    "privateEndpoint": {"id": body["id"]},
                    "privateLinkServiceConnectionState": dict(state),
                    "provisioningState": "Succeeded",
                },
            }
        )


def _fqdns(endpoint: Body) -> list[str]:
    """Public names that the target of an endpoint is known by."""
    (connection,) = endpoint["properties"][_LISTS[0]]
    name = name_of(connection["properties"]["privateLinkServiceId"])
    workspace = guid(connection["properties"]["privateLinkServiceId"])
    (group,) = connection["properties"]["groupIds"]
    return {
        "blob": [f"{name}.blob.core.windows.net"],
        "file": [f"{name}.file.core.windows.net"],
        "dfs": [f"{name}.dfs.core.windows.net"],
        "vault": [f"{name}.vault.azure.net"],
        "registry": [f"{name}.{_REGION}.data.azurecr.io", f"{name}.azurecr.io"],
        "amlworkspace": [
            f"{workspace}.workspace.{_REGION}.api.azureml.ms",
            f"{workspace}.workspace.{_REGION}.cert.api.azureml.ms",
            f"ml-{name}-{_REGION}-{workspace}.{_REGION}.notebooks.azure.net",
            f"*.{workspace}.inference.{_REGION}.api.azureml.ms",
        ],
    }.get(group, [])


def _zone_group(estate: Estate, body: Body) -> None:
    body["properties"]["provisioningState"] = "Succeeded"
    endpoint = estate.bodies.get(fold(parent_of(body["id"]) or ""), {"properties": {}})
    for config in body["properties"]["privateDnsZoneConfigs"]:
        zone_id = config["properties"]["privateDnsZoneId"]
        # A vault is called *.vault.azure.net in public and *.vaultcore.azure.net in its private zone.
        suffix = name_of(zone_id).removeprefix("privatelink").replace("vaultcore", "vault")
        config["properties"]["recordSets"] = [
            _record(estate, zone_id, entry["fqdn"].removesuffix(suffix), entry["ipAddresses"])
            for entry in endpoint["properties"].get("customDnsConfigs", [])
            if entry["fqdn"].endswith(suffix)
        ]


def _record(estate: Estate, zone_id: str, name: str, addresses: list[str]) -> Body:
    """Writes the A record into its zone, if that exists, and says what the zone group says of it."""
    record_id = f"{zone_id}/A/{name}"
    if fold(zone_id) in estate.bodies:
        estate.bodies[fold(record_id)] = {
            "id": record_id,
            "name": name,
            "type": k.A_RECORD,
            "properties": {
                "ttl": 10,
                "fqdn": f"{name}.{name_of(zone_id)}.",
                "isAutoRegistered": False,
                "aRecords": [{"ipv4Address": address} for address in addresses],
            },
        }
    return {
        "recordType": "A",
        "recordSetName": name,
        "fqdn": f"{name}.{name_of(zone_id)}",
        "ttl": 10,
        "provisioningState": "Succeeded",
        "ipAddresses": list(addresses),
    }


_DEFAULTS = {
    k.RESOURCE_GROUP: _group,
    k.NSG: _security_group,
    k.SUBNET: _subnet,
    k.PUBLIC_IP: _public_ip,
    k.PEERING: _peering,
    k.DNS_LINK: _link,
    k.IDENTITY: _identity,
    k.STORAGE: _storage,
    k.VAULT: _vault,
    k.REGISTRY: _registry,
    k.LOG_ANALYTICS: _logs,
    k.DIAGNOSTIC: _diagnostic,
    k.ML_WORKSPACE: _workspace,
    k.COMPUTE: _compute,
    k.ROLE_ASSIGNMENT: _role,
    k.PRIVATE_ENDPOINT: _endpoint,
    k.ZONE_GROUP: _zone_group,
    k.COMPONENT: _bare,
    k.VM: _with_identity,
}
