"""What Event Grid brings of machine learning workspaces, in either schema. Pure; nothing in it is trusted.

Source: "Azure Machine Learning as an Event Grid source" (names of types and fields; the case of fields differs between
its samples and its filters) and facts of the Functions extension (one invocation per event).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from controlplane.arm import fold, type_of

WORKSPACE = "microsoft.machinelearningservices/workspaces"
PREFIX = "Microsoft.MachineLearningServices."
RUN_STATUS_CHANGED = f"{PREFIX}RunStatusChanged"
RUN_COMPLETED = f"{PREFIX}RunCompleted"
MODEL_REGISTERED = f"{PREFIX}ModelRegistered"
MODEL_DEPLOYED = f"{PREFIX}ModelDeployed"
DATASET_DRIFT = f"{PREFIX}DatasetDriftDetected"
_TYPES = {
    name.lower(): name for name in (RUN_STATUS_CHANGED, RUN_COMPLETED, MODEL_REGISTERED, MODEL_DEPLOYED, DATASET_DRIFT)
}
#: Azure ML's names of runs and models; anything else could not be read back.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_MOST_TAGS = 200
_MAX_TIME = 50
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: A step's property that names its pipeline's run. Source: azure-ai-ml and mlflow's runs of Azure ML.
ROOT_RUN = "azureml.rootpipelinerunid"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event, normalised. ``topic`` is a workspace's ARM id, folded. ``run_id`` or ``model`` and ``version`` are
    names that Azure ML allows."""

    event_id: str
    type: str
    topic: str
    at: datetime
    run_id: str | None = None
    root_run_id: str | None = None
    """Of a pipeline's step: the pipeline's own run, as the step says it."""
    status: str | None = None
    tags: Mapping[str, str] | None = None
    model: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Unheard:
    """Why an event is left alone."""

    reason: str


def decode(event: Mapping[str, Any]) -> Heard | Unheard:
    """One event in Event Grid's schema or as a CloudEvent; field names in any case, unknown fields ignored."""
    envelope = _lower(event)
    said = envelope.get("eventtype") or envelope.get("type")
    kind = _TYPES.get(said.lower()) if isinstance(said, str) else None
    if kind is None:
        return Unheard("its type is none of Azure Machine Learning's")
    if kind == DATASET_DRIFT:
        return Unheard("dataset drift of v1 is not model monitoring")
    topic = envelope.get("topic") or envelope.get("source")
    if not isinstance(topic, str) or len(topic) > 1000 or type_of(topic).lower() != WORKSPACE:
        return Unheard("its topic is no machine learning workspace")
    at = time_of(envelope.get("eventtime") or envelope.get("time"))
    event_id, data = envelope.get("id"), envelope.get("data")
    if at is None or not isinstance(event_id, str) or not event_id or not isinstance(data, Mapping):
        return Unheard("its id, time or data is missing")
    return _content(Heard(plain(event_id, 200), kind, fold(plain(topic, 1000)), at), _lower(data))


def _content(heard: Heard, data: Mapping[str, Any]) -> Heard | Unheard:
    if heard.type in (RUN_STATUS_CHANGED, RUN_COMPLETED):
        run = _name(data.get("runid"))
        if run is None:
            return Unheard("it names no run")
        status = data.get("runstatus") or ("Completed" if heard.type == RUN_COMPLETED else None)
        said = plain(status, 50) if isinstance(status, str) else None
        root = _name(_tags(data.get("runproperties")).get(ROOT_RUN))
        return replace(heard, run_id=run, root_run_id=root, status=said, tags=_tags(data.get("runtags")))
    if heard.type == MODEL_REGISTERED:
        model, version = _name(data.get("modelname")), data.get("modelversion")
        readable = isinstance(version, str | int) and not isinstance(version, bool)
        found = _name(str(version)) if readable else None
        if model is None or found is None:
            return Unheard("it names no model version")
        return replace(heard, model=model, version=found, tags=_tags(data.get("modeltags")))
    return Unheard("nothing is decided by it")


def _lower(value: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): item for key, item in value.items()}


def is_name(text: str) -> bool:
    """Whether Azure ML would take it as the name of a run or a model."""
    return bool(_NAME.fullmatch(text))


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and is_name(value) else None


def _tags(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    # What is nested is nobody's tag, and to print it could go as deep as it is nested.
    found = ((key, item) for key, item in islice(value.items(), _MOST_TAGS) if isinstance(item, str | int | float))
    return {str(key): str(item) for key, item in found}


def plain(text: str, most: int) -> str:
    """Text that any store takes: cut, and half characters and control characters replaced."""
    cut = text[:most].encode("utf-8", "replace").decode()
    return _CONTROL.sub("?", cut)


def time_of(value: object) -> datetime | None:
    """In UTC; None for what is no time. Seven digits of a second, as .NET writes them, are more than Python reads."""
    found = value
    try:
        if isinstance(value, str) and len(value) <= _MAX_TIME:
            found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
        if not isinstance(found, datetime):
            return None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # a moment of the year 0 or 10000, seen from Greenwich
        return None
