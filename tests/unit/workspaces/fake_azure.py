"""An Azure in memory for the domain's tests: takes PUT bodies and answers them as the recordings show Azure does.

It fills in defaults, changes casing, gives principals, approves connections and connects peerings. It holds nothing
that the domain knows: what it does to a body is written here per type, from the recordings in ``tests/data/arm``.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from controlplane.arm import fold, name_of, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.diff import body, diff
from controlplane.workspaces.model import Action, Blueprint, Observed, Origin
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.resolve import Resolved, Unresolved, resolve
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from tests.support.blueprints import let_in

Body = dict[str, Any]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-0000000000ff"
OWNER = "00000000-0000-0000-0000-0000000000aa"
CONTEXT = CompileContext("churn-dev", 1, "rg-churn-churn-dev", TENANT)


def request(**changes: Any) -> Body:
    """A valid spec as JSON, with one cluster."""
    asked: Body = {
        "project": "churn",
        "environment": "dev",
        "subscriptionId": SUBSCRIPTION,
        "location": "westeurope",
        "owners": [OWNER],
        "network": {"addressSpace": "10.40.0.0/22"},
        "compute": {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 4}]},
    }
    return let_in(asked | changes)


def spec(**changes: Any) -> WorkspaceSpec:
    return parse_spec(request(**changes))


def blueprint(**changes: Any) -> Blueprint:
    return compile_blueprint(spec(**changes), CONTEXT)


class FakeAzure:
    """A ``ResourceReader`` over what was put; ``reads`` are the paths asked for, ``writes`` the ids put."""

    def __init__(self) -> None:
        self.stored: dict[str, Body] = {}
        self.reads: list[str] = []
        self.writes: list[str] = []

    # -- reading -------------------------------------------------------------------------------------------------

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        self.reads.append(path)
        found = self.stored.get(fold(path))
        return copy.deepcopy(found) if found is not None else None

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        self.reads.append(path)
        collection = fold(path)
        extension = "/providers/microsoft.authorization/roleassignments"
        if collection.endswith(extension):
            scope = collection.removesuffix(extension)
            hits = [key for key in self.stored if extension in key and key.startswith(scope)]
        else:
            hits = [key for key in self.stored if key.rpartition("/")[0] == collection]
        return tuple(copy.deepcopy(self.stored[key]) for key in sorted(hits))

    async def operation(self, url: str) -> Any:
        raise NotImplementedError

    # -- writing -------------------------------------------------------------------------------------------------

    def put(self, arm_id: str, sent: JsonObject) -> None:
        self.writes.append(arm_id)
        answered: Body = copy.deepcopy(dict(sent))
        resource_type = type_of(arm_id)
        answered |= {"id": arm_id, "name": name_of(arm_id), "type": resource_type}
        answered.setdefault("properties", {})
        if "identity" in answered:
            _identify(arm_id, answered["identity"])
        EFFECTS.get(resource_type, _settled)(self, answered)
        self._store(answered)

    def _store(self, answered: Body) -> None:
        key = fold(answered["id"])
        parent = key.rpartition("/")[0].rpartition("/")[0]
        match type_of(answered["id"]):
            case k.SUBNET:
                _replace_named(self.stored[parent]["properties"]["subnets"], answered)
            case k.PEERING:
                _replace_named(self.stored[parent]["properties"]["virtualNetworkPeerings"], answered)
            case _:
                self.stored[key] = answered

    def delete(self, arm_id: str) -> None:
        key = fold(arm_id)
        parent = key.rpartition("/")[0].rpartition("/")[0]
        for name in ("subnets", "virtualNetworkPeerings"):
            items = self.stored.get(parent, {}).get("properties", {}).get(name, [])
            items[:] = [item for item in items if fold(item["id"]) != key]
        for found in [other for other in self.stored if other == key or other.startswith(key + "/")]:
            del self.stored[found]

    def find(self, arm_id: str) -> Body:
        """The stored body itself, to be changed behind the control plane's back."""
        key = fold(arm_id)
        if key in self.stored:
            return self.stored[key]
        parent = self.stored[key.rpartition("/")[0].rpartition("/")[0]]["properties"]
        inline = [*parent.get("subnets", []), *parent.get("virtualNetworkPeerings", [])]
        return next(item for item in inline if fold(item["id"]) == key)


async def converge(azure: FakeAzure, wanted: Blueprint) -> Observed:
    """Writes what differs, resource by resource in the blueprint's order, as a reconciler would; returns what is then
    observed. Replacements and deletions are done too."""
    observed = await take_snapshot(wanted, azure)
    for change in diff(wanted, observed, {}):
        if change.action is Action.REPLACE and change.id is not None:
            azure.delete(change.id)
    observed = await take_snapshot(wanted, azure)
    for resource in wanted.resources:
        if resource.origin is Origin.AZURE:
            continue
        if isinstance(resolve(resource, observed), Unresolved):
            observed = await take_snapshot(wanted, azure)
        existing = observed.bodies.get(resource.key)
        sent = body(resource, existing, observed)
        if sent is None:
            continue
        resolved = resolve(resource, observed)
        assert isinstance(resolved, Resolved), resource.key
        azure.put(resolved.id if existing is None else str(existing["id"]), sent)
    return await take_snapshot(wanted, azure)


def _identify(arm_id: str, identity: Body) -> None:
    """Principals of what a body asks for."""
    if "systemassigned" in identity["type"].lower():
        identity |= {"principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, fold(arm_id))), "tenantId": TENANT}
    for given, found in identity.get("userAssignedIdentities", {}).items():
        found |= {"principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, fold(given)))}


def _replace_named(items: list[Body], answered: Body) -> None:
    items[:] = [item for item in items if item["name"] != answered["name"]] + [answered]


# -- what Azure makes of each type ---------------------------------------------------------------------------------


def _settled(azure: FakeAzure, answered: Body) -> None:
    answered["properties"]["provisioningState"] = "Succeeded"
    answered["etag"] = 'W/"1"'


def _group(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["tags"] = dict(reversed(answered["tags"].items()))


def _vnet(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    known = azure.stored.get(fold(answered["id"]), {}).get("properties", {})
    answered["properties"] |= {
        "subnets": known.get("subnets", []),
        "virtualNetworkPeerings": known.get("virtualNetworkPeerings", []),
        "enableDdosProtection": False,
        "resourceGuid": str(uuid.uuid5(uuid.NAMESPACE_URL, answered["id"])),
    }
    del answered["properties"]["dhcpOptions"]


def _subnet(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    defaults = {
        "delegations": [],
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
        "ipConfigurations": [{"id": f"{answered['id']}/ip"}],
    }
    answered["properties"] = defaults | answered["properties"]


def _peering(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    near = answered["id"].rpartition("/virtualNetworkPeerings/")[0]
    far = azure.stored[fold(answered["properties"]["remoteVirtualNetwork"]["id"])]["properties"]
    twins = [
        item
        for item in far["virtualNetworkPeerings"]
        if fold(item["properties"]["remoteVirtualNetwork"]["id"]) == fold(near)
    ]
    state = "Connected" if twins else "Initiated"
    for side in (answered, *twins):
        side["properties"]["peeringState"] = state
    answered["properties"] |= {"peerCompleteVnets": True, "doNotVerifyRemoteGateways": False}


def _nsg(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    for rule in answered["properties"]["securityRules"]:
        rule |= {"id": f"{answered['id']}/securityRules/{rule['name']}", "etag": 'W/"1"'}
        empty = {"sourcePortRanges": [], "sourceAddressPrefixes": [], "destinationAddressPrefixes": []}
        rule["properties"] = empty | rule["properties"] | {"provisioningState": "Succeeded"}
    answered["properties"]["securityRules"].reverse()
    answered["properties"]["defaultSecurityRules"] = [{"name": "DenyAllInBound"}]


def _endpoint(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    connections = answered["properties"]["privateLinkServiceConnections"]
    for connection in connections:
        connection["id"] = f"{answered['id']}/privateLinkServiceConnections/{connection['name']}"
        approved = {"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}
        connection["properties"]["privateLinkServiceConnectionState"] = approved
        target = azure.stored[fold(connection["properties"]["privateLinkServiceId"])]
        made = {
            "id": f"{target['id']}/privateEndpointConnections/{answered['name']}.1",
            "properties": {"privateEndpoint": {"id": answered["id"]}},
        }
        target["properties"].setdefault("privateEndpointConnections", []).append(made)
    answered["properties"] |= {
        "customNetworkInterfaceName": "",
        "networkInterfaces": [{"id": f"{answered['id']}.nic"}],
        "customDnsConfigs": [{"fqdn": "x.blob.core.windows.net", "ipAddresses": ["10.40.0.4"]}],
        "ipConfigurations": [],
    }


def _zone(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["properties"]["numberOfRecordSets"] = 1
    record = f"{answered['id']}/A/x"
    azure.stored[fold(record)] = {
        "id": record,
        "name": "x",
        "type": k.A_RECORD,
        "properties": {"ttl": 10, "aRecords": [{"ipv4Address": "10.40.0.4"}]},
    }


def _link(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["properties"]["virtualNetworkLinkState"] = "Completed"
    del answered["properties"]["resolutionPolicy"]


def _storage(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["sku"]["tier"] = "Standard"
    for service in answered["properties"]["encryption"]["services"].values():
        service |= {"keyType": "Account", "lastEnabledTime": "2021-05-11T02:18:58.4437352Z"}
    answered["properties"]["accessTier"] = "Hot"
    if answered["properties"]["allowSharedKeyAccess"]:
        del answered["properties"]["allowSharedKeyAccess"]


def _vault(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["properties"] |= {"vaultUri": "https://x.vault.azure.net/", "enabledForDeployment": False}


def _registry(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["sku"]["tier"] = "Premium"
    answered["properties"] |= {"zoneRedundancy": "Disabled", "policies": {"exportPolicy": {"status": "enabled"}}}


def _log_analytics(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    group, _, rest = answered["id"].partition("/providers/")
    group = group.replace("resourceGroups", "resourcegroups")
    answered["id"] = (
        f"{group}/providers/{rest.replace('Microsoft.OperationalInsights', 'microsoft.operationalinsights')}"
    )
    answered["properties"]["sku"]["name"] = answered["properties"]["sku"]["name"].lower()


def _component(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    workspace = answered["properties"]["WorkspaceResourceId"]
    answered["properties"]["WorkspaceResourceId"] = workspace.lower()
    answered["properties"]["IngestionMode"] = "LogAnalytics"


def _ml_workspace(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    answered["etag"] = None
    answered["properties"] |= {
        name: answered["properties"][name].lower() for name in ("storageAccount", "keyVault", "containerRegistry")
    }
    answered["properties"]["systemDatastoresAuthMode"] = answered["properties"]["systemDatastoresAuthMode"].lower()
    answered["properties"] |= {"privateLinkCount": 0, "description": "", "hbiWorkspace": False}


def _compute(azure: FakeAzure, answered: Body) -> None:
    _settled(azure, answered)
    inner = answered["properties"]["properties"]
    inner["vmSize"] = inner["vmSize"].upper()
    inner |= {"currentNodeCount": 0, "errors": None, "virtualMachineImage": None, "isolatedNetwork": False}
    # S2-75: the cluster's identity gets AcrPull on the workspace's registry.
    workspace = azure.stored[fold(answered["id"].rpartition("/computes/")[0])]
    registry = workspace["properties"]["containerRegistry"]
    role = f"/providers/{k.ROLE_DEFINITION}/7F951DDA-4ED3-4680-A7CA-43FE172D538D"
    principal = answered["identity"]["principalId"]
    made = f"{registry}/providers/{k.ROLE_ASSIGNMENT}/{uuid.uuid5(uuid.NAMESPACE_DNS, principal)}"
    properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
    azure.stored[fold(made)] = {"id": made, "properties": {**properties, "scope": registry}}


def _identity(azure: FakeAzure, answered: Body) -> None:
    principal = str(uuid.uuid5(uuid.NAMESPACE_URL, fold(answered["id"])))
    answered["properties"] = {"principalId": principal, "clientId": principal, "tenantId": TENANT}


def _role(azure: FakeAzure, answered: Body) -> None:
    scope = answered["id"].partition("/providers/Microsoft.Authorization")[0]
    answered["properties"] |= {"scope": scope, "condition": None, "createdBy": None, "description": None}


def _diagnostic(azure: FakeAzure, answered: Body) -> None:
    answered["id"] = answered["id"].lower().replace("diagnosticsettings", "diagnosticSettings")
    answered |= {"location": None, "tags": None, "kind": None, "identity": None}
    for log in answered["properties"]["logs"]:
        log |= {"category": None, "retentionPolicy": {"enabled": False, "days": 0}}
    answered["properties"] |= {"metrics": [], "eventHubName": None, "logAnalyticsDestinationType": None}


EFFECTS: dict[str, Callable[[FakeAzure, Body], None]] = {
    k.RESOURCE_GROUP: _group,
    k.VNET: _vnet,
    k.SUBNET: _subnet,
    k.PEERING: _peering,
    k.NSG: _nsg,
    k.PRIVATE_ENDPOINT: _endpoint,
    k.DNS_ZONE: _zone,
    k.DNS_LINK: _link,
    k.IDENTITY: _identity,
    k.STORAGE: _storage,
    k.VAULT: _vault,
    k.REGISTRY: _registry,
    k.LOG_ANALYTICS: _log_analytics,
    k.COMPONENT: _component,
    k.ML_WORKSPACE: _ml_workspace,
    k.COMPUTE: _compute,
    k.ROLE_ASSIGNMENT: _role,
    k.DIAGNOSTIC: _diagnostic,
}
