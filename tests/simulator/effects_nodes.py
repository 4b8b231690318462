"""What the hooks of clusters, their nodes and jobs cause, as in ``effects_services``."""

from __future__ import annotations

from simulator.types.machinelearning import workspace_effects as ml
from tests.simulator import estate
from tests.simulator.effects_network import EFFECTS, effect
from tests.simulator.effects_workspaces import API_ZONE, a_workspace, roles, with_endpoint
from tests.simulator.estate import (
    CLUSTER,
    JOB,
    REGISTRY,
    TRAINING,
    WORKSPACE,
)
from tests.simulator.lab import Lab

TABLE = EFFECTS


@effect("compute-rules")
def cluster_needs_its_subnet(lab: Lab) -> None:
    with_endpoint(lab)
    gone = f"{TRAINING}-gone"
    error = lab.refused("PUT", CLUSTER, estate.cluster_body(subnet={"id": gone}))
    assert (error["code"], error["message"]) == ("UserError", f"The specified subnet {gone} could not be found.")


@effect("compute-needs-endpoint")
def cluster_without_addresses_needs_an_endpoint(lab: Lab) -> None:
    a_workspace(lab)
    estate.network(lab)
    error = lab.refused("PUT", CLUSTER, estate.cluster_body())
    assert error["message"] == "Provided EnableNodePublicIp 'False' requires workspace private endpoint."


@effect("compute-keeps-what-is-set-once")
def size_of_a_cluster_stays(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    body = lab.put(CLUSTER, estate.cluster_body(vmSize="STANDARD_D1_V2"))
    assert body["properties"]["properties"]["vmSize"] == "STANDARD_DS3_V2"


@effect("compute-pulls-from-registry")
def cluster_may_pull_images(lab: Lab) -> None:
    with_endpoint(lab)
    principal = lab.put(CLUSTER, estate.cluster_body())["identity"]["principalId"]
    assert roles(lab, principal, REGISTRY) == {ml.ACR_PULL}


def counts(lab: Lab) -> tuple[int, str]:
    state = lab.get(CLUSTER)["properties"]["properties"]
    return state["currentNodeCount"], state["allocationState"]


@effect("cluster-allocates-nodes")
def cluster_keeps_its_minimum(lab: Lab) -> None:
    with_endpoint(lab)
    settings = {"minNodeCount": 1, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT30S"}
    lab.put(CLUSTER, estate.cluster_body(scaleSettings=settings))
    assert counts(lab) == (0, "Resizing")
    lab.advance(600)
    assert counts(lab) == (1, "Steady")
    assert lab.refused("DELETE", TRAINING)["code"] == "InUseSubnetCannotBeDeleted"


@effect("cluster-scales-down")
def idle_nodes_leave(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(1200)
    assert lab.get(JOB)["properties"]["status"] == "Completed"
    assert counts(lab) == (0, "Steady")


@effect("nodes-need-endpoint-and-egress")
def no_egress_no_nodes(lab: Lab) -> None:
    with_endpoint(lab, nat=False)
    lab.put(CLUSTER, estate.cluster_body())
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    assert lab.get(JOB)["properties"]["status"] == "Queued"


@effect("nodes-resolve-workspace")
def no_name_no_nodes(lab: Lab) -> None:
    with_endpoint(lab)
    link = f"{estate.zone_id(API_ZONE)}/virtualNetworkLinks/vnet"
    lab.delete(link)
    lab.put(CLUSTER, estate.cluster_body())  # made without nodes, it is made all the same
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    name = f"{lab.get(WORKSPACE)['properties']['workspaceId']}.workspace.westeurope.api.azureml.ms does not resolve"
    job, state = lab.get(JOB)["properties"], lab.get(CLUSTER)["properties"]["properties"]
    assert (job["status"], state["currentNodeCount"]) == ("Queued", 0)
    assert name in state["errors"][0]["error"]["message"]
    # As soon as it resolves, it goes on.
    lab.put(link, estate.link_body(estate.VNET))
    lab.advance(600)
    assert lab.get(JOB)["properties"]["status"] == "Completed"


@effect("job-compute")
def job_needs_its_cluster(lab: Lab) -> None:
    a_workspace(lab)
    error = lab.refused("PUT", JOB, estate.JOB_BODY)
    assert (error["code"], error["message"]) == ("UserError", "Unknown compute target 'cpu'.")


@effect("job-runs")
def job_runs_and_can_be_cancelled(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    lab.put(JOB, estate.JOB_BODY)
    assert lab.get(JOB)["properties"].get("status") == "NotStarted"
    lab.advance(10)
    assert lab.get(JOB)["properties"]["status"] == "Queued"
    assert lab.call("POST", f"{JOB}/cancel").status == 200
    lab.advance(10)
    assert lab.get(JOB)["properties"]["status"] == "Canceled"
