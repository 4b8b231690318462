"""A signal: one normalised observation, from an event, an alert, a poll or a person. Pure data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Listed, newest_first
from controlplane.operations.model import Model


class SignalKind(StrEnum):
    """What it is about. Of a model, of what serves it, or a wish."""

    DATA_DRIFT = "dataDrift"
    PREDICTION_DRIFT = "predictionDrift"
    DATA_QUALITY = "dataQuality"
    FEATURE_ATTRIBUTION = "featureAttributionDrift"
    PERFORMANCE = "modelPerformance"
    """Judged against ground truth: a KPI."""
    CUSTOM = "custom"
    SCHEDULE = "schedule"
    """A period of the policy has passed (S3-35)."""
    LATENCY = "latency"
    ERRORS = "errors"
    THROTTLING = "throttling"
    UTILISATION = "utilisation"
    REQUESTS = "requests"
    UNUSED = "unused"
    HEALTH = "health"
    ACTIVITY = "activity"
    BUDGET = "budget"
    PERSON = "person"


#: Kinds that speak of a model's data or its quality: only these, a schedule and a person can lead to a retraining.
OF_MODELS = frozenset(
    {
        SignalKind.DATA_DRIFT,
        SignalKind.PREDICTION_DRIFT,
        SignalKind.DATA_QUALITY,
        SignalKind.FEATURE_ATTRIBUTION,
        SignalKind.PERFORMANCE,
        SignalKind.CUSTOM,
    }
)


class Source(StrEnum):
    """Who told us."""

    EVENT = "event"
    ALERT = "alert"
    POLL = "poll"
    PERSON = "person"


class SignalState(StrEnum):
    """How far it came."""

    RECEIVED = "received"
    """Stored, with a due row; not read back yet."""
    HELD = "held"
    """Decided to wait: quiet hours, an active run, an approval; ``due_at`` says until when."""
    DECIDED = "decided"
    IGNORED = "ignored"


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Direction(StrEnum):
    """Recomputed by us from values and thresholds, whatever the sender said (D11)."""

    WORSE = "worse"
    BETTER = "better"
    UNKNOWN = "unknown"


class Measure(Model):
    """One metric of one feature (or of the whole) against its threshold."""

    metric: str = Field(description="As Azure ML names it: `JensenShannonDistance`, `Accuracy`, …")
    value: float | None = Field(default=None, description="None where there was nothing to compute.")
    threshold: float | None = None
    group: str | None = Field(default=None, description="The feature; None for the whole.")
    direction: Direction = Direction.UNKNOWN


class Evidence(Model):
    """Where it can be read again, and whether we did."""

    read_back: bool = False
    """True: the run, model or resource was read from Azure and says so itself. Nothing costly is decided without."""
    doubt: str | None = Field(default=None, description="Why it does not count although it was read: a code.")
    where: str | None = Field(default=None, description="ARM id, or the query.")
    at: datetime | None = None
    summary: str = Field(default="", max_length=4000, description="Plain text; untrusted where the sender wrote it.")


class Signal(Listed):
    """``id`` is ``{workspace}.{digest of the dedupe key}``: storing a copy is a conflict, and so one signal."""

    KIND: ClassVar[str] = "signal"
    LETTER: ClassVar[str] = "s"

    kind: SignalKind
    source: Source
    state: SignalState = SignalState.RECEIVED
    dedupe_key: str
    """One of: workspace + step run + signal name; alert id; poll + target + window; Repeatability-Request-ID."""
    severity: Severity = Severity.MEDIUM
    direction: Direction = Direction.UNKNOWN
    observed_at: datetime
    """When it was true, as far as the sender says; never after ``received_at``."""
    received_at: datetime
    window_at: datetime | None = None
    """Of a monitor's run: the scheduled time of its window."""
    data_begin: datetime | None = Field(default=None, description="Of the production data that its window looked at.")
    data_end: datetime | None = None
    model: str | None = None
    target: str | None = Field(default=None, description="ARM id of the endpoint, deployment, compute or workspace.")
    monitor: str | None = None
    signal_name: str | None = None
    run_id: str | None = Field(default=None, description="Of the monitor's step that says so.")
    root_run_id: str | None = Field(default=None, description="Of the monitor's run that the step is of, as it says.")
    measures: tuple[Measure, ...] = ()
    samples: int | None = None
    evidence: Evidence = Evidence()
    requested_by: str | None = Field(default=None, description="Principal, of a person's wish.")
    reason: str | None = Field(default=None, max_length=1000, description="A person's words, or why it was ignored.")
    alert_id: str | None = None
    resolved: bool = False
    """The alert's `Resolved`, or a monitor's window without a breach."""
    end_told_at: datetime | None = None
    """Somebody said then that it is over; Azure's own record, which counts, does not say so yet."""
    decision_id: str | None = None
    retry_of: str | None = Field(default=None, description="The run that failed and is decided on once more.")

    def listed_at(self) -> datetime:
        return self.received_at

    def further(self) -> tuple[str, ...]:
        if self.model is None:
            return ()
        return (f"sm!{self.workspace}.{self.model}!{newest_first(self.received_at)}!{self.id}",)


def signal_id(workspace: str, dedupe_key: str) -> str:
    """The same key is the same signal."""
    return f"{workspace}.{sha256(dedupe_key.encode()).hexdigest()[:32]}"


#: Metrics of which more is better. Source: Azure/azureml-assets, evaluate_metrics_threshold.py, and for accuracy,
#: precision and recall their meaning: the component there counts them among those of which less is better (D20).
MORE_IS_BETTER = frozenset(
    name.lower()
    for name in (
        "TwoSampleKolmogorovSmirnovTest",
        "PearsonsChiSquaredTest",
        "NormalizedDiscountedCumulativeGain",
        "Accuracy",
        "Precision",
        "Recall",
        "F1Score",
        "R2Score",
        "AUC",
    )
)


def more_is_better(metric: str) -> bool:
    """Whether a higher value of this metric is better; pass rates and scores of generation are, too."""
    name = metric.lower()
    return (
        name in MORE_IS_BETTER
        or (name.startswith("aggregated") and name.endswith("passrate"))
        or (name.startswith("average") and name.endswith("score"))
    )


def direction_of(metric: str, value: float | None, threshold: float | None) -> Direction:
    """Worse only when the value is on the wrong side of the threshold; at the threshold is not worse."""
    if value is None or threshold is None or value != value or threshold != threshold:
        return Direction.UNKNOWN
    worse = value < threshold if more_is_better(metric) else value > threshold
    return Direction.WORSE if worse else Direction.BETTER


def told_over(signal: Signal, now: datetime) -> Signal:
    """Somebody says that it is over: a tick looks at it."""
    return signal.model_copy(update={"end_told_at": now, "due_at": now})
