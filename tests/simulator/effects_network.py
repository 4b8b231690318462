"""What Microsoft.Network's hooks cause, one function a hook: passes with the hook on, fails with it off."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulator import estate
from tests.simulator.estate import (
    ADDRESS,
    ENDPOINTS,
    HUB,
    LOCATION,
    NAT,
    NSG,
    STORAGE,
    TRAINING,
    VNET,
    endpoint_id,
    zone_id,
)
from tests.simulator.lab import Lab, provider

Effect = Callable[[Lab], None]
EFFECTS: dict[str, Effect] = {}
BLOB_ZONE = "privatelink.blob.core.windows.net"
RECORD = f"{zone_id(BLOB_ZONE)}/A/account1"
TO_HUB, TO_VNET = f"{VNET}/virtualNetworkPeerings/to-hub", f"{HUB}/virtualNetworkPeerings/to-vnet"


def effect(name: str) -> Callable[[Effect], Effect]:
    def add(scenario: Effect) -> Effect:
        assert name not in EFFECTS, name
        EFFECTS[name] = scenario
        return scenario

    return add


def two_networks(lab: Lab, hub: str = "10.9.0.0/16") -> None:
    lab.group()
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    lab.put(HUB, estate.vnet_body(hub))


def peering(remote: str) -> dict[str, object]:
    return {"properties": {"remoteVirtualNetwork": {"id": remote}, "allowForwardedTraffic": True}}


def state(lab: Lab, path: str) -> tuple[str, str]:
    properties = lab.get(path)["properties"]
    return properties["peeringState"], properties["peeringSyncLevel"]


@effect("peering-starts")
def first_side_waits(lab: Lab) -> None:
    two_networks(lab)
    body = lab.put(TO_HUB, peering(HUB))
    assert body["properties"].get("peeringState") == "Initiated"
    assert body["properties"]["remoteAddressSpace"] == {"addressPrefixes": ["10.9.0.0/16"]}


@effect("peering-connects-twins")
def both_sides_connect(lab: Lab) -> None:
    two_networks(lab)
    lab.put(TO_HUB, peering(HUB))
    response = lab.call("PUT", TO_VNET, peering(VNET))
    assert response.body["properties"]["peeringState"] == "Connected"  # already in the 201: recorded
    assert state(lab, TO_HUB) == ("Connected", "FullyInSync")


@effect("peering-disconnects-twin")
def other_side_disconnects(lab: Lab) -> None:
    two_networks(lab)
    lab.put(TO_HUB, peering(HUB))
    lab.put(TO_VNET, peering(VNET))
    lab.delete(TO_VNET)
    assert state(lab, TO_HUB)[0] == "Disconnected"
    assert lab.refused("PUT", TO_VNET, peering(VNET))["code"] == "RemotePeeringIsDisconnected"


@effect("peering-references")
def peering_needs_its_network(lab: Lab) -> None:
    two_networks(lab)
    gone = provider("Microsoft.Network/virtualNetworks", "gone")
    assert lab.refused("PUT", TO_HUB, peering(gone))["code"] == "InvalidResourceReference"


@effect("peering-refuses-overlap")
def overlapping_networks_do_not_peer(lab: Lab) -> None:
    two_networks(lab, hub="10.0.128.0/17")
    error = lab.refused("PUT", TO_HUB, peering(HUB))
    assert error["code"] == "VnetAddressSpacesOverlap"
    assert "Overlapping address prefixes: 10.0.0.0/16." in error["message"]


@effect("vnet-inline-subnets")
def list_of_subnets_is_the_whole_truth(lab: Lab) -> None:
    lab.group()
    inline = [{"name": name, "properties": {"addressPrefix": f"10.0.{n}.0/24"}} for n, name in enumerate("abc")]
    lab.put(VNET, estate.vnet_body("10.0.0.0/16", subnets=inline))
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))  # without `subnets` they stay
    assert [subnet["name"] for subnet in lab.get(VNET)["properties"]["subnets"]] == ["a", "b", "c"]
    lab.put(VNET, estate.vnet_body("10.0.0.0/16", subnets=inline[:1]))  # a partial list deletes the rest
    assert [subnet["name"] for subnet in lab.get(f"{VNET}/subnets")["value"]] == ["a"]


@effect("vnet-shows-children")
def network_shows_its_subnets(lab: Lab) -> None:
    lab.group()
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    lab.put(TRAINING, estate.subnet_body("10.0.2.0/24"))
    properties = lab.get(VNET)["properties"]
    assert [subnet["id"] for subnet in properties.get("subnets", [])] == [TRAINING]


@effect("vnet-addresses")
def inline_subnets_lie_inside_and_apart(lab: Lab) -> None:
    lab.group()

    def code(*prefixes: str) -> str:
        inline = [{"name": f"s{n}", "properties": {"addressPrefix": p}} for n, p in enumerate(prefixes)]
        return str(lab.refused("PUT", VNET, estate.vnet_body("10.0.0.0/16", subnets=inline))["code"])

    assert code("10.1.0.0/24") == "NetcfgSubnetRangeOutsideVnet"
    assert code("10.0.0.0/24", "10.0.0.128/25") == "NetcfgSubnetRangesOverlap"
    assert code("10.0.0.0") == "InvalidAddressPrefixFormat"


@effect("subnet-rules")
def subnets_lie_inside_and_apart(lab: Lab) -> None:
    lab.group()
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    lab.put(TRAINING, estate.subnet_body("10.0.2.0/24"))
    other = f"{VNET}/subnets/other"
    assert lab.refused("PUT", other, estate.subnet_body("10.1.0.0/24"))["code"] == "NetcfgSubnetRangeOutsideVnet"
    error = lab.refused("PUT", other, estate.subnet_body("10.0.2.128/25"))
    assert error["code"] == "NetcfgSubnetRangesOverlap"
    assert error["message"] == (
        "Subnet 'other' is not valid because its IP address range overlaps with that of an existing subnet in virtual "
        "network 'vnet'."
    )
    missing = estate.subnet_body("10.0.3.0/24", natGateway={"id": NAT})
    assert lab.refused("PUT", other, missing)["code"] == "InvalidResourceReference"


@effect("subnet-back-references")
def users_of_gateways_are_listed(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    assert lab.get(NAT)["properties"].get("subnets") == [{"id": TRAINING}]
    lab.put(TRAINING, estate.subnet_body("10.0.2.0/24"))  # a PUT replaces the object: the gateway is let go
    assert "natGateway" not in lab.get(TRAINING)["properties"]
    assert "subnets" not in lab.get(NAT)["properties"]


def blob_endpoint(lab: Lab, *, manual: bool = False) -> None:
    lab.group()
    estate.network(lab)
    lab.put(STORAGE, estate.STORAGE_BODY)
    lab.put(endpoint_id("blob"), estate.endpoint_body(STORAGE, "blob", manual=manual))


@effect("subnet-in-use")
def used_subnet_stays(lab: Lab) -> None:
    blob_endpoint(lab)
    error = lab.refused("DELETE", ENDPOINTS)
    assert error["code"] == "InUseSubnetCannotBeDeleted"
    interface = lab.get(endpoint_id("blob"))["properties"]["networkInterfaces"][0]["id"]
    assert error["message"].startswith(f"Subnet endpoints is in use by {interface}/ipConfigurations/")
    lab.delete(endpoint_id("blob"))
    lab.delete(ENDPOINTS)


@effect("vnet-in-use")
def used_network_stays(lab: Lab) -> None:
    blob_endpoint(lab)
    assert lab.refused("DELETE", VNET)["code"] == "InUseSubnetCannotBeDeleted"


@effect("nsg-inline-rules")
def rules_are_written_with_the_group(lab: Lab) -> None:
    lab.group()
    rules = [estate.rule("one", 100), estate.rule("two", 110)]
    lab.put(NSG, {"location": LOCATION, "properties": {"securityRules": rules}})
    assert lab.get(f"{NSG}/securityRules/two")["properties"]["provisioningState"] == "Succeeded"
    lab.put(NSG, {"location": LOCATION, "properties": {"securityRules": rules[:1]}})
    assert [rule["name"] for rule in lab.get(f"{NSG}/securityRules")["value"]] == ["one"]


@effect("nsg-shows-rules")
def six_default_rules(lab: Lab) -> None:
    lab.group()
    properties = lab.put(NSG, {"location": LOCATION, "properties": {}})["properties"]
    assert properties.get("securityRules") == []
    assert [rule["properties"]["priority"] for rule in properties["defaultSecurityRules"]] == [
        65000,
        65001,
        65500,
        65000,
        65001,
        65500,
    ]


@effect("nsg-rules")
def priorities_are_taken_once(lab: Lab) -> None:
    lab.group()
    rules = [estate.rule("one", 100), estate.rule("in", 100, "Inbound")]
    lab.put(NSG, {"location": LOCATION, "properties": {"securityRules": rules}})
    error = lab.refused("PUT", f"{NSG}/securityRules/two", {"properties": estate.rule("two", 100)["properties"]})
    assert error["code"] == "SecurityRuleParameterPriorityAlreadyTaken"


@effect("nsg-in-use")
def used_group_stays(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    assert lab.refused("DELETE", NSG)["code"] == "InUseNetworkSecurityGroupCannotBeDeleted"


@effect("route-table-in-use")
def used_route_table_stays(lab: Lab) -> None:
    lab.group()
    table = provider("Microsoft.Network/routeTables", "routes")
    lab.put(table, {"location": LOCATION, "properties": {}})
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    lab.put(TRAINING, estate.subnet_body("10.0.2.0/24", routeTable={"id": table}))
    assert lab.refused("DELETE", table)["code"] == "InUseRouteTableCannotBeDeleted"


@effect("zones-stay")
def zones_of_an_address_stay(lab: Lab) -> None:
    lab.group()
    body = {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}}
    lab.put(ADDRESS, body)
    error = lab.refused("PUT", ADDRESS, {**body, "zones": ["1"]})
    assert error["code"] == "ResourceAvailabilityZonesCannotBeModified"


@effect("public-ip-rules")
def sku_of_an_address_stays(lab: Lab) -> None:
    lab.group()
    body = {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}}
    lab.put(ADDRESS, body)
    assert lab.refused("PUT", ADDRESS, {**body, "sku": {"name": "Basic"}})["code"] == "SkuCannotBeChangedOnUpdate"


@effect("public-ip-in-use")
def used_address_stays(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    assert lab.refused("DELETE", ADDRESS)["code"] == "PublicIPAddressCannotBeDeleted"


@effect("nat-owns-addresses")
def address_says_whose_it_is(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    assert lab.get(ADDRESS)["properties"].get("natGateway") == {"id": NAT}
    lab.put(TRAINING, estate.subnet_body("10.0.2.0/24"))
    lab.delete(NAT)
    assert "natGateway" not in lab.get(ADDRESS)["properties"]


@effect("nat-references")
def gateway_needs_its_address(lab: Lab) -> None:
    lab.group()
    body = {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {"publicIpAddresses": [{"id": ADDRESS}]}}
    assert lab.refused("PUT", NAT, body)["code"] == "InvalidResourceReference"


@effect("nat-in-use")
def used_gateway_stays(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    assert lab.refused("DELETE", NAT)["code"] == "InUseNatGatewayCannotBeDeleted"
