"""What differs between Azure's clouds: private DNS zone names and service tags, as data.

Sources: "Azure Private Endpoint private DNS zone values"; for the China registry zone, which that page leaves out, the
Chinese edition of it (privatelink.azurecr.cn); "Configure inbound and outbound network traffic" for the service tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud."""

    zones: Mapping[str, str]
    """Zone key → name of the private DNS zone."""
    has_front_door: bool
    """Whether service tag AzureFrontDoor.FrontEnd exists there."""


def _cloud(front_door: bool, **zones: str) -> Cloud:
    return Cloud(MappingProxyType({key: f"privatelink.{name}" for key, name in zones.items()}), front_door)


CLOUDS: Mapping[str, Cloud] = MappingProxyType(
    {
        "AzureCloud": _cloud(
            True,
            api="api.azureml.ms",
            notebooks="notebooks.azure.net",
            blob="blob.core.windows.net",
            file="file.core.windows.net",
            dfs="dfs.core.windows.net",
            vault="vaultcore.azure.net",
            registry="azurecr.io",
        ),
        "AzureUSGovernment": _cloud(
            True,
            api="api.ml.azure.us",
            notebooks="notebooks.usgovcloudapi.net",
            blob="blob.core.usgovcloudapi.net",
            file="file.core.usgovcloudapi.net",
            dfs="dfs.core.usgovcloudapi.net",
            vault="vaultcore.usgovcloudapi.net",
            registry="azurecr.us",
        ),
        "AzureChinaCloud": _cloud(
            False,
            api="api.ml.azure.cn",
            notebooks="notebooks.chinacloudapi.cn",
            blob="blob.core.chinacloudapi.cn",
            file="file.core.chinacloudapi.cn",
            dfs="dfs.core.chinacloudapi.cn",
            vault="vaultcore.azure.cn",
            registry="azurecr.cn",
        ),
    }
)

#: Zone keys that only some workspaces have names in: data lakes of datastores.
OPTIONAL_ZONES = frozenset({"dfs"})

#: Zone key → the requirement that names it.
ZONE_REQUIREMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"api": ("S1-39",), "notebooks": ("S1-40",), "registry": ("S1-41",)}
)
