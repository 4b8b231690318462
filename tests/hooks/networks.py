"""Networks, addresses, peerings and zones: what Azure refuses, keeps and shows."""

from __future__ import annotations

from tests.hooks.scenarios import failed, noticed, sent, succeeded, theirs, tries
from tests.support.quiet_product import QuietProduct

VNET = "Microsoft.Network/virtualNetworks"
ZONE = "privatelink.blob.core.windows.net"


def untouched(product: QuietProduct, *keys: str) -> None:
    """Somebody else's DELETE of what is in use is refused, so there is nothing to find."""
    ids = product.ids()
    for key in keys:
        product.owner("DELETE", ids[key])
    assert product.failing() == set()


@noticed("subnet-in-use")
def a_subnet_with_endpoints_cannot_be_taken_away(product: QuietProduct) -> None:
    untouched(product, "subnet/private-endpoints")


@noticed("vnet-in-use")
def a_network_with_endpoints_cannot_be_taken_away(product: QuietProduct) -> None:
    untouched(product, "vnet/ml")


@noticed("nat-in-use")
def the_way_out_cannot_be_taken_away(product: QuietProduct) -> None:
    untouched(product, "nat-gateway")


@noticed("subnet-back-references", "nat-owns-addresses", world="empty")
def what_the_way_out_is_made_of_cannot_be_taken_away(product: QuietProduct) -> None:
    succeeded(product.create())
    untouched(product, "nat-gateway", "public-ip/nat")


@noticed("nsg-in-use")
def a_security_group_in_use_cannot_be_taken_away(product: QuietProduct) -> None:
    untouched(product, "nsg/training")


@noticed("public-ip-in-use")
def the_address_of_the_way_out_cannot_be_taken_away(product: QuietProduct) -> None:
    untouched(product, "public-ip/nat")


@noticed("zone-refuses-deletion-while-linked")
def a_linked_zone_cannot_be_taken_away(product: QuietProduct) -> None:
    untouched(product, "dns-zone/blob")


@noticed("route-table-in-use")
def a_repair_does_not_meet_a_route_table_that_is_gone(product: QuietProduct) -> None:
    table = theirs(product, "Microsoft.Network/routeTables", "theirs", {"properties": {}})
    tries(product, "subnet/training", routeTable={"id": table}, natGateway=None)
    product.owner("DELETE", table)
    assert product.failing() == {"subnet/training"}
    succeeded(product.repair())


@noticed("vnet-inline-subnets")
def a_list_of_subnets_is_the_whole_truth(product: QuietProduct) -> None:
    tries(product, "vnet/hub", subnets=[])
    assert product.failing() == {"subnet/hub"}


@noticed("vnet-addresses")
def a_subnet_cannot_be_moved_out_of_its_network_with_the_network(product: QuietProduct) -> None:
    moved = {"name": "snet-hub", "properties": {"addressPrefix": "10.99.0.0/24"}}
    tries(product, "vnet/hub", subnets=[moved])
    assert product.failing() == set()


@noticed("subnet-rules")
def a_range_that_somebody_took_is_not_given_back(product: QuietProduct) -> None:
    subnet = product.ids()["subnet/hub"]
    prefix = (product.body(subnet) or {})["properties"]["addressPrefix"]
    product.owner("DELETE", subnet)
    product.owner("PUT", subnet.replace("snet-hub", "theirs"), {"properties": {"addressPrefix": prefix}})
    failed(product.repair(), "NetcfgSubnetRangesOverlap")


@noticed("public-ip-rules")
def an_address_keeps_its_sku(product: QuietProduct) -> None:
    arm_id, body = sent(product, "public-ip/nat")
    product.owner("PUT", arm_id, {**body, "sku": {"name": "Basic"}})
    assert product.failing() == set()


@noticed("nat-references")
def a_gateway_cannot_name_an_address_that_is_not_there(product: QuietProduct) -> None:
    address = product.ids()["public-ip/nat"]
    tries(product, "nat-gateway", publicIpAddresses=[{"id": f"{address}-gone"}])
    assert product.failing() == set()


@noticed("nsg-rules")
def a_rule_cannot_take_anothers_priority(product: QuietProduct) -> None:
    group = product.ids()["nsg/training"]
    first = (product.body(group) or {})["properties"]["securityRules"][0]["properties"]
    rule = {name: value for name, value in first.items() if name != "provisioningState"}
    product.owner("PUT", f"{group}/securityRules/theirs", {"properties": rule}, version="2024-05-01")
    assert product.failing() == set()


# -- peerings ----------------------------------------------------------------------------------------------------------


@noticed("peering-starts")
def half_a_peering_waits_for_the_other_half(product: QuietProduct) -> None:
    ids = product.ids()
    arm_id, body = sent(product, "peering/ml-to-hub")
    product.owner("DELETE", ids["peering/ml-to-hub"])
    product.owner("DELETE", ids["peering/hub-to-ml"])
    product.owner("PUT", arm_id, body)
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert finding.key == "peering/hub-to-ml"
    assert [seen.observed for seen in finding.consequences if seen.key == "peering/ml-to-hub"] == ["Initiated"]


@noticed("peering-disconnects-twin")
def a_peering_without_its_other_half_is_disconnected(product: QuietProduct) -> None:
    product.owner("DELETE", product.ids()["peering/hub-to-ml"])
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert finding.key == "peering/hub-to-ml"
    assert [seen.observed for seen in finding.consequences if seen.key == "peering/ml-to-hub"] == ["Disconnected"]
    succeeded(product.repair())
    assert product.failing() == set()


@noticed("peering-references")
def a_peering_cannot_lead_nowhere(product: QuietProduct) -> None:
    tries(product, "peering/ml-to-hub", remoteVirtualNetwork={"id": f"{product.ids()['vnet/hub']}-gone"})
    assert product.failing() == set()


# -- private DNS -------------------------------------------------------------------------------------------------------


def link(product: QuietProduct) -> str:
    return next(key for key, arm_id in product.ids().items() if f"{ZONE}/virtualNetworkLinks" in arm_id)


@noticed("link-network")
def a_link_cannot_lead_nowhere(product: QuietProduct) -> None:
    arm_id, body = sent(product, link(product))
    product.owner("DELETE", arm_id)
    elsewhere = {"virtualNetwork": {"id": f"{product.ids()['vnet/ml']}-gone"}, "registrationEnabled": False}
    product.owner("PUT", arm_id, {**body, "properties": elsewhere})
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert (finding.path, finding.observed) == ("$", None)


@noticed("link-one-zone-per-name")
def a_name_is_answered_by_one_zone_only(product: QuietProduct) -> None:
    zone = theirs(product, "Microsoft.Network/privateDnsZones", ZONE, {"location": "global"})
    mine, body = sent(product, link(product))
    product.owner("DELETE", mine)
    product.owner("PUT", f"{zone}/virtualNetworkLinks/theirs", body)
    failed(product.repair(), "BadRequest")
