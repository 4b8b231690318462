"""A monitor that could never work is refused when it is set, with every reason and its path."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.errors import Rejected
from controlplane.http.examples import MONITOR
from controlplane.operations.model import Condition
from controlplane.retraining.monitors.marks import is_ours, with_mark
from controlplane.retraining.monitors.model import Monitor, MonitorSpec, reference_offset, reference_window, signal_name
from controlplane.retraining.monitors.preconditions import Ground, conflicts
from controlplane.retraining.monitors.removal import State
from controlplane.retraining.monitors.rules import METRICS, parse_monitor
from controlplane.retraining.monitors.schedule import off, order_of, request_of
from controlplane.retraining.monitors.telling import SCHEDULED, conditions, is_in_vain
from controlplane.retraining.signal import SignalKind
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import example

DRIFT: dict[str, Any] = {"name": "drift", "kind": "dataDrift", "thresholds": {"JensenShannonDistance": 0.1}}
TRUTH = {"asset": {"data": "azureml:truth:1", "context": "ground_truth"}}
BASE: dict[str, Any] = {"model": "churn", "endpoint": "ep", "deployment": "blue", "signals": [DRIFT]}
LATENCY: dict[str, Any] = {"name": "slow", "kind": "latency", "threshold": 500}


def signal(**changes: Any) -> dict[str, Any]:
    return {"signals": [{**DRIFT, **changes}]}


def alert(**changes: Any) -> dict[str, Any]:
    return {"alerts": [{**LATENCY, **changes}]}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "a window of which two are longer than any time": ({"window": "P999999999D"}, "InvalidValue", "$.window"),
    "an offset that is longer than any time": ({"offset": "P999999999D"}, "InvalidValue", "$.offset"),
    "a past before there were computers": (
        signal(reference={"window": "P1D", "offset": "P700000D"}), "InvalidValue", "$.signals[0].reference.offset"
    ),
    "a schedule from the year one": ({"beginsAt": "0001-01-01T00:00:00+14:00"}, "InvalidTime", "$.beginsAt"),
    "a schedule until the last day": ({"beginsAt": "9999-12-31T23:59:59-14:00"}, "InvalidTime", "$.beginsAt"),
    "S3-85 a metric of another kind": (
        signal(thresholds={"Accuracy": 0.8}), "UnknownMetric", "$.signals[0].thresholds.Accuracy"
    ),
    "S3-86 a metric nobody knows": (
        signal(kind="predictionDrift", thresholds={"psi": 0.2}), "UnknownMetric", "$.signals[0].thresholds.psi"
    ),
    "a share above one": (
        signal(thresholds={"JensenShannonDistance": 1.5}),
        "ThresholdOutOfRange",
        "$.signals[0].thresholds.JensenShannonDistance",
    ),
    "a kind that no monitor computes": (signal(kind="budget"), "UnknownSignalKind", "$.signals[0].kind"),
    "D15 windows that overlap": (
        signal(reference={"window": "P1D", "offset": "P1D"}) | {"offset": "P1D"},
        "WindowsOverlap",
        "$.signals[0].reference.offset",
    ),
    "D15 windows that overlap by their length": (
        signal(reference={"offset": "P6D"}) | {"window": "P7D"}, "WindowsOverlap", "$.signals[0].reference.offset"
    ),
    "D14 inputs against what the model had not seen": (
        signal(reference={"asset": {"data": "azureml:held-back:1", "context": "validation"}}),
        "WrongBaseline",
        "$.signals[0].reference.asset.context",
    ),
    "D14 quality against what the model had not seen": (
        signal(
            kind="dataQuality", thresholds={"NullValueRate": 0.1},
            reference={"asset": {"data": "azureml:held-back:1", "context": "test"}},
        ),
        "WrongBaseline",
        "$.signals[0].reference.asset.context",
    ),
    "D14 outputs against what the model was trained on": (
        signal(kind="predictionDrift", reference={"asset": {"data": "azureml:train:1"}}),
        "WrongBaseline",
        "$.signals[0].reference.asset.context",
    ),
    "a share above one, of the sweep": (
        {"watch": {"errors": {"raiseAt": 2, "clearAt": 1}}}, "ThresholdOutOfRange", "$.watch.errors.raiseAt"
    ),
    "a least number of calls where none counts": (
        {"watch": {"latency": {"raiseAt": 2, "clearAt": 1, "minimum": 5}}},
        "MinimumNotPossible",
        "$.watch.latency.minimum",
    ),
    "what is cleared above where it is raised": (
        {"watch": {"latency": {"raiseAt": 1, "clearAt": 2}}}, "InvalidValue", "$.watch.latency"
    ),
    "a window of data that is given": (
        signal(reference={"asset": {"data": "azureml:train:1"}, "window": "P1D"}),
        "WindowOfAsset",
        "$.signals[0].reference.window",
    ),
    "D19 a name that could be another monitor's": (
        signal(name="a_drift"), "InvalidResourceName", "$.signals[0].name"
    ),
    "a name twice": ({"signals": [DRIFT, DRIFT]}, "DuplicateName", "$.signals[1].name"),
    "D17 performance without the truth": (
        signal(kind="modelPerformance", thresholds={"Accuracy": 0.8}),
        "ReferenceMissing",
        "$.signals[0].reference.asset",
    ),
    "performance against training data": (
        signal(
            kind="modelPerformance", thresholds={"Accuracy": 0.8}, reference={"asset": {"data": "azureml:train:1"}}
        ),
        "GroundTruthMissing",
        "$.signals[0].reference.asset",
    ),
    "accuracy of a regression": (
        signal(kind="modelPerformance", thresholds={"Accuracy": 0.8}, reference=TRUTH) | {"task": "regression"},
        "UnknownMetric",
        "$.signals[0].thresholds.Accuracy",
    ),
    "a period of minutes": ({"period": "PT90M"}, "InvalidPeriod", "$.period"),
    "a window of hours": ({"window": "PT36H"}, "InvalidWindow", "$.window"),
    "a time without a zone": ({"beginsAt": "2026-01-01T00:00:00"}, "TimeWithoutZone", "$.beginsAt"),
    "a pipeline that nobody asked for": (
        {"pipeline": {"component": "drift", "version": "1", "compute": "cpu"}}, "PipelineMismatch", "$.pipeline"
    ),
    "no pipeline to compute it": ({"computedBy": "pipeline"}, "PipelineMismatch", "$.pipeline"),
    "S3-94 an alert without its objective": (
        {"alerts": [{"name": "slow", "kind": "throttling"}]}, "ThresholdMissing", "$.alerts[0].threshold"
    ),
    "a sudden rise above a number": (
        alert(kind="suddenErrors", threshold=3), "ThresholdNotPossible", "$.alerts[0].threshold"
    ),
    "more than all of a processor": (
        alert(kind="utilisation", threshold=120), "ThresholdOutOfRange", "$.alerts[0].threshold"
    ),
    "too little latency": (alert(below=True), "BelowNotPossible", "$.alerts[0].below"),
    "a window that alerts do not know": (alert(window="PT7M"), "InvalidWindow", "$.alerts[0].window"),
    "two alerts of one name": ({"alerts": [LATENCY, LATENCY]}, "DuplicateName", "$.alerts[1].name"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_it_is_refused(what: str) -> None:
    changes, code, target = BAD[what]
    with pytest.raises(Rejected) as refused:
        parse_monitor("watch", {**BASE, **changes})
    assert refused.value.code == "InvalidMonitor"
    assert (code, target) in {(one.code, one.target) for one in refused.value.details}


@pytest.mark.parametrize("name", ["Watch", "a_b", "x", "a" * 31, "-ab"])
def test_a_name_that_would_not_fit_azure_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_monitor(name, BASE)
    assert refused.value.code == "InvalidResourceName"


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(Rejected) as refused:
        parse_monitor("watch", {**BASE, **signal(thresholds={"Accuracy": 0.8}), "period": "PT90M"})
    assert {one.code for one in refused.value.details} == {"UnknownMetric", "InvalidPeriod"}


@pytest.mark.parametrize("days", [1, 2, 7, 30])
def test_by_default_no_windows_overlap(days: int) -> None:
    """D15, for every period; D16's offset moves both."""
    spec = parse_monitor("watch", {**BASE, "period": f"P{days}D", "offset": "P2D"})
    one = spec.signals[0]
    assert reference_offset(spec, one) >= spec.production_window + spec.offset
    assert reference_window(spec, one) == spec.production_window == timedelta(days=days)


# -- X-04, X-18 --------------------------------------------------------------------------------------------------------


def codes(name: str, **changes: Any) -> set[tuple[str, str | None]]:
    """What keeps a monitor out of a workspace of this spec."""
    asked = parse_monitor("watch", {**BASE, **changes})
    spec = parse_spec(example(name))
    return {(one.detail.code, one.detail.target) for one in conflicts(spec, asked, date(2026, 11, 22))}


def test_x_04_closed_networks_have_no_monitors_of_azure_ml() -> None:
    assert ("MonitorsNeedInternetOutbound", "$.network.mode") in codes("managed-approved-catalog")


def test_x_18_each_thing_that_is_missing_is_named() -> None:
    """The safe defaults, an open managed network without Spark and identity, and the example made for it."""
    lacks = "SafeDefaultsExcludeMonitors"
    assert codes("secure-classical") == {(lacks, "$.network.mode"), (lacks, "$.identity.type")}
    assert codes("managed-internet") == {(lacks, "$.network.managed.spark"), (lacks, "$.identity.type")}
    assert codes("monitored-classical") == set()


def test_x_18_a_pipeline_on_the_own_cluster_needs_none_of_it() -> None:
    pipeline = {"component": "drift", "version": "1", "compute": "cpu"}
    assert codes("managed-approved-catalog", computedBy="pipeline", pipeline=pipeline) == set()
    assert codes("secure-classical", computedBy="pipeline", pipeline=pipeline) == set()


# -- what is asked of Azure ML -----------------------------------------------------------------------------------------


def monitor(**changes: Any) -> Monitor:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    spec = MonitorSpec.model_validate({**MONITOR, **changes})
    return Monitor(
        id="ws.watch", workspace="ws", incarnation=1, project="churn", name="watch", spec=spec,
        last_modified_at=now, last_modified_by="t/ada",
    )  # fmt: skip


COLLECTED = {"model_inputs": "azureml:in:1", "model_outputs": "azureml:out:1"}


def test_every_kind_of_signal_is_asked_for_under_the_monitor_s_name() -> None:
    truth, train = TRUTH, {"asset": {"data": "azureml:train:1"}}
    signals = [
        {"name": f"s-{number}", "kind": kind.value, "thresholds": {metrics[0]: 0.5}, "reference": reference}
        for number, ((kind, metrics), reference) in enumerate(
            zip(METRICS.items(), ({}, {}, {}, train, truth), strict=True)
        )
    ]
    request = request_of(monitor(signals=parse_monitor("watch", {**BASE, "signals": signals}).signals), COLLECTED)
    asked = {one.name: one.kind for one in request.signals}  # type: ignore[union-attr]
    assert asked == {
        "watch_s-0": "DataDrift",
        "watch_s-1": "PredictionDrift",
        "watch_s-2": "DataQuality",
        "watch_s-3": "FeatureAttributionDrift",
        "watch_s-4": "ModelPerformance",
    }


def test_a_component_is_told_the_same_for_the_same_monitor_and_all_of_it() -> None:
    order = order_of(monitor())
    assert order == order_of(monitor())
    assert signal_name("watch", "data-drift") in order
    assert '"NormalizedWassersteinDistance":0.1' in order
    assert SignalKind.DATA_DRIFT.value in order


def answered(**changes: Any) -> dict[str, Any]:
    """The schedule of the example's first signal as Azure answers it."""
    found: dict[str, Any] = {
        "isEnabled": True,
        "tags": {"cp-monitors": "ws", "team": "theirs"},
        "trigger": {"triggerType": "Recurrence", "frequency": "Day", "interval": 1},
        "action": {
            "monitorDefinition": {
                "monitoringTarget": {"deploymentId": "/w/onlineEndpoints/churn/deployments/blue"},
                "computeConfiguration": {"instanceType": "standard_e4s_v3"},
                "alertNotificationSettings": {"emailNotificationSetting": {"emails": MONITOR["emails"]}},
                "signals": {
                    "watch_data-drift": {
                        "signalType": "DataDrift",
                        "mode": "Enabled",
                        "metricThresholds": [
                            {"dataType": kind, "metric": metric, "threshold": {"value": 0.1}}
                            for kind, metric in (
                                ("Numerical", "normalizedWassersteinDistance"),
                                ("Numerical", "jensenShannonDistance"),
                                ("Categorical", "jensenShannonDistance"),
                            )
                        ],
                        "referenceData": {"uri": "azureml:churn-training:3"},
                    }
                },
            }
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = found
        for parent in parents:
            place = place[parent]
        place[last] = value
    return {"properties": found}


SIGNAL = "action__monitorDefinition__signals__watch_data-drift"
WRONG = {
    "isEnabled": ("isEnabled", False),
    "trigger": ("trigger__interval", 7),
    "monitoringTarget.deploymentId": ("action__monitorDefinition__monitoringTarget__deploymentId", "/w/other"),
    "computeConfiguration.instanceType": (
        "action__monitorDefinition__computeConfiguration__instanceType", "standard_e64s_v3"
    ),
    "signals": ("action__monitorDefinition__signals__more", {}),
    "alertNotificationSettings": ("action__monitorDefinition__alertNotificationSettings", {}),
    "signals.watch_data-drift.mode": (f"{SIGNAL}__mode", "Disabled"),
    "signals.watch_data-drift.metricThresholds": (f"{SIGNAL}__metricThresholds", []),
}  # fmt: skip


def test_a_schedule_as_asked_is_left_alone() -> None:
    first = (monitor().spec.signals[0],)
    assert off(monitor(signals=first), answered()) is None


@pytest.mark.parametrize("what", WRONG)
def test_whatever_somebody_changed_of_a_schedule_is_seen(what: str) -> None:
    first = (monitor().spec.signals[0],)
    path, value = WRONG[what]
    assert off(monitor(signals=first), answered(**{path: value})) == what


GROUP = "/subscriptions/s/resourceGroups/rg-ws"
_TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/cp-events"
_SETTING = f"{GROUP}/providers/x/y/z/providers/Microsoft.Insights/diagnosticSettings/cp-traffic"
_MARKED: dict[str, tuple[str, dict[str, Any]]] = {
    "topic": (_TOPIC, {"tags": {"cp-monitors": "ws"}}),
    "subscription": (f"{_TOPIC}/eventSubscriptions/breach-watch", {"properties": {"labels": ["cp-monitors:ws"]}}),
    "rule": (f"{GROUP}/providers/Microsoft.Insights/metricAlerts/watch_a", {"tags": {"cp-monitors": "ws", "a": "b"}}),
    "schedule": (
        f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w/schedules/watch",
        {"properties": {"tags": {"cp-monitors": "ws"}}},
    ),
}


@pytest.mark.parametrize("name", _MARKED)
def test_what_carries_the_mark_is_ours_and_what_only_has_our_name_is_not(name: str) -> None:
    arm_id, body = _MARKED[name]
    made = (fold(arm_id),)
    new = monitor().model_copy(update={"marks": True, "made": made})
    assert is_ours(arm_id, body, "ws", (new,))
    assert not is_ours(arm_id, body, "another", (new,))
    for other in ({}, {"tags": None, "properties": None}, {"tags": {}, "properties": {"tags": {}, "labels": ["x"]}}):
        assert not is_ours(arm_id, other, "ws", (new,))


def test_what_rows_from_before_marks_have_made_is_theirs_until_it_is_marked() -> None:
    arm_id, _ = _MARKED["topic"]
    old = monitor().model_copy(update={"made": (fold(arm_id),)})
    assert is_ours(arm_id, {}, "ws", (monitor().model_copy(update={"marks": True}), old))
    assert not is_ours(f"{arm_id}2", {}, "ws", (old,))


def test_what_has_no_room_for_a_mark_is_ours_when_it_was_not_there_before() -> None:
    new = monitor().model_copy(update={"marks": True})
    assert with_mark(_SETTING, {"properties": {}}, "ws") == {"properties": {}}
    assert not is_ours(_SETTING, {}, "ws", (new,))
    assert is_ours(_SETTING, {}, "ws", (new, new.model_copy(update={"made": (fold(_SETTING),), "deleting": True})))


def test_a_write_for_the_reason_of_the_last_one_is_in_vain() -> None:
    """Azure took it and shows something else: what is written each few seconds for ever would help nobody."""

    def told(text: str, state: State = State.WAITS, before: Monitor | None = None) -> tuple[Condition, ...]:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        return conditions(before or monitor(), Ground(()), {SCHEDULED: [(state, text)]}, now)

    written = told("The schedule was written: it differs in signals.")
    assert is_in_vain(written, written)
    assert not is_in_vain((), written)
    assert not is_in_vain(told("Azure is at work on watch."), written)
    assert not is_in_vain(told("The schedule was written: it was not there."), written)
    busy = told("cp-events: AnotherOperationInProgress: wait.")
    assert not is_in_vain(busy, busy)
