"""What a workspace's services are billed by: storage, vault, registry, logs, the workspace itself."""

from __future__ import annotations

from decimal import Decimal

from controlplane.arm import fold
from controlplane.governance.pricing.meters_network import endpoint_uses, firewall_uses
from controlplane.governance.pricing.table import DAYS
from controlplane.governance.pricing.usage import ASSUMPTIONS, Range
from controlplane.governance.pricing.uses import Found, Free, Item, Scene, Unpriced, Use, assumed, fixed
from controlplane.workspaces import kinds
from controlplane.workspaces.resolve import at

#: GB that a registry holds without more. Source: "Azure Container Registry service tiers".
INCLUDED = {"basic": 10, "standard": 100, "premium": 500}
#: Days of retention that ingestion pays for. Source: "Azure Monitor Logs cost calculations and options".
INCLUDED_DAYS = 31
#: Of a managed network: to the workspace, blobs and files of its account, its vault, its registry. Source: "Workspace
#: managed virtual network isolation", list of required outbound rules; what is private gets one in both modes.
REQUIRED_ENDPOINTS = 5
_REDUNDANCY = {
    "standard_lrs": "lrs",
    "standard_zrs": "zrs",
    "standard_grs": "grs",
    "standard_ragrs": "ra-grs",
    "standard_gzrs": "gzrs",
}


def storage(item: Item, scene: Scene) -> Found:
    """By what lies in it and by operations; the account is free."""
    del scene
    sku = str(at(item.body, "sku.name") or "")
    redundancy = _REDUNDANCY.get(fold(sku))
    if redundancy is None or fold(str(item.body.get("kind") or "StorageV2")) != "storagev2":
        return Unpriced(f"No price is known of storage accounts of SKU {sku!r}.")
    if at(item.body, "properties.isHnsEnabled"):
        if redundancy != "lrs":
            return Unpriced(f"No price is known of hierarchical storage accounts of SKU {sku!r}.")
        return (
            assumed("storage.adls.hot-lrs.gb-month", "blobData"),
            assumed("storage.adls.hot-lrs.write.10k", "blobWrites"),
        )
    held = assumed(f"storage.blob.hot-{redundancy}.gb-month", "blobData")
    if redundancy != "lrs":
        return Unpriced(f"No price is known of operations and file shares of SKU {sku!r}.", (held,))
    return (
        held,
        assumed("storage.blob.hot-lrs.write.10k", "blobWrites"),
        assumed("storage.blob.hot-lrs.read.10k", "blobReads"),
        assumed("storage.files.transaction-optimized-lrs.gb-month", "fileData"),
    )


def vault(item: Item, scene: Scene) -> Found:
    """By operations."""
    del item, scene
    return (assumed("key-vault.operations.10k", "vaultOperations"),)


def registry(item: Item, scene: Scene) -> Found:
    """By the day of its SKU, and by what it holds beyond what is included."""
    del scene
    sku = fold(str(at(item.body, "sku.name") or ""))
    if sku not in INCLUDED:
        return Unpriced(f"No price is known of registries of SKU {sku!r}.")
    beyond = ASSUMPTIONS["registryData"].range - Range.of(INCLUDED[sku])
    nothing = Decimal(0)
    over = Range(max(beyond.low, nothing), max(beyond.expected, nothing), max(beyond.high, nothing))
    held = Use("acr.storage-overage.gb-month", over, ("registryData",), note=f"{INCLUDED[sku]} GB are included")
    return (fixed(f"acr.{sku}.day", DAYS), held)


def log_analytics(item: Item, scene: Scene) -> Found:
    """By what is sent there, and by how long it is kept beyond the included days."""
    del scene
    sku = str(at(item.body, "properties.sku.name") or "PerGB2018")
    if fold(sku) != "pergb2018":
        return Unpriced(f"No price is known of logs of SKU {sku!r}.")
    uses = (assumed("log-analytics.ingestion.gb", "logs"),)
    days = int(at(item.body, "properties.retentionInDays") or 30)
    if days <= INCLUDED_DAYS:
        return uses
    months = (days - INCLUDED_DAYS) / DAYS
    kept = Use(
        "log-analytics.retention.gb-month",
        ASSUMPTIONS["logs"].range.times(months),
        ("logs",),
        note=f"{days} days, of which {INCLUDED_DAYS} are included",
    )
    return (*uses, kept)


def component(item: Item, scene: Scene) -> Found:
    """Application Insights sends its data to a workspace of logs, which bills it."""
    del scene
    if at(item.body, "properties.WorkspaceResourceId"):
        return Free("Its data lies in the workspace of logs, which is billed for it.")
    return (assumed("application-insights.ingestion.gb", "logs"),)


def ml_workspace(item: Item, scene: Scene) -> Found:
    """Azure ML adds nothing to what it uses. A managed network is free; its endpoints and its firewall are not, from
    the moment on at which it is built (S5-25)."""
    mode = fold(str(at(item.body, "properties.managedNetwork.isolationMode") or "Disabled"))
    if mode == "disabled":
        return Free("Azure Machine Learning adds no charge to the resources that it uses.")
    built = fold(str(at(item.body, "properties.managedNetwork.status.status") or "")) == "active"
    if not (built or scene.of(kinds.MANAGED_NETWORK) or scene.of(kinds.COMPUTE)):
        return Free("The managed network is not built yet: it costs nothing before the first compute.")
    uses = endpoint_uses(REQUIRED_ENDPOINTS, f"{REQUIRED_ENDPOINTS} endpoints that a managed network makes by itself")
    if not any(at(rule.body, "properties.type") == "FQDN" for rule in scene.of(kinds.OUTBOUND_RULE)):
        return uses
    tier = str(at(item.body, "properties.managedNetwork.firewallSku") or "Standard")
    found = firewall_uses(tier, "the Azure Firewall that rules for host names start")
    if isinstance(found, Unpriced):
        return Unpriced(found.reason, uses)
    return (*uses, *found) if isinstance(found, tuple) else uses


def outbound_rule(item: Item, scene: Scene) -> Found:
    """A rule is free; what it starts is not."""
    del scene
    kind = at(item.body, "properties.type")
    if kind == "PrivateEndpoint":
        return endpoint_uses()
    if kind == "FQDN":
        return Free("The firewall that it starts is billed with the workspace.")
    if kind == "ServiceTag":
        return Free("Rules for service tags start nothing.")
    return Unpriced(f"No price is known of outbound rules of type {kind!r}.")
