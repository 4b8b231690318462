"""The world as it changes under a model: `inject drift` says it, monitors' runs compute it.

A workspace's `private["drift"]` is a list of {"endpoint" or "model" or neither, "severity", "windows", "features",
"seen": {schedule: runs}}. What a run computes follows from the threshold: without drift well on its good side, with
drift on its bad side, the further the more severe. Message and directions: Azure/azureml-assets,
model_monitor_evaluate_metrics_threshold/evaluate_metrics_threshold.py. That component takes accuracy, precision and
recall to be better when they are smaller, and so do we.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from simulator.engine.declaration import EngineApi, JsonObject, Resource
from simulator.types._shared import dig
from simulator.types.machinelearning.monitor_rules import METRICS, metric_of, thresholds

DRIFT = "drift"
SEVERITIES = {"low": 1.2, "medium": 2.0, "high": 4.0}
FEATURES = {"low": 1, "medium": 2, "high": 3}
#: What the component takes when a threshold has no value.
DEFAULT_THRESHOLD = 0.5
#: A breach is a value below the threshold.
LESS_IS_WORSE = frozenset(
    ("TwoSampleKolmogorovSmirnovTest", "PearsonsChiSquaredTest", "NormalizedDiscountedCumulativeGain")
)
#: Falls when the model gets worse; the component flags it all the same when it is above the threshold.
FALLS = LESS_IS_WORSE | {"Accuracy", "Precision", "Recall", "F1Score"}


@dataclass(frozen=True)
class Violation:
    metric: str
    value: float
    threshold: float
    group: str

    def text(self) -> str:
        said = {
            "metric_value": self.value, "metric_name": self.metric,
            "threshold_value": self.threshold, "group": self.group,
        }  # fmt: skip
        return json.dumps(said, separators=(",", ":"))


def inject(engine: EngineApi, workspace: Resource, wish: JsonObject) -> JsonObject:
    """`{"endpoint" | "model", "severity": "low" | "medium" | "high" | "none", "windows": n, "features": []}`; `none`
    ends what was said of the same target. Raises ValueError."""
    severity = str(wish.get("severity") or "medium")
    if severity != "none" and severity not in SEVERITIES:
        raise ValueError(f"unknown severity {severity!r}: none, {', '.join(SEVERITIES)}")
    windows = wish.get("windows")
    if windows is not None and (not isinstance(windows, int) or isinstance(windows, bool) or windows < 1):
        raise ValueError(f"windows is a positive number, not {windows!r}")
    target = {name: str(wish[name]) for name in ("endpoint", "model") if wish.get(name)}
    kept = [one for one in workspace.private.get(DRIFT, ()) if one["target"] != target]
    if severity != "none":
        said = {"target": target, "severity": severity, "windows": windows, "seen": {}}
        kept.append({**said, "features": [str(one) for one in wish.get("features") or ()]})
    workspace.private[DRIFT] = kept
    engine.save(workspace)
    return {"drift": kept}


def of_run(engine: EngineApi, workspace: Resource, schedule: str, targets: set[tuple[str, str]]) -> JsonObject | None:
    """The drift that a run of a monitor meets; one window of it is over then."""
    for said in workspace.private.get(DRIFT, ()):
        seen = int(said["seen"].get(schedule, 0))
        if said["windows"] is not None and seen >= said["windows"]:
            continue
        if all(one in targets for one in said["target"].items()):
            said["seen"][schedule] = seen + 1
            engine.save(workspace)
            found: JsonObject = said
            return found
    return None


def violations(signal: JsonObject, said: JsonObject | None) -> list[Violation]:
    """What a signal's evaluation finds, in the order of its thresholds. A disabled signal is not evaluated."""
    kind = str(signal.get("signalType"))
    if kind not in METRICS or str(signal.get("mode") or "Enabled").lower() == "disabled":
        return []
    found = []
    for number, one in enumerate(thresholds(signal)):
        metric = metric_of(kind, str(one.get("metric") or ""))
        if metric is None:
            continue
        threshold = float(dig(one, "threshold.value", DEFAULT_THRESHOLD))
        value = computed(metric, threshold, said)
        if value < threshold if metric in LESS_IS_WORSE else value > threshold:
            found += [Violation(metric, value, threshold, group) for group in _groups(signal, said, number)]
    return found


def computed(metric: str, threshold: float, said: JsonObject | None) -> float:
    """The value of a metric in this window."""
    factor = SEVERITIES[said["severity"]] if said else 0.0
    if metric in FALLS:
        healthy = min(0.99, threshold * 1.1 + 0.01)
        return round(threshold / factor if factor else healthy, 4)
    if not factor:
        return round(threshold * 0.3, 4)
    value = threshold * factor if threshold else 0.05 * factor
    return round(value if threshold > 1 else max(threshold + (1 - threshold) * 0.1, min(value, 1.0)), 4)


def _groups(signal: JsonObject, said: JsonObject | None, number: int) -> list[str]:
    """The features that violate: those that were injected, else some of the signal's, other ones for each metric."""
    if said is None:
        return ["overall"]
    if said["features"]:
        return list(said["features"])
    known = [str(one) for one in dig(signal, "features.features", []) or ()] or [f"feature_{n}" for n in range(1, 11)]
    count = min(FEATURES[said["severity"]], len(known))
    return [known[(number * count + offset) % len(known)] for offset in range(count)]


def message(signal_name: str, found: list[Violation]) -> str:
    """Exactly as the component writes it."""
    return (
        f"The signal '{signal_name}' has failed due to one or more features violating metric thresholds.\n"
        "The feature names and their corresponding computed metric values violating the threshold are \n"
        f"{[one.text() for one in found]}\n"
    )
