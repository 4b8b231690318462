"""What differs between Azure's clouds, held against Microsoft's own tables. Only the public one is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import azure.identity
import pytest
from azure.identity import AzureAuthorityHosts
from pydantic import ValidationError

from controlplane.clouds import HOSTS, cloud_of_region, is_own_page
from controlplane.settings import Settings
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.blueprint.clouds import CLOUDS
from controlplane.workspaces.posture.checks.dns import cloud_of
from tests.support.blueprints import CONTEXT, spec

NAMES = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")
AUTHORITIES = {
    "AzureCloud": AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
    "AzureUSGovernment": AzureAuthorityHosts.AZURE_GOVERNMENT,
    "AzureChinaCloud": AzureAuthorityHosts.AZURE_CHINA,
}
ENVIRONMENTS = {"AzureCloud": "ENV_DEFAULT", "AzureUSGovernment": "ENV_US_GOVERNMENT", "AzureChinaCloud": "ENV_CHINA"}
#: Zone → its name in each cloud: "Azure Private Endpoint private DNS zone values", and its Chinese edition.
ZONES = {
    "api": ("api.azureml.ms", "api.ml.azure.us", "api.ml.azure.cn"),
    "notebooks": ("notebooks.azure.net", "notebooks.usgovcloudapi.net", "notebooks.chinacloudapi.cn"),
    "blob": ("blob.core.windows.net", "blob.core.usgovcloudapi.net", "blob.core.chinacloudapi.cn"),
    "file": ("file.core.windows.net", "file.core.usgovcloudapi.net", "file.core.chinacloudapi.cn"),
    "vault": ("vaultcore.azure.net", "vaultcore.usgovcloudapi.net", "vaultcore.azure.cn"),
    "registry": ("azurecr.io", "azurecr.us", "azurecr.cn"),
}
REGIONS = {"westeurope": 0, "usgovvirginia": 1, "USDoDCentral": 1, "chinaeast2": 2, "switzerlandnorth": 0}


def of_sdk(environment: str) -> dict[str, str]:
    """What azure-ai-ml has for one cloud, from its text: importing it takes seconds."""
    package = Path(azure.identity.__file__).parents[1] / "ai" / "ml"
    text = (package / "_azure_environments.py").read_text()
    section = text.partition(f"AzureEnvironments.{environment}: {{")[2].partition("}")[0]
    return dict(re.findall(r'EndpointURLS\.(\w+): "([^"]+)"', section))


def settings(**given: Any) -> Settings:
    needed: dict[str, Any] = {
        "tenant_ids": ("t",),
        "audience": "a",
        "observer_client_id": "o",
        "operator_client_id": "p",
    }
    return Settings(**needed, **given)


def test_the_tables_know_the_same_clouds() -> None:
    assert set(HOSTS) == set(CLOUDS) == set(NAMES)


@pytest.mark.parametrize("cloud", NAMES)
def test_hosts_are_those_of_the_sdks(cloud: str) -> None:
    hosts = HOSTS[cloud]
    assert of_sdk(ENVIRONMENTS[cloud]) == {
        "AZURE_PORTAL_ENDPOINT": f"{hosts.portal}/",
        "RESOURCE_MANAGER_ENDPOINT": f"{hosts.arm}/",
        "ACTIVE_DIRECTORY_ENDPOINT": f"{hosts.authority}/",
        "AML_RESOURCE_ID": f"{hosts.ml_audience}/",
        "STORAGE_ENDPOINT": hosts.storage[0],
        "REGISTRY_DISCOVERY_ENDPOINT": f"{hosts.registry_discovery}/",
    }
    assert urlsplit(hosts.authority).netloc == AUTHORITIES[cloud]


@pytest.mark.parametrize("cloud", NAMES)
@pytest.mark.parametrize("zone", ZONES)
def test_zones_of_a_workspace_are_the_cloud_s(cloud: str, zone: str) -> None:
    context = CompileContext("churn-dev", 1, CONTEXT.resource_group, CONTEXT.tenant_id, cloud)
    name = ZONES[zone][NAMES.index(cloud)]
    made = compile_blueprint(spec(), context).by_key[f"dns-zone/{zone}"]
    assert str(made.id).endswith(f"/privateDnsZones/privatelink.{name}")
    # What names end in stands in two tables.
    suffixes = {"blob": HOSTS[cloud].storage[0], "file": HOSTS[cloud].storage[0], "registry": HOSTS[cloud].registry}
    assert name.endswith(suffixes.get(zone, ""))


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_says_its_cloud(region: str) -> None:
    cloud = NAMES[REGIONS[region]]
    assert cloud_of_region(region) == cloud
    assert cloud_of(region) is CLOUDS[cloud]


@pytest.mark.parametrize("cloud", NAMES)
def test_settings_take_the_cloud_s_hosts_unless_others_are_given(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLOUD", "ARM_ENDPOINT", "AUTHORITY_HOST"):
        monkeypatch.delenv(f"CONTROLPLANE_{name}", raising=False)
    taken = settings(cloud=cloud)
    assert (taken.arm_endpoint, taken.authority_host) == (HOSTS[cloud].arm, HOSTS[cloud].authority)
    assert settings(cloud=cloud, arm_endpoint="https://localhost:8443/").arm_endpoint == "https://localhost:8443"


def test_an_unknown_cloud_and_a_host_without_tls_are_refused() -> None:
    with pytest.raises(ValidationError, match="AzureUSGovernment"):
        settings(cloud="AzureGermanCloud")
    with pytest.raises(ValidationError, match="https"):
        settings(authority_host="http://login.example")


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://ml.azure.com/runs/rt-1?wsid=/subscriptions/s&tid=t", True),
        ("https://ML.azure.com/runs/rt-1", True),
        ("https://studio.ml.azure.cn/runs/rt-1", True),
        ("https://portal.azure.us/#@t/resource/x", True),
        ("http://ml.azure.com/runs/rt-1", False),
        ("https://ml.azure.com.example.org/runs/rt-1", False),
        ("https://ml.azure.com@example.org/", False),
        ("https://user@ml.azure.com/", False),
        ("https://ml.azure.com:8443/", False),
        ("https://ml.azure.com:x/", False),
        ("https://example.org/?https://ml.azure.com/", False),
        ("https://ml.azure.com\\@example.org/", False),
        ("https://ml.azure.com/a\nb", False),
        ("https://[ml.azure.com/", False),
        ("javascript:alert(1)", False),
        ("", False),
        ("https://ml.azure.com/" + "a" * 2000, False),
    ],
)
def test_a_page_to_open_is_the_clouds_own(url: str, own: bool) -> None:
    assert is_own_page(url) is own
