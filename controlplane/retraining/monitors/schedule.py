"""A monitor's schedule: what Azure ML is asked to do, and whether what it answers says the same. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.ports.schedules import DataWindow, MonitorJob, MonitorRequest, PipelineSchedule, SignalRequest
from controlplane.retraining.monitors.marks import tags_of
from controlplane.retraining.monitors.model import (
    DAY,
    Monitor,
    MonitorSignal,
    MonitorSpec,
    reference_offset,
    reference_window,
    signal_name,
)
from controlplane.retraining.signal import SignalKind, more_is_better


@dataclass(frozen=True, slots=True)
class Computed:
    """How Azure ML calls a kind of signal, and the collections that its production data comes from."""

    wire: str
    reads: tuple[str, ...]
    requirements: tuple[str, ...] = ()


SIGNALS: dict[str, Computed] = {
    SignalKind.DATA_DRIFT: Computed("DataDrift", ("model_inputs",), ("S3-85",)),
    SignalKind.PREDICTION_DRIFT: Computed("PredictionDrift", ("model_outputs",), ("S3-86",)),
    SignalKind.DATA_QUALITY: Computed("DataQuality", ("model_inputs",)),
    SignalKind.FEATURE_ATTRIBUTION: Computed("FeatureAttributionDrift", ("model_inputs", "model_outputs")),
    SignalKind.PERFORMANCE: Computed("ModelPerformance", ("model_outputs",), ("S3-32",)),
}
#: Input of a customer's component that is told what to compute.
ORDER_INPUT = "monitor"
#: Source: azure-ai-ml 1.35.2, signals.py.
PERFORMANCE_PROPERTY = "azureml.modelmonitor.model_performance_thresholds"


def request_of(monitor: Monitor, collected: Mapping[str, str]) -> MonitorRequest | PipelineSchedule:
    """``collected``: collection → the data asset that the deployment writes it to."""
    spec = monitor.spec
    frequency, interval = _every(spec.period)
    if spec.pipeline is not None:
        job = MonitorJob(
            component=f"azureml:{spec.pipeline.component}:{spec.pipeline.version}",
            compute=spec.pipeline.compute,
            inputs={**spec.pipeline.inputs, ORDER_INPUT: order_of(monitor)},
        )
        return PipelineSchedule(monitor.name, frequency, interval, spec.begins_at, job, tags_of(monitor))
    return MonitorRequest(
        name=monitor.name,
        frequency=frequency,
        interval=interval,
        begins_at=spec.begins_at,
        task=spec.task,
        endpoint=spec.endpoint,
        deployment=spec.deployment,
        instance_type=spec.spark.instance_type,
        runtime_version=spec.spark.runtime_version,
        signals=tuple(_signal(monitor, one, collected) for one in spec.signals),
        emails=spec.emails,
        tags=tags_of(monitor),
    )


def _signal(monitor: Monitor, one: MonitorSignal, collected: Mapping[str, str]) -> SignalRequest:
    spec, asset = monitor.spec, one.reference.asset
    sources = SIGNALS[one.kind].reads
    own = DataWindow(_days(reference_window(spec, one)), _days(reference_offset(spec, one)))
    return SignalRequest(
        name=signal_name(monitor.name, one.name),
        kind=SIGNALS[one.kind].wire,
        thresholds=sent_thresholds(one),
        production={source: collected[source] for source in sources},
        window=DataWindow(_days(spec.production_window), _days(spec.offset)),
        reference=asset.data if asset else collected[sources[0]],
        reference_type=asset.type if asset else "uri_folder",
        reference_context=asset.context if asset else sources[0],
        reference_window=None if asset else own,
        reference_columns=dict(asset.columns) if asset else {},
        production_columns=dict(one.production),
        features=one.features,
    )


def sent_thresholds(one: MonitorSignal) -> dict[str, float]:
    """What Azure ML is told. Its component takes accuracy, precision and recall for metrics of which less is better, so
    that a model that gets worse would never be told of (Azure/azureml-assets, evaluate_metrics_threshold.py): with 0
    each run says what it measured, and the asked threshold is held against it when the run is read back."""
    turned = one.kind is SignalKind.PERFORMANCE
    return {metric: 0.0 if turned and more_is_better(metric) else value for metric, value in one.thresholds.items()}


def order_of(monitor: Monitor) -> str:
    """What a customer's component is told: one JSON text, the same for the same monitor."""
    spec = monitor.spec
    signals = {
        signal_name(monitor.name, one.name): {
            "kind": one.kind.value,
            "thresholds": one.thresholds,
            "features": list(one.features),
            "reference": one.reference.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        for one in spec.signals
    }
    order = {
        "endpoint": spec.endpoint, "deployment": spec.deployment, "model": spec.model, "signals": signals,
        "window": _days(spec.production_window), "offset": _days(spec.offset),
    }  # fmt: skip
    for source in SOURCES.values():
        order |= source.of(spec)
    return json.dumps(order, sort_keys=True, separators=(",", ":"))


def _new_data(spec: MonitorSpec) -> dict[str, Any]:
    return {"newData": spec.new_data.data} if spec.new_data else {}


@dataclass(frozen=True, slots=True)
class Source:
    """What an order says of data that lies elsewhere than where a deployment collects it."""

    of: Callable[[MonitorSpec], dict[str, Any]]
    requirements: tuple[str, ...] = ()


SOURCES: dict[str, Source] = {"newData": Source(_new_data, ("S3-42",))}


def _every(period: timedelta) -> tuple[str, int]:
    if period % DAY == timedelta():
        return "day", period // DAY
    return "hour", period // timedelta(hours=1)


def _days(length: timedelta) -> str:
    return f"P{length // DAY}D"


def off(monitor: Monitor, found: JsonObject) -> str | None:
    """What of the schedule in Azure is not as it was asked for; None when all of it is."""
    properties = found.get("properties")
    said: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    return next(_differences(monitor.spec, monitor, said), None)


def _differences(spec: MonitorSpec, monitor: Monitor, said: Mapping[str, Any]) -> Iterator[str]:
    if said.get("isEnabled") is not True:
        yield "isEnabled"
    if not tags_of(monitor).items() <= dict(said.get("tags") or {}).items():
        yield "tags"
    trigger, action = said.get("trigger") or {}, said.get("action") or {}
    frequency, interval = _every(spec.period)
    if (str(trigger.get("frequency")).lower(), trigger.get("interval")) != (frequency, interval):
        yield "trigger"
    if spec.pipeline is not None:
        yield from _of_job(monitor, action)
        return
    definition = action.get("monitorDefinition") or {}
    target = str((definition.get("monitoringTarget") or {}).get("deploymentId") or "").lower()
    if not target.endswith(f"/onlineendpoints/{spec.endpoint}/deployments/{spec.deployment}".lower()):
        yield "monitoringTarget.deploymentId"
    compute = definition.get("computeConfiguration") or {}
    if str(compute.get("instanceType")).lower() != spec.spark.instance_type:
        yield "computeConfiguration.instanceType"
    told = definition.get("alertNotificationSettings") or definition.get("alertNotificationSetting") or {}
    if set((told.get("emailNotificationSetting") or {}).get("emails") or ()) != set(spec.emails):
        yield "alertNotificationSettings"
    signals = definition.get("signals") or {}
    names = {signal_name(monitor.name, one.name): one for one in spec.signals}
    if set(signals) != set(names):
        yield "signals"
        return
    for name, one in names.items():
        yield from _of_signal(spec, one, signals[name], f"signals.{name}")


def _of_job(monitor: Monitor, action: Mapping[str, Any]) -> Iterator[str]:
    told = json.dumps(action.get("jobDefinition") or {})
    pipeline = monitor.spec.pipeline
    assert pipeline is not None
    if json.dumps(order_of(monitor))[1:-1] not in told:
        yield "jobDefinition.inputs.monitor"
    wanted = f"/components/{pipeline.component}/versions/{pipeline.version}".lower()
    if wanted not in told.lower():
        yield "jobDefinition.componentId"


def _of_signal(spec: MonitorSpec, one: MonitorSignal, found: Mapping[str, Any], path: str) -> Iterator[str]:
    if found.get("signalType") != SIGNALS[one.kind].wire:
        yield f"{path}.signalType"
    if found.get("mode") == "Disabled":
        yield f"{path}.mode"
    if _thresholds(found) != {name.lower(): {float(value)} for name, value in sent_thresholds(one).items()}:
        yield f"{path}.metricThresholds"
    reference = found.get("referenceData")
    given = reference if isinstance(reference, dict) else {}
    if one.reference.asset is None and given.get("windowOffset") != _days(reference_offset(spec, one)):
        yield f"{path}.referenceData.windowOffset"


def _thresholds(found: Mapping[str, Any]) -> dict[str, set[float]]:
    """Metric → its thresholds: of numbers and of categories they are the same. Feature attribution has one object,
    model performance a property of the signal, which is what the service reads."""
    held = (found.get("properties") or {}).get(PERFORMANCE_PROPERTY)
    parts = _list(held) or found.get("metricThresholds") or found.get("metricThreshold") or []
    result: dict[str, set[float]] = {}
    for one in [parts] if isinstance(parts, dict) else parts:
        value = (one.get("threshold") or {}).get("value")
        name = str(one.get("metric") or "").replace("_", "").lower()
        result.setdefault(name, set()).add(float(value) if value is not None else float("nan"))
    return result


def _list(text: Any) -> list[Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return []
    return found if isinstance(found, list) else []
