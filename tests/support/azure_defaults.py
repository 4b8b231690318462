"""What Azure adds to each type's body by itself: the half of ``azure_answers`` that knows types. Defaults are those
seen in ``tests/data/arm``.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from controlplane.arm import fold, name_of, parent_of, type_of
from controlplane.workspaces import kinds as k

if TYPE_CHECKING:
    from tests.support.azure_answers import Estate

Body = dict[str, Any]
TENANT = "00000000-0000-0000-0000-0000000000aa"
REGION = "westeurope"
CONNECTION_LISTS = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")


def guid(*parts: str) -> str:
    """A GUID that is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join(parts).lower()))


def leads_to(peering: Body, network: str) -> bool:
    return fold(peering["properties"]["remoteVirtualNetwork"]["id"]) == fold(network)


def plain(estate: Estate, body: Body) -> None:
    body["properties"].setdefault("provisioningState", "Succeeded")
    body["etag"] = f'W/"{guid(body["id"], "etag")}"'


def _bare(estate: Estate, body: Body) -> None:
    """Types that answer no provisioning state."""


def _with_identity(estate: Estate, body: Body) -> None:
    plain(estate, body)
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
    plain(estate, body)
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
    plain(estate, body)
    body["properties"].setdefault("delegations", [])
    body["properties"].setdefault("privateLinkServiceNetworkPolicies", "Enabled")


def _public_ip(estate: Estate, body: Body) -> None:
    plain(estate, body)
    body["sku"]["tier"] = "Regional"
    body["properties"] |= {"ipAddress": "20.50.1.7", "ipTags": []}


def _peering(estate: Estate, body: Body) -> None:
    plain(estate, body)
    own = parent_of(body["id"]) or ""
    far = body["properties"]["remoteVirtualNetwork"]["id"]
    twin = next(
        (b for b in estate.bodies.values() if b["type"] == k.PEERING and fold(parent_of(b["id"]) or "") == fold(far)),
        None,
    )
    connected = {"peeringState": "Connected", "peeringSyncLevel": "FullyInSync"}
    body["properties"] |= {"peeringState": "Initiated", "peeringSyncLevel": "RemoteNotInSync"}
    if twin is not None and leads_to(twin, own):
        body["properties"] |= connected
        twin["properties"] |= connected


def _link(estate: Estate, body: Body) -> None:
    plain(estate, body)
    body["properties"]["virtualNetworkLinkState"] = "Completed"


def _storage(estate: Estate, body: Body) -> None:
    plain(estate, body)
    body["sku"]["tier"] = "Standard"
    body["properties"] |= {"privateEndpointConnections": [], "accessTier": "Hot", "statusOfPrimary": "available"}
    encryption = body["properties"].setdefault("encryption", {"keySource": "Microsoft.Storage"})
    for name in ("blob", "file"):
        service = encryption.setdefault("services", {}).setdefault(name, {"enabled": True})
        service |= {"keyType": "Account", "lastEnabledTime": "2026-11-01T00:00:00Z"}


def _vault(estate: Estate, body: Body) -> None:
    plain(estate, body)
    body["properties"] |= {
        "privateEndpointConnections": [],
        "vaultUri": f"https://{body['name']}.vault.azure.net/",
        "enabledForDeployment": False,
    }


def _registry(estate: Estate, body: Body) -> None:
    plain(estate, body)
    body["sku"]["tier"] = "Premium"
    body["properties"] |= {"privateEndpointConnections": [], "loginServer": f"{body['name']}.azurecr.io"}


def _logs(estate: Estate, body: Body) -> None:
    """Azure answers this one with parts of its id and its SKU in lower case."""
    plain(estate, body)
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
    plain(estate, body)
    subnet = estate.bodies.get(fold(body["properties"]["subnet"]["id"]))
    taken = sum(len(_fqdns(b)) for b in estate.bodies.values() if b["type"] == k.PRIVATE_ENDPOINT and b is not body)
    network = ipaddress.ip_network(subnet["properties"]["addressPrefix"] if subnet else "10.0.0.0/27")
    body["properties"]["customDnsConfigs"] = [
        {"fqdn": fqdn, "ipAddresses": [str(network[4 + taken + place])]} for place, fqdn in enumerate(_fqdns(body))
    ]
    body["properties"]["networkInterfaces"] = [{"id": f"{parent_of(body['id'])}/providers/Microsoft.Network/nic"}]
    state = {"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}
    for connection in body["properties"][CONNECTION_LISTS[0]]:
        connection["id"] = f"{body['id']}/{CONNECTION_LISTS[0]}/{connection['name']}"
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
    (connection,) = endpoint["properties"][CONNECTION_LISTS[0]]
    name = name_of(connection["properties"]["privateLinkServiceId"])
    workspace = guid(connection["properties"]["privateLinkServiceId"])
    (group,) = connection["properties"]["groupIds"]
    return {
        "blob": [f"{name}.blob.core.windows.net"],
        "file": [f"{name}.file.core.windows.net"],
        "dfs": [f"{name}.dfs.core.windows.net"],
        "vault": [f"{name}.vault.azure.net"],
        "registry": [f"{name}.{REGION}.data.azurecr.io", f"{name}.azurecr.io"],
        "amlworkspace": [
            f"{workspace}.workspace.{REGION}.api.azureml.ms",
            f"{workspace}.workspace.{REGION}.cert.api.azureml.ms",
            f"ml-{name}-{REGION}-{workspace}.{REGION}.notebooks.azure.net",
            f"*.{workspace}.inference.{REGION}.api.azureml.ms",
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


DEFAULTS: Mapping[str, Callable[[Estate, Body], None]] = {
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
