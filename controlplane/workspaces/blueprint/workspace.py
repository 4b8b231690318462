"""The Azure Machine Learning workspace itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.identities import KINDS, attached, given_key, primary
from controlplane.workspaces.model import Resource
from controlplane.workspaces.spec_model import NetworkMode, WorkspaceSpec

#: Mode of the spec → isolation mode in Azure.
ISOLATION: Mapping[NetworkMode, str] = MappingProxyType(
    {
        NetworkMode.PRIVATE_VNET: "Disabled",
        NetworkMode.ALLOW_INTERNET: "AllowInternetOutbound",
        NetworkMode.APPROVED_ONLY: "AllowOnlyApprovedOutbound",
    }
)


def image_build_compute(spec: WorkspaceSpec) -> str | None:
    """The cluster that builds images, because a private registry's own build tasks cannot reach it.

    It must be a CPU cluster (how-to-secure-workspace-vnet); sizes of the N family have GPUs. None without one.
    """
    names = [c.name for c in spec.compute.clusters if not c.size.lower().startswith("standard_n")]
    return min(names, default=None)


def workspace(site: Site, dependants: dict[str, str], roles: tuple[str, ...] = ()) -> Resource:
    """``dependants``: key → ARM id; ``roles``: keys of the grants that its user-assigned identities need before."""
    keys_off = not site.spec.storage.shared_key_access
    properties: dict[str, Any] = {
        "friendlyName": site.context.workspace,
        "storageAccount": dependants["storage"],
        "keyVault": dependants["vault"],
        "containerRegistry": dependants["registry"],
        "applicationInsights": dependants["application-insights"],
        "publicNetworkAccess": "Disabled",
        "v1LegacyMode": site.spec.legacy_v1_mode,
        "systemDatastoresAuthMode": "Identity" if keys_off else "AccessKey",
    }
    if (chosen := primary(site)) is not None:
        properties["primaryUserAssignedIdentity"] = attached(site)[chosen]
    if (encryption := _encryption(site)) is not None:
        properties["encryption"] = encryption
    if site.is_managed:
        properties["managedNetwork"] = _managed_network(site)
    builder = image_build_compute(site.spec)
    if builder is not None:
        properties["imageBuildCompute"] = builder
    body = site.tracked(
        properties,
        kind="Default",
        sku={"name": "Basic", "tier": "Basic"},
        identity=_identity(site),
    )
    needs = ("S1-02", "S1-05", "S1-10", "S1-47", "S1-48", "S1-65", "S1-69", "S2-01", *_needs(site))
    made = (key for key in dependants if key != "registry" or site.makes_registry)
    before = (*made, *given_or_made(site), *roles)
    return resource("workspace", k.ML_WORKSPACE, workspace_id(site), body, before, requirements=needs)


def _identity(site: Site) -> JsonObject:
    asked, ids = site.spec.identity, attached(site)
    users: JsonObject = {"userAssignedIdentities": {arm_id: {} for arm_id in ids.values()}} if ids else {}
    return {"type": KINDS[asked.type], **users}


def given_or_made(site: Site) -> tuple[str, ...]:
    """Keys of every user-assigned identity that has to be there before the workspace."""
    holder = site.spec.encryption.identity
    return tuple(dict.fromkeys((*attached(site), *((given_key(holder),) if holder is not None else ()))))


def _needs(site: Site) -> Iterator[str]:
    """Requirements that only some kinds of identity, and a registry that is brought along, answer to."""
    if not site.makes_registry:
        yield from ("S2-72", "S2-74")
    count = len(attached(site))
    if count:
        yield from ("S2-02", "S2-15", "S2-16", "S2-27", "S2-28") if count > 1 else ("S2-02", "S2-16")
    if count and primary(site) is not None:
        yield "S2-25"
    if site.spec.identity.type == "systemAndUserAssigned":
        yield "S2-30"
    if site.spec.encryption.customer_managed_key is not None:
        yield "S2-24"
    if site.is_managed:
        yield from ("S3-74", "S5-01", "S5-07", "S5-08", "S5-35")


def _encryption(site: Site) -> JsonObject | None:
    """Source: EncryptionProperty of the workspace's ARM reference."""
    asked = site.spec.encryption
    if asked.customer_managed_key is None:
        return None
    return {
        "status": "Enabled",
        "identity": {"userAssignedIdentity": asked.identity},
        "keyVaultProperties": {"keyVaultArmId": asked.key_vault_id, "keyIdentifier": asked.customer_managed_key},
    }


def _managed_network(site: Site) -> dict[str, Any]:
    """Its rules are resources of their own, and stay where this says nothing of them."""
    network = site.spec.network
    settings: dict[str, Any] = {"isolationMode": ISOLATION[network.mode]}
    if network.mode is NetworkMode.APPROVED_ONLY:
        settings["firewallSku"] = network.managed.firewall_sku
    return settings


def workspace_id(site: Site) -> str:
    return site.id(k.ML_WORKSPACE, site.names.ml_workspace)
