"""A monitor as it is asked for and as it is stored. Pure data; what could never work is refused in ``rules``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from controlplane.operations.model import Model
from controlplane.retraining.declared import Declared
from controlplane.retraining.policy import Name, Period, Version
from controlplane.retraining.polls.watch import Watch
from controlplane.retraining.signal import SignalKind

#: Slots of a schedule begin here, so that everybody computes the same ones.
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
#: What is longer nobody means, and a time so far away would not be one.
YEAR, YEARS = timedelta(days=366), timedelta(days=5 * 366)
#: Of monitors, signals and alerts: `_` joins them to names in Azure, and so is in none of them.
MONITOR_NAME = r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$"
Short = Annotated[str, StringConstraints(pattern=MONITOR_NAME)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s,;]{1,64}@[A-Za-z0-9.-]{1,190}$")]
#: What "Azure Machine Learning model monitoring" says that its serverless Spark runs on.
Instance = Literal[
    "standard_e4s_v3", "standard_e8s_v3", "standard_e16s_v3", "standard_e32s_v3", "standard_e64s_v3"
]  # fmt: skip


class ComputedBy(StrEnum):
    """``azureml``: model monitoring on serverless Spark. ``pipeline``: a job of the workspace's own cluster."""

    AZUREML = "azureml"
    PIPELINE = "pipeline"


class AlertKind(StrEnum):
    """What is watched of the endpoint itself."""

    LATENCY = "latency"
    ERRORS = "errors"
    SUDDEN_ERRORS = "suddenErrors"
    THROTTLING = "throttling"
    REQUESTS = "requests"
    UTILISATION = "utilisation"


class Asset(Model):
    """Registered data, or a path of a datastore."""

    data: str = Field(
        pattern=r"^azureml:[A-Za-z0-9._/:=-]{1,400}$",
        description="`azureml:name:version`, or `azureml://datastores/…`.",
    )
    type: Literal["mltable", "uri_folder"] = Field(default="mltable", description="Kind of the asset.")
    context: Literal["training", "validation", "test", "ground_truth"] = Field(
        default="training", description="What the data is to the model."
    )
    columns: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="Meaning → column: `target_column`, `correlation_id`, …"
    )


class Reference(Model):
    """What a window is compared with: ``asset``, or production's own past where there is none."""

    asset: Asset | None = None
    window: Period | None = Field(
        default=None, le=YEARS, description="Of production's past; none: as long as the window."
    )
    offset: Period | None = Field(
        default=None,
        le=YEARS,
        description="How far before now that past ends; none: twice the window, and the window's offset.",
    )


class MonitorSignal(Model):
    """One signal of a monitor; its name in Azure is ``{monitor}_{name}`` (D19)."""

    name: Name = Field(description="Letters a-z, digits and hyphens.")
    kind: SignalKind = Field(description="dataDrift, predictionDrift, dataQuality, featureAttributionDrift, …")
    thresholds: dict[str, float] = Field(min_length=1, description="Metric → threshold; each is said, none is assumed.")
    reference: Reference = Reference()
    features: tuple[Name, ...] = Field(default=(), max_length=200, description="None named: all of them.")
    production: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="Columns of the collected data, by meaning, as in `columns`."
    )


class EndpointAlert(Model):
    """One rule about the endpoint, in Azure Monitor."""

    name: Short
    kind: AlertKind
    threshold: float | None = Field(
        default=None,
        ge=0,
        description="Milliseconds, calls in the window, calls a minute, percent; none: what is unusual (dynamic).",
    )
    below: bool = Field(default=False, description="Of `requests`: too few rather than too many.")
    window: Period = Field(default=timedelta(minutes=15), description="PT5M, PT15M, PT30M or PT1H.")
    severity: int = Field(default=2, ge=0, le=4, description="0 is the worst.")


class Spark(Model):
    """Where Azure ML computes monitors."""

    instance_type: Instance = "standard_e4s_v3"
    runtime_version: Literal["3.4", "3.5"] = "3.4"


class MonitorPipeline(Model):
    """A component of the workspace that computes the signals and writes the same tags as Azure ML's own."""

    component: Name
    version: Version
    compute: Name = Field(description="A cluster of the workspace.")
    inputs: dict[str, str] = Field(default_factory=dict, max_length=20)


class NewData(Model):
    """Where new images or texts lie that no deployment collects (S3-42)."""

    data: str = Field(
        pattern=r"^azureml://datastores/[A-Za-z0-9_]{1,255}/paths/[A-Za-z0-9._/=-]{1,400}$",
        description="`azureml://datastores/{name}/paths/{folder}/`, of the workspace.",
    )


class MonitorSpec(Model):
    """What ``PUT /workspaces/{name}/monitors/{monitor}`` takes."""

    model: Name
    endpoint: Name
    deployment: Name
    task: Literal["classification", "regression"] = "classification"
    computed_by: ComputedBy = ComputedBy.AZUREML
    pipeline: MonitorPipeline | None = Field(default=None, description="With `computedBy: pipeline` only.")
    new_data: NewData | None = Field(
        default=None,
        description="With `computedBy: pipeline` only: what the signals are computed on in place of collected data.",
    )
    spark: Spark = Spark()
    period: Period = Field(default=DAY, ge=timedelta(hours=1), le=timedelta(days=30))
    begins_at: datetime = Field(default=EPOCH, description="Of the first slot.")
    window: Period | None = Field(
        default=None, le=YEAR, description="Production data of a run; none: the period, a day at least."
    )
    offset: Period = Field(default=timedelta(), le=YEAR, description="How long before a run its data ends (D16).")
    emails: tuple[Email, ...] = Field(
        default=(),
        max_length=10,
        description="Whom Azure ML itself writes to. With an address it writes what was found to the monitor's own "
        "run, where it can be read back by ARM, too.",
    )
    watch: Watch | None = Field(
        default=None,
        description="What the control plane's own sweep holds the endpoint and its deployments against; none: the "
        "defaults, or what another monitor of the endpoint says.",
    )
    signals: tuple[MonitorSignal, ...] = Field(min_length=1, max_length=10)
    alerts: tuple[EndpointAlert, ...] = Field(default=(), max_length=20)

    @property
    def production_window(self) -> timedelta:
        return self.window or max(self.period, DAY)


class Monitor(Declared):
    """With what it has in Azure."""

    KIND: ClassVar[str] = "monitor"
    INDEX: ClassVar[str] = "mo"

    spec: MonitorSpec
    made: tuple[str, ...] = ()
    """ARM ids of what may stand in Azure for it: stored before the first write of each, and only of what was not there
    or is ours."""
    marks: bool = False
    """All that it has in Azure carries our mark. Rows of before have none, until a tick has marked what they made."""


def signal_name(monitor: str, signal: str) -> str:
    """D19: the message of a breach carries the signal's name and no other, so that has to say whose it is."""
    return f"{monitor}_{signal}"


def slot_of(spec: MonitorSpec, at: datetime) -> datetime:
    """The scheduled time of the window that a run at this time belongs to: the latest slot not after it."""
    return spec.begins_at + (at - spec.begins_at) // spec.period * spec.period


def data_of(spec: MonitorSpec, slot: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the production data that the run of a slot looks at: as long as its window, and as long before
    the slot as its offset says (D16)."""
    end = slot - spec.offset
    return end - spec.production_window, end


def reference_window(spec: MonitorSpec, signal: MonitorSignal) -> timedelta:
    """As long as production's own unless it says otherwise."""
    return signal.reference.window or spec.production_window


def reference_offset(spec: MonitorSpec, signal: MonitorSignal) -> timedelta:
    """D15: twice the window, so that it ends where production's window has not begun."""
    return signal.reference.offset if signal.reference.offset is not None else 2 * spec.production_window + spec.offset
