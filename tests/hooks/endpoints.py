"""Private endpoints, their connections and their names."""

from __future__ import annotations

from tests.hooks.scenarios import noticed, succeeded, tries
from tests.support.quiet_product import QuietProduct

#: What a private endpoint takes to be made. Azure ends a second one of the same account Failed; it is written again.
ONE_ENDPOINT_SECONDS = 60


def state(status: str) -> dict[str, object]:
    return {"properties": {"privateLinkServiceConnectionState": {"status": status, "description": "by hand"}}}


@noticed("private-endpoint-references")
def an_endpoint_stays_in_its_subnet(product: QuietProduct) -> None:
    tries(product, "private-endpoint/blob", subnet={"id": product.ids()["subnet/training"]})
    assert product.failing() == set()


@noticed("connection-tells-endpoint")
def a_rejected_connection_takes_its_names_with_it(product: QuietProduct) -> None:
    account = product.body(product.ids()["storage"]) or {}
    connection = account["properties"]["privateEndpointConnections"][0]["id"]
    product.owner("PUT", connection, state("Rejected"), version="2023-05-01")
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert finding.observed == "Rejected"
    assert [seen.control for seen in finding.consequences] == ["DNS.ARecordsMatch"]


@noticed("connection-needs-endpoint")
def nobody_makes_a_connection_without_an_endpoint(product: QuietProduct) -> None:
    path = f"{product.ids()['storage']}/privateEndpointConnections/theirs"
    product.owner("PUT", path, state("Approved"), version="2023-05-01")
    assert product.failing() == set()


@noticed("zone-group-references")
def a_zone_group_cannot_name_a_zone_that_is_not_there(product: QuietProduct) -> None:
    gone = product.ids()["dns-zone/blob"].replace("core.windows", "gone")
    config = {"name": "theirs", "properties": {"privateDnsZoneId": gone}}
    tries(product, "zone-group/blob", privateDnsZoneConfigs=[config])
    assert product.failing() == set()


@noticed("private-endpoints-one-at-a-time")
def an_endpoint_waits_for_somebody_elses_of_the_same_account(product: QuietProduct) -> None:
    ids = product.ids()
    blob = product.body(ids["private-endpoint/blob"]) or {}
    made = blob["properties"]["privateLinkServiceConnections"][0]["properties"]
    target = {name: made[name] for name in ("privateLinkServiceId", "groupIds")}
    properties = {
        "subnet": {"id": ids["subnet/hub"]},
        "privateLinkServiceConnections": [{"name": "theirs", "properties": target}],
    }
    product.owner("DELETE", ids["private-endpoint/file"])
    path = ids["private-endpoint/file"].rpartition("/")[0] + "/theirs"
    request = {"location": "westeurope", "properties": properties}
    assert product.azure.call("owner", "PUT", f"{path}?api-version=2024-05-01", request).status == 201
    operation = succeeded(product.repair())
    (step,) = (step for step in operation.steps if step.key == "private-endpoint/file")
    assert step.started_at is not None
    assert step.ended_at is not None
    assert (step.ended_at - step.started_at).total_seconds() > ONE_ENDPOINT_SECONDS + 5
