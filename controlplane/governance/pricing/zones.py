"""Zones that meters of networks have in place of regions. Source: azure.microsoft.com, "Virtual network pricing", FAQ
("Which regions correspond to Zone 1, Zone 2, Zone 3?"); of the public cloud. A region that is not here has no zone:
nobody guesses one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ZONES = {
    "Zone 1": (
        "centralus eastus eastus2 northcentralus southcentralus westcentralus westus westus2 westus3 canadacentral "
        "canadaeast northeurope westeurope francecentral francesouth germanynorth germanywestcentral italynorth "
        "norwayeast norwaywest polandcentral spaincentral swedencentral switzerlandnorth switzerlandwest uksouth ukwest"
    ),
    "Zone 2": (
        "australiaeast australiasoutheast eastasia southeastasia centralindia southindia westindia japaneast japanwest "
        "koreacentral koreasouth"
    ),
    "Zone 3": "brazilsouth brazilsoutheast southafricanorth southafricawest uaecentral uaenorth",
}
ZONES: Mapping[str, str] = MappingProxyType({region: zone for zone, text in _ZONES.items() for region in text.split()})
#: What the price list calls the zone of the US Government's regions; there is one (infracost, ``dns_zone.go``).
GOVERNMENT_ZONE = "US Gov Zone 1"


def zone_of(region: str) -> str | None:
    """``westeurope`` → ``Zone 1``."""
    return ZONES.get(region.lower())
