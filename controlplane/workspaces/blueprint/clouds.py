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


def _cloud(api: str, notebooks: str, storage: str, vault: str, registry: str, front_door: bool) -> Cloud:
    return Cloud(
        MappingProxyType(
            {
                "api": f"privatelink.{api}",
                "notebooks": f"privatelink.{notebooks}",
                "blob": f"privatelink.blob.{storage}",
                "file": f"privatelink.file.{storage}",
                "vault": f"privatelink.{vault}",
                "registry": f"privatelink.{registry}",
            }
        ),
        front_door,
    )


CLOUDS: Mapping[str, Cloud] = MappingProxyType(
    {
        "AzureCloud": _cloud(
            "api.azureml.ms",
            "notebooks.azure.net",
            "core.windows.net",
            "vaultcore.azure.net",
            "azurecr.io",
            True,
        ),
        "AzureUSGovernment": _cloud(
            "api.ml.azure.us",
            "notebooks.usgovcloudapi.net",
            "core.usgovcloudapi.net",
            "vaultcore.usgovcloudapi.net",
            "azurecr.us",
            True,
        ),
        "AzureChinaCloud": _cloud(
            "api.ml.azure.cn",
            "notebooks.chinacloudapi.cn",
            "core.chinacloudapi.cn",
            "vaultcore.azure.cn",
            "azurecr.cn",
            False,
        ),
    }
)

#: Zone key → the requirement that names it.
ZONE_REQUIREMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"api": ("S1-39",), "notebooks": ("S1-40",), "registry": ("S1-41",)}
)
