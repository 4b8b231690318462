"""Ways in: gateways that are made, and those of a hub that exists, in virtual time on the simulator's engine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from controlplane.arm import is_within
from controlplane.errors import Conflict, Rejected
from controlplane.workspaces.posture import Finding
from tests.support.blueprints import example
from tests.support.lives import written
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import (
    CONNECTIVITY,
    HUB_GROUP,
    LOCATION,
    PLATFORM_DNS,
    PLATFORM_HUB,
    existing_hub,
    put,
    registered,
    world_of,
)

CIRCUIT = example("landing-zone")["network"]["hub"]["expressRoute"]["circuitId"]
(GATEWAY,) = example("landing-zone")["network"]["hub"]["gatewayIds"]


@pytest.fixture
def landing() -> Iterator[QuietProduct]:
    running = world_of("landing-zone")
    yield running
    running.close()


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    registered(running)
    yield running
    running.close()


def platform(product: QuietProduct) -> dict[str, Any]:
    """Everything of the platform's, without what a server counts by itself."""
    found = {
        one.id: copy.deepcopy(one.body)
        for one in product.azure.engine.store.resources.values()
        if is_within(one.id, CONNECTIVITY) or is_within(one.id, PLATFORM_DNS)
    }
    for body in found.values():
        for name in ("numberOfRecordSets", "numberOfVirtualNetworkLinks", "virtualNetworkLinks"):
            body.get("properties", {}).pop(name, None)
        body.pop("etag", None)
    return found


def test_a_landing_zone_gets_one_peering_and_a_link_in_each_zone_and_loses_just_that(landing: QuietProduct) -> None:
    """The hub and the zones are in another subscription than the workspace."""
    before = platform(landing)
    assert landing.create(example("landing-zone")).status == "Succeeded"
    ids = landing.ids()
    ours = {ids["peering/hub-to-ml"], *(arm_id for key, arm_id in ids.items() if key.startswith("dns-link/"))}
    assert len(ours) == 7
    after = platform(landing)
    assert {name: body for name, body in after.items() if name in before} == before
    assert {one for one in after.keys() - before.keys() if "/A/" not in one} == ours
    assert landing.delete().status == "Succeeded"
    assert platform(landing) == before
    own = ids["resource-group"].lower()
    abroad = {path for _, _, path in written(landing) if not is_within(path.lower(), own)}
    assert {path.lower() for path in abroad} == {arm_id.lower() for arm_id in ours}


def codes(product: QuietProduct, spec: dict[str, Any]) -> set[str]:
    with pytest.raises((Rejected, Conflict)) as refused:
        product.plan(spec)
    assert isinstance(refused.value, Rejected | Conflict)
    return {detail.code for detail in refused.value.details}


def circuit(product: QuietProduct, **properties: str) -> None:
    body = product.body(CIRCUIT) or {}
    put(product, CIRCUIT, {**body, "properties": {**body["properties"], **properties}})


def somewhere_else(product: QuietProduct) -> None:
    """The gateway of the spec stands in another network than the hub of the spec."""
    other = f"{PLATFORM_HUB}-2"
    put(product, other, {"location": LOCATION, "properties": {"addressSpace": {"addressPrefixes": ["10.11.0.0/22"]}}})
    subnet = f"{other}/subnets/GatewaySubnet"
    put(product, subnet, {"properties": {"addressPrefix": "10.11.0.0/27"}})
    body = product.body(GATEWAY) or {}
    body["properties"]["ipConfigurations"][0]["properties"]["subnet"] = {"id": subnet}
    assert product.owner("DELETE", GATEWAY) == 202
    put(product, GATEWAY, {"location": LOCATION, "properties": body["properties"]})


def a_vpn_gateway(product: QuietProduct) -> None:
    body = product.body(GATEWAY) or {}
    assert product.owner("DELETE", GATEWAY) == 202
    size = {"name": "VpnGw1AZ", "tier": "VpnGw1AZ"}
    properties = {**body["properties"], "gatewayType": "Vpn", "vpnType": "RouteBased", "sku": size}
    put(product, GATEWAY, {"location": LOCATION, "properties": properties})


REFUSED: dict[str, tuple[Callable[[QuietProduct], object], set[str]]] = {
    "no gateway": (lambda p: p.owner("DELETE", GATEWAY), {"GatewayNotFound", "NoWayIn"}),
    "a gateway of another hub": (somewhere_else, {"GatewayNotInHub", "NoWayIn"}),
    "a gateway of another kind": (a_vpn_gateway, {"GatewayNotExpressRoute"}),
    "no circuit": (lambda p: p.owner("DELETE", CIRCUIT), {"CircuitNotFound"}),
    "a circuit that no provider has made": (
        lambda p: circuit(p, serviceProviderProvisioningState="NotProvisioned"),
        {"CircuitNotProvisioned"},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_way_in_that_does_not_work_is_refused_when_it_is_planned(landing: QuietProduct, name: str) -> None:
    act, found = REFUSED[name]
    act(landing)
    assert codes(landing, example("landing-zone")) == found


def failing(product: QuietProduct) -> list[Finding]:
    return [finding for finding in product.validate().report.findings if finding.status == "Fail"]


def test_a_circuit_that_its_provider_takes_away_is_found_and_left_to_its_owner(landing: QuietProduct) -> None:
    assert landing.create(example("landing-zone")).status == "Succeeded"
    circuit(landing, serviceProviderProvisioningState="Deprovisioning")
    (finding,) = failing(landing)
    assert (finding.control, finding.resource_id, finding.observed) == ("CP.HUB.Gateways", CIRCUIT, "Deprovisioning")
    assert finding.repair.kind == "manual"
    before = written(landing)
    landing.repair()
    assert written(landing) == before


def test_a_hub_without_any_way_in_is_refused_outside_of_dev(product: QuietProduct) -> None:
    existing_hub(product)
    assert product.plan(example("hub-existing")).plan.changes
    assert codes(product, {**example("hub-existing"), "environment": "prod"}) == {"NoWayIn"}


def test_a_hub_that_lost_its_last_way_in_is_a_finding(product: QuietProduct) -> None:
    """A Bastion counts as well as a gateway."""
    existing_hub(product)
    hub = example("hub-existing")["network"]["hub"]["vnetId"]
    subnet, address = (
        f"{hub}/subnets/AzureBastionSubnet",
        f"{HUB_GROUP}/providers/Microsoft.Network/publicIPAddresses/b",
    )
    put(product, subnet, {"properties": {"addressPrefix": "10.9.0.0/26"}})
    static = {"publicIPAllocationMethod": "Static"}
    put(product, address, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": static})
    place = {"subnet": {"id": subnet}, "publicIPAddress": {"id": address}}
    bastion = f"{HUB_GROUP}/providers/Microsoft.Network/bastionHosts/theirs"
    put(
        product,
        bastion,
        {"location": LOCATION, "properties": {"ipConfigurations": [{"name": "b", "properties": place}]}},
    )
    assert product.create({**example("hub-existing"), "environment": "prod"}).status == "Succeeded"
    assert failing(product) == []
    assert product.owner("DELETE", bastion) == 202
    (finding,) = failing(product)
    assert (finding.control, finding.resource_id, finding.observed) == ("CP.HUB.WayIn", hub, [])


def test_people_who_are_let_in_another_way_are_found_and_the_gateway_is_mended(product: QuietProduct) -> None:
    assert product.create(example("hub-vpn")).status == "Succeeded"
    arm_id = product.ids()["gateway/vpn"]
    body = product.body(arm_id) or {}
    body["properties"]["vpnClientConfiguration"]["vpnAuthenticationTypes"] = ["AAD", "Certificate"]
    assert (
        product.owner("PUT", arm_id, {"location": LOCATION, "tags": body["tags"], "properties": body["properties"]})
        == 200
    )
    (finding,) = failing(product)
    assert (finding.key, finding.control) == ("gateway/vpn", "CP.VPN.EntraOnly")
    assert product.repair().status == "Succeeded"
    assert product.failing() == set()


def test_no_key_of_a_connection_is_ever_sent_and_a_repair_keeps_the_one_that_azure_made(product: QuietProduct) -> None:
    assert product.create(example("hub-vpn")).status == "Succeeded"
    arm_id = product.ids()["connection/headquarters"]
    key = (product.body(f"{arm_id}/sharedkey", "2024-05-01") or {})["value"]
    assert len(key) == 32
    body = product.body(arm_id) or {}
    body["properties"]["enableBgp"] = True
    product.owner("PUT", arm_id, {"location": LOCATION, "tags": body["tags"], "properties": body["properties"]})
    assert product.failing() == {"connection/headquarters"}
    assert product.repair().status == "Succeeded"
    assert (product.body(f"{arm_id}/sharedkey", "2024-05-01") or {})["value"] == key
    sent = [resource.body for resource in product.blueprint().resources]
    assert "sharedKey" not in str(sent)


def test_a_gateway_that_is_not_wanted_any_more_goes_after_the_network_has_let_it_go(product: QuietProduct) -> None:
    spec = example("hub-vpn")
    assert product.create(spec).status == "Succeeded"
    ids = product.ids()
    del spec["network"]["hub"]["vpn"]
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed"):
        product.put(spec)
    changed = product.finish(product.put(spec, consent=True))
    assert changed.status == "Succeeded", changed.error
    gone = (
        "gateway/vpn",
        "subnet/gateway",
        "public-ip/gateway",
        "local-gateway/headquarters",
        "connection/headquarters",
    )
    assert [key for key in gone if product.body(ids[key]) is not None] == []
    assert product.failing() == set()


def test_a_gateway_is_added_to_a_hub_that_has_none(product: QuietProduct) -> None:
    """The hub's half of the peering lets its gateways be used before the other half uses them."""
    spec = example("hub-vpn")
    vpn = spec["network"]["hub"].pop("vpn")
    assert product.create(spec).status == "Succeeded"
    spec["network"]["hub"]["vpn"] = vpn
    changed = product.finish(product.put(spec))
    assert changed.status == "Succeeded", changed.error
    assert product.failing() == set()
    body = product.body(product.ids()["peering/ml-to-hub"]) or {}
    assert (body["properties"]["useRemoteGateways"], body["properties"]["peeringState"]) == (True, "Connected")


def test_azure_pipelines_counts_the_machines_of_its_scale_set_and_keeps_its_extension(product: QuietProduct) -> None:
    assert product.create(example("hub-scale-set")).status == "Succeeded"
    arm_id = product.ids()["scale-set/agents"]

    def write(change: Callable[[dict[str, Any]], object]) -> None:
        body = product.body(arm_id) or {}
        change(body)
        kept = {name: body[name] for name in ("location", "tags", "sku", "properties")}
        put(product, arm_id, {**kept, "identity": {"type": "SystemAssigned"}})

    agent = {
        "name": "pipelines",
        "properties": {"publisher": "Microsoft.VisualStudio.Services", "type": "TeamServices"},
    }

    def of_pipelines(body: dict[str, Any]) -> None:
        body["sku"]["capacity"] = 7
        body["properties"]["virtualMachineProfile"]["extensionProfile"] = {"extensions": [agent]}

    write(of_pipelines)
    assert product.failing() == set()
    assert product.plan(example("hub-scale-set")).plan.is_empty
    write(lambda body: body["properties"].update(overprovision=True))
    (finding,) = failing(product)
    assert (finding.key, finding.control) == ("scale-set/agents", "CP.AGENT.Pool")
    assert product.repair().status == "Succeeded"
    assert product.failing() == set()
    body = product.body(arm_id) or {}
    assert body["sku"]["capacity"] == 7
    assert body["properties"]["virtualMachineProfile"]["extensionProfile"] == {"extensions": [agent]}


def test_a_public_address_for_the_machines_of_a_scale_set_is_found(product: QuietProduct) -> None:
    assert product.create(example("hub-scale-set")).status == "Succeeded"
    arm_id = product.ids()["scale-set/agents"]
    body = product.body(arm_id) or {}
    network = body["properties"]["virtualMachineProfile"]["networkProfile"]
    (configuration,) = network["networkInterfaceConfigurations"][0]["properties"]["ipConfigurations"]
    configuration["properties"]["publicIPAddressConfiguration"] = {"name": "open"}
    kept = {name: body[name] for name in ("location", "tags", "sku", "properties")}
    put(product, arm_id, {**kept, "identity": {"type": "SystemAssigned"}})
    (finding,) = failing(product)
    assert (finding.key, finding.control) == ("scale-set/agents", "CP.VM.NoPublicAddress")
    assert product.repair().status == "Succeeded"
    assert product.failing() == set()


@pytest.mark.parametrize(("before", "after"), [("hub-bastion", "hub-vpn"), ("hub-vpn", "hub-bastion")])
def test_a_hub_moves_and_gets_or_loses_its_gateway_at_once(product: QuietProduct, before: str, after: str) -> None:
    """The two peerings are made in the other order then: neither waits for the other to go."""
    assert product.create(example(before)).status == "Succeeded"
    moved = product.finish(product.put(example(after), consent=True))
    assert moved.status == "Succeeded", moved.error
    assert product.failing() == set()
    done = len(written(product))
    assert product.repair().status == "Succeeded"
    assert len(written(product)) == done
    assert product.delete().status == "Succeeded"
