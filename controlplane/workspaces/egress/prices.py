"""What the firewall of a managed network costs, out of the one price table: list prices in USD, pay as you go.

The deployment of an Azure Firewall had one price in every region seen; 730 hours are a month (365 × 24 ÷ 12).
"Workspace managed virtual network isolation", pricing: the network itself is free, the firewall is there from the first
FQDN rule on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from controlplane.governance.pricing.table import HOURS, snapshot


@dataclass(frozen=True, slots=True)
class FirewallPrice:
    """Of one SKU. ``seen``: the day on which the source showed it."""

    sku: str
    hour: Decimal
    gigabyte: Decimal
    seen: str
    source: str

    @property
    def month(self) -> Decimal:
        """Of the deployment, before any traffic."""
        return round(self.hour * HOURS, 2)


def _of(sku: str) -> FirewallPrice:
    (hour,), (data,) = (snapshot().rows[f"firewall.{sku.lower()}.{unit}"] for unit in ("hour", "data.gb"))
    return FirewallPrice(sku, hour.amount, data.amount, hour.seen, f"{hour.source} ({hour.region})")


#: Meters of "Azure Firewall": Standard Deployment and Basic Deployment, 1 Hour; their Data Processed, 1 GB.
FIREWALL: Mapping[str, FirewallPrice] = MappingProxyType({sku: _of(sku) for sku in ("Standard", "Basic")})
