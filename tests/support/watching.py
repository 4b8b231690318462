"""A monitor of a model on a site, and what it means in Azure: pure, nothing is asked."""

from __future__ import annotations

from typing import Any

from controlplane.http.examples import MONITOR
from controlplane.retraining.monitors import alerts
from controlplane.retraining.monitors.alerts import Rule
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.model import Monitor, MonitorSpec
from controlplane.retraining.monitors.site import Site
from tests.support.clock import START

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ws"
FUNCTION = "/subscriptions/s/resourceGroups/cp/providers/Microsoft.Web/sites/cp/functions/events"
CALLBACKS = Callbacks(
    tenant_id="t", events_function=FUNCTION, alerts_url="https://cp.example/api/alerts",
    alerts_app="api://cp", alerts_app_object="00000000-0000-0000-0000-0000000000ef",
)  # fmt: skip
SITE = Site(
    GROUP,
    "westeurope",
    f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw",
    f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log",
    CALLBACKS,
)
COLLECTED = {"model_inputs": "azureml:in:1", "model_outputs": "azureml:out:1"}


def monitor(**changes: Any) -> Monitor:
    spec = MonitorSpec.model_validate({**MONITOR, **changes})
    return Monitor(
        id="ws.watch", workspace="ws", incarnation=1, project="churn", name="watch", spec=spec,
        last_modified_at=START, last_modified_by="t/ada",
    )  # fmt: skip


def rules(kind: str, **changes: Any) -> list[Rule]:
    """What one alert means."""
    asked = {"name": "one", "kind": kind, **({"threshold": 50} if kind != "suddenErrors" else {}), **changes}
    if asked.get("threshold") is None:
        asked.pop("threshold", None)
    made = monitor(alerts=[asked])
    return list(alerts.rules(made, made.spec.alerts[0], SITE, f"{GROUP}/group"))


def criterion(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = rule.body["properties"]["criteria"]["allOf"][0]
    return found
