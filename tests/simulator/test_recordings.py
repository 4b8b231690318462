"""Every recording of the real Azure, replayed: same requests, same statuses, headers and keys.

What does not agree is listed here with its reason; anything else fails, and so does an exception that is not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.simulator.lab import ZERO, Lab
from tests.simulator.replay import DATA, Replay, steps_of

S = f"/subscriptions/{ZERO}"


def network(group: str, name: str, prefix: str) -> Callable[[Lab], None]:
    def make(lab: Lab) -> None:
        lab.engine.put(
            f"{S}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{name}",
            {"location": "westus", "properties": {"addressSpace": {"addressPrefixes": [prefix]}}},
        )

    return make


def resource(path: str, body: dict[str, object]) -> Callable[[Lab], None]:
    def make(lab: Lab) -> None:
        lab.engine.put(S + path, body, as_request=True)

    return make


PEERING_GROUP = "cli_test_vnet_peering000001"


def remote_gateway(lab: Lab) -> None:
    """gateway1, which the recording's answers name and its requests do not make."""
    own = f"{S}/resourceGroups/{PEERING_GROUP}/providers/Microsoft.Network"
    subnet, address = f"{own}/virtualNetworks/vnet2/subnets/GatewaySubnet", f"{own}/publicIPAddresses/pubip1"
    lab.put(subnet, {"properties": {"addressPrefix": "11.0.0.0/24"}})
    lab.put(address, {"location": "westus", "sku": {"name": "Standard"}, "properties": {}})
    place = {"subnet": {"id": subnet}, "publicIPAddress": {"id": address}}
    properties = {
        "gatewayType": "Vpn",
        "sku": {"name": "Basic", "tier": "Basic"},
        "ipConfigurations": [{"name": "default", "properties": place}],
    }
    lab.put(f"{own}/virtualNetworkGateways/gateway1", {"location": "westus", "properties": properties})


VAULT = "/resourceGroups/cli_test_keyvault_mgmt000001/providers/Microsoft.KeyVault/vaults/cli-test-kv-mgmt-000002"
VV = "/resourceGroups/VV/providers"


def workspace(name: str) -> Callable[[Lab], None]:
    def make(lab: Lab) -> None:
        put = lab.engine.put
        logs = f"{S}{VV}/Microsoft.OperationalInsights/workspaces/logs"
        storage = f"{S}{VV}/Microsoft.Storage/storageAccounts/mlvvtest7678628190"
        vault = f"{S}{VV}/Microsoft.KeyVault/vaults/mlvvtest9461884432"
        insights = f"{S}{VV}/Microsoft.Insights/components/mlvvtest5784258697"
        put(logs, {"location": "eastus"})
        put(storage, {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"})
        put(vault, {"location": "eastus", "properties": {"tenantId": "t", "sku": {"family": "A", "name": "standard"}}})
        put(insights, {"location": "eastus", "properties": {"WorkspaceResourceId": logs}})
        body = {"storageAccount": storage, "keyVault": vault, "applicationInsights": insights}
        lab.put(
            f"{S}{VV}/Microsoft.MachineLearningServices/workspaces/{name}", {"location": "eastus", "properties": body}
        )

    return make


def cluster(lab: Lab) -> None:
    size = {"vmSize": "STANDARD_D1_V2", "vmPriority": "LowPriority", "scaleSettings": {"maxNodeCount": 2}}
    lab.put(
        f"{S}{VV}/Microsoft.MachineLearningServices/workspaces/vvmlwrkspc/computes/vvmlwrkspc11",
        {"location": "eastus", "properties": {"computeType": "AmlCompute", "properties": size}},
    )


def workspace_endpoint(lab: Lab) -> None:
    vnet = f"{S}{VV}/Microsoft.Network/virtualNetworks/vvvnetendp"
    subnets = [{"name": "ml_workspaces", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    lab.put(vnet, {"location": "eastus", "properties": {"addressSpace": space, "subnets": subnets}})
    target = f"{S}{VV}/Microsoft.MachineLearningServices/workspaces/mlvvtest"
    connection = {"name": "c", "properties": {"privateLinkServiceId": target, "groupIds": ["amlworkspace"]}}
    properties = {"subnet": {"id": f"{vnet}/subnets/ml_workspaces"}, "privateLinkServiceConnections": [connection]}
    lab.put(f"{S}{VV}/Microsoft.Network/privateEndpoints/testmlendp", {"location": "eastus", "properties": properties})


def deployed_vault(lab: Lab) -> None:
    """What the skipped deployment creates, by its recorded parameters."""
    properties = {
        "tenantId": "00000000-0000-0000-0000-000000000001",
        "sku": {"family": "A", "name": "premium"},
        "accessPolicies": [],
        "enabledForDeployment": True,
        "enabledForDiskEncryption": True,
        "enabledForTemplateDeployment": True,
        "softDeleteRetentionInDays": 7,
    }
    lab.put(S + VAULT, {"location": "eastus", "properties": properties})


@dataclass
class Case:
    """What must exist, which steps cannot be replayed, and what is known to differ, each with its reason."""

    group: str
    location: str = "westus"
    tags: bool = True
    prepare: tuple[Callable[[Lab], None], ...] = ()
    headers: dict[int, dict[str, str]] = field(default_factory=dict)
    before: dict[int, Callable[[Lab], None]] = field(default_factory=dict)
    skip: dict[int, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)  # end of a difference -> reason


CASES: dict[str, Case] = {
    "acr-delete": Case(
        "clitest.rg000001",
        prepare=(
            resource(
                "/resourceGroups/clitest.rg000001/providers/Microsoft.ContainerRegistry/registries/clireg000002",
                {"location": "westus", "sku": {"name": "Standard"}, "properties": {}},
            ),
        ),
    ),
    "acr-premium-create-lro-patch-2021": Case("clitest.rg000001"),
    "acr-premium-create-update-2026": Case("clitest.rg000001", "eastus"),
    "aml-computes-list-2022": Case("VV", "eastus", prepare=(workspace("vvmlwrkspc"), cluster)),
    "aml-quotas-list-2025": Case("VV", "eastus", prepare=(workspace("mlworkspace-test2"),)),
    "aml-workspaces-list-2021": Case(
        "VV",
        "eastus",
        prepare=(workspace("mlvvtest"), workspace_endpoint),
        known=dict.fromkeys(
            (
                "].kind not recorded",
                ".systemDatastoresAuthMode not recorded",
                ".enableDataIsolation not recorded",
                ".v1LegacyMode not recorded",
                ".privateEndpointConnections[0].name not recorded",
                ".privateEndpointConnections[0].type not recorded",
            ),
            "came with later api-versions; answers in 2020-08-01 show them too, which is simplified",
        ),
    ),
    "error-provider-not-registered": Case("cli_energyservices_pe000001", "centraluseuap"),
    "identity-user-assigned-create-list-delete": Case("cli_test_identity_mgmt_000001"),
    "keyvault-deployment-create-delete-purge": Case(
        "cli_test_keyvault_mgmt000001",
        "eastus",
        skip=dict.fromkeys(
            range(1, 5), "the recording leaves out the template's text: a deployment cannot be replayed"
        ),
        before={5: deployed_vault},
    ),
    "keyvault-vault-create": Case("cli_test_keyvault_pna000001", "eastus2euap"),
    "loganalytics-workspace-create-update": Case("cli_test_monitor_workspace_public_access000001", "eastus"),
    "monitor-diagnostic-settings-create": Case(
        "clitest.rg000001",
        "southcentralus",
        prepare=(
            resource(
                "/resourceGroups/clitest.rg000001/providers/Microsoft.Network/networkSecurityGroups/nsg000003",
                {"location": "southcentralus", "properties": {}},
            ),
        ),
    ),
    "network-natgateway-create": Case("clitest.rg000001", "eastus2"),
    "network-nsg-create": Case("clitest.rg000001", "southcentralus"),
    "network-private-endpoint-create": Case("test_disk_access_private_endpoint_000001"),
    "network-route-table-create": Case("cli_test_route_table000001"),
    "network-vnet-create-subnet-update": Case(
        "cli_subnet_set_test000001",
        prepare=(
            resource(
                "/resourceGroups/cli_subnet_set_test000001/providers/Microsoft.Network/networkSecurityGroups/"
                "test-vnet-nsg",
                {"location": "westus", "properties": {}},
            ),
        ),
    ),
    "network-vnet-peering-crud": Case(
        PEERING_GROUP,
        prepare=(
            network(PEERING_GROUP, "vnet1", "10.0.0.0/16"),
            network(PEERING_GROUP, "vnet2", "11.0.0.0/16"),
            remote_gateway,
        ),
        # The recording leaves out the last poll of the update: time passes before the DELETE.
        before={11: lambda lab: lab.advance(60)},
    ),
    "privatedns-a-record-crud": Case("cli_test_private_dns_000001"),
    "privatedns-vnet-link-create": Case("clitest_privatedns000001"),
    "privatedns-zone-create": Case("clitest_privatedns000001"),
    "privatedns-zone-ifnonematch-failure": Case(
        "clitest_privatedns000001",
        # The recordings hold no request headers; the test's name and the answer say that these were sent.
        headers={0: {"if-none-match": "*"}, 3: {"if-none-match": "*"}},
    ),
    "resource-group-delete-lro-create-tags": Case("cli_test_rg_scenario000001", tags=False),
    "role-assignment-create-list": Case("cli_role_assign000001"),
    "storage-account-create": Case("clitest.rg000001", "southcentralus"),
}


def test_every_recording_has_a_case() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == set(CASES)


DOCUMENT = Path(__file__).parents[2] / "docs" / "simulator.md"
EVERYWHERE = "every recording"


def exceptions() -> set[tuple[str, str, str]]:
    """(recording, what is not compared or differs, why): all that this module leaves out."""
    found = {
        (EVERYWHERE, "`retry-after`", "the recorder removed it"),
        (EVERYWHERE, "`x-ms-ratelimit-remaining-*`", "counts of a server's buckets; other tests have them"),
        (EVERYWHERE, "values", "ids, times and etags are each Azure's own; statuses and keys are compared"),
    }
    for name, case in CASES.items():
        steps: dict[str, list[int]] = {}
        for step, why in case.skip.items():
            steps.setdefault(why, []).append(step)
        found |= {(name, f"steps {min(some)} to {max(some)}", why) for why, some in steps.items()}
        found |= {(name, f"`{difference}`", why) for difference, why in case.known.items()}
        found |= {(name, f"step {step} comes after {_words(make)}", "the recording leaves it out")
                  for step, make in case.before.items()}  # fmt: skip
        found |= {(name, f"step {step} is sent with `{header}`", "the recording has no request headers")
                  for step, headers in case.headers.items() for header in headers}  # fmt: skip
    return found


def _words(make: Callable[[Lab], None]) -> str:
    return "a vault like the one deployed" if make is deployed_vault else "a minute"


def test_the_document_lists_every_exception_with_its_reason() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    _, _, section = text.partition("## Recordings\n")
    rows = (line.strip("| \n").split(" | ") for line in section.partition("\n## ")[0].splitlines() if "|" in line)
    listed = {(one[0], one[1], one[2]) for one in rows if len(one) == 3}
    assert listed - {("recording", "exception", "why")} == exceptions()


@pytest.mark.parametrize("name", sorted(CASES))
def test_recording(name: str) -> None:
    case, lab = CASES[name], Lab()
    lab.engine.locations = (*lab.engine.locations, "eastus2euap")  # a canary region: the simulator does not offer it
    tags = {"product": "azurecli", "cause": "automation", "date": "2021", "test": "t", "module": "m"}
    group: dict[str, object] = {"location": case.location}
    if case.tags:
        recorded = [step.body.get("tags") for step in steps_of(name) if "/providers/" not in step.path and step.body]
        group["tags"] = recorded[0] if recorded and recorded[0] else tags
    lab.engine.put(f"{S}/resourceGroups/{case.group}", group)
    for make in case.prepare:
        make(lab)
    replay = Replay(lab, case.headers)
    assert set(case.skip) < {step.number for step in steps_of(name)}, "a recording of which nothing is replayed"
    replay.play(steps_of(name), frozenset(case.skip), case.before)
    unknown = [line for line in replay.differences if not any(line.endswith(known) for known in case.known)]
    unneeded = [known for known in case.known if not any(line.endswith(known) for line in replay.differences)]
    assert (unknown, unneeded) == ([], [])
