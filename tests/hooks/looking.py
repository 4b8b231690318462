"""What a person relies on who looks at networks, names and services beside the product."""

from __future__ import annotations

from tests.hooks.people import LOCATION, Az, Body, beside
from tests.hooks.scenarios import noticed, sent, succeeded
from tests.support.quiet_product import QuietProduct

ZONE_KIND = "Microsoft.Network/privateDnsZones"
TABLE = beside("Microsoft.Network/routeTables", "routes")


# -- endpoints and names -----------------------------------------------------------------------------------------------


@noticed("private-endpoint-names")
def an_endpoint_says_which_names_to_write(product: QuietProduct) -> None:
    """Without a zone group the names are written by hand: ``az network private-endpoint show --query``."""
    ids, az = product.ids(), Az(product)
    az.group()
    target = {"privateLinkServiceId": ids["storage"], "groupIds": ["blob"]}
    properties = {
        "subnet": {"id": ids["subnet/hub"]},
        "privateLinkServiceConnections": [{"name": "theirs", "properties": target}],
    }
    arm_id = beside("Microsoft.Network/privateEndpoints", "theirs")
    shown = az.create(arm_id, {"location": LOCATION, "properties": properties})
    account = ids["storage"].rpartition("/")[2]
    names = [config["fqdn"] for config in shown["properties"]["customDnsConfigs"]]
    assert names == [f"{account}.blob.core.windows.net"]


@noticed("private-endpoint-shown")
def an_endpoint_with_a_zone_group_leaves_no_names_to_write(product: QuietProduct) -> None:
    shown = Az(product).show(product.ids()["private-endpoint/blob"])
    assert shown["properties"]["customDnsConfigs"] == []


@noticed("zone-group-shape")
def each_configuration_of_a_zone_group_has_an_id(product: QuietProduct) -> None:
    ids, az = product.ids(), Az(product)
    config = {"name": "blob", "properties": {"privateDnsZoneId": ids["dns-zone/blob"]}}
    shown = az.create(ids["zone-group/blob"], {"properties": {"privateDnsZoneConfigs": [config]}})
    (found,) = shown["properties"]["privateDnsZoneConfigs"]
    assert found["id"] == f"{shown['id']}/privateDnsZoneConfigs/blob"


@noticed("zone-group-shown")
def each_configuration_of_a_zone_group_has_its_state(product: QuietProduct) -> None:
    shown = Az(product).show(product.ids()["zone-group/blob"])
    states = {config["properties"]["provisioningState"] for config in shown["properties"]["privateDnsZoneConfigs"]}
    assert states == {"Succeeded"}


@noticed("zone-has-soa")
def a_new_zone_has_its_own_record(product: QuietProduct) -> None:
    az = Az(product)
    az.group()
    zone = beside(ZONE_KIND, "people.example")
    az.create(zone, {"location": "global"})
    assert [record["type"].rpartition("/")[2] for record in az.list(f"{zone}/ALL")] == ["SOA"]


@noticed("zone-counts-records")
def a_zone_counts_what_it_holds(product: QuietProduct) -> None:
    az, zone = Az(product), product.ids()["dns-zone/blob"]
    properties = az.show(zone)["properties"]
    assert properties["numberOfRecordSets"] == len(az.list(f"{zone}/ALL"))
    assert properties["numberOfVirtualNetworkLinks"] == len(az.list(f"{zone}/virtualNetworkLinks"))


# -- routes and addresses ----------------------------------------------------------------------------------------------


def route(name: str, prefix: str) -> Body:
    hop = {"nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.40.2.4"}
    return {"name": name, "properties": {"addressPrefix": prefix, **hop}}


def table(az: Az, *routes: Body) -> Body:
    az.group()
    return az.create(TABLE, {"location": LOCATION, "properties": {"routes": list(routes)}})


@noticed("route-table-inline-routes")
def a_route_that_came_with_its_table_is_listed(product: QuietProduct) -> None:
    az = Az(product)
    table(az, route("out", "0.0.0.0/0"))
    assert [found["name"] for found in az.list(f"{TABLE}/routes")] == ["out"]


@noticed("route-table-shows-routes")
def a_route_that_came_later_is_shown_in_its_table(product: QuietProduct) -> None:
    az = Az(product)
    table(az)
    az.create(f"{TABLE}/routes/later", {"properties": route("later", "0.0.0.0/0")["properties"]})
    assert [found["name"] for found in az.show(TABLE)["properties"]["routes"]] == ["later"]


@noticed("routes-rules")
def a_prefix_is_routed_once(product: QuietProduct) -> None:
    az = Az(product)
    table(az, route("out", "0.0.0.0/0"))
    again = {"properties": route("again", "0.0.0.0/0")["properties"]}
    assert az.refused("PUT", f"{TABLE}/routes/again", again) == "RouteConflict"


@noticed("zones-stay")
def an_address_stays_in_its_zones(product: QuietProduct) -> None:
    arm_id, body = sent(product, "public-ip/nat")
    code = Az(product).refused("PUT", arm_id, {**body, "zones": ["3"]})
    assert code == "ResourceAvailabilityZonesCannotBeModified"


# -- services ----------------------------------------------------------------------------------------------------------


@noticed("registry-data-hosts")
def a_registry_names_its_data_endpoints(product: QuietProduct) -> None:
    arm_id, body = sent(product, "registry", dataEndpointEnabled=True)
    name = arm_id.rpartition("/")[2]
    shown = Az(product).create(arm_id, body)
    assert shown["properties"]["dataEndpointHostNames"] == [f"{name}.{LOCATION}.data.azurecr.io"]


@noticed("vault-uri")
def a_vault_says_where_it_answers(product: QuietProduct) -> None:
    az = Az(product)
    az.group()
    sku = {"family": "A", "name": "standard"}
    properties = {"tenantId": product.services.tenant_id, "sku": sku, "enableRbacAuthorization": True}
    shown = az.create(
        beside("Microsoft.KeyVault/vaults", "kv-people"), {"location": LOCATION, "properties": properties}
    )
    assert shown["properties"]["vaultUri"] == "https://kv-people.vault.azure.net/"


@noticed("vault-recovered")
def a_vault_that_came_back_is_deleted_no_more(product: QuietProduct) -> None:
    """``az keyvault list-deleted`` after a repair that asked it back."""
    vault = product.ids()["vault"]
    deleted = f"{vault.partition('/resourceGroups/')[0]}/providers/Microsoft.KeyVault/deletedVaults"
    product.owner("DELETE", vault)
    assert [stone["properties"]["vaultId"] for stone in Az(product).list(deleted)] == [vault]
    succeeded(product.repair())
    assert Az(product).list(deleted) == []


@noticed("log-analytics-sku-case")
def an_old_version_spells_the_sku_its_own_way(product: QuietProduct) -> None:
    """Scripts that still ask for 2021-06-01."""
    az = Az(product)
    az.group()
    properties = {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}
    arm_id = beside("Microsoft.OperationalInsights/workspaces", "logs")
    shown = az.create(arm_id, {"location": LOCATION, "properties": properties}, "2021-06-01")
    assert shown["properties"]["sku"]["name"] == "pergb2018"


@noticed("diagnostic-setting-entries")
def a_diagnostic_setting_shows_whole_entries(product: QuietProduct) -> None:
    ids = product.ids()
    logs = [{"categoryGroup": "allLogs", "enabled": True}]
    body = {"properties": {"workspaceId": ids["log-analytics"], "logs": logs}}
    (entry,) = Az(product).create(ids["diagnostic/vault"], body)["properties"]["logs"]
    assert (entry["category"], entry["retentionPolicy"]) == (None, {"enabled": False, "days": 0})


@noticed("identity-has-principal")
def an_identity_comes_with_whom_to_grant(product: QuietProduct) -> None:
    """``az identity create``, then ``az role assignment create --assignee-object-id``."""
    az = Az(product)
    az.group()
    made = az.create(beside("Microsoft.ManagedIdentity/userAssignedIdentities", "id-people"), {"location": LOCATION})
    reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    granted = {"roleDefinitionId": reader, "principalId": made["properties"]["principalId"]}
    grant = f"{product.ids()['storage']}/providers/Microsoft.Authorization/roleAssignments"
    az.create(f"{grant}/7d9b1b4e-7f55-4bb0-9c35-5d0c2f6e0a01", {"properties": granted})
