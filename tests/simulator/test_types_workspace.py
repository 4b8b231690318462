"""A full secured workspace by hand-written PUTs: endpoint, zone group, records, cluster, job, nodes 0 to 1 to 0."""

from __future__ import annotations

import pytest

from tests.simulator import estate
from tests.simulator.estate import CLUSTER, JOB, REGISTRY, STORAGE, WORKSPACE, endpoint_id, zone_id
from tests.simulator.lab import Lab


@pytest.fixture(scope="module")
def built() -> Lab:
    """Read-only: one world for the tests of this module that change nothing."""
    lab = Lab()
    estate.secured_workspace(lab)
    return lab


def addresses(lab: Lab, zone: str) -> dict[str, list[str]]:
    records = lab.get(f"{zone_id(zone)}/A")["value"]
    return {record["name"]: [entry["ipv4Address"] for entry in record["properties"]["aRecords"]] for record in records}


def test_both_zones_of_the_workspace_hold_its_names(built: Lab) -> None:
    guid = built.get(WORKSPACE)["properties"]["workspaceId"]
    api = addresses(built, "privatelink.api.azureml.ms")
    notebooks = addresses(built, "privatelink.notebooks.azure.net")
    assert set(api) == {
        f"{guid}.workspace.westeurope",
        f"{guid}.workspace.westeurope.cert",
        f"*.{guid}.inference.westeurope",
    }
    assert set(notebooks) == {f"ml-ws1-westeurope-{guid}.westeurope"}
    # Three addresses: the API's names share one, notebooks and inference have one each.
    assert api[f"{guid}.workspace.westeurope"] == api[f"{guid}.workspace.westeurope.cert"]
    assert len({address for found in (*api.values(), *notebooks.values()) for address in found}) == 3


def test_records_say_what_the_interface_says(built: Lab) -> None:
    endpoint = built.get(endpoint_id("registry"))
    interface = built.get(endpoint["properties"]["networkInterfaces"][0]["id"])
    by_name = {
        fqdn: entry["properties"]["privateIPAddress"]
        for entry in interface["properties"]["ipConfigurations"]
        for fqdn in entry["properties"]["privateLinkConnectionProperties"]["fqdns"]
    }
    assert addresses(built, "privatelink.azurecr.io") == {
        "registry1": [by_name["registry1.azurecr.io"]],
        "registry1.westeurope.data": [by_name["registry1.westeurope.data.azurecr.io"]],
    }


def test_zone_group_shows_its_record_sets_and_the_endpoint_none(built: Lab) -> None:
    group = built.get(f"{endpoint_id('blob')}/privateDnsZoneGroups/default")
    sets = group["properties"]["privateDnsZoneConfigs"][0]["properties"]["recordSets"]
    assert [one["recordSetName"] for one in sets] == ["account1"]
    assert sets[0]["ipAddresses"] == addresses(built, "privatelink.blob.core.windows.net")["account1"]
    assert built.get(endpoint_id("blob"))["properties"]["customDnsConfigs"] == []


def test_every_target_lists_its_approved_connection(built: Lab) -> None:
    counts = {}
    for target in (STORAGE, estate.VAULT, REGISTRY, WORKSPACE):
        connections = built.get(target)["properties"]["privateEndpointConnections"]
        counts[target] = len(connections)
        for connection in connections:
            assert connection["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"
            assert built.get(connection["id"])["id"] == connection["id"]
    assert counts == {STORAGE: 2, estate.VAULT: 1, REGISTRY: 1, WORKSPACE: 1}


def test_job_takes_the_cluster_from_none_to_one_to_none() -> None:
    lab = Lab()
    estate.secured_workspace(lab)
    lab.put(JOB, estate.JOB_BODY)
    seen = []
    for _ in range(200):
        lab.advance(5)
        state = lab.get(CLUSTER)["properties"]["properties"]
        seen.append((lab.get(JOB)["properties"]["status"], state["currentNodeCount"]))
    steps = list(dict.fromkeys(seen))
    assert steps == [
        ("Queued", 0),
        ("Preparing", 1),
        ("Running", 1),
        ("Completed", 1),
        ("Completed", 0),
    ]
    assert lab.get(CLUSTER)["properties"]["properties"]["allocationState"] == "Steady"


@pytest.mark.parametrize("case", ["linked to another network", "no record", "another address"])
def test_where_the_workspace_is_not_resolved_no_node_comes(case: str) -> None:
    lab = Lab()
    estate.secured_workspace(lab)
    zone = zone_id("privatelink.api.azureml.ms")
    record = f"{zone}/A/{lab.get(WORKSPACE)['properties']['workspaceId']}.workspace.westeurope"
    match case:
        case "no record":
            lab.delete(record)
        case "another address":
            lab.put(record, {"properties": {"ttl": 10, "aRecords": [{"ipv4Address": "10.0.1.30"}]}})
        case _:
            lab.put(estate.HUB, estate.vnet_body("10.9.0.0/16"))
            lab.delete(f"{zone}/virtualNetworkLinks/vnet")
            lab.put(f"{zone}/virtualNetworkLinks/hub", estate.link_body(estate.HUB))
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    job = lab.get(JOB)["properties"]
    assert job["status"] == "Queued"
    assert "does not resolve to its private endpoint" in job["statusMessage"]


def test_without_nat_the_job_stays_queued_and_says_why() -> None:
    lab = Lab()
    estate.secured_workspace(lab, nat=False)
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    job, state = lab.get(JOB)["properties"], lab.get(CLUSTER)["properties"]["properties"]
    assert (job["status"], state["currentNodeCount"]) == ("Queued", 0)
    assert "no outbound connectivity" in job["statusMessage"]
    assert "no outbound connectivity" in state["errors"][0]["error"]["message"]
    # As soon as there is egress, it goes on.
    lab.put(estate.TRAINING, estate.subnet_body("10.0.2.0/24", natGateway={"id": estate.NAT}))
    lab.advance(600)
    assert lab.get(JOB)["properties"]["status"] == "Completed"


def test_a_queued_job_asks_again_for_as_long_as_it_waits() -> None:
    """Moments are not whole seconds, nor whole microseconds."""
    lab = Lab()
    estate.secured_workspace(lab, nat=False)
    lab.moment += 0.123456789
    lab.engine.scale = 1000 / 3
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(300)
    lab.put(estate.TRAINING, estate.subnet_body("10.0.2.0/24", natGateway={"id": estate.NAT}))
    lab.advance(600)
    assert lab.get(JOB)["properties"]["status"] == "Completed"


def test_nodes_that_lose_their_way_out_while_they_come_are_asked_for_again() -> None:
    lab = Lab()
    estate.secured_workspace(lab)
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(10)
    assert lab.get(CLUSTER)["properties"]["properties"]["allocationState"] == "Resizing"
    lab.put(estate.TRAINING, estate.subnet_body("10.0.2.0/24"))
    lab.advance(300)
    assert "no outbound connectivity" in lab.get(JOB)["properties"]["statusMessage"]
    lab.put(estate.TRAINING, estate.subnet_body("10.0.2.0/24", natGateway={"id": estate.NAT}))
    lab.advance(600)
    assert lab.get(JOB)["properties"]["status"] == "Completed"
