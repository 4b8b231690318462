"""Microsoft.CostManagement/alerts: what budgets have told, as Cost Management keeps it, to be read.

Source: API definition 2025-03-01 and its example of a list (keys, times that never were, ids without the first slash).
They are Azure's: nobody makes one, and dismissing one is not simulated.
"""

from __future__ import annotations

from datetime import datetime

from simulator.engine.declaration import EngineApi, JsonObject, Resource, ResourceType, Scope
from simulator.types._shared import iso, scope_of_extension

ALERT = "Microsoft.CostManagement/alerts"
NEVER = "0001-01-01T00:00:00"


def keep(engine: EngineApi, budget: Resource, notification: str, begin: datetime, name: str) -> str:
    """The record of a budget's notification that fired for the period that begins then; its id."""
    properties = budget.properties
    told: JsonObject = properties["notifications"][notification]
    forecast = str(told.get("thresholdType") or "Actual") == "Forecasted"
    spent = properties["forecastSpend" if forecast else "currentSpend"]
    details: JsonObject = {
        "timeGrainType": properties["timeGrain"], "periodStartDate": begin.strftime("%Y-%m-%dT00:00:00Z"),
        "triggeredBy": f"{engine.guid('budget', budget.key)}_{notification}", "resourceGroupFilter": [],
        "resourceFilter": [], "meterFilter": [], "tagFilter": {}, "threshold": float(told["threshold"]) / 100,
        "operator": told["operator"], "amount": float(properties["amount"]), "unit": spent["unit"],
        "currentSpend": spent["amount"], "contactEmails": list(told.get("contactEmails") or ()),
        "contactGroups": list(told.get("contactGroups") or ()), "contactRoles": list(told.get("contactRoles") or ()),
        "overridingAlert": None,
    }  # fmt: skip
    now = iso(engine.now())
    criteria = "ForecastCostThresholdExceeded" if forecast else "CostThresholdExceeded"
    shown = {
        "definition": {"type": "Budget", "category": "Cost", "criteria": criteria}, "description": "",
        "source": "Preset", "details": details, "costEntityId": budget.name, "status": "Active", "creationTime": now,
        "closeTime": NEVER, "modificationTime": now, "statusModificationUserName": None,
        "statusModificationTime": NEVER,
    }  # fmt: skip
    path = f"{scope_of_extension(budget.id)}/providers/{ALERT}/{name}"
    engine.put(path, {"properties": shown})
    return path


def _id(resource_id: str) -> str:
    return resource_id.lstrip("/")


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ALERT,
        scope=Scope.EXTENSION,
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset({"GET", "LIST"}),
        keys=("id", "name", "type", "properties"),
        id_format=_id,
        list_extra={"nextLink": None},
    ),
)
