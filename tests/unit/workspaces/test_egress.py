"""Ways out: what may be asked, which rules and routes follow, and in which order nodes with public addresses come."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.model import Resource
from controlplane.workspaces.plan_checks.hub import HubFacts, check_hub
from controlplane.workspaces.posture import advise
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import compiled, compiled_example, example, spec

FIREWALL = {"kind": "firewall", "nextHop": "10.9.0.4"}
EXISTING = example("hub-existing")["network"]["hub"]
HUB_BODY = {"id": EXISTING["vnetId"], "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/24"]}}}


def network(**changes: Any) -> dict[str, Any]:
    """The field ``network`` of the example with an existing hub."""
    return {"addressSpace": "10.40.12.0/22", "hub": EXISTING, **changes}


@pytest.mark.parametrize(
    ("asked", "code", "path"),
    [
        ({"egress": {"kind": "firewall"}}, "MissingField", "nextHop"),
        ({"egress": {"nextHop": "10.9.0.4"}}, "InvalidValue", "nextHop"),
        ({"egress": FIREWALL | {"nextHop": "10.9.0.444"}}, "InvalidValue", "nextHop"),
        ({"egress": FIREWALL | {"nextHop": "20.9.0.4"}}, "InvalidValue", "nextHop"),
        ({"egress": FIREWALL | {"nextHop": "10.40.12.4"}}, "InvalidValue", "nextHop"),
        ({"egress": FIREWALL, "hub": {"kind": "create"}}, "InvalidValue", "kind"),
    ],
)
def test_s1_70_what_no_way_out_may_be(asked: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_spec({**example(), "network": network(**asked)})
    assert (code, f"$.network.egress.{path}") in {(d.code, d.target) for d in refused.value.details}


@pytest.mark.parametrize(("hop", "codes"), [("10.9.0.4", []), ("10.9.1.4", ["NextHopNotReachable"])])
def test_a_hop_lies_in_the_hub_itself_because_peering_is_not_transitive(hop: str, codes: list[str]) -> None:
    asked = spec(network=network(egress=FIREWALL | {"nextHop": hop}))
    zones = {zone: {"id": zone} for zone in EXISTING["dnsZones"]}
    assert [detail.code for detail in check_hub(asked, HubFacts(HUB_BODY, zones), "AzureCloud")] == codes


SUBNETS = [
    {"name": "AzureFirewallSubnet", "properties": {"addressPrefix": "10.9.0.0/26"}},
    {"name": "GatewaySubnet", "properties": {"addressPrefixes": ["10.9.0.64/27", "fd00::/64"]}},
]


@pytest.mark.parametrize(
    ("hop", "codes"),
    [
        ("10.9.0.0", ["NextHopNotUsable"]),
        ("10.9.0.3", ["NextHopNotUsable"]),
        ("10.9.0.4", []),
        ("10.9.0.62", []),
        ("10.9.0.63", ["NextHopNotUsable"]),
        ("10.9.0.70", ["NextHopNotUsable"]),
        ("10.9.0.100", []),
    ],
)
def test_a_hop_is_an_address_that_an_appliance_can_have(hop: str, codes: list[str]) -> None:
    """Azure keeps five of each subnet, and a gateway's subnet has gateways only."""
    asked = spec(network=network(egress=FIREWALL | {"nextHop": hop}))
    zones = {zone: {"id": zone} for zone in EXISTING["dnsZones"]}
    body = {**HUB_BODY, "properties": {**HUB_BODY["properties"], "subnets": SUBNETS}}
    details = check_hub(asked, HubFacts(body, zones), "AzureCloud")
    assert [(detail.code, detail.target) for detail in details] == [(one, "$.network.egress.nextHop") for one in codes]


def routes(table: Resource) -> dict[str, tuple[str, str | None]]:
    found = [route["properties"] for route in table.body["properties"]["routes"]]
    return {one["addressPrefix"]: (one["nextHopType"], one.get("nextHopIpAddress")) for one in found}


def test_s1_71_with_a_firewall_nothing_leaves_by_an_address_of_its_own() -> None:
    wanted = compiled_example("firewall-egress").by_key
    assert not [key for key in wanted if key.startswith(("nat-gateway", "public-ip"))]
    training = wanted["subnet/training"].body["properties"]
    table = wanted["route-table/training"]
    assert training["routeTable"]["id"] == table.id
    assert "natGateway" not in training
    assert routes(table) == {"0.0.0.0/0": ("VirtualAppliance", "10.9.0.4")}
    assert "routeTable" not in wanted["subnet/private-endpoints"].body["properties"]


def test_s1_33_the_policy_lets_the_training_subnet_reach_two_kinds_of_accounts() -> None:
    wanted = compiled_example("firewall-egress").by_key
    policy = wanted["service-endpoint-policy/training"]
    definitions = [one["properties"] for one in policy.body["properties"]["serviceEndpointPolicyDefinitions"]]
    assert [(one["service"], one["serviceResources"]) for one in definitions] == [
        ("Microsoft.Storage", [wanted["storage"].id]),
        ("Global", ["/services/Azure/MachineLearning"]),
    ]
    training = wanted["subnet/training"].body["properties"]
    assert training["serviceEndpoints"] == [{"service": "Microsoft.Storage"}]
    assert training["serviceEndpointPolicies"] == [{"id": policy.id}]


@pytest.mark.parametrize("closed", [True, False])
def test_s1_33_advice_on_the_storage_tag_ends_with_the_policy(closed: bool) -> None:
    changes = {"network": {**example()["network"], "egress": {"storageEndpointPolicy": closed}}}
    codes = {warning.code for warning in advise(spec(**changes), compiled(**changes))}
    assert ("StorageTagReachesEveryAccount" in codes) is not closed


INSTANCE = {
    "name": "ada-box",
    "size": "Standard_DS3_v2",
    "assignedTo": "00000000-0000-0000-0000-0000000000a1",
}
CPU, OPEN = example("public-nodes")["compute"]["clusters"]


def rules(**changes: Any) -> dict[str, tuple[str, ...]]:
    """Name → direction, source, destination and ports of the training subnet's rules."""
    found = compiled(**changes).by_key["nsg/training"].body["properties"]["securityRules"]
    return {one["name"]: _said(one["properties"]) for one in found}


def _said(rule: dict[str, Any]) -> tuple[str, ...]:
    ports = rule.get("destinationPortRanges") or [rule["destinationPortRange"]]
    return (rule["direction"], rule["sourceAddressPrefix"], rule["destinationAddressPrefix"], *ports)


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({}, "AllowStorage", ("Outbound", "VirtualNetwork", "Storage.westeurope", "443")),
        (
            {"network": network(egress=FIREWALL)},
            "AllowStorage",
            ("Outbound", "VirtualNetwork", "Storage.westeurope", "443", "445"),
        ),
        ({}, "AllowMachineLearning", ("Outbound", "VirtualNetwork", "AzureMachineLearning", "443")),
        (
            {"compute": {"clusters": [CPU], "instances": [INSTANCE]}},
            "AllowMachineLearning",
            ("Outbound", "VirtualNetwork", "AzureMachineLearning", "443", "8787", "18881"),
        ),
        (
            {"compute": {"clusters": [CPU, OPEN]}},
            "AllowMachineLearningInbound",
            ("Inbound", "AzureMachineLearning", "VirtualNetwork", "44224"),
        ),
    ],
)
def test_s1_70_rules_follow_the_variant(changes: dict[str, Any], name: str, said: tuple[str, ...]) -> None:
    assert rules(**changes)[name] == said


def test_s1_71_nothing_comes_in_where_no_node_has_a_public_address() -> None:
    assert not [name for name, said in rules().items() if said[0] == "Inbound"]
    inbound = [name for name, said in rules(compute={"clusters": [OPEN]}).items() if said[0] == "Inbound"]
    assert inbound == ["AllowMachineLearningInbound"]


def test_behind_a_firewall_answers_of_public_nodes_go_straight_back() -> None:
    """Otherwise what came in by a node's address would leave through the firewall, which knows nothing of it."""
    table = compiled(network=network(egress=FIREWALL), compute={"clusters": [OPEN]}).by_key["route-table/training"]
    assert routes(table)["AzureMachineLearning"] == ("Internet", None)


def test_x_17_public_nodes_come_before_the_workspaces_endpoint_and_the_others_after_it() -> None:
    wanted = compiled(compute={"clusters": [CPU, OPEN]})
    order = [resource.key for resource in wanted.resources]
    assert order.index("cluster/open") < order.index("private-endpoint/workspace") < order.index("cluster/cpu")
    assert "private-endpoint/workspace" not in wanted.by_key["cluster/open"].depends_on
    body = wanted.by_key["cluster/open"].body["properties"]["properties"]
    assert body["enableNodePublicIp"] is True
    assert body["subnet"] == {"id": wanted.by_key["subnet/training"].id}
