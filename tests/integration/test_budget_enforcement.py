"""A budget enforces on the simulator's Azure: Azure Policy denies, clusters shrink, instances stop; all of it comes
back, and plans, validations and repairs mean the same as what stands meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.blueprints import example
from tests.support.quiet_budgets import QuietBudgets
from tests.support.quiet_product import QuietProduct

ML_VERSION = "2024-04-01"
BLUE = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", "model": "azureml:churn:1"}


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    running.register()
    yield running
    running.close()


def asked() -> dict[str, Any]:
    box = {"name": "ada-box", "size": "Standard_DS3_v2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
    spec = example()
    spec.setdefault("compute", {})["instances"] = [box]
    return spec


def computes(product: QuietProduct) -> tuple[str, str]:
    """ARM ids of the cluster and of the instance."""
    ids = product.ids()
    cluster = next(one for key, one in ids.items() if key.startswith("cluster/"))
    return cluster, f"{cluster.rpartition('/')[0]}/ada-box"


def inner(product: QuietProduct, arm_id: str) -> dict[str, Any]:
    body = product.body(arm_id, ML_VERSION)
    assert body is not None
    found: dict[str, Any] = body["properties"]["properties"]
    return found


SERVERLESS = {"properties": {"jobType": "Command", "command": "true", "environmentId": "x"}}
#: Of this family the workspace has a share of its own; of any other the whole of the subscription's.
SHARE = ("standardFSv2Family", 8)


def limits(product: QuietProduct, workspace: str) -> dict[str, int]:
    """Of the workspace, by family."""
    subscription = workspace.partition("/resourceGroups/")[0]
    path = f"{subscription}/providers/Microsoft.MachineLearningServices/locations/westeurope/quotas"
    body = product.body(path, ML_VERSION)
    assert body is not None
    mine = f"{workspace}/quotas/"
    return {one["id"].removeprefix(mine): one["limit"] for one in body["value"] if one["id"].startswith(mine)}


def share(product: QuietProduct, workspace: str) -> None:
    """Somebody distributes quota."""
    subscription = workspace.partition("/resourceGroups/")[0]
    path = f"{subscription}/providers/Microsoft.MachineLearningServices/locations/westeurope/updateQuotas"
    family, limit = SHARE
    wish = {"id": f"{workspace}/quotas/{family}", "type": "x", "limit": limit, "unit": "Count"}
    assert product.owner("POST", path, {"value": [wish]}, ML_VERSION) == 200
    assert limits(product, workspace)[family] == limit


def job(product: QuietProduct, workspace: str, name: str) -> dict[str, Any]:
    body = product.body(f"{workspace}/jobs/{name}", ML_VERSION)
    assert body is not None
    found: dict[str, Any] = body["properties"]
    return found


def test_from_the_announcement_to_the_release(product: QuietProduct) -> None:
    assert product.create(asked()).status == "Succeeded"
    world = QuietBudgets(product)
    cluster, instance = computes(product)
    workspace = cluster.rpartition("/computes/")[0]
    share(product, workspace)
    before, quotas = dict(inner(product, cluster)["scaleSettings"]), limits(product, workspace)
    world.put()
    world.spend("1600")
    taken = {"blockComputes": "taken", "blockJobs": "taken", "freeze": "taken"}
    world.until(dict.fromkeys(taken, "announced"))
    new = f"{cluster.rpartition('/')[0]}/another"
    body = product.body(cluster, ML_VERSION)
    assert body is not None
    created = {"location": body["location"], "properties": {**body["properties"]}}
    assert product.owner("PUT", f"{new}-early", created, ML_VERSION) in (200, 201)
    endpoints = f"{cluster.rpartition('/computes/')[0]}/onlineEndpoints"
    here = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "AADToken"}}
    assert product.owner("PUT", f"{endpoints}/serving", here, ML_VERSION) in (200, 201)
    product.advance(100 * 60)
    # It has stopped by itself meanwhile: ada comes back to work.
    assert inner(product, instance)["state"] == "Stopped"
    assert product.owner("POST", f"{instance}/start", {}, ML_VERSION) == 202
    product.advance(60)
    world.until(taken)
    assert product.owner("PUT", new, created, ML_VERSION) == 403
    assert product.owner("PUT", f"{endpoints}/late", here, ML_VERSION) == 403
    # What serves may be changed, and gets no new deployment.
    assert product.owner("PUT", f"{endpoints}/serving", here, ML_VERSION) in (200, 201)
    blue = {"location": "westeurope", "sku": {"name": "Default", "capacity": 1}, "properties": BLUE}
    assert product.owner("PUT", f"{endpoints}/serving/deployments/blue", blue, ML_VERSION) == 403
    assert inner(product, cluster)["scaleSettings"]["maxNodeCount"] == 0
    assert inner(product, f"{new}-early")["scaleSettings"]["maxNodeCount"] == 0
    assert inner(product, instance)["state"] == "Stopped"
    # A job without a compute finds no quota.
    assert set(limits(product, workspace).values()) == {0}
    assert product.owner("PUT", f"{workspace}/jobs/held", SERVERLESS, ML_VERSION) in (200, 201)
    product.advance(3600)
    assert job(product, workspace, "held")["status"] == "Queued"
    assert "quota of Standard DSv2 Family" in job(product, workspace, "held")["statusMessage"]
    # What stands is what is meant: no finding on the cluster, and a repair brings no node back.
    assert product.failing() == set()
    assert product.repair().status == "Succeeded"
    assert inner(product, cluster)["scaleSettings"]["maxNodeCount"] == 0
    world.put(monthly={"amount": 5000, "currency": "USD"})
    world.until({})
    product.advance(1200)
    assert limits(product, workspace) == quotas
    assert job(product, workspace, "held")["status"] == "Completed"
    assert inner(product, cluster)["scaleSettings"] == before
    assert inner(product, instance)["state"] == "Running"
    assert inner(product, f"{new}-early")["scaleSettings"]["maxNodeCount"] == before["maxNodeCount"]
    assert product.owner("PUT", new, created, ML_VERSION) in (200, 201)
    assert product.failing() == set()


def test_azures_own_budget_is_made_and_taken_away(product: QuietProduct) -> None:
    assert product.create(asked()).status == "Succeeded"
    world = QuietBudgets(product)
    world.put()
    budget = world.tick()
    assert budget is not None
    assert budget.observed_generation == 1, budget.conditions
    scope = next(one for one in budget.made if "/budgets/" in one)
    assert product.body(scope, "2024-08-01") is not None
    world.put(monthly={"amount": 800, "currency": "USD"})
    world.tick()
    changed = product.body(scope, "2024-08-01")
    assert changed is not None
    assert changed["properties"]["amount"] == 800
    world.delete()
    world.gone()
    assert product.body(scope, "2024-08-01") is None
