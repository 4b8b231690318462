"""Each example with a hub, from its first PUT to its deletion, in virtual time on the simulator's engine."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from controlplane.arm import is_within
from controlplane.errors import Conflict, Rejected
from controlplane.workspaces.services.look import topology_of
from controlplane.workspaces.topology import State
from tests.support.blueprints import ROOT, example
from tests.support.golden import golden
from tests.support.quiet_product import ADMIN, NAME, QuietProduct
from tests.support.worlds import HUB, HUB_GROUP, LOCATION, existing_hub, put, registered

OWN_HUBS = ("hub-bastion", "hub-build-agents")
NO_JUMP_HOST = {"jumpHost": False, "adminPublicKey": None}
NO_AGENTS = {"buildAgents": 0, "agents": None, "adminPublicKey": None}


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    yield running
    running.close()


@pytest.mark.parametrize("name", OWN_HUBS)
def test_a_hub_of_its_own_is_made_is_clean_and_goes_again(product: QuietProduct, name: str) -> None:
    registered(product)
    created = product.create(example(name))
    assert created.status == "Succeeded", created.error
    assert set(product.ids()) == set(golden(name))
    assert product.failing() == set()
    group = product.ids()["resource-group"]
    deleted = product.delete()
    assert deleted.status == "Succeeded", deleted.error
    assert left(product, group) == []


def left(product: QuietProduct, scope: str) -> list[str]:
    """Ids of what is still in a group or a subscription."""
    return sorted(one.id for one in product.azure.engine.store.resources.values() if is_within(one.id, scope))


def theirs(product: QuietProduct) -> dict[str, Any]:
    """Everything of the hub's group, without what a server counts by itself."""
    found = {
        one.id: copy.deepcopy(one.body)
        for one in product.azure.engine.store.resources.values()
        if is_within(one.id, HUB_GROUP)
    }
    for body in found.values():
        properties = body.get("properties", {})
        for name in ("numberOfRecordSets", "numberOfVirtualNetworkLinks", "virtualNetworkLinks"):
            properties.pop(name, None)
        body.pop("etag", None)
    return found


def test_an_existing_hub_gets_what_was_asked_and_nothing_else_and_loses_just_that(product: QuietProduct) -> None:
    registered(product)
    existing_hub(product)
    before = theirs(product)
    created = product.create(example("hub-existing"))
    assert created.status == "Succeeded", created.error
    ids = product.ids()
    assert set(ids) == set(golden("hub-existing"))
    assert product.failing() == set()
    added = theirs(product)
    assert {name: body for name, body in added.items() if name in before} == before
    records = {name for name in added.keys() - before.keys() if "/A/" in name}
    ours = {ids["peering/hub-to-ml"], *(arm_id for key, arm_id in ids.items() if key.startswith("dns-link/"))}
    assert {name.lower() for name in added.keys() - before.keys() - records} == {name.lower() for name in ours}
    assert len(records) >= 7
    group = ids["resource-group"]
    deleted = product.delete()
    assert deleted.status == "Succeeded", deleted.error
    assert theirs(product) == before
    assert left(product, group) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnetId": f"{HUB}-gone"}, "HubNotFound"),
        ({"addressSpace": "10.9.0.0/24"}, "AddressSpaceOverlaps"),
        ({"addressSpace": "10.9.1.0/24"}, "AddressSpaceOverlaps"),
        ({"dnsZones": [f"{HUB_GROUP}/providers/Microsoft.Network/privateDnsZones/a.example"]}, "DnsZoneNotUsed"),
    ],
    ids=["no such hub", "the hub's addresses", "addresses of a peer of the hub", "a zone for nothing"],
)
def test_an_existing_hub_that_does_not_fit_is_refused_when_it_is_planned(
    product: QuietProduct, changes: dict[str, Any], code: str
) -> None:
    zone = f"{HUB_GROUP}/providers/Microsoft.Network/privateDnsZones/a.example"
    data = yaml.safe_load((ROOT / "examples/projects/churn-with-hub.yaml").read_text())
    data["hubs"].append(f"{HUB}-gone")
    data["dnsZones"].append(zone)
    product.register(**{**data, "addressPools": ["10.0.0.0/8"]})
    existing_hub(product)
    put(product, zone, {"location": "global"})
    asked = example("hub-existing")
    asked["network"]["addressSpace"] = changes.get("addressSpace", asked["network"]["addressSpace"])
    asked["network"]["hub"] |= {name: value for name, value in changes.items() if name != "addressSpace"}
    with pytest.raises((Rejected, Conflict)) as refused:
        product.plan(asked)
    assert {detail.code for detail in refused.value.details} == {code}


def test_a_rule_of_the_bastion_that_somebody_takes_is_found_and_put_back(product: QuietProduct) -> None:
    registered(product)
    assert product.create(example("hub-bastion")).status == "Succeeded"
    group = product.ids()["nsg/bastion"]
    body = product.body(group)
    assert body is not None
    # Azure refuses what the Bastion needs to be gone; a rule more, or another priority, it takes.
    rules = body["properties"]["securityRules"]
    without = [rule for rule in rules if rule["name"] != "AllowHttpsInbound"]
    assert product.owner("PUT", group, {**body, "properties": {"securityRules": without}}) == 400
    closed = [rule for rule in rules if rule["name"] != "DenyAllInbound"]
    assert product.owner("PUT", group, {**body, "properties": {"securityRules": closed}}) == 200
    assert product.failing() == {"nsg/bastion"}
    assert product.repair().status == "Succeeded"
    assert product.failing() == set()


def test_what_stands_in_an_existing_hub_is_seen_and_mended_when_the_workspaces_own_group_is_gone(
    product: QuietProduct,
) -> None:
    """The hub's half of the peering is Disconnected then; Azure takes no new half before the old one is gone."""
    registered(product)
    existing_hub(product)
    before = theirs(product)
    assert product.create(example("hub-existing")).status == "Succeeded"
    ids = product.ids()
    assert product.owner("DELETE", ids["resource-group"]) in (200, 202)
    seen = product.run(topology_of(product.services, ADMIN, NAME))
    assert {node.state for node in seen.nodes if not node.owned} == {State.OK}
    assert {zone.state for zone in seen.zones if not zone.owned} == {State.OK}
    repaired = product.repair()
    assert repaired.status == "Succeeded", repaired.error
    assert "peering/ml-to-hub" not in product.failing()
    for key in ("peering/ml-to-hub", "peering/hub-to-ml"):
        body = product.body(ids[key])
        assert body is not None and body["properties"]["peeringState"] == "Connected"
    assert product.delete().status == "Succeeded"
    assert theirs(product) == before


@pytest.mark.parametrize(
    ("name", "change", "gone"),
    [
        ("hub-bastion", {"bastion": False}, ("bastion", "subnet/bastion", "nsg/bastion", "public-ip/bastion")),
        ("hub-build-agents", {"buildAgents": 1}, ("vm/agent-2", "nic/agent-2", "vm-extension/agent-2/agent")),
    ],
)
def test_what_a_hub_shall_not_have_any_more_is_deleted_with_consent(
    product: QuietProduct, name: str, change: dict[str, Any], gone: tuple[str, ...]
) -> None:
    """Nothing else of a Bastion's type is left in the spec, and it has to be seen all the same."""
    registered(product)
    spec = example(name)
    assert product.create(spec).status == "Succeeded"
    ids = product.ids()
    spec["network"]["hub"] |= change
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed"):
        product.put(spec)
    changed = product.finish(product.put(spec, consent=True))
    assert changed.status == "Succeeded", changed.error
    assert [key for key in gone if product.body(ids[key]) is not None] == []
    assert set(ids) - set(product.ids()) >= set(gone)
    assert product.failing() == set()


@pytest.mark.parametrize(("name", "change"), [("hub-bastion", NO_JUMP_HOST), ("hub-build-agents", NO_AGENTS)])
def test_the_last_machine_takes_its_way_out_with_it(product: QuietProduct, name: str, change: dict[str, Any]) -> None:
    """Azure deletes no NAT gateway that a subnet uses, and a subnet keeps what its PUT was not meant to change."""
    registered(product)
    spec = example(name)
    assert product.create(spec).status == "Succeeded"
    ids = product.ids()
    hub = spec["network"]["hub"] | change
    spec["network"]["hub"] = {key: value for key, value in hub.items() if value is not None}
    planned = {one.key: one for one in product.plan(spec).plan.changes}
    (difference,) = planned["subnet/hub"].differences
    assert (difference.path, difference.wanted) == ("$.properties.natGateway", None)
    changed = product.finish(product.put(spec, consent=True))
    assert changed.status == "Succeeded", changed.error
    for key in ("nat-gateway/hub", "public-ip/nat-hub"):
        assert product.body(ids[key]) is None
        assert key not in product.ids()
    subnet = product.body(ids["subnet/hub"])
    assert subnet is not None
    assert "natGateway" not in subnet["properties"]
    assert product.plan().plan.is_empty
    assert product.failing() == set()


def test_somebody_elses_way_out_of_a_hub_without_machines_stays(product: QuietProduct) -> None:
    registered(product)
    spec = example("hub-bastion")
    spec["network"]["hub"]["jumpHost"] = False
    spec["network"]["hub"].pop("adminPublicKey")
    assert product.create(spec).status == "Succeeded"
    put(product, HUB_GROUP, {"location": LOCATION})
    theirs_id = f"{HUB_GROUP}/providers/Microsoft.Network/natGateways/ng-theirs"
    put(product, theirs_id, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})
    subnet_id = product.ids()["subnet/hub"]
    subnet = product.body(subnet_id)
    assert subnet is not None
    put(product, subnet_id, {"properties": subnet["properties"] | {"natGateway": {"id": theirs_id}}})
    assert product.plan(spec).plan.is_empty


@pytest.mark.parametrize(("first", "then"), [("hub-existing", "hub-bastion"), ("hub-build-agents", "hub-existing")])
def test_a_workspace_that_moves_to_another_hub_leaves_nothing_in_the_old_one(
    product: QuietProduct, first: str, then: str
) -> None:
    """Links and peerings keep their keys and get other ids; a network takes no second link for names it has."""
    registered(product)
    existing_hub(product)
    before = theirs(product)
    assert product.create(example(first)).status == "Succeeded"
    moved = product.finish(product.put(example(then), consent=True))
    assert moved.status == "Succeeded", moved.error
    assert set(product.ids()) == set(golden(then))
    assert product.failing() == set()
    if then != "hub-existing":
        assert theirs(product) == before
    group = product.ids()["resource-group"]
    assert product.delete().status == "Succeeded"
    assert theirs(product) == before
    assert left(product, group) == []


def test_a_hub_with_machines_moves_to_other_addresses_with_consent(product: QuietProduct) -> None:
    """An interface is not taken from a machine: the machine goes first, and comes again on the new one."""
    registered(product)
    asked = example("hub-bastion")
    assert product.create(asked).status == "Succeeded"
    asked["network"]["addressSpace"] = "10.40.60.0/22"
    moved = product.finish(product.put(asked, consent=True))
    assert moved.status == "Succeeded", moved.error
    assert product.failing() == set()
    body = product.body(product.ids()["nic/jump-host"]) or {}
    address = body["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
    assert ip_address(address) in ip_network("10.40.62.0/23")


def test_a_hub_with_a_scale_set_moves_to_other_addresses_with_consent(product: QuietProduct) -> None:
    """Machines of the set stand in the subnet: the set goes before it, and comes again after it."""
    registered(product)
    asked = example("hub-scale-set")
    assert product.create(asked).status == "Succeeded"
    agents = product.ids()["scale-set/agents"]
    asked["network"]["addressSpace"] = "10.40.76.0/22"
    moved = product.finish(product.put(asked, consent=True))
    assert moved.status == "Succeeded", moved.error
    assert product.failing() == set()
    assert ("operator", "DELETE", agents) in product.azure.writes
    assert product.body(product.ids()["scale-set/agents"]) is not None
    subnet = product.body(product.ids()["subnet/hub"]) or {}
    assert ip_network(subnet["properties"]["addressPrefix"]).subnet_of(ip_network("10.40.78.0/23"))
