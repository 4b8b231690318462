"""What a person relies on who asks Cost Management, and who sets a budget, beside the product."""

from __future__ import annotations

from typing import Any

from simulator.planes.skus import SIZES
from tests.hooks.people import GROUP, LOCATION, Az, beside
from tests.hooks.scenarios import noticed
from tests.simulator.effects_costs import DAY, HOUR
from tests.support.quiet_product import QuietProduct

BUDGET = f"{GROUP}/providers/Microsoft.Consumption/budgets/theirs"
REGISTRY = beside("Microsoft.ContainerRegistry/registries", "theirregistry1")


def registry(az: Az) -> None:
    """``az acr create --sku Premium``."""
    az.group()
    az.create(REGISTRY, {"location": LOCATION, "sku": {"name": "Premium"}, "properties": {}})


def spent(az: Az) -> float:
    """``az rest --method post --url …/providers/Microsoft.CostManagement/query``."""
    body = {
        "type": "ActualCost", "timeframe": "MonthToDate",
        "dataset": {"granularity": "None", "aggregation": {"total": {"name": "Cost", "function": "Sum"}}},
    }  # fmt: skip
    path = f"{GROUP}/providers/Microsoft.CostManagement/query?api-version=2025-03-01"
    answer = az.product.azure.call("owner", "POST", path, body)
    assert answer.status == 200, answer.body
    return sum(float(row[0]) for row in answer.body["properties"]["rows"])


def month(product: QuietProduct) -> str:
    return product.azure.engine.now().strftime("%Y-%m-01T00:00:00Z")


def budget(product: QuietProduct, amount: float = 1, **changes: Any) -> dict[str, Any]:
    told = {
        "enabled": True, "operator": "GreaterThan", "threshold": 80, "contactEmails": ["ada@example.org"],
    }  # fmt: skip
    properties = {"category": "Cost", "amount": amount, "timeGrain": "Monthly", "notifications": {"eighty": told}}
    return {"properties": {**properties, "timePeriod": {"startDate": month(product)}, **changes}}


@noticed("usage-is-metered", world="empty")
def what_somebody_made_costs(product: QuietProduct) -> None:
    az = Az(product)
    registry(az)
    product.advance(2 * DAY)
    assert spent(az) > 1


@noticed("cost-comes-late", world="empty")
def the_first_hours_are_not_shown_yet(product: QuietProduct) -> None:
    az = Az(product)
    registry(az)
    product.advance(6 * HOUR)
    assert spent(az) == 0


@noticed("budget-is-evaluated", world="empty")
def a_budget_says_what_was_spent(product: QuietProduct) -> None:
    """``az consumption budget show``."""
    az = Az(product)
    registry(az)
    az.create(BUDGET, budget(product))
    product.advance(2 * DAY)
    assert az.show(BUDGET)["properties"]["currentSpend"]["amount"] > 1


@noticed("budget-rules", world="empty")
def a_budget_without_an_amount_above_nothing_is_refused(product: QuietProduct) -> None:
    az = Az(product)
    az.group()
    assert az.refused("PUT", BUDGET, budget(product, 0)) == "400"


@noticed("budget-keeps-its-version", world="empty")
def two_people_do_not_write_over_each_other(product: QuietProduct) -> None:
    az = Az(product)
    az.group()
    old = az.create(BUDGET, budget(product))
    az.create(BUDGET, budget(product, 2))
    assert az.refused("PUT", BUDGET, {**budget(product, 3), "eTag": old["eTag"]}) == "412"


@noticed("workspace-quota-holds")
def a_quota_of_zero_keeps_the_cluster_empty(product: QuietProduct) -> None:
    """``az rest --method post …/locations/westeurope/updateQuotas``, then ``az ml job create``."""
    az, workspace = Az(product), product.ids()["workspace"]
    computes = [one for one in az.list(f"{workspace}/computes") if one["properties"]["computeType"] == "AmlCompute"]
    size = computes[0]["properties"]["properties"]["vmSize"].lower()
    family = next(found for one, found, *_ in SIZES if one.lower() == size)
    name = f"Standard_{family.removeprefix('standard').removesuffix('Family')}_Family_Cluster_Dedicated_vCPUs"
    where = f"{workspace.partition('/resourceGroups/')[0]}/providers/Microsoft.MachineLearningServices/locations"
    wish = {"id": f"{workspace}/quotas/{name}", "limit": 0, "unit": "Count"}
    path = f"{where}/{LOCATION}/updateQuotas?api-version=2024-10-01"
    answer = product.azure.call("owner", "POST", path, {"value": [wish]})
    assert answer.body["value"][0]["status"] == "Success", answer.body
    job = {"properties": {"jobType": "Command", "command": "true", "computeId": computes[0]["id"]}}
    az.create(f"{workspace}/jobs/theirs", job)
    product.advance(HOUR)
    assert az.show(f"{workspace}/jobs/theirs")["properties"]["status"] == "Queued"
