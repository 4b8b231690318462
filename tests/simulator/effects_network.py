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


# ---------------------------------------------------------------------------------------------- private endpoints


@effect("private-endpoint-references")
def endpoint_knows_its_target(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    body = estate.endpoint_body(STORAGE, "blob")
    assert lab.refused("PUT", endpoint_id("blob"), body)["code"] == "ResourceNotFound"
    lab.put(STORAGE, estate.STORAGE_BODY)
    error = lab.refused("PUT", endpoint_id("blob"), estate.endpoint_body(STORAGE, "vault"))
    assert error["message"] == "Call to Microsoft.Storage/storageAccounts failed. Error message: Invalid groupId"
    basic = {"location": LOCATION, "sku": {"name": "Basic"}, "properties": {}}
    lab.put(estate.REGISTRY, basic)
    error = lab.refused("PUT", endpoint_id("acr"), estate.endpoint_body(estate.REGISTRY, "registry"))
    assert "not supported for the SKU Basic" in error["message"]


@effect("private-endpoint-shape")
def endpoint_is_approved_from_the_first_answer(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    lab.put(STORAGE, estate.STORAGE_BODY)
    response = lab.call("PUT", endpoint_id("blob"), estate.endpoint_body(STORAGE, "blob"))
    properties = response.body["properties"]
    connection = properties["privateLinkServiceConnections"][0]["properties"]
    assert connection.get("privateLinkServiceConnectionState", {}).get("description") == "Auto Approved"
    assert properties["customDnsConfigs"] == []


@effect("private-endpoint-interface")
def endpoint_has_an_interface(lab: Lab) -> None:
    blob_endpoint(lab)
    interface = lab.get(endpoint_id("blob"))["properties"]["networkInterfaces"][0]["id"]
    assert lab.exists(interface)
    assert lab.get(ENDPOINTS)["properties"]["privateEndpoints"] == [{"id": endpoint_id("blob")}]


@effect("private-endpoint-addresses")
def addresses_come_from_the_subnet(lab: Lab) -> None:
    blob_endpoint(lab)
    interface = lab.get(endpoint_id("blob"))["properties"]["networkInterfaces"][0]["id"]
    found = [one["properties"]["privateIPAddress"] for one in lab.get(interface)["properties"]["ipConfigurations"]]
    assert len(found) == 1
    assert found[0].startswith("10.0.1.")


@effect("private-endpoint-names")
def names_come_when_it_is_done(lab: Lab) -> None:
    blob_endpoint(lab)
    configs = lab.get(endpoint_id("blob"))["properties"]["customDnsConfigs"]
    assert [config["fqdn"] for config in configs] == ["account1.blob.core.windows.net"]


@effect("private-endpoint-connects-target")
def target_gets_a_connection(lab: Lab) -> None:
    blob_endpoint(lab)
    connections = lab.get(STORAGE)["properties"]["privateEndpointConnections"]
    states = [one["properties"]["privateLinkServiceConnectionState"]["status"] for one in connections]
    assert states == ["Approved"]


@effect("private-endpoints-one-at-a-time")
def second_endpoint_of_an_account_waits_for_the_first(lab: Lab) -> None:
    lab.group()
    estate.network(lab)
    lab.put(STORAGE, estate.STORAGE_BODY)
    first = lab.call("PUT", endpoint_id("blob"), estate.endpoint_body(STORAGE, "blob"))
    second = lab.call("PUT", endpoint_id("file"), estate.endpoint_body(STORAGE, "file"))
    assert (first.status, second.status) == (201, 201)
    assert lab.outcome(first) is None
    error = lab.outcome(second)
    assert error is not None
    assert error["code"] == "StorageAccountOperationInProgress"
    assert lab.get(endpoint_id("file"))["properties"]["provisioningState"] == "Failed"
    assert len(lab.get(f"{STORAGE}/privateEndpointConnections")["value"]) == 1
    lab.put(endpoint_id("file"), estate.endpoint_body(STORAGE, "file"))  # alone it succeeds
    assert len(lab.get(f"{STORAGE}/privateEndpointConnections")["value"]) == 2


@effect("private-endpoint-shown")
def zone_group_empties_custom_dns_configs(lab: Lab) -> None:
    blob_endpoint(lab)
    lab.put(zone_id(BLOB_ZONE), {"location": "global"})
    lab.put(f"{endpoint_id('blob')}/privateDnsZoneGroups/default", estate.zone_group_body(BLOB_ZONE))
    assert lab.get(endpoint_id("blob"))["properties"]["customDnsConfigs"] == []


@effect("private-endpoint-leaves")
def nothing_of_an_endpoint_stays(lab: Lab) -> None:
    blob_endpoint(lab)
    interface = lab.get(endpoint_id("blob"))["properties"]["networkInterfaces"][0]["id"]
    lab.delete(endpoint_id("blob"))
    assert not lab.exists(interface)
    assert lab.get(STORAGE)["properties"]["privateEndpointConnections"] == []
    assert "privateEndpoints" not in lab.get(ENDPOINTS)["properties"]


def zone_group(lab: Lab) -> str:
    blob_endpoint(lab)
    lab.put(zone_id(BLOB_ZONE), {"location": "global"})
    path = f"{endpoint_id('blob')}/privateDnsZoneGroups/default"
    lab.put(path, estate.zone_group_body(BLOB_ZONE))
    return path


@effect("zone-group-records")
def zone_group_writes_and_removes_records(lab: Lab) -> None:
    path = zone_group(lab)
    assert lab.exists(RECORD)
    record = lab.get(RECORD)["properties"]
    assert record["ttl"] == 10
    assert record["metadata"]["creator"].startswith("created by private endpoint blob with resource guid ")
    lab.delete(path)
    assert not lab.exists(RECORD)


@effect("zone-group-shape")
def zone_group_has_record_sets(lab: Lab) -> None:
    config = lab.get(zone_group(lab))["properties"]["privateDnsZoneConfigs"][0]
    assert str(config.get("id")).endswith("/privateDnsZoneConfigs/privatelink-blob-core-windows-net")


@effect("zone-group-shown")
def zone_group_configurations_follow_the_group(lab: Lab) -> None:
    """azure-cli's recording test_network_private_endpoint_private_dns_zone_group.yaml."""
    blob_endpoint(lab)
    lab.put(zone_id(BLOB_ZONE), {"location": "global"})
    path = f"{endpoint_id('blob')}/privateDnsZoneGroups/default"
    started = lab.call("PUT", path, estate.zone_group_body(BLOB_ZONE))
    assert started.status == 201
    assert lab.outcome(started) is None
    states = []
    for group in (started.body, lab.get(path)):
        config = group["properties"]["privateDnsZoneConfigs"][0]
        assert list(config) == ["name", "id", "etag", "type", "properties"]
        assert config["etag"] == group["etag"]
        assert config["properties"]["provisioningState"] == group["properties"]["provisioningState"]
        states.append(config["properties"]["provisioningState"])
    assert states == ["Updating", "Succeeded"]


@effect("zone-group-references")
def zone_group_needs_its_zone(lab: Lab) -> None:
    blob_endpoint(lab)
    path = f"{endpoint_id('blob')}/privateDnsZoneGroups/default"
    assert lab.refused("PUT", path, estate.zone_group_body(BLOB_ZONE))["code"] == "InvalidResourceReference"


# ---------------------------------------------------------------------------------------------- private DNS


def zone_with_network(lab: Lab) -> str:
    two_networks(lab)
    lab.put(zone_id(BLOB_ZONE), {"location": "global"})
    return f"{zone_id(BLOB_ZONE)}/virtualNetworkLinks/vnet"


@effect("zone-has-soa")
def zone_is_born_with_soa(lab: Lab) -> None:
    zone_with_network(lab)
    assert lab.exists(f"{zone_id(BLOB_ZONE)}/SOA/@")
    assert [one["type"].rpartition("/")[2] for one in lab.get(f"{zone_id(BLOB_ZONE)}/ALL")["value"]] == ["SOA"]


@effect("zone-counts-records")
def zone_counts_what_it_holds(lab: Lab) -> None:
    lab.put(zone_with_network(lab), estate.link_body(VNET))
    properties = lab.get(zone_id(BLOB_ZONE))["properties"]
    assert (properties.get("numberOfRecordSets"), properties["numberOfVirtualNetworkLinks"]) == (1, 1)


@effect("zone-refuses-deletion-while-linked")
def linked_zone_stays(lab: Lab) -> None:
    lab.put(zone_with_network(lab), estate.link_body(VNET))
    error = lab.refused("DELETE", zone_id(BLOB_ZONE))
    assert error["code"] == "CannotDeleteResource"
    lab.delete(f"{zone_id(BLOB_ZONE)}/virtualNetworkLinks/vnet")
    lab.delete(zone_id(BLOB_ZONE))


@effect("link-network")
def link_needs_its_network(lab: Lab) -> None:
    link = zone_with_network(lab)
    gone = provider("Microsoft.Network/virtualNetworks", "gone")
    assert lab.refused("PUT", link, estate.link_body(gone))["code"] == "NotFound"


@effect("link-one-zone-per-name")
def one_zone_of_a_name_per_network(lab: Lab) -> None:
    lab.put(zone_with_network(lab), estate.link_body(VNET))
    other = lab.group("rg2")
    second = provider("Microsoft.Network/privateDnsZones", BLOB_ZONE, group=other)
    lab.put(second, {"location": "global"})
    response = lab.call("PUT", f"{second}/virtualNetworkLinks/vnet", estate.link_body(VNET))
    assert response.status == 202  # accepted, then Failed
    error = lab.outcome(response)
    assert error is not None
    assert error["message"].startswith("A virtual network cannot be linked to multiple zones")
