"""Principle 7: a field does what it says or is refused. Every leaf is changed from its default, one at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from ipaddress import IPv4Network
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from controlplane.errors import Rejected
from controlplane.workspaces.addresses import AUTO, free, placed, wanted_prefix
from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from tests.support.expiry_lines import life
from tests.unit.workspaces.fake_azure import CONTEXT, request

GUID = "00000000-0000-0000-0000-0000000000bb"
OTHER_GUID = "00000000-0000-0000-0000-0000000000cc"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
HUB = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/hub"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/images"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/data"
#: A hub in which every leaf of a created one has an effect.
FULL = {
    "bastion": True,
    "jumpHost": True,
    "buildAgents": 2,
    "adminPublicKey": f"ssh-ed25519 {'A' * 68} ada",
    "agents": {"organizationUrl": "https://dev.azure.com/org"},
    "vpn": {
        "pointToSite": {"clientAddressPool": "172.20.0.0/24"},
        "siteToSite": [{"name": "hq", "gatewayAddress": "20.50.60.70", "addressSpaces": ["192.168.10.0/24"]}],
    },
}
REGISTRAR = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/registrar"
TENANT = "00000000-0000-0000-0000-0000000000cc"
GATEWAY = f"{GROUP}/providers/Microsoft.Network/virtualNetworkGateways/vpn"
CIRCUIT = f"{GROUP}/providers/Microsoft.Network/expressRouteCircuits/line"
BY_NAME = {"name": "hq", "gatewayFqdn": "vpn.example.com", "addressSpaces": ["192.168.10.0/24"]}
#: Leaf → the hub that it is changed in, where that is another than the full one.
HUBS: dict[str, dict[str, Any]] = {
    "network.hub.kind": {"vnetId": HUB},
    "network.hub.vnetId": {"kind": "existing", "vnetId": HUB},
    "network.hub.dnsZones[]": {"kind": "existing", "vnetId": HUB},
    "network.hub.agents.runsOn": {**FULL, "agents": {}},
    "network.hub.agents.clientId": {
        **FULL,
        "agents": {**FULL["agents"], "authentication": "servicePrincipal", "identityId": REGISTRAR, "clientId": TENANT},
    },
    "network.hub.agents.sha256": {**FULL, "agents": {**FULL["agents"], "version": "4.260.0", "sha256": "a" * 64}},
    "network.hub.agents.principalId": {**FULL, "agents": {"runsOn": "scaleSet"}},
    "network.hub.gatewayIds[]": {"kind": "existing", "vnetId": HUB},
    "network.hub.expressRoute.circuitId": {
        "kind": "existing",
        "vnetId": HUB,
        "gatewayIds": [GATEWAY],
        "expressRoute": {"circuitId": f"{CIRCUIT}-2"},
    },
    "network.hub.vpn.siteToSite[].gatewayFqdn": {"vpn": {"siteToSite": [BY_NAME]}},
}

WAIVER = {"conflict": "X-01", "owner": GROUP[15:51], "reason": "The first reason.", "endsOn": "2026-12-31"}
UAI = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
#: Parts in which every leaf has an effect: first name of a path → the part.
PARTS: dict[str, dict[str, Any]] = {
    "identity": {"type": "systemAndUserAssigned", "create": ["one"]},
    "encryption": {
        "customerManagedKey": "https://keys.vault.azure.net/keys/k",
        "keyVaultId": f"{GROUP}/providers/Microsoft.KeyVault/vaults/keys",
        "identity": f"{UAI}/keeper",
    },
}
LAKE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/lake"
_RULE = "network.managed.outboundRules[]"
_ENDPOINT = {"name": "lake", "type": "privateEndpoint", "destination": LAKE, "subresource": "blob"}
_TAG = {"name": "devops", "type": "serviceTag", "destination": "AzureDevOps"}
#: Leaf of a managed network → the rule that it is changed in.
RULES: dict[str, dict[str, Any]] = {
    f"{_RULE}.{leaf}": rule
    for leaf, rule in {
        "name": {"name": "hosts", "type": "fqdn", "destination": "pypi.org"},
        "type": {"name": "tag", "type": "fqdn", "destination": "Example.org"},
        "destination": _ENDPOINT,
        "subresource": _ENDPOINT,
        "spark": _ENDPOINT,
        "protocol": _TAG,
        "portRanges": _TAG,
    }.items()
}

#: Leaf → another valid value than the base's. ``test_no_leaf_is_forgotten`` holds that it has every leaf.
OTHER: dict[str, Any] = {
    "project": "fraud",
    "environment": "prod",
    "workload": "nlp",
    "management": "observe",
    "subscriptionId": GUID,
    "location": "northeurope",
    "owners[]": GUID,
    "network.mode": "managedAllowInternetOutbound",
    "network.managed.provision": "atCreation",
    "network.managed.spark": True,
    "network.managed.firewallSku": "Basic",
    f"{_RULE}.name": "other",
    f"{_RULE}.type": "serviceTag",
    f"{_RULE}.destination": f"{LAKE}2",
    f"{_RULE}.subresource": "dfs",
    f"{_RULE}.spark": True,
    f"{_RULE}.protocol": "UDP",
    f"{_RULE}.portRanges": "80,443",
    "network.addressSpace": "10.44.0.0/22",
    "network.prefixLength": 24,
    "network.egress.kind": "firewall",
    "network.egress.nextHop": "10.9.0.5",
    "network.egress.storageEndpointPolicy": True,
    "network.hub.kind": "existing",
    "network.hub.vnetId": f"{GROUP}/providers/Microsoft.Network/virtualNetworks/other",
    "network.hub.dnsZones[]": f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io",
    "network.hub.bastion": False,
    "network.hub.jumpHost": False,
    "network.hub.buildAgents": 3,
    "network.hub.agents.organizationUrl": "https://dev.azure.com/other",
    "network.hub.agents.pool": "other",
    "network.hub.agents.version": "5.276.0",
    "network.hub.agents.sha256": "b" * 64,
    "network.hub.agents.authentication": "personalAccessToken",
    "network.hub.agents.identityId": REGISTRAR,
    "network.hub.agents.clientId": GUID,
    "network.hub.agents.principalId": GUID,
    "network.hub.agents.runsOn": "scaleSet",
    "network.hub.vmSize": "Standard_D4s_v3",
    "network.hub.adminPublicKey": f"ssh-ed25519 {'B' * 68} other",
    "network.hub.encryptionAtHost": True,
    "network.hub.vpn.sku": "VpnGw2AZ",
    "network.hub.vpn.zones[]": "1",
    "network.hub.vpn.pointToSite.clientAddressPool": "172.21.0.0/24",
    "network.hub.vpn.pointToSite.audience": GUID,
    "network.hub.vpn.siteToSite[].name": "branch",
    "network.hub.vpn.siteToSite[].gatewayAddress": "20.50.60.71",
    "network.hub.vpn.siteToSite[].gatewayFqdn": "other.example.com",
    "network.hub.vpn.siteToSite[].addressSpaces[]": "192.168.11.0/24",
    "network.hub.gatewayIds[]": GATEWAY,
    "network.hub.expressRoute.circuitId": CIRCUIT,
    "identity.type": "userAssigned",
    "identity.ids[]": f"{UAI}/brought",
    "identity.create[]": "other",
    "identity.primary": "one",
    "vault.permissionModel": "accessPolicies",
    "storage.sharedKeyAccess": True,
    "registry.adminUser": True,
    "encryption.customerManagedKey": "https://keys.vault.azure.net/keys/other",
    "encryption.keyVaultId": f"{GROUP}-other/providers/Microsoft.KeyVault/vaults/keys",
    "encryption.identity": f"{UAI}/other",
    "registry.existing": REGISTRY,
    "registry.privateImages[]": REGISTRY,
    "datastores[].name": "others",
    "datastores[].type": "azureDataLakeGen2",
    "datastores[].account": f"{ACCOUNT}2",
    "datastores[].container": "others",
    "datastores[].access": "readWrite",
    "datastores[].credentials": "accountKey",
    "datastores[].serviceIdentity": "workspace",
    "datastores[].computeOnly": True,
    "datastores[].privateEndpoint": False,
    "compute.clusters[].name": "other",
    "compute.clusters[].size": "Standard_DS4_v2",
    "compute.clusters[].minNodes": 1,
    "compute.clusters[].maxNodes": 7,
    "compute.clusters[].idleBeforeScaleDown": "PT5M",
    "compute.clusters[].publicIp": True,
    "compute.clusters[].lowPriority": True,
    "compute.clusters[].identity.type": "systemAssigned",
    "compute.clusters[].identity.ids[]": f"{UAI}/brought",
    "compute.instances[].name": "ada-box",
    "compute.instances[].size": "Standard_DS4_v2",
    "compute.instances[].assignedTo": GUID,
    "compute.instances[].idleShutdown": "PT30M",
    "compute.instances[].identity.type": "systemAssigned",
    "compute.instances[].identity.ids[]": f"{UAI}/brought",
    "catalog.collections[]": "huggingFace",
    "catalog.packages[]": "tensorflow",
    "access.dataScientists[]": GUID,
    "access.dataAnalysts[]": GUID,
    "access.modelTesters[]": GUID,
    "access.businessStakeholders[]": GUID,
    "access.projectLeads[]": GUID,
    "access.productOwners[]": GUID,
    "access.platformSupport[]": GUID,
    "access.modelEndUsers[]": GUID,
    "access.cicdProcesses[]": GUID,
    "access.mlWorkspace[]": GUID,
    "access.monitoringProcesses[]": GUID,
    "access.dataGovernance[]": GUID,
    "budget.monthly.amount": 100.0,
    "budget.monthly.currency": "EUR",
    "budget.thresholds[]": 50,
    "budget.thresholds[].forecast": 100,
    "expiry.expiresOn": "2027-06-30",
    "expiry.idleAfter": "P30D",
    "expiry.grace": "P14D",
    "expiry.action": "archive",
    "expiry.retention": "P7D",
    "legacyV1Mode": True,
    "waivers[].conflict": "X-15",
    "waivers[].owner": GUID,
    "waivers[].reason": "Another reason.",
    "waivers[].endsOn": "2026-12-30",
}
#: What has to be there so that a leaf of an absent part can be set at all.
AROUND: dict[str, Any] = {
    "compute.instances[]": {"name": "box", "size": "Standard_DS3_v2", "assignedTo": OTHER_GUID},
    "budget": {"monthly": {"amount": 5.0, "currency": "USD"}},
}
REFUSED = {
    "management",
    "budget",
}
#: Leaves that mean nothing in Azure until their time has come: what becomes of the workspace then.
STAGES = {"expiry.idleAfter", "expiry.grace", "expiry.action", "expiry.retention"}
#: Leaves of computes that are changed where user-assigned identities are.
GIVEN = {f"compute.{name}[].identity.{leaf}" for name in ("clusters", "instances") for leaf in ("type", "ids[]")}
#: Built, and refused for good.
NEVER = {"network.hub.agents.authentication", "access.mlWorkspace[]", "datastores[].credentials"}


def leaves(annotation: Any, path: str) -> Iterator[str]:
    """Paths of everything that can be set below a model's field."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from leaves(inner[0], path)
    elif origin in (Union, UnionType):
        for option in inner:
            if option is not NoneType:
                yield from leaves(option, path)
    elif origin is tuple:
        yield from leaves(inner[0], f"{path}[]")
    elif origin is not Literal and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for field in annotation.model_fields.values():
            yield from leaves(field.rebuild_annotation(), f"{path}.{field.alias}".lstrip("."))
    else:
        yield path


ALL_LEAVES = sorted(set(leaves(WorkspaceSpec, "")))


def base_of(path: str) -> dict[str, Any]:
    """The request that a leaf is changed in: with a full hub where the leaf is a hub's."""
    data = copy.deepcopy(request())
    if path.startswith("waivers[]."):
        data["registry"] = {"adminUser": True}
        data["waivers"] = [dict(WAIVER)]
    if path.startswith("compute.instances[]."):
        data["compute"]["instances"] = [copy.deepcopy(AROUND["compute.instances[]"])]
    if path.startswith(("network.managed.", "catalog.")):
        data["network"]["mode"] = "managedAllowOnlyApprovedOutbound"
        data["compute"] = {"clusters": []}
        data["network"]["managed"] = {"outboundRules": [copy.deepcopy(RULES[path])]} if path in RULES else {}
    if path == "network.managed.spark":
        data["network"]["managed"] = {"provision": "atCreation"}
    if path in GIVEN:
        name = path.split(".")[1].removesuffix("[]")
        data["compute"][name][0]["identity"] = {"type": "userAssigned", "ids": [f"{UAI}/one"]}
    if path.startswith("network.hub.") or path == "environment":
        data["network"]["hub"] = copy.deepcopy(HUBS.get(path, FULL))
    if path in ("network.egress.kind", "network.egress.nextHop"):
        data["network"]["hub"] = {"kind": "existing", "vnetId": HUB}
        data["network"]["egress"] = {"nextHop": "10.9.0.4", "kind": "firewall"}
    if path == "network.prefixLength":
        data["network"]["addressSpace"] = AUTO
    if (part := path.partition(".")[0]) in PARTS:
        data[part] = copy.deepcopy(PARTS[part])
    if path in STAGES:
        data["expiry"] = {"idleAfter": "P20D", "grace": "P5D", "action": "delete", "retention": "P10D"}
    if path == "expiry.action":
        data["expiry"] = {"idleAfter": "P20D", "grace": "P5D"}
    if path.startswith("datastores[]."):
        data["datastores"] = [{"name": "sales", "account": ACCOUNT, "container": "orders"}]
    return data


def before(path: str) -> dict[str, Any]:
    """The request without the leaf; a switch takes with it what makes sense with it only."""
    data = base_of(path)
    if path == "network.egress.kind":
        del data["network"]["egress"]
    return request() if path == "network.hub.kind" else data


def with_leaf(path: str) -> dict[str, Any]:
    """The base request with one leaf changed."""
    data = base_of(path)
    current: Any = data
    walked = ""
    *parents, last = path.split(".")
    for part in parents:
        name, _, is_list = part.partition("[")
        walked = f"{walked}.{part}".lstrip(".")
        holder = current.setdefault(name, [] if is_list else copy.deepcopy(AROUND.get(walked, {})))
        if is_list and not holder:
            holder.append(copy.deepcopy(AROUND.get(walked, {})))
        current = holder[0] if is_list else holder
    if last.endswith("[]"):
        current[last[:-2]] = [OTHER[path]]
    else:
        current[last] = OTHER[path]
    if path in GIVEN and last == "type":
        del current["ids"]  # They go with their kind (S2-31).
    return data


def meant(spec: WorkspaceSpec) -> Blueprint:
    """The blueprint, at the first place of an empty pool where the spec leaves the range to the ledger."""
    first = next(free(IPv4Network("10.40.0.0/16"), wanted_prefix(spec), ()))
    return compile_blueprint(placed(spec, str(first)), CONTEXT)


def staged(path: str, data: dict[str, Any]) -> tuple[tuple[int, str], ...]:
    """The stages of a workspace that nobody uses, by day."""
    expiry = parse_spec(data).expiry
    assert expiry is not None
    return life(expiry)


def test_no_leaf_is_forgotten() -> None:
    assert sorted(OTHER) == ALL_LEAVES


@pytest.mark.parametrize("path", ALL_LEAVES)
def test_a_changed_leaf_changes_the_blueprint_or_is_refused(path: str) -> None:
    base = meant(parse_spec(before(path)))
    refused = any(path == part or path.startswith((f"{part}.", f"{part}[")) for part in REFUSED)
    try:
        changed = parse_spec(with_leaf(path))
    except Rejected as error:
        assert refused or path in NEVER, f"{path} is built and was refused: {error}"
        if path in NEVER:
            return
        assert {detail.code for detail in error.details} == {"FeatureNotAvailable"}
    else:
        assert not refused, f"{path} is not built and was not refused"
        if path in STAGES:
            assert staged(path, with_leaf(path)) != staged(path, base_of(path))
            return
        assert meant(changed) != base


def test_every_field_says_what_it_does() -> None:
    schema = WorkspaceSpec.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    silent = [
        f"{model['title']}.{name}"
        for model in models
        for name, field in model.get("properties", {}).items()
        if not field.get("description")
    ]
    assert silent == []
