"""What a budget's enforcement does to Azure, and what undoes it: quotas, maxima, stopped instances, a deny policy."""

from __future__ import annotations

import pytest

from simulator.types.machinelearning import nodes
from tests.simulator import estate
from tests.simulator.effects_quotas import FAMILY, LOCATION, limited
from tests.simulator.lab import GROUP, ZERO, Body, Lab

POLICIES = f"/subscriptions/{ZERO}/providers/Microsoft.Authorization/policyDefinitions"
COMPUTES = estate.CLUSTER.rpartition("/")[0]


@pytest.fixture
def lab() -> Lab:
    found = Lab()
    estate.secured_workspace(found)
    return found


def scaled(most: int, least: int = 0) -> Body:
    settings = {"minNodeCount": least, "maxNodeCount": most, "nodeIdleTimeBeforeScaleDown": "PT120S"}
    return {"properties": {"properties": {"scaleSettings": settings}}}


def test_a_cluster_with_a_maximum_of_zero_keeps_jobs_waiting_and_lets_them_run_when_it_is_raised(lab: Lab) -> None:
    response = lab.call("PATCH", estate.CLUSTER, scaled(0))
    assert lab.outcome(response) is None
    lab.put(estate.JOB, estate.JOB_BODY)
    lab.advance(3600)
    assert lab.get(estate.JOB)["properties"]["status"] == "Queued"
    assert nodes.inner(lab.resource(estate.CLUSTER))["currentNodeCount"] == 0
    lab.outcome(lab.call("PATCH", estate.CLUSTER, scaled(2)))
    lab.advance(900)
    assert lab.get(estate.JOB)["properties"]["status"] == "Completed"


def test_a_lowered_maximum_does_not_touch_the_job_that_runs(lab: Lab) -> None:
    lab.put(estate.JOB, estate.JOB_BODY)
    lab.resource(estate.JOB).private["seconds"] = 4 * 3600.0
    lab.advance(600)
    assert lab.get(estate.JOB)["properties"]["status"] == "Running"
    lab.outcome(lab.call("PATCH", estate.CLUSTER, scaled(0)))
    lab.advance(3600)
    assert lab.get(estate.JOB)["properties"]["status"] == "Running"
    lab.advance(4 * 3600)
    assert lab.get(estate.JOB)["properties"]["status"] == "Completed"
    assert nodes.inner(lab.resource(estate.CLUSTER))["currentNodeCount"] == 0


def test_a_job_that_waits_for_others_nodes_gets_them(lab: Lab) -> None:
    lab.outcome(lab.call("PATCH", estate.CLUSTER, scaled(1)))
    lab.put(estate.JOB, estate.JOB_BODY)
    lab.put(f"{estate.JOB}2", estate.JOB_BODY)
    lab.advance(1800)
    assert [lab.get(one)["properties"]["status"] for one in (estate.JOB, f"{estate.JOB}2")] == ["Completed"] * 2


def deny_computes(lab: Lab, **more: Body) -> str:
    """An assignment at the group; its id."""
    computes: Body = {"field": "type", "equals": "Microsoft.MachineLearningServices/workspaces/computes"}
    rule = {"if": {"allOf": [computes, *more.values()]}, "then": {"effect": "deny"}}
    definition = f"{POLICIES}/no-new-computes"
    lab.put(definition, {"properties": {"policyType": "Custom", "mode": "All", "policyRule": rule}}, api="2021-06-01")
    assignment = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/no-new-computes"
    lab.put(assignment, {"properties": {"policyDefinitionId": definition}}, api="2022-06-01")
    return assignment


def test_a_deny_policy_refuses_new_computes_and_changes_of_old_ones(lab: Lab) -> None:
    """Azure asks its policies at every write: one that says nothing else keeps a cluster's maximum from being lowered,
    too, while instances are still started and stopped, which are actions."""
    assignment = deny_computes(lab)
    assert lab.refused("PUT", f"{COMPUTES}/other", estate.cluster_body())["code"] == "RequestDisallowedByPolicy"
    assert lab.refused("PATCH", estate.CLUSTER, scaled(0))["code"] == "RequestDisallowedByPolicy"
    assert lab.get(estate.CLUSTER)["properties"]["provisioningState"] == "Succeeded"
    lab.delete(assignment, api="2022-06-01")
    lab.put(f"{COMPUTES}/other", estate.cluster_body())


def test_a_deny_policy_by_tag_leaves_what_is_marked(lab: Lab) -> None:
    lab.outcome(lab.call("PATCH", estate.CLUSTER, {"tags": {"known": "yes"}}))
    deny_computes(lab, marked={"field": "tags['known']", "exists": "false"})
    assert lab.refused("PUT", f"{COMPUTES}/other", estate.cluster_body())["code"] == "RequestDisallowedByPolicy"
    assert lab.outcome(lab.call("PATCH", estate.CLUSTER, scaled(1))) is None


def test_quotas_that_are_refused_are_said_so_one_by_one(lab: Lab) -> None:
    lab.outcome(lab.call("PATCH", estate.CLUSTER, scaled(2, 1)))
    assert limited(lab, 3) == "InvalidQuotaBelowClusterMinimum"
    assert limited(lab, 4) == "Success"
    assert limited(lab, 4, f"{estate.WORKSPACE}/quotas/Standard_Wrong_Family") == "InvalidVMFamilyName"
    assert limited(lab, 4, f"{estate.WORKSPACE}x/quotas/{FAMILY}") == "Failure"
    assert limited(lab, -1) == "Failure"
    assert limited(lab, 101) == "InvalidQuotaExceedsSubscriptionLimit"
    assert shown(lab)[estate.WORKSPACE] == 4
    lab.advance(600)
    told = lab.get(f"{LOCATION}/usages", api="2024-10-01")["value"]
    (usage,) = [one for one in told if one["id"].startswith(estate.WORKSPACE)]
    assert (usage["currentValue"], usage["limit"]) == (4, 4)


def test_a_minimum_of_nodes_above_the_quota_is_refused(lab: Lab) -> None:
    assert limited(lab, 4) == "Success"
    refused = lab.refused("PATCH", estate.CLUSTER, scaled(2, 2))
    assert refused["code"] == "ClusterMinNodesExceedCoreQuota"
    assert "a Standard DSv2 Family vCPU quota of 4 and cannot accomodate" in refused["message"]
    assert limited(lab, 100) == "Success"
    assert lab.outcome(lab.call("PATCH", estate.CLUSTER, scaled(2, 2))) is None


def test_a_workspace_has_a_row_of_each_family_and_by_default_the_whole_of_the_subscriptions(lab: Lab) -> None:
    listed = lab.get(f"{LOCATION}/quotas", api="2024-04-01")["value"]
    families = {one["name"]["value"] for one in listed}
    assert {"standardDSv2Family", "Standard NCASv3_T4 Family"} <= families
    assert len(listed) == 2 * len(families)
    assert all("/quotas/Standard_NCASv3_T4_Family" in one["id"] for one in listed if "T4" in one["name"]["value"])
    (mine,) = [one for one in listed if one["id"] == f"{estate.WORKSPACE}/quotas/standardDSv2Family"]
    assert mine["type"] == "Microsoft.MachineLearningServices/workspaces/dedicatedCores/quotas"
    assert (mine["limit"], mine["location"]) == (100, estate.LOCATION)
    assert shown(lab) == {f"/subscriptions/{ZERO}": 100, estate.WORKSPACE: 100}
    assert limited(lab, 8, mine["id"]) == "Success"
    assert shown(lab) == {f"/subscriptions/{ZERO}": 100, estate.WORKSPACE: 8}


def shown(lab: Lab) -> dict[str, int]:
    """Limits of one family, by whose they are."""
    listed = lab.get(f"{LOCATION}/quotas", api="2024-04-01")["value"]
    found = ((*one["id"].partition("/quotas/"), one["limit"]) for one in listed)
    return {owner: limit for owner, _, family, limit in found if family == "standardDSv2Family"}
