"""Every published form, decoded: what it becomes is written out here. What no verbatim sample was found of is put
together from documented pieces and says so in its name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controlplane.retraining.signal import Direction, Severity, SignalKind
from controlplane.retraining.signals.alerts import Alert, decode_alert
from controlplane.retraining.signals.breach import BREACH_TAG, parse_breach
from controlplane.retraining.signals.eventgrid import Heard, Unheard, decode

SAMPLES = Path(__file__).parents[2] / "data/samples"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DOC = "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e"
OUR = "/subscriptions/00000000-0000-0000-0000-000000000001"
OUR_GROUP = f"{OUR}/resourcegroups/rg"
OUR_WORKSPACE = f"{OUR_GROUP}/providers/microsoft.machinelearningservices/workspaces/ws"
JULY = datetime(2026, 7, 14, 12, 0, 0, 123_000, tzinfo=UTC)
PUBLISHED = "/providers/Microsoft.AlertsManagement/alerts/eeeeeeee-4444-5555-6666-ffffffffffff"

#: File → kind, targets, when, severity, resolved, (metric, value, threshold, direction) of each measure.
ALERTS: dict[str, tuple[SignalKind, tuple[str, ...], datetime, Severity, bool, tuple[tuple[Any, ...], ...]]] = {
    "alert-metric-static.fired": (
        SignalKind.ACTIVITY,
        (f"{DOC}/resourcegroups/test-rg/providers/microsoft.storage/storageaccounts/test-storageaccount",),
        datetime(2025, 4, 15, 18, 17, 12, 851_000, tzinfo=UTC), Severity.LOW, False,
        (("Transactions", 100.0, 0.0, Direction.WORSE),),
    ),
    "alert-metric-static.resolved": (
        SignalKind.ACTIVITY,
        ("/subscriptions/<subscription id>/resourcegroups/pipelinealertrg/providers/microsoft.compute/virtualmachines/"
         "wcus-r2-gen2",),
        datetime(2019, 3, 22, 13, 58, 24, 371_321, tzinfo=UTC), Severity.LOW, True,
        (("Percentage CPU", 7.727, 25.0, Direction.BETTER),),
    ),
    "SYNTHESIZED-alert-metric-dynamic.fired": (
        SignalKind.LATENCY, (f"{OUR_WORKSPACE}/onlineendpoints/churn",), JULY, Severity.MEDIUM, False,
        (("RequestLatency_P95", 812.25, 512.5, Direction.WORSE),),
    ),
    "alert-log-v2.fired": (
        SignalKind.ACTIVITY,
        (f"{DOC}/resourcegroups/test-rg/providers/microsoft.operationalinsights/workspaces/test-loganalyticsworkspace",),
        datetime(2025, 4, 15, 18, 8, 3, 626_000, tzinfo=UTC), Severity.LOW, False,
        (("count", 3.0, 0.0, Direction.WORSE),),
    ),
    "SYNTHESIZED-alert-log-v2.resolved": (
        SignalKind.ERRORS, (f"{OUR_GROUP}/providers/microsoft.operationalinsights/workspaces/logs",), JULY,
        Severity.MEDIUM, True, (("requests", 0.0, 1.0, Direction.WORSE),),
    ),
    "alert-activitylog-administrative.fired": (
        SignalKind.ACTIVITY,
        (f"{DOC}/resourcegroups/test-rg/providers/microsoft.compute/virtualmachines/test-vm",),
        datetime(2025, 4, 15, 11, 26, 21, 386_000, tzinfo=UTC), Severity.LOW, False, (),
    ),
    "SYNTHESIZED-alert-resourcehealth.fired": (
        SignalKind.HEALTH, (OUR_WORKSPACE,), JULY, Severity.MEDIUM, False, (),
    ),
    "SYNTHESIZED-alert-servicehealth.fired": (SignalKind.HEALTH, (OUR,), JULY, Severity.MEDIUM, False, ()),
    "SYNTHESIZED-alert-smartdetector.fired": (
        SignalKind.ERRORS, (f"{OUR_GROUP}/providers/microsoft.insights/components/app",), JULY, Severity.LOW, False, (),
    ),
    "SYNTHESIZED-alert-smartdetector-duration.fired": (
        SignalKind.LATENCY, (f"{OUR_GROUP}/providers/microsoft.insights/components/app",), JULY, Severity.MEDIUM,
        False, (),
    ),
    "alert-budget-actual.common": (
        SignalKind.BUDGET, (DOC,), datetime(2025, 4, 15, 17, 53, 32, 996_000, tzinfo=UTC), Severity.HIGH, False, (),
    ),
    "SYNTHESIZED-alert-budget-forecast.common": (SignalKind.BUDGET, (OUR_GROUP,), JULY, Severity.HIGH, False, ()),
    "SYNTHESIZED-alert-budget-legacy.AIPBudgetNotification": (
        SignalKind.BUDGET, (OUR_GROUP,), NOW, Severity.HIGH, False, (),
    ),
}  # fmt: skip

PAGE_TOPIC = (
    "/subscriptions/{subscription-id}/resourcegroups/{resource-group-name}/providers/"
    "microsoft.machinelearningservices/workspaces/{workspace-name}"
)
PAGE_ID, PAGE_TIME = "831e1650-001e-001b-66ab-eeb76e069631", datetime(2017, 6, 26, 18, 41, 0, 958_410, tzinfo=UTC)
AUTOML = "AutoML_ad912b2d-6467-4f32-a616-dbe4af6dd8fc_5"
KIND = "Microsoft.MachineLearningServices."
STATUS_CHANGED = Heard(
    PAGE_ID, f"{KIND}RunStatusChanged", PAGE_TOPIC, PAGE_TIME, run_id=AUTOML, status="failed", tags={}
)
MESSAGE = (
    "The signal 'credit_default_monitor_data_drift' has failed due to one or more features violating metric "
    "thresholds.\nThe feature names and their corresponding computed metric values violating the threshold are \n["
    '\'{"metric_value":0.412,"metric_name":"NormalizedWassersteinDistance","threshold_value":0.1,"group":"AGE"}\', '
    '\'{"metric_value":0.207,"metric_name":"JensenShannonDistance","threshold_value":0.1,"group":"EDUCATION"}\']\n'
)
EVENTS: dict[str, Heard | Unheard] = {
    "eventgrid-ModelRegistered.eventgridschema": Heard(
        PAGE_ID, f"{KIND}ModelRegistered", PAGE_TOPIC, PAGE_TIME, model="sklearn_regression_model", version="20",
        tags={"area": "diabetes", "type": "regression"},
    ),
    "SYNTHESIZED-eventgrid-ModelRegistered.cloudevents": Heard(
        "aaaaaaaa-0000-0000-0000-000000000002", f"{KIND}ModelRegistered", OUR_WORKSPACE,
        JULY.replace(microsecond=123_456), model="churn", version="20", tags={"area": "sales"},
    ),
    "eventgrid-RunCompleted.eventgridschema": Heard(
        PAGE_ID, f"{KIND}RunCompleted", PAGE_TOPIC, PAGE_TIME, run_id=AUTOML, status="Completed", tags={}
    ),
    "eventgrid-RunStatusChanged.eventgridschema": STATUS_CHANGED,
    "eventgrid-RunStatusChanged.cloudevents": STATUS_CHANGED,
    "SYNTHESIZED-eventgrid-RunStatusChanged.modelmonitor-breach": Heard(
        "aaaaaaaa-0000-0000-0000-000000000001", f"{KIND}RunStatusChanged", OUR_WORKSPACE, JULY.replace(microsecond=0),
        run_id="4ad4e1f2-evaluate", status="Completed", tags={BREACH_TAG: MESSAGE},
    ),
    "eventgrid-ModelDeployed.eventgridschema": Unheard("nothing is decided by it"),
    "eventgrid-DatasetDriftDetected.eventgridschema": Unheard("dataset drift of v1 is not model monitoring"),
    "eventgrid-deadletter.eventgridschema": Unheard("its type is none of Azure Machine Learning's"),
    "eventgrid-SubscriptionValidationEvent": Unheard("its type is none of Azure Machine Learning's"),
    "eventgrid-SubscriptionValidationResponse": Unheard("its type is none of Azure Machine Learning's"),
}  # fmt: skip


def load(name: str) -> Any:
    found = json.loads((SAMPLES / f"{name}.json").read_text())
    return found[0] if isinstance(found, list) else found


def test_every_sample_has_its_line_here() -> None:
    names = {path.stem for path in SAMPLES.glob("*.json")}
    assert {name for name in names if "alert-" in name} == ALERTS.keys()
    assert {name for name in names if "eventgrid-" in name} == EVENTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_alerts(name: str) -> None:
    found = decode_alert(load(name), NOW)
    assert isinstance(found, Alert)
    measures = tuple((one.metric, one.value, one.threshold, one.direction) for one in found.measures)
    assert (found.kind, found.targets, found.at, found.severity, found.resolved, measures) == ALERTS[name]


@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    assert decode(load(name)) == EVENTS[name]


@pytest.mark.parametrize("name", [name for name, found in EVENTS.items() if isinstance(found, Heard)])
def test_field_names_in_any_case_and_fields_that_nobody_knows(name: str) -> None:
    """Microsoft's sample says ``runTags``, Microsoft's filter says ``RunTags``."""
    event = load(name)
    for change in (str.upper, str.lower, str.title):
        changed = {change(key): value for key, value in event.items()}
        (data,) = [key for key in changed if key.lower() == "data"]
        changed[data] = {change(key): value for key, value in changed[data].items()} | {"later": [{}]}
        assert decode({**changed, "extension": None}) == EVENTS[name]


def test_the_sample_of_a_breach_says_which_features_and_by_how_much() -> None:
    breach = parse_breach(MESSAGE)
    assert breach is not None
    assert (breach.signal_name, breach.complete, breach.direction) == (
        "credit_default_monitor_data_drift", True, Direction.WORSE,
    )  # fmt: skip
    assert [(one.metric, one.value, one.threshold, one.group) for one in breach.measures] == [
        ("NormalizedWassersteinDistance", 0.412, 0.1, "AGE"),
        ("JensenShannonDistance", 0.207, 0.1, "EDUCATION"),
    ]


def test_fired_and_resolved_of_one_instance_have_one_key_and_two_instances_two() -> None:
    fired = load("alert-metric-static.fired")
    resolved, later = json.loads(json.dumps(fired)), json.loads(json.dumps(fired))
    resolved["data"]["essentials"] |= {"monitorCondition": "Resolved", "resolvedDateTime": "2025-04-15T19:00:00Z"}
    resolved["data"]["essentials"]["alertId"] = fired["data"]["essentials"]["alertId"].upper()
    later["data"]["essentials"]["firedDateTime"] = "2025-04-16T18:17:12.851Z"
    keys = [found.key for found in (decode_alert(one, NOW) for one in (fired, resolved, later)) if _is(found)]
    assert keys[0] == keys[1] != keys[2]


def test_budgets_of_one_id_are_told_apart_by_threshold_and_period() -> None:
    """All of a budget's alerts may have one ``alertId``; the sample's is ``Test_Alert``."""
    body = load("alert-budget-actual.common")
    keys = []
    for field, value in (("BudgetName", "x"), ("ThresholdType", "Forecasted"), ("NotificationThresholdAmount", "$40")):
        changed = json.loads(json.dumps(body))
        changed["data"]["alertContext"]["AlertData"][field] = value
        found = decode_alert(changed, NOW)
        assert isinstance(found, Alert)
        keys.append(found.key)
    first = decode_alert(body, NOW)
    assert isinstance(first, Alert)
    assert keys[0] == first.key, "its name is in its id already"
    assert len(set(keys)) == 3


def _is(found: object) -> bool:
    return isinstance(found, Alert)
