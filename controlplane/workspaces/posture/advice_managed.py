"""Advice on managed networks and what leaves them, as data.

Sources: learn.microsoft.com, "Workspace managed virtual network isolation" and "Use model catalog collections with
workspace managed virtual network".
"""

from __future__ import annotations

from controlplane.workspaces.egress.hosts import VERSION
from controlplane.workspaces.egress.prices import FIREWALL
from controlplane.workspaces.egress.rules import FQDN, outbound_rules, unneeded
from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import NetworkMode, WorkspaceSpec


def _managed(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return spec.network.mode.is_managed


def _approved(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return spec.network.mode is NetworkMode.APPROVED_ONLY


def _has_firewall(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return any(rule.type == FQDN for rule in outbound_rules(spec))


_PRICES = ", ".join(f"{price.sku} {price.month:.2f} USD a month" for price in FIREWALL.values())

MANAGED_ADVICE = (
    Advice(
        "ManagedNetworkHoldsComputes",
        ("S5-02",),
        "$.network.mode",
        "The mode is the workspace's and holds for every cluster, instance and endpoint in it; none of them can be put "
        "into another network.",
        _managed,
    ),
    Advice(
        "CuratedWeightsNeedNoRule",
        ("S5-14",),
        "$.network.mode",
        "Azure ML's own storage is reached by a service endpoint policy: weights of curated models need no rule.",
        _approved,
    ),
    Advice(
        "MicrosoftRegistryNeedsNoRule",
        ("S5-15",),
        "$.network.mode",
        "Microsoft Container Registry is reachable by default: images of Microsoft's need no rule.",
        _approved,
    ),
    Advice(
        "FirewallIsBilled",
        ("S5-25",),
        "$.network.managed.firewallSku",
        "The first rule for a host name starts an Azure Firewall, billed by the hour until the last such rule is gone, "
        f"and for each gigabyte: {_PRICES}, before traffic.",
        _has_firewall,
    ),
    Advice(
        "MetaNeedsNoRule",
        ("S5-26",),
        "$.catalog.collections",
        "Models of the collection Meta come from Azure: they need no outbound rule.",
        lambda spec, _: "meta" in spec.catalog.collections,
    ),
    Advice(
        "CatalogTable",
        ("S5-27",),
        "$.catalog",
        f"Hosts are those of the table of {VERSION} (GET /api/catalog/collections). New collections come often: rules "
        "that a newer table asks for show in :plan as missing.",
        lambda spec, _: bool(spec.catalog.collections or spec.catalog.packages),
    ),
    Advice(
        "UnneededOutboundRules",
        ("S5-35",),
        "$.network.managed.outboundRules",
        "Some rules lead to hosts that another rule covers, or that only a collection or package list uses that is not "
        "asked for; `egress.unneeded` names them. Each is a way out: leave out what nothing uses.",
        lambda spec, _: bool(unneeded(spec)),
        WarningLevel.WARNING,
    ),
)
