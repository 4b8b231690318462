"""The Azure Machine Learning workspace itself."""

from __future__ import annotations

from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.model import Resource
from controlplane.workspaces.spec_model import WorkspaceSpec


def image_build_compute(spec: WorkspaceSpec) -> str | None:
    """The cluster that builds images, because a private registry's own build tasks cannot reach it.

    It must be a CPU cluster (how-to-secure-workspace-vnet); sizes of the N family have GPUs. None without one.
    """
    names = [c.name for c in spec.compute.clusters if not c.size.lower().startswith("standard_n")]
    return min(names, default=None)


def workspace(site: Site, dependants: dict[str, str]) -> Resource:
    """``dependants``: key → ARM id."""
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
    builder = image_build_compute(site.spec)
    if builder is not None:
        properties["imageBuildCompute"] = builder
    body = site.tracked(
        properties,
        kind="Default",
        sku={"name": "Basic", "tier": "Basic"},
        identity={"type": "SystemAssigned"},
    )
    needs = ("S1-02", "S1-05", "S1-10", "S1-47", "S1-48", "S1-65", "S1-69", "S2-01")
    return resource("workspace", k.ML_WORKSPACE, workspace_id(site), body, tuple(dependants), requirements=needs)


def workspace_id(site: Site) -> str:
    return site.id(k.ML_WORKSPACE, site.names.ml_workspace)
