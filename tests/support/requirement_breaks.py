"""For each requirement that is validated or enforced: what somebody does that breaks it, and the finding that it gives.

Data of ``tests/unit/workspaces/posture/test_requirement_pairs.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from controlplane.workspaces.blueprint.dependants import POLICY
from tests.support.azure_answers import Estate, guid
from tests.support.blueprints import (
    compiled,
    everything,
    example,
    managed,
    with_identities,
    with_instance,
)
from tests.support.mutations import connection_state

ZONES = ("api", "notebooks", "blob", "file", "vault", "registry")
ENDPOINTS = ("workspace", "blob", "file", "vault", "registry")


@dataclass(frozen=True, slots=True)
class Break:
    """One act of somebody else, and the finding it must give."""

    key: str
    control: str
    act: Callable[[Estate], None]
    optional: bool = False
    """One of several that would do: looked at where the blueprint has it, and it has one of them."""


def deleted(key: str, control: str) -> Break:
    return Break(key, control, lambda estate: estate.delete(estate.body(key)["id"]))


def changed(key: str, control: str, path: str, value: Any) -> Break:
    """``path`` is dotted, below the body, with list positions as numbers."""

    def act(estate: Estate) -> None:
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        holder: Any = estate.body(key)
        for step in steps:
            holder = holder[step]
        holder[last] = value

    return Break(key, control, act)


def dropped(key: str, control: str, path: str) -> Break:
    """Takes the last item off a list."""

    def act(estate: Estate) -> None:
        holder: Any = estate.body(key)
        for step in path.split("."):
            holder = holder[step]
        holder.pop()

    return Break(key, control, act)


def record_moved(zone_group: str, config: int = 0) -> Break:
    """Somebody points the first name of an endpoint in one of its zones elsewhere."""

    def act(estate: Estate) -> None:
        found = estate.body(zone_group)["properties"]["privateDnsZoneConfigs"][config]["properties"]
        name = found["recordSets"][0]["recordSetName"]
        record = estate.bodies[f"{found['privateDnsZoneId']}/A/{name}".lower()]
        record["properties"]["aRecords"] = [{"ipv4Address": "10.9.9.9"}]

    return Break(zone_group, "DNS.ARecordsMatch", act)


def granted(key: str, control: str) -> Break:
    """Somebody gives an identity a role on the whole subscription; the list at the group shows it."""

    def act(estate: Estate) -> None:
        scope = "/".join(estate.id_of(key).split("/")[:3])
        arm_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid('granted', key)}"
        role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
        properties = {
            "scope": scope,
            "roleDefinitionId": role,
            "principalId": estate.body(key)["identity"]["principalId"],
            "principalType": "ServicePrincipal",
        }
        estate.bodies[arm_id.lower()] = {"id": arm_id, "name": arm_id.rpartition("/")[2], "properties": properties}

    return Break(key, control, act)


def unprotected() -> Break:
    """Somebody makes the vault of the key again, without purge protection."""

    def act(estate: Estate) -> None:
        vault = str(example("customer-managed-key")["encryption"]["keyVaultId"])
        del estate.bodies[vault.lower()]["properties"]["enablePurgeProtection"]

    return Break("workspace", "CP.KEY.VaultProtected", act)


def unlisted(key: str, control: str) -> Break:
    """Somebody takes the last user-assigned identity off a resource."""
    return Break(key, control, lambda estate: estate.body(key)["identity"]["userAssignedIdentities"].popitem())


def listed(key: str, control: str) -> Break:
    """Somebody adds another user-assigned identity to a resource."""

    def act(estate: Estate) -> None:
        estate.body(key)["identity"]["userAssignedIdentities"]["/subscriptions/s/another"] = {}

    return Break(key, control, act)


#: What a hub is needed for.
DEFINITIONS = f"/subscriptions/{example()['subscriptionId']}/providers/Microsoft.Authorization/roleDefinitions"
OF_HUBS = frozenset({"S1-52", "S5-09", "S1-61", "S1-63", "S4-04", "S4-05"})
#: Somebody runs another installation on the agent's machine: in a container, with a token of a person.
AGENT_SETUP = tuple(
    changed(f"vm-extension/agent-{n}/agent", "CP.AGENT.Setup", "properties.settings.script", "ZG9ja2VyIHJ1biBhZ2VudA==")
    for n in (1, 2)
)
WAYS_IN = tuple(
    replace(deleted(key, "CP.HUB.WayIn"), optional=True) for key in ("bastion", "vm/jump-host", "gateway/vpn")
)
USERS: dict[str, Any] = {"identity": example("user-assigned")["identity"]}
POLICIES: dict[str, Any] = {**USERS, "vault": {"permissionModel": "accessPolicies"}}
OWN_KEY: dict[str, Any] = {name: example("customer-managed-key")[name] for name in ("identity", "encryption", "vault")}
#: Requirement → what it is asked of, where that is not the first example.
ASKED: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("S2-16", "S2-17", "S2-18", "S2-19", "S2-21", "S2-22", "S2-27", "S2-28"), USERS),
    "S2-20": POLICIES,
    "S2-24": OWN_KEY,
}
UAI = "role/identity/workspace"
ALL_IDS = {created: {} for created in compiled(**USERS).by_key["workspace"].body["identity"]["userAssignedIdentities"]}
KEY = "properties.encryption"
SCALE = "properties.properties.scaleSettings"
#: Requirement → what it needs beside the example.
OF_COMPUTES = {
    "S2-32": with_identities("one", "two"),
    "S2-52": with_instance(identity={"type": "systemAssigned"}),
}


def reordered(key: str, control: str) -> Break:
    """Somebody writes the same identities with another one first."""

    def act(estate: Estate) -> None:
        identity = estate.body(key)["identity"]
        identity["userAssignedIdentities"] = dict(reversed(identity["userAssignedIdentities"].items()))

    return Break(key, control, act)


IDLE_GRANT = deleted("role/instance/ada-box/workspace/contributor", "AML.CI.IdleShutdownIdentity")
CLUSTER_GRANT = deleted("role/cluster/cpu/registry/acr-pull", "RBAC.ComputeMi.AcrPull")
BOTH_IDENTITIES = changed("cluster/cpu", "AML.CLUSTER.ManagedIdentity", "identity.type", "SystemAssigned, UserAssigned")
CONNECTION = "properties.privateLinkServiceConnections.0.properties.groupIds"
ROLE_CONTROLS = {
    "role/workspace-identity/storage/storage-blob-data-contributor": "RBAC.WsMi.StorageBlobData",
    "role/workspace-identity/storage/storage-file-data-privileged-contributor": "RBAC.WsMi.StorageFileData",
    "role/workspace-identity/vault/contributor": "RBAC.WsMi.KeyVault",
    "role/workspace-identity/vault/key-vault-administrator": "RBAC.WsMi.KeyVault",
    "role/workspace-identity/registry/contributor": "RBAC.WsMi.AcrContributor",
    "role/workspace-identity/private-endpoint-blob/reader": "RBAC.WsMi.ReaderOnStoragePe",
    "role/workspace-identity/private-endpoint-file/reader": "RBAC.WsMi.ReaderOnStoragePe",
    "role/cluster/cpu/storage/storage-blob-data-contributor": "RBAC.ComputeMi.StorageRead",
    "role/cluster/cpu/registry/acr-pull": "RBAC.ComputeMi.AcrPull",
}
ENDPOINT_CONTROLS = {
    "workspace": "AML.WS.PrivateEndpointApproved",
    "blob": "STO.PrivateEndpointBlob",
    "file": "STO.PrivateEndpointFile",
    "vault": "KV.PrivateEndpoint",
    "registry": "ACR.PrivateEndpoint",
}
PUBLIC = changed("workspace", "AML.WS.PublicNetworkAccess", "properties.publicNetworkAccess", "Enabled")
REMOTE_LOGIN = changed(
    "cluster/cpu",
    "AML.CLUSTER.RemoteLoginDisabled",
    "properties.properties.remoteLoginPortPublicAccess",
    "Enabled",
)
MIN_NODES = changed("cluster/cpu", "AML.CLUSTER.MinNodesZero", f"{SCALE}.minNodeCount", 2)
NODE_ADDRESSES = changed("cluster/cpu", "AML.CLUSTER.NoPublicIp", "properties.properties.enableNodePublicIp", True)
REGISTRY_SKU = changed("registry", "ACR.SkuPremium", "sku.name", "Basic")
REGISTRY_PUBLIC = changed("registry", "ACR.PublicNetworkAccess", "properties.publicNetworkAccess", "Enabled")

INTERNET, CATALOG = managed("managed-internet"), managed("managed-approved-catalog")
MODE = "properties.managedNetwork.isolationMode"
NOT_ISOLATED = changed("workspace", "AML.WS.ManagedNetworkIsolationMode", MODE, "Disabled")
PYPI_GONE = deleted("outbound-rule/catalog-pypi-org", "CP.EGRESS.RulePresent")
CATALOG_RULES = tuple(r.key for r in everything(**CATALOG).resources if r.key.startswith("outbound-rule/catalog-"))
#: What a managed network is needed for → the one that it is looked at in.
OF_MANAGED_NETWORKS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("S3-74", "S5-01", "S5-05", "S5-08", "S5-16", "S5-34"), CATALOG),
    "S5-07": INTERNET,
}

VALIDATED: dict[str, tuple[Break, ...]] = {
    "S1-02": tuple(deleted(key, control) for key, control in ROLE_CONTROLS.items()),
    "S1-05": (PUBLIC,),
    "S1-07": (
        changed("storage", "STO.HttpsOnly", "properties.supportsHttpsTrafficOnly", False),
        changed("storage", "STO.MinTls", "properties.minimumTlsVersion", "TLS1_0"),
        changed("storage", "CP.STO.Encrypted", "properties.encryption.services.blob.enabled", False),
    ),
    "S1-26": (
        changed("cluster/cpu", "AML.COMPUTE.InVirtualNetwork", "properties.properties.subnet.id", "/subscriptions/x"),
    ),
    "S1-29": (REMOTE_LOGIN,),
    "S1-30": (MIN_NODES,),
    "S1-31": (changed("cluster/cpu", "AML.CLUSTER.IdleScaleDown", f"{SCALE}.nodeIdleTimeBeforeScaleDown", "PT2H"),),
    "S1-32": (changed("cluster/cpu", "AML.CLUSTER.ManagedIdentity", "identity.type", "UserAssigned"),),
    "S1-34": tuple(deleted(f"private-endpoint/{name}", control) for name, control in ENDPOINT_CONTROLS.items()),
    "S1-35": (changed("private-endpoint/workspace", "NET.PE.GroupId", CONNECTION, ["blob"]),),
    "S1-36": (changed("private-endpoint/registry", "NET.PE.GroupId", CONNECTION, ["blob"]),),
    "S1-37": tuple(
        Break(f"private-endpoint/{name}", "NET.PE.StateApproved", connection_state(f"private-endpoint/{name}", status))
        for name in ENDPOINTS
        for status in ("Pending", "Rejected")
    ),
    "S1-38": (dropped("zone-group/workspace", "NET.PE.ZoneGroupComplete", "properties.privateDnsZoneConfigs"),),
    "S1-39": (deleted("dns-zone/api", "DNS.ZoneSetComplete"),),
    "S1-40": (deleted("dns-zone/notebooks", "DNS.ZoneSetComplete"),),
    "S1-41": (deleted("dns-zone/registry", "DNS.ZoneSetComplete"),),
    "S1-42": tuple(deleted(f"dns-link/{zone}/ml", "DNS.LinkSpoke") for zone in ZONES),
    "S1-43": (deleted("dns-link/registry/hub", "DNS.LinkHub"),),
    "S1-44": (
        *(record_moved(f"zone-group/{name}") for name in ENDPOINTS),
        record_moved("zone-group/workspace", 1),
    ),
    "S1-47": (changed("workspace", "AML.WS.V1LegacyMode", "properties.v1LegacyMode", True),),
    "S1-48": (PUBLIC,),
    "S1-49": (
        deleted("peering/ml-to-hub", "NET.PEER.StateLocal"),
        deleted("peering/hub-to-ml", "NET.PEER.StateRemote"),
        changed("peering/hub-to-ml", "NET.PEER.StateRemote", "properties.peeringState", "Disconnected"),
    ),
    "S1-50": tuple(
        changed(f"peering/{side}", "NET.PEER.AccessFlags", f"properties.{flag}", False)
        for side in ("ml-to-hub", "hub-to-ml")
        for flag in ("allowVirtualNetworkAccess", "allowForwardedTraffic")
    ),
    "S1-52": WAYS_IN,
    "S1-61": AGENT_SETUP,
    "S1-63": AGENT_SETUP,
    "S1-65": (
        deleted("registry", "CP.Present"),
        changed("workspace", "AML.WS.ContainerRegistrySet", "properties.containerRegistry", None),
    ),
    "S1-66": (REGISTRY_SKU,),
    "S1-67": (REGISTRY_PUBLIC,),
    "S1-68": (changed("registry", "ACR.AdminUserDisabled", "properties.adminUserEnabled", True),),
    "S1-69": (deleted("role/workspace-identity/registry/contributor", "RBAC.WsMi.AcrContributor"),),
    "S1-70": (
        dropped("nsg/training", "CP.NSG.Rules", "properties.securityRules"),
        changed("subnet/training", "NET.SUBNET.NsgAttached", "properties.networkSecurityGroup", None),
    ),
    "S4-04": tuple(
        replace(changed(f"vm/agent-{number}", "CP.AGENT.Identity", "identity.type", "UserAssigned"), optional=True)
        for number in (1, 2)
    ),
    "S5-09": WAYS_IN,
    "S3-74": (NOT_ISOLATED,),
    "S5-01": (NOT_ISOLATED,),
    "S5-05": (deleted("managed-network", "CP.EGRESS.NetworkBuilt"),),
    "S5-07": (NOT_ISOLATED,),
    "S5-08": (NOT_ISOLATED, PYPI_GONE),
    "S5-16": (PYPI_GONE,),
    "S5-34": tuple(deleted(key, "CP.EGRESS.RulePresent") for key in CATALOG_RULES),
    "S4-05": (granted("vm/agent-1", "CP.AGENT.Scope"),),
    "S2-16": (
        changed("workspace", "AML.WS.StorageAccountSet", "properties.storageAccount", None),
        changed("workspace", "AML.WS.KeyVaultSet", "properties.keyVault", None),
        changed("workspace", "AML.WS.ContainerRegistrySet", "properties.containerRegistry", None),
    ),
    "S2-17": (deleted(f"{UAI}/workspace/contributor", "RBAC.WsMi.Workspace"),),
    "S2-18": (
        deleted(f"{UAI}/storage/contributor", "RBAC.WsMi.StorageContributor"),
        deleted(f"{UAI}/storage/storage-blob-data-contributor", "RBAC.WsMi.StorageBlobData"),
    ),
    "S2-19": tuple(
        deleted(f"{UAI}/vault/{role}", "RBAC.WsMi.KeyVault") for role in ("contributor", "key-vault-administrator")
    ),
    "S2-21": (deleted(f"{UAI}/registry/contributor", "RBAC.WsMi.AcrContributor"),),
    "S2-22": (deleted(f"{UAI}/application-insights/contributor", "RBAC.WsMi.AppInsights"),),
    "S2-24": (
        changed("workspace", "AML.WS.CmkStatus", f"{KEY}.status", "Disabled"),
        changed("workspace", "AML.WS.CmkKeyUri", f"{KEY}.keyVaultProperties.keyIdentifier", "https://v/keys/other"),
        changed("workspace", "AML.WS.CmkIdentity", f"{KEY}.identity.userAssignedIdentity", "/subscriptions/s/other"),
        unprotected(),
        changed("storage", "STO.Cmk", f"{KEY}.keyvaultproperties.keyname", "other"),
        changed("storage", "STO.Cmk", f"{KEY}.identity.userAssignedIdentity", "/subscriptions/s/other"),
    ),
    "S2-04": tuple(deleted(key, control) for key, control in ROLE_CONTROLS.items() if key.startswith("role/cluster/")),
}

VALIDATED |= {
    "S2-37": (
        MIN_NODES,
        changed("cluster/cpu", "AML.CLUSTER.MaxNodesBounded", f"{SCALE}.maxNodeCount", 40),
        changed("cluster/cpu", "AML.CLUSTER.IdleScaleDown", f"{SCALE}.nodeIdleTimeBeforeScaleDown", "PT2H"),
        changed("cluster/cpu", "AML.CLUSTER.VmSizeAllowlist", "properties.properties.vmSize", "Standard_NC6s_v3"),
    ),
    "S2-32": (reordered("cluster/cpu", "AML.CLUSTER.DefaultIdentity"),),
    "S2-52": (IDLE_GRANT,),
    "S2-75": (CLUSTER_GRANT,),
}

#: Requirement → change, and where the body that a repair writes holds what it must.
ENFORCED: dict[str, tuple[Break, tuple[str | int, ...], Any]] = {
    "S1-29": (REMOTE_LOGIN, ("properties", "properties", "remoteLoginPortPublicAccess"), "Disabled"),
    "S1-30": (MIN_NODES, ("properties", "properties", "scaleSettings", "minNodeCount"), 0),
    "S1-66": (REGISTRY_SKU, ("sku", "name"), "Premium"),
    "S1-67": (REGISTRY_PUBLIC, ("properties", "publicNetworkAccess"), "Disabled"),
    "S2-31": (BOTH_IDENTITIES, ("identity", "type"), "SystemAssigned"),
    "S2-52": (IDLE_GRANT, ("properties", "roleDefinitionId"), f"{DEFINITIONS}/b24988ac-6180-42a0-ab88-20f7382dd24c"),
    "S2-20": (
        changed(
            "vault",
            "KV.AccessPolicyLeastPrivilege",
            "properties.accessPolicies.0.permissions.secrets",
            [*POLICY["secrets"], "purge"],
        ),
        ("properties", "accessPolicies", 0, "permissions", "secrets"),
        list(POLICY["secrets"]),
    ),
    "S2-27": (
        unlisted("workspace", "AML.WS.UserAssignedIdentity"),
        ("identity", "userAssignedIdentities"),
        ALL_IDS,
    ),
    "S2-28": (
        listed("workspace", "AML.WS.UserAssignedIdentity"),
        ("identity", "userAssignedIdentities"),
        ALL_IDS,
    ),
    "S1-71": (NODE_ADDRESSES, ("properties", "properties", "enableNodePublicIp"), False),
}
