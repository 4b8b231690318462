"""A retraining policy: what has to be true before a model is trained again, and how it is done. Pure data.

Defaults are the careful ones: two of the last five windows and the latest, a second signal or a KPI, a week's cooldown,
approval everywhere but in dev. Rules D01…D36 of the requirements name where each comes from.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from controlplane.operations.model import Model
from controlplane.retraining.signal import SignalKind

#: Written as ISO 8601: P7D, PT12H; a number would be seconds, and is refused (``operations/strictly.py``).
Period = timedelta
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Mode(StrEnum):
    """``dryRun`` decides and tells, and submits nothing; ``disabled`` refuses every signal with that reason."""

    ENABLED = "enabled"
    DRY_RUN = "dryRun"
    DISABLED = "disabled"


class Agreement(StrEnum):
    """What must agree before drift costs money (D02, D13)."""

    SECOND_SIGNAL_OR_KPI = "secondSignalOrKpi"
    KPI = "kpi"
    NONE = "none"


class Windows(Model):
    """N of M (D04…D06)."""

    period: Period = Field(
        default=timedelta(days=1), ge=timedelta(minutes=1), le=timedelta(days=90), description="Of the monitor."
    )
    breaches: int = Field(default=2, ge=1, le=100, description="N: windows in breach, the latest among them,")
    of: int = Field(default=5, ge=1, le=100, description="M: of the latest so many windows.")
    minimum_seen: int = Field(default=2, ge=1, le=100, description="Windows that must have been seen at all.")


class Threshold(Model):
    """Hysteresis (D07): raised on the far side of ``raise``, cleared only on the near side of ``clear``."""

    metric: str
    raise_at: float
    clear_at: float


class Kpi(Model):
    """A KPI below its agreed minimum (D02); read from performance signals."""

    metric: str
    limit: float = Field(description="Minimum where more is better, else maximum.")


class QuietHours(Model):
    """Decisions are held until they end (D25); they may run over midnight."""

    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(
        default=(1, 2, 3, 4, 5, 6, 7), description="ISO weekdays on which they begin."
    )
    begin: TimeOfDay
    end: TimeOfDay
    time_zone: str = Field(default="UTC", max_length=64, description="IANA name.")


class DecisionTime(Model):
    """D23: monitors run first, and what they say is decided later in the day, when all of them have."""

    time: TimeOfDay
    time_zone: str = Field(default="UTC", max_length=64, description="IANA name.")


class Freeze(Model):
    """A change freeze: held until its end."""

    begin: datetime
    end: datetime
    reason: str = Field(min_length=1, max_length=200)


class Breaker(Model):
    """Circuit breaker (D27): after so many failed or rejected runs in a row a person has to look."""

    failures: int = Field(default=3, ge=1, le=20)


class BudgetGuard(Model):
    """D26: month to date + estimate ≤ limit, else the owner is asked."""

    monthly_limit: float = Field(gt=0, description="In `currency`.")
    job_estimate: float | None = Field(
        default=None,
        ge=0,
        description="Of one run, in `currency`; absent: price of a node of the cluster x `nodes` x `expected`, in USD.",
    )
    nodes: int | None = Field(default=None, ge=1, le=1000, description="Of one run; absent: the cluster's maximum.")
    expected: Period | None = Field(
        default=None,
        gt=timedelta(0),
        le=timedelta(days=7),
        description="How long a run takes; absent: the pipeline's timeout, the longest it can.",
    )
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class Approval(Model):
    required: bool | None = Field(default=None, description="Absent: in every environment but dev.")
    expires_after: Period = Field(default=timedelta(days=3), gt=timedelta(0), le=timedelta(days=30))


class PipelineKind(StrEnum):
    COMPONENT = "component"
    BATCH_DEPLOYMENT = "batchDeployment"
    SCHEDULE = "schedule"


class InputValue(StrEnum):
    """What an input of the pipeline is filled with from the signal."""

    WINDOW_BEGIN = "windowBegin"
    WINDOW_END = "windowEnd"
    BASELINE = "baseline"
    REASON = "reason"
    SIGNAL = "signal"
    MODEL = "model"


class Pipeline(Model):
    """What is run (S3-34): a registered pipeline component, a batch deployment, or a schedule's job definition, which
    is read and sent as our own job."""

    kind: PipelineKind = PipelineKind.COMPONENT
    name: Name = Field(description="Of the component, the batch endpoint, or the schedule.")
    version: Version | None = Field(default=None, description="Of the component; absent: its latest.")
    deployment: Name | None = Field(default=None, description="Of the batch endpoint.")
    compute: Name | None = Field(default=None, description="Cluster of the workspace.")
    experiment: Name = Field(default="retraining")
    inputs: dict[Name, str] = Field(default_factory=dict, description="Fixed values.")
    from_signal: dict[Name, InputValue] = Field(default_factory=dict, description="Inputs filled from the signal.")
    timeout: Period = Field(default=timedelta(hours=12), gt=timedelta(0), le=timedelta(days=7))


class Gate(Model):
    """D29: the challenger must be good, and better than the champion on the same data."""

    mode: Mode = Mode.ENABLED
    metric: str = Field(default="accuracy", max_length=100)
    minimum: float | None = Field(default=None, description="Absolute bar; a maximum where less is better.")
    more_is_better: bool = True
    min_absolute_change: float = Field(default=0.0, ge=0)
    min_relative_change: float = Field(default=0.0, ge=0, description="0.02 is two percent of the champion's value.")


class Annotation(Model):
    """S3-43, S3-48: where the worst samples of a CV or NLP model go."""

    labeling_project: Name | None = None
    worst_samples: int = Field(default=200, ge=1, le=100_000)


class RetrainingPolicy(Model):
    """What ``PUT /workspaces/{name}/retrainingPolicies/{model}`` takes."""

    mode: Mode = Mode.ENABLED
    monitors: tuple[Name, ...] = Field(default=(), description="Whose signals count; none named: all of the model.")
    kinds: tuple[SignalKind, ...] = Field(
        default=(
            SignalKind.DATA_DRIFT,
            SignalKind.PREDICTION_DRIFT,
            SignalKind.FEATURE_ATTRIBUTION,
            SignalKind.PERFORMANCE,
        ),
        min_length=1,
        description="Kinds that may retrain; others are told and no more.",
    )
    max_age: Period = Field(default=timedelta(hours=24), gt=timedelta(0), le=timedelta(hours=24))
    minimum_samples: int = Field(default=1000, ge=0, description="Rows in the window (D08, D09).")
    windows: Windows = Windows()
    thresholds: tuple[Threshold, ...] = Field(default=(), max_length=50)
    agreement: Agreement = Agreement.SECOND_SIGNAL_OR_KPI
    agreement_within: Period = Field(default=timedelta(days=7), gt=timedelta(0), le=timedelta(days=90))
    kpi: Kpi | None = None
    cooldown: Period = Field(default=timedelta(days=7), ge=timedelta(0), le=timedelta(days=365))
    breaker: Breaker = Breaker()
    quiet_hours: tuple[QuietHours, ...] = Field(default=(), max_length=20)
    freezes: tuple[Freeze, ...] = Field(default=(), max_length=50)
    decide_at: DecisionTime | None = Field(
        default=None, description="Monitors' signals are held until this time of the day; none: decided as they come."
    )
    budget: BudgetGuard | None = None
    approval: Approval = Approval()
    schedule: Period | None = Field(
        default=None, ge=timedelta(days=1), le=timedelta(days=365), description="Retrain at least this often (S3-35)."
    )
    pipeline: Pipeline
    gate: Gate = Gate()
    annotation: Annotation = Annotation()
