"""Azure's clouds: the hosts that steer each, and what names end in there. The public cloud is the one that is run.

Sources: azure-ai-ml 1.35.2 (``_azure_environments.py``) for ARM, Entra ID, portal, audience, storage and registry
discovery; ARM's ``/metadata/endpoints`` (suffixes) for vaults and registries; "Configure inbound and outbound network
traffic" for studio; azure-monitor-querymetrics and azure-monitor-query (README, "Configure client for Azure sovereign
clouds") for metrics and logs. Zones of private endpoints: :mod:`controlplane.workspaces.blueprint.clouds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Hosts:
    """One cloud. URLs without a slash at their end, suffixes without a dot at their beginning."""

    arm: str
    authority: str
    portal: str
    studio: str
    ml_audience: str
    """Audience of Azure ML's data plane."""
    registry_discovery: str
    storage: tuple[str, ...]
    """The first is what a new account ends in; ``storage.azure.net`` is that of accounts with DNS zone endpoints
    (https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints)."""
    vault: str
    registry: str
    federation_audience: str
    """Audience of tokens that an application of this cloud takes for its own ("Configure an application to trust a
    managed identity"; Cloud.AADTokenExchangeAudience of the clouds in MSAL's and Azure SDKs' settings)."""
    metrics: str
    """Audience of metrics in batches; the host of a region is its name before this one."""
    logs: str
    """Log Analytics' query API, and its audience."""
    prices: str = ""
    """List prices; empty where there is no list of them. That of the public cloud has the US Government's regions."""
    regions: tuple[str, ...] = ()
    """What names of its regions begin with; none: every other name."""


HOSTS: Mapping[str, Hosts] = MappingProxyType(
    {
        "AzureCloud": Hosts(
            arm="https://management.azure.com",
            authority="https://login.microsoftonline.com",
            portal="https://portal.azure.com",
            studio="https://ml.azure.com",
            ml_audience="https://ml.azure.com",
            registry_discovery="https://eastus.api.azureml.ms",
            storage=("core.windows.net", "storage.azure.net"),
            vault="vault.azure.net",
            registry="azurecr.io",
            federation_audience="api://AzureADTokenExchange",
            metrics="https://metrics.monitor.azure.com",
            logs="https://api.loganalytics.io",
            prices="https://prices.azure.com",
        ),
        "AzureUSGovernment": Hosts(
            arm="https://management.usgovcloudapi.net",
            authority="https://login.microsoftonline.us",
            portal="https://portal.azure.us",
            studio="https://ml.azure.us",
            ml_audience="https://ml.azure.us",
            registry_discovery="https://usgovarizona.api.ml.azure.us",
            storage=("core.usgovcloudapi.net",),
            vault="vault.usgovcloudapi.net",
            registry="azurecr.us",
            federation_audience="api://AzureADTokenExchangeUSGov",
            metrics="https://metrics.monitor.azure.us",
            logs="https://api.loganalytics.us",
            prices="https://prices.azure.com",
            regions=("usgov", "usdod"),
        ),
        "AzureChinaCloud": Hosts(
            arm="https://management.chinacloudapi.cn",
            authority="https://login.chinacloudapi.cn",
            portal="https://portal.azure.cn",
            studio="https://studio.ml.azure.cn",
            ml_audience="https://ml.azure.cn",
            registry_discovery="https://chinaeast2.api.ml.azure.cn",
            storage=("core.chinacloudapi.cn",),
            vault="vault.azure.cn",
            registry="azurecr.cn",
            federation_audience="api://AzureADTokenExchangeChina",
            metrics="https://metrics.monitor.azure.cn",
            logs="https://api.loganalytics.azure.cn",
            regions=("china",),
        ),
    }
)


def cloud_of_region(location: str) -> str:
    """Name of the cloud that a region belongs to."""
    region = location.lower()
    return next((name for name, hosts in HOSTS.items() if region.startswith(hosts.regions)), "AzureCloud")


def is_own_page(url: str) -> bool:
    """Whether it leads to studio or the portal of one of the clouds, and nowhere else: what people are asked to open is
    told by a job that anybody in the workspace may write to."""
    if len(url) > 2000 or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    own = {urlsplit(page).netloc for hosts in HOSTS.values() for page in (hosts.studio, hosts.portal)}
    return parts.scheme == "https" and port is None and parts.netloc.lower() in own
