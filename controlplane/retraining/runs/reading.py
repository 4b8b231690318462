"""A run's job as ARM shows it: state, tags, metrics, links. Pure; a job's tags are its pipeline's words.

What the pipeline's last step writes, as tags of the job (of all that a run writes these alone can be read through ARM):

========================  ==============================================================================
``cp.metric.<name>``      the challenger's metric
``cp.champion.<name>``    the champion's, on the same data; ``cp.champion`` = ``none`` says there is none
``cp.metricData``         what the challenger was measured on, ``cp.championData`` what the champion was
``cp.dataVersion``        what was trained on
``cp.registeredModel``    ``name:version`` of what it registered
========================  ==============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.clouds import is_own_page
from controlplane.json_types import JsonObject
from controlplane.retraining.policy import PipelineKind
from controlplane.retraining.runs.gate import Measured
from controlplane.retraining.runs.model import Run

OWNER_TAG = "cp.decisionId"
METRIC, CHAMPION = "cp.metric.", "cp.champion."
_NO_CHAMPION, _CHALLENGER_DATA, _CHAMPION_DATA = "cp.champion", "cp.metricData", "cp.championData"
DATA_VERSION, REGISTERED = "cp.dataVersion", "cp.registeredModel"
ENDED = frozenset({"Completed", "Failed", "Canceled"})
STOPPING = frozenset({"CancelRequested"})
_MOST_METRICS = 100


@dataclass(frozen=True, slots=True)
class JobReading:
    """``owner`` None: no decision's tag stands on it. ``why``: what Azure ML says of its state."""

    status: str | None
    owner: str | None
    tags: Mapping[str, str]
    studio_url: str | None
    why: str
    endpoint: str | None = None
    deployment: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def is_stopping(self) -> bool:
        return self.status in STOPPING


def reading_of(job: JsonObject) -> JobReading:
    """Raises nothing: what has another shape is not there."""
    properties = _object(job.get("properties"))
    tags = {str(key): str(value) for key, value in _object(properties.get("tags")).items() if value is not None}
    own = _object(properties.get("properties"))
    studio = _object(_object(properties.get("services")).get("Studio")).get("endpoint")
    status = properties.get("status")
    return JobReading(
        status=status if isinstance(status, str) else None,
        owner=tags.get(OWNER_TAG),
        tags=tags,
        studio_url=studio if isinstance(studio, str) and is_own_page(studio) else None,
        why=str(properties.get("statusMessage") or "")[:1000],
        endpoint=_text(own.get("azureml.batchendpointid")),
        deployment=_text(own.get("azureml.deploymentname")),
    )


def is_ours(run: Run, job: JobReading) -> bool:
    """By the decision's tag. An invocation of a batch endpoint cannot bring tags along: until we have written them, a
    job without an owner is ours when it came of our endpoint and deployment under our name."""
    if job.owner is not None:
        return job.owner == run.decision_id
    pipeline = run.pipeline
    if pipeline.kind is not PipelineKind.BATCH_DEPLOYMENT or job.endpoint is None:
        return False
    # Azure writes an id or a name there.
    endpoint = job.endpoint.rpartition("/")[2].lower()
    return (endpoint, job.deployment) == (pipeline.name.lower(), pipeline.deployment)


def measured_of(job: JobReading) -> Measured:
    """What the gate judges."""
    return Measured(
        challenger=_metrics(job.tags, METRIC),
        champion=_metrics(job.tags, CHAMPION),
        no_champion=job.tags.get(_NO_CHAMPION, "").strip().lower() == "none",
        challenger_data=job.tags.get(_CHALLENGER_DATA) or None,
        champion_data=job.tags.get(_CHAMPION_DATA) or None,
    )


def finite(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Those that are numbers."""
    return {name: value for name, value in metrics.items() if value is not None}


def _metrics(tags: Mapping[str, str], prefix: str) -> dict[str, float | None]:
    found = [(key.removeprefix(prefix), text) for key, text in sorted(tags.items()) if key.startswith(prefix)]
    return {name: number(text) for name, text in found[:_MOST_METRICS] if 0 < len(name) <= 100}


def number(text: str) -> float | None:
    """None for what is no finite number. Python would read ``1_0`` and other digits as well, which nobody means."""
    if not text.isascii() or "_" in text or len(text) > 50:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
