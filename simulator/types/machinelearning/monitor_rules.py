"""What a monitor may be: signals, metrics, thresholds, compute, target.

Metrics by signal: learn.microsoft.com, "Azure Machine Learning model monitoring" (concept-model-monitoring), and the
constants of Azure/azureml-assets, assets/model_monitoring. Instance types: the same page (Standard_E4s_v3 to E64s_v3).
Runtime versions: azure-ai-ml 1.35.2. The code is the provider's, the sentences are assumed.
"""

from __future__ import annotations

import json
from typing import Any

from simulator.engine.declaration import ArmError, EngineApi, JsonObject, Resource
from simulator.types._shared import dig, items
from simulator.types.machinelearning.steps import version_at

DRIFT = (
    "JensenShannonDistance", "PopulationStabilityIndex", "NormalizedWassersteinDistance",
    "TwoSampleKolmogorovSmirnovTest", "PearsonsChiSquaredTest",
)  # fmt: skip
METRICS: dict[str, tuple[str, ...]] = {
    "DataDrift": DRIFT,
    "PredictionDrift": DRIFT,
    "DataQuality": ("NullValueRate", "DataTypeErrorRate", "OutOfBoundsRate"),
    "FeatureAttributionDrift": ("NormalizedDiscountedCumulativeGain",),
    "ModelPerformance": (
        "Accuracy", "Precision", "Recall", "F1Score", "MAE", "MSE", "RMSE", "MeanAbsoluteError", "RootMeanSquaredError",
    ),
}  # fmt: skip
INSTANCES = tuple(f"standard_e{size}s_v3" for size in (4, 8, 16, 32, 64))
RUNTIMES = ("3.4", "3.5")
#: Never above one. Everything but population stability and errors of regressions.
SHARES = frozenset({*DRIFT, *METRICS["DataQuality"], *METRICS["ModelPerformance"][:4]}) - {"PopulationStabilityIndex"}


def _bad(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def check(engine: EngineApi, workspace_id: str, definition: Any) -> None:
    """Raises UserError for a monitor that could not run."""
    if not isinstance(definition, dict):
        raise _bad("The property 'monitorDefinition' of the schedule's action is required.")
    _check_compute(definition.get("computeConfiguration"))
    signals = definition.get("signals")
    if not isinstance(signals, dict) or not signals:
        raise _bad("A monitor has at least one signal.")
    for name, signal in signals.items():
        _check_signal(name, signal if isinstance(signal, dict) else {})
    wanted = str(dig(definition, "monitoringTarget.deploymentId") or "")
    if wanted and deployment_of(engine, workspace_id, wanted) is None:
        raise _bad(f"The deployment '{wanted}' of the monitoring target does not exist.")
    model = str(dig(definition, "monitoringTarget.modelId") or "")
    if model and version_at(engine, workspace_id, "models", model) is None:
        raise _bad(f"The model '{model}' of the monitoring target does not exist.")


def _check_compute(compute: Any) -> None:
    if not isinstance(compute, dict) or compute.get("computeType") != "ServerlessSpark":
        raise _bad("The compute of a monitor is serverless Spark: 'computeConfiguration' is required.")
    if str(compute.get("instanceType") or "").lower() not in INSTANCES:
        raise _bad(f"The instance type '{compute.get('instanceType')}' is not one of {', '.join(INSTANCES)}.")
    if str(compute.get("runtimeVersion") or "") not in RUNTIMES:
        raise _bad(f"Compute runtime version must be one of: {', '.join(RUNTIMES)}")


def _check_signal(name: str, signal: JsonObject) -> None:
    kind = str(signal.get("signalType") or "")
    if kind not in METRICS:
        raise _bad(f"The type '{kind}' of signal '{name}' is not supported.")
    if not signal.get("productionData") or (kind != "ModelPerformance" and not signal.get("referenceData")):
        raise _bad(f"The signal '{name}' needs production data and reference data.")
    for threshold in thresholds(signal):
        metric = metric_of(kind, str(threshold.get("metric") or ""))
        if metric is None:
            known = ", ".join(METRICS[kind])
            raise _bad(f"The metric '{threshold.get('metric')}' of signal '{name}' is not one of {known}.")
        value = dig(threshold, "threshold.value")
        if value is None:
            continue  # the component's own default then holds
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or value < 0
            or (metric in SHARES and value > 1)
        ):
            raise _bad(f"The threshold '{value}' of metric '{metric}' of signal '{name}' is out of range.")


def thresholds(signal: JsonObject) -> list[JsonObject]:
    """A list; of feature attribution one object; of model performance a property of the signal (azure-ai-ml 1.35.2
    sends what was asked there, and accuracy at 0.9 in its place)."""
    said = dig(signal, "properties", {}).get("azureml.modelmonitor.model_performance_thresholds")
    if said:
        return items({"all": json.loads(said)}, "all")
    found = signal.get("metricThresholds") or signal.get("metricThreshold")
    return [found] if isinstance(found, dict) else items({"all": found}, "all")


def metric_of(kind: str, wanted: str) -> str | None:
    """The metric as the component writes it: azure-ai-ml sends it in camel case."""
    return next((one for one in METRICS[kind] if one.lower() == wanted.lower().replace("_", "")), None)


def deployment_of(engine: EngineApi, workspace_id: str, wanted: str) -> Resource | None:
    """`azureml:endpoint:deployment`, or an id."""
    if wanted.startswith("/"):
        return engine.get(wanted)
    endpoint, _, deployment = wanted.removeprefix("azureml:").partition(":")
    return engine.get(f"{workspace_id}/onlineEndpoints/{endpoint}/deployments/{deployment}")
