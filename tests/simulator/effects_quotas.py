"""What the hook of a workspace's quotas causes."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.effects_network import Effect, effect
from tests.simulator.lab import ZERO, Body, Lab

LOCATION = f"/subscriptions/{ZERO}/providers/Microsoft.MachineLearningServices/locations/{estate.LOCATION}"
FAMILY = "Standard_DSv2_Family_Cluster_Dedicated_vCPUs"
QUOTA = f"{estate.WORKSPACE}/quotas/{FAMILY}"


def limited(lab: Lab, limit: int, identifier: str = QUOTA) -> str:
    """What became of a limit."""
    kind = "Microsoft.MachineLearningServices/workspaces/quotas"
    wish: Body = {"value": [{"id": identifier, "type": kind, "limit": limit, "unit": "Count"}]}
    answer = lab.call("POST", f"{LOCATION}/updateQuotas", wish)
    assert answer.status == 200, answer.body
    (found,) = answer.body["value"]
    return str(found["status"])


@effect("workspace-quota-holds")
def without_quota_no_nodes_and_no_serverless_job(lab: Lab) -> None:
    estate.secured_workspace(lab)
    assert limited(lab, 0) == "Success"
    serverless = {**estate.JOB_BODY["properties"], "computeId": None}
    lab.put(estate.JOB, estate.JOB_BODY)
    lab.put(f"{estate.JOB}2", {"properties": serverless})
    lab.advance(600)
    for job in (estate.JOB, f"{estate.JOB}2"):
        properties = lab.get(job)["properties"]
        assert properties["status"] == "Queued"
        assert "quota" in properties["statusMessage"]
    assert limited(lab, 100) == "Success"
    lab.advance(900)
    assert [lab.get(job)["properties"]["status"] for job in (estate.JOB, f"{estate.JOB}2")] == ["Completed"] * 2


TABLE: tuple[Effect, ...] = (without_quota_no_nodes_and_no_serverless_job,)
