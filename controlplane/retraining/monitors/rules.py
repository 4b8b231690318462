"""What shape alone does not say of a monitor: what could never work is refused when it is set. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.projects.registration import details_of
from controlplane.retraining.monitors.model import (
    DAY,
    MONITOR_NAME,
    AlertKind,
    ComputedBy,
    MonitorSignal,
    MonitorSpec,
    reference_offset,
)
from controlplane.retraining.polls.watch import Rule
from controlplane.retraining.signal import SignalKind

INVALID = "InvalidMonitor"
HOUR = timedelta(hours=1)
_CENTURY = range(2000, 2100)
_DRIFT = (
    "JensenShannonDistance", "PopulationStabilityIndex", "NormalizedWassersteinDistance",
    "TwoSampleKolmogorovSmirnovTest", "PearsonsChiSquaredTest",
)  # fmt: skip
#: Metrics by kind of signal. Sources: "Azure Machine Learning model monitoring" (supported signals and metrics) and the
#: thresholds that azure-ai-ml 1.35.2 can send (entities/_monitoring/thresholds.py).
METRICS: Mapping[SignalKind, tuple[str, ...]] = {
    SignalKind.DATA_DRIFT: _DRIFT,
    SignalKind.PREDICTION_DRIFT: _DRIFT,
    SignalKind.DATA_QUALITY: ("NullValueRate", "DataTypeErrorRate", "OutOfBoundsRate"),
    SignalKind.FEATURE_ATTRIBUTION: ("NormalizedDiscountedCumulativeGain",),
    SignalKind.PERFORMANCE: (
        "Accuracy", "Precision", "Recall", "MeanAbsoluteError", "MeanSquaredError", "RootMeanSquaredError",
    ),
}  # fmt: skip
_OF_CLASSES = frozenset({"Accuracy", "Precision", "Recall"})
#: Of which one is not a share and may be above one.
_UNBOUNDED = frozenset({"PopulationStabilityIndex", "MeanAbsoluteError", "MeanSquaredError", "RootMeanSquaredError"})
#: Windows that metric alerts and log alerts both know ("Azure Monitor alert rules").
WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), HOUR)
#: Kinds of alerts that can learn what is usual; the others need a number.
LEARNS = frozenset({AlertKind.SUDDEN_ERRORS, AlertKind.REQUESTS})
#: Which thresholds are percent, and their greatest value.
_MOST = {AlertKind.UTILISATION: 100.0}


def parse_monitor(name: str, data: JsonObject) -> MonitorSpec:
    """Raises ``Rejected``: ``InvalidResourceName``; ``InvalidMonitor``, whose details name every bad field."""
    if not re.fullmatch(MONITOR_NAME, name):
        text = f"{name!r} is no monitor's name: 3 to 30 characters a-z, 0-9 and hyphens, beginning with a letter."
        raise Rejected("InvalidResourceName", text, target="monitor")
    try:
        spec = read_strictly(MonitorSpec, data)
    except ValidationError as error:
        raise _rejected(details_of(error, MonitorSpec)) from error
    if details := tuple(problems(spec)):
        raise _rejected(details)
    return spec


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the monitor are not valid."
    return Rejected(INVALID, text, target=details[0].target, details=details)


def problems(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    """Every reason why a monitor cannot work."""
    for problem in PROBLEMS.values():
        yield from problem.finds(spec)


def _signals(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    names = [one.name for one in spec.signals]
    for place, signal in enumerate(spec.signals):
        path = f"$.signals[{place}]"
        if not re.fullmatch(MONITOR_NAME, signal.name):
            text = "3 to 30 characters a-z, 0-9 and hyphens: an underscore joins it to the monitor's name."
            yield ErrorDetail("InvalidResourceName", text, f"{path}.name")
        if names.index(signal.name) != place:
            yield ErrorDetail("DuplicateName", f"There is a signal {signal.name!r} already.", f"{path}.name")
        yield from _signal(spec, signal, path)


def _pipeline(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    if (spec.pipeline is not None) is not (spec.computed_by is ComputedBy.PIPELINE):
        text = "`pipeline` says what computes the monitor with `computedBy: pipeline`, and nothing without."
        yield ErrorDetail("PipelineMismatch", text, "$.pipeline")
    if spec.new_data is not None and spec.computed_by is not ComputedBy.PIPELINE:
        text = "Azure ML reads what a deployment collects; of other data a pipeline computes: `computedBy: pipeline`."
        yield ErrorDetail("PipelineMismatch", text, "$.newData")


def _objectives(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    """S3-94: what is too slow or too many the service's objective says; nobody else could."""
    for place, alert in enumerate(spec.alerts):
        if alert.threshold is None and alert.kind not in LEARNS:
            text = f"{alert.kind} has no usual value: it needs a threshold, that of the service's objective (S3-94)."
            yield ErrorDetail("ThresholdMissing", text, f"$.alerts[{place}].threshold")


def _times(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    if spec.begins_at.tzinfo is None:
        yield ErrorDetail("TimeWithoutZone", "Times have a zone: 2026-12-20T00:00:00Z.", "$.beginsAt")
    if spec.begins_at.year not in _CENTURY:
        yield ErrorDetail("InvalidTime", "A schedule begins between 2000 and 2099.", "$.beginsAt")
    if spec.period % HOUR:
        yield ErrorDetail("InvalidPeriod", "A schedule runs every so many hours or days.", "$.period")
    if spec.window is not None and (spec.window < DAY or spec.window % DAY):
        yield ErrorDetail("InvalidWindow", "Windows are whole days: P1D, P7D.", "$.window")
    if spec.offset < timedelta() or spec.offset % DAY:
        yield ErrorDetail("InvalidOffset", "Offsets are whole days, none or more.", "$.offset")


def _signal(spec: MonitorSpec, signal: MonitorSignal, path: str) -> Iterator[ErrorDetail]:
    known = METRICS.get(signal.kind)
    if known is None:
        text = f"A monitor computes {', '.join(METRICS)}; {signal.kind} comes another way."
        yield ErrorDetail("UnknownSignalKind", text, f"{path}.kind")
        return
    for metric, value in signal.thresholds.items():
        at = f"{path}.thresholds.{metric}"
        if metric not in known:
            text = f"{metric} is no metric of {signal.kind}; they are {', '.join(known)}."
            yield ErrorDetail("UnknownMetric", text, at)
        elif not 0 <= value <= (1 if metric not in _UNBOUNDED else float("inf")) or value == float("inf"):
            yield ErrorDetail("ThresholdOutOfRange", f"{metric} is between 0 and 1, or at least not negative.", at)
        elif signal.kind is SignalKind.PERFORMANCE and (metric in _OF_CLASSES) is not (spec.task == "classification"):
            yield ErrorDetail("UnknownMetric", f"{metric} does not measure a {spec.task}.", at)
    if signal.kind is SignalKind.FEATURE_ATTRIBUTION and signal.features:
        text = "Feature attribution looks at all features."
        yield ErrorDetail("FeaturesNotPossible", text, f"{path}.features")
    yield from _reference(spec, signal, f"{path}.reference")


def _reference(spec: MonitorSpec, signal: MonitorSignal, path: str) -> Iterator[ErrorDetail]:
    asset, given = signal.reference.asset, signal.reference
    if asset is not None and (given.window is not None or given.offset is not None):
        yield ErrorDetail("WindowOfAsset", "Only production's own past has a window.", f"{path}.window")
    if asset is None and signal.kind in (SignalKind.PERFORMANCE, SignalKind.FEATURE_ATTRIBUTION):
        text = f"{signal.kind} compares with data that is given: its `asset` is missing."
        yield ErrorDetail("ReferenceMissing", text, f"{path}.asset")
    if asset is not None:
        return
    for name, value in (("window", given.window), ("offset", given.offset)):
        if value is not None and (value < DAY or value % DAY):
            yield ErrorDetail("InvalidWindow", "Windows and offsets are whole days.", f"{path}.{name}")


def _overlaps(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    """D15: production's own past ends where its window has not begun."""
    least = spec.production_window + spec.offset
    for place, signal in enumerate(spec.signals):
        if signal.reference.asset is None and reference_offset(spec, signal) < least:
            text = f"The windows overlap (D15): the reference ends {least.days} days before a run, or earlier."
            yield ErrorDetail("WindowsOverlap", text, f"$.signals[{place}].reference.offset")


def _truth(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    """D17: performance is measured against what turned out to be true, and against nothing else."""
    for place, signal in enumerate(spec.signals):
        asset = signal.reference.asset
        if asset is not None and signal.kind is SignalKind.PERFORMANCE and asset.context != "ground_truth":
            text = "It compares with the truth: context ground_truth."
            yield ErrorDetail("GroundTruthMissing", text, f"$.signals[{place}].reference.asset")


#: D14: what the model has seen says how its inputs should be, and what it had not seen how its outputs should.
BASELINES: Mapping[SignalKind, str] = {
    SignalKind.DATA_DRIFT: "training",
    SignalKind.DATA_QUALITY: "training",
    SignalKind.PREDICTION_DRIFT: "validation",
}


def _baselines(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    """Source: "Azure Machine Learning model monitoring" (supported signals: reference data). Production's own past,
    which that page names beside them, is not data that is given."""
    for place, signal in enumerate(spec.signals):
        asset, wanted = signal.reference.asset, BASELINES.get(signal.kind)
        if asset is not None and wanted is not None and asset.context != wanted:
            text = (
                f"{signal.kind} is compared with {wanted} data or with production's own past, not with data of context "
                f"{asset.context} (D14)."
            )
            yield ErrorDetail("WrongBaseline", text, f"$.signals[{place}].reference.asset.context")


def _alerts(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    names = [one.name for one in spec.alerts]
    for place, alert in enumerate(spec.alerts):
        path = f"$.alerts[{place}]"
        if names.index(alert.name) != place:
            yield ErrorDetail("DuplicateName", f"There is an alert {alert.name!r} already.", f"{path}.name")
        if alert.window not in WINDOWS:
            yield ErrorDetail("InvalidWindow", "PT5M, PT15M, PT30M or PT1H.", f"{path}.window")
        if alert.threshold is not None and alert.kind is AlertKind.SUDDEN_ERRORS:
            text = "A sudden rise is one against what is usual; a number is for `errors`."
            yield ErrorDetail("ThresholdNotPossible", text, f"{path}.threshold")
        most = _MOST.get(alert.kind, float("inf"))
        if alert.threshold is not None and not alert.threshold <= most:
            yield ErrorDetail("ThresholdOutOfRange", f"It is {most:g} at most.", f"{path}.threshold")
        if alert.below and alert.kind is not AlertKind.REQUESTS:
            yield ErrorDetail("BelowNotPossible", "Only of requests there can be too few.", f"{path}.below")


def _watch(spec: MonitorSpec) -> Iterator[ErrorDetail]:
    """What no window could ever reach, or would always be above."""
    watch = spec.watch
    if watch is None:
        return
    for name, most in (("errors", 1.0), ("utilisation", 100.0)):
        rule: Rule = getattr(watch, name)
        if rule.raise_at > most:
            yield ErrorDetail("ThresholdOutOfRange", f"It is {most:g} at most.", f"$.watch.{name}.raiseAt")
    for name in ("latency", "throttling", "utilisation", "requests", "unusual"):
        rule = getattr(watch, name)
        if rule.minimum:
            text = "Only shares of calls need a least number of calls: `errors` and `rise`."
            yield ErrorDetail("MinimumNotPossible", text, f"$.watch.{name}.minimum")


@dataclass(frozen=True, slots=True)
class Problem:
    """One family of reasons."""

    finds: Callable[[MonitorSpec], Iterator[ErrorDetail]]
    requirements: tuple[str, ...] = ()


PROBLEMS: dict[str, Problem] = {
    "times": Problem(_times),
    "signals": Problem(_signals),
    "alerts": Problem(_alerts),
    "objectives": Problem(_objectives, ("S3-94",)),
    "pipeline": Problem(_pipeline),
    "watch": Problem(_watch),
    "windows": Problem(_overlaps, ("D15",)),
    "truth": Problem(_truth, ("D17",)),
    "baselines": Problem(_baselines, ("D14",)),
}
