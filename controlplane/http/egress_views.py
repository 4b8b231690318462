"""Domain → JSON of what leaves managed networks."""

from __future__ import annotations

from typing import Any

from controlplane.workspaces.egress.hosts import SOURCES, VERSION
from controlplane.workspaces.egress.prices import FIREWALL, FirewallPrice
from controlplane.workspaces.egress.report import Egress, shown_destination


def catalog() -> dict[str, Any]:
    """``models.egress.CatalogBody``."""
    sources = [
        {
            "name": source.name,
            "kind": source.kind,
            "title": source.title,
            "hosts": sorted(host.fqdn for host in source.hosts),
            "note": source.note,
            "documents": list(source.documents),
        }
        for source in SOURCES.values()
    ]
    return {"version": VERSION, "value": sources, "firewall": [_firewall(price) for price in FIREWALL.values()]}


def egress(found: Egress | None) -> dict[str, Any] | None:
    """``models.egress.EgressBody``."""
    if found is None:
        return None
    rules = [
        {
            "name": rule.name,
            "type": rule.type,
            "destination": shown_destination(rule),
            "because": list(rule.because),
        }
        for rule in found.rules
    ]
    unneeded = [{"name": u.name, "destination": u.destination, "reason": u.reason} for u in found.unneeded]
    return {
        "tableVersion": VERSION,
        "rules": rules,
        "missing": list(found.missing),
        "unneeded": unneeded,
        "firewall": None if found.firewall is None else _firewall(found.firewall),
    }


def _firewall(price: FirewallPrice) -> dict[str, Any]:
    return {
        "sku": price.sku,
        "monthlyCost": {"amount": float(price.month), "currency": "USD"},
        "perGigabyte": {"amount": float(price.gigabyte), "currency": "USD"},
        "asOf": price.seen,
        "source": price.source,
    }
