"""`Microsoft.Compute/skus`: VM sizes of a handful of regions, with what plan-time checks and quotas read.

Sizes and capabilities are those that Azure publishes for the series; which region has which is simplified.
"""

from __future__ import annotations

import re
from functools import lru_cache

from simulator.engine.declaration import Answer, JsonObject, Route, RouteContext

REGIONS = ("westeurope", "northeurope", "eastus", "eastus2", "westus2", "uksouth", "swedencentral")
# name, family, vCPUs, memory GB, GPUs, NICs, accelerated networking, premium IO
SIZES: tuple[tuple[str, str, int, float, int, int, bool, bool], ...] = (
    ("Standard_DS1_v2", "standardDSv2Family", 1, 3.5, 0, 2, False, True),
    ("Standard_DS2_v2", "standardDSv2Family", 2, 7, 0, 2, True, True),
    ("Standard_DS3_v2", "standardDSv2Family", 4, 14, 0, 4, True, True),
    ("Standard_DS4_v2", "standardDSv2Family", 8, 28, 0, 8, True, True),
    ("Standard_DS5_v2", "standardDSv2Family", 16, 56, 0, 8, True, True),
    ("Standard_DS11_v2", "standardDSv2Family", 2, 14, 0, 2, True, True),
    ("Standard_DS12_v2", "standardDSv2Family", 4, 28, 0, 4, True, True),
    ("Standard_D2_v3", "standardDv3Family", 2, 8, 0, 2, False, False),
    ("Standard_D2s_v3", "standardDSv3Family", 2, 8, 0, 2, True, True),
    ("Standard_D4s_v3", "standardDSv3Family", 4, 16, 0, 2, True, True),
    ("Standard_D8s_v3", "standardDSv3Family", 8, 32, 0, 4, True, True),
    ("Standard_D16s_v3", "standardDSv3Family", 16, 64, 0, 8, True, True),
    ("Standard_D2ds_v5", "standardDDSv5Family", 2, 8, 0, 2, True, True),
    ("Standard_D4ds_v5", "standardDDSv5Family", 4, 16, 0, 2, True, True),
    ("Standard_D8ds_v5", "standardDDSv5Family", 8, 32, 0, 4, True, True),
    ("Standard_D2as_v5", "standardDASv5Family", 2, 8, 0, 2, True, True),
    ("Standard_D4as_v5", "standardDASv5Family", 4, 16, 0, 2, True, True),
    ("Standard_E4ds_v4", "standardEDSv4Family", 4, 32, 0, 2, True, True),
    ("Standard_E8ds_v4", "standardEDSv4Family", 8, 64, 0, 4, True, True),
    ("Standard_E4s_v3", "standardESv3Family", 4, 32, 0, 2, True, True),
    ("Standard_F4s_v2", "standardFSv2Family", 4, 8, 0, 2, True, True),
    ("Standard_F8s_v2", "standardFSv2Family", 8, 16, 0, 4, True, True),
    ("Standard_F16s_v2", "standardFSv2Family", 16, 32, 0, 4, True, True),
    ("Standard_B2s", "standardBSFamily", 2, 4, 0, 3, False, True),
    ("Standard_B2ms", "standardBSFamily", 2, 8, 0, 3, False, True),
    ("Standard_B4ms", "standardBSFamily", 4, 16, 0, 4, False, True),
    ("Standard_NC6s_v3", "standardNCSv3Family", 6, 112, 1, 4, False, True),
    ("Standard_NC12s_v3", "standardNCSv3Family", 12, 224, 2, 8, False, True),
    ("Standard_NC24s_v3", "standardNCSv3Family", 24, 448, 4, 8, False, True),
    ("Standard_NC4as_T4_v3", "Standard NCASv3_T4 Family", 4, 28, 1, 2, True, True),
    ("Standard_NC8as_T4_v3", "Standard NCASv3_T4 Family", 8, 56, 1, 4, True, True),
    ("Standard_NC16as_T4_v3", "Standard NCASv3_T4 Family", 16, 110, 1, 8, True, True),
    ("Standard_NC24ads_A100_v4", "StandardNCADSA100v4Family", 24, 220, 1, 2, True, True),
    ("Standard_ND40rs_v2", "standardNDSv2Family", 40, 672, 8, 8, False, True),
)
MISSING = {  # what a region does not have
    "northeurope": {"Standard_ND40rs_v2"},
    "uksouth": {"Standard_ND40rs_v2", "Standard_NC24ads_A100_v4"},
    "swedencentral": {"Standard_NC6s_v3", "Standard_NC12s_v3", "Standard_NC24s_v3", "Standard_ND40rs_v2"},
}


@lru_cache(maxsize=32)
def skus(location: str) -> list[JsonObject]:
    """Every VM size of one region in the shape of `ResourceSkus_List`."""
    absent = MISSING.get(location, set())
    return [_sku(location, *size) for size in SIZES if size[0] not in absent]


def _sku(
    location: str, name: str, family: str, cpus: int, memory: float, gpus: int, nics: int, fast: bool, premium: bool
) -> JsonObject:
    capabilities = {
        "MaxResourceVolumeMB": str(int(memory * 2048)), "OSVhdSizeMB": "1047552", "vCPUs": str(cpus),
        "MemoryPreservingMaintenanceSupported": "True", "HyperVGenerations": "V1,V2", "MemoryGB": f"{memory:g}",
        "MaxDataDiskCount": str(max(4, cpus * 4)), "CpuArchitectureType": "x64", "LowPriorityCapable": "True",
        "PremiumIO": str(premium), "vCPUsAvailable": str(cpus), "vCPUsPerCore": "2",
        "EncryptionAtHostSupported": "True", "AcceleratedNetworkingEnabled": str(fast),
        "MaxNetworkInterfaces": str(nics),
    }  # fmt: skip
    if gpus:
        capabilities["GPUs"] = str(gpus)
    return {
        "resourceType": "virtualMachines", "name": name, "tier": "Standard", "size": name.removeprefix("Standard_"),
        "family": family, "locations": [location],
        "locationInfo": [{"location": location, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [{"name": key, "value": value} for key, value in capabilities.items()], "restrictions": [],
    }  # fmt: skip


def _list(ctx: RouteContext) -> Answer:
    wanted = re.search(r"location\s+eq\s+'([^']*)'", ctx.query.get("$filter", ""))
    regions = [wanted[1].replace(" ", "").lower()] if wanted else list(REGIONS)
    return Answer(200, {"value": [one for region in regions if region in REGIONS for one in skus(region)]})


ROUTES = (Route("GET", "/subscriptions/{s}/providers/Microsoft.Compute/skus", "Microsoft.Compute/skus/read", _list),)
