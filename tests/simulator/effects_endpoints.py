"""What private endpoints', their zone groups' and private zones' hooks cause, as in ``effects_network``."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.effects_network import (
    BLOB_ZONE,
    EFFECTS,
    RECORD,
    blob_endpoint,
    effect,
    two_networks,
)
from tests.simulator.estate import (
    ENDPOINTS,
    LOCATION,
    STORAGE,
    VNET,
    endpoint_id,
    zone_id,
)
from tests.simulator.lab import Lab, provider

TABLE = EFFECTS


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
