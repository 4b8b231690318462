"""Schedules of monitors and of pipeline jobs as ``azure-ai-ml``'s objects. Blocking; imported in threads, on first use.

Sources: azure-ai-ml 1.35.2, entities/_monitoring (signals, thresholds, input data) and _schedule_operations.py, which
reads the deployment of a monitor to resolve it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from azure.ai.ml import Input, dsl
from azure.ai.ml import entities as e
from azure.ai.ml.entities._monitoring.thresholds import MetricThreshold

from controlplane.ports.schedules import MonitorRequest, PipelineSchedule, SignalRequest

#: Metrics that speak of numbers only, and of categories only.
_OF_NUMBERS = frozenset({"NormalizedWassersteinDistance", "TwoSampleKolmogorovSmirnovTest"})
_OF_CATEGORIES = frozenset({"PearsonsChiSquaredTest"})


def monitor_schedule(asked: MonitorRequest) -> Any:
    """A schedule of model monitoring."""
    target = f"azureml:{asked.endpoint}:{asked.deployment}"
    return e.MonitorSchedule(
        name=asked.name,
        tags=dict(asked.tags),
        trigger=_trigger(asked.frequency, asked.interval, asked.begins_at),
        create_monitor=e.MonitorDefinition(
            compute=e.ServerlessSparkCompute(instance_type=asked.instance_type, runtime_version=asked.runtime_version),
            monitoring_target=e.MonitoringTarget(ml_task=asked.task, endpoint_deployment_id=target),
            monitoring_signals={one.name: _signal(one, asked.task) for one in asked.signals},
            alert_notification=e.AlertNotification(emails=list(asked.emails)) if asked.emails else None,
        ),
    )


def pipeline_schedule(asked: PipelineSchedule, component: Any) -> Any:
    """A schedule of a registered component. The component stands in a graph of its own: the SDK cannot send a schedule
    of one that it has read."""

    @dsl.pipeline(default_compute=asked.job.compute)  # type: ignore[call-overload,untyped-decorator]
    def graph() -> None:
        component(**asked.job.inputs)

    trigger = _trigger(asked.frequency, asked.interval, asked.begins_at)
    return e.JobSchedule(name=asked.name, tags=dict(asked.tags), trigger=trigger, create_job=graph())


def _trigger(frequency: str, interval: int, begins_at: datetime) -> Any:
    start = begins_at.astimezone(UTC).replace(tzinfo=None)
    return e.RecurrenceTrigger(frequency=frequency, interval=interval, start_time=start, time_zone="UTC")


def _signal(one: SignalRequest, task: str) -> Any:
    common = {"alert_enabled": True, "metric_thresholds": _thresholds(one, task)}
    match one.kind:
        case "DataDrift" | "DataQuality":
            made = e.DataDriftSignal if one.kind == "DataDrift" else e.DataQualitySignal
            features: Any = list(one.features) or "all_features"
            return made(production_data=_production(one), reference_data=_reference(one), features=features, **common)
        case "PredictionDrift":
            return e.PredictionDriftSignal(production_data=_production(one), reference_data=_reference(one), **common)
        case "FeatureAttributionDrift":
            data = [e.FADProductionData(**_read(one, source)) for source in one.production]
            return e.FeatureAttributionDriftSignal(production_data=data, reference_data=_reference(one), **common)
        case "ModelPerformance":
            return e.ModelPerformanceSignal(production_data=_production(one), reference_data=_reference(one), **common)
        case _:
            raise ValueError(f"{one.kind} is no kind of signal")


def _read(one: SignalRequest, source: str) -> dict[str, Any]:
    window = e.BaselineDataRange(lookback_window_size=one.window.size, lookback_window_offset=one.window.offset)
    return {
        "input_data": Input(type="uri_folder", path=one.production[source]),
        "data_context": source,
        "data_window": window,
        "data_column_names": dict(one.production_columns) or None,
    }


def _production(one: SignalRequest) -> Any:
    return e.ProductionData(**_read(one, next(iter(one.production))))


def _reference(one: SignalRequest) -> Any:
    context: Any = one.reference_context
    own = one.reference_window
    window = None
    if own is not None:
        window = e.BaselineDataRange(lookback_window_size=own.size, lookback_window_offset=own.offset)
    return e.ReferenceData(
        input_data=Input(type=one.reference_type, path=one.reference),
        data_context=context,
        data_window=window,
        data_column_names=dict(one.reference_columns) or None,
    )


def _thresholds(one: SignalRequest, task: str) -> Any:
    if one.kind == "ModelPerformance":
        return _Performance(one.thresholds, task)
    if one.kind == "FeatureAttributionDrift":
        return _One(one.thresholds)
    return _All(one.thresholds)


class _All(MetricThreshold):
    """Every metric that was asked for, of numbers and of categories: the SDK's own class sends the first one of each,
    and drops a threshold of 0 (thresholds.py, `_find_name_and_threshold`)."""

    def __init__(self, asked: Mapping[str, float]) -> None:
        super().__init__()
        self._asked = asked
        self.numerical, self.categorical = self, None
        """Where the SDK looks for those of data quality."""

    def _to_rest_object(self) -> list[dict[str, Any]]:
        """As the definition of 2023-06-01-preview has them."""
        found = []
        for name, value in self._asked.items():
            kinds = (("Numerical", name not in _OF_CATEGORIES), ("Categorical", name not in _OF_NUMBERS))
            found += [{"dataType": kind, "metric": name, "threshold": {"value": value}} for kind, fits in kinds if fits]
        return found


class _One(MetricThreshold):
    """Feature attribution has one metric, and one object."""

    def __init__(self, asked: Mapping[str, float]) -> None:
        super().__init__()
        self._asked = asked

    def _to_rest_object(self) -> dict[str, Any]:
        name, value = next(iter(self._asked.items()))
        return {"metric": name, "threshold": {"value": value}}


class _Performance:
    """The SDK's own class sends accuracy at 0.9, whatever was asked, and what was asked as a property of the signal,
    which the service reads (thresholds.py, `ModelPerformanceMetricThreshold`)."""

    def __init__(self, asked: Mapping[str, float], task: str) -> None:
        self._asked, self._task = asked, task

    def _to_str_object(self, **_: Any) -> str:
        parts = [
            {"modelType": self._task, "metric": name, "threshold": {"value": value}}
            for name, value in self._asked.items()
        ]
        return json.dumps(parts)

    def _to_rest_object(self, **_: Any) -> dict[str, Any]:
        name, value = next(iter(self._asked.items()))
        return {"metric": name, "modelType": self._task.capitalize(), "threshold": {"value": value}}
