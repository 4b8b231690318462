"""Where a model version comes from, as Azure tells it: the version, its job, and our run where it is one. Pure.

Sources: API definition of ModelVersion and JobBase; learn.microsoft.com, "Work with registered models in Azure Machine
Learning" (paths of a job's outputs) and "Git integration for Azure Machine Learning" (names of properties).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.promotion.model import ModelLineage
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signals.eventgrid import is_name, time_of

#: ``azureml://jobs/{job}/outputs/…``, ``runs:/{run}/…``, and the artifact store's ``ExperimentRun/dcid.{run}/…``.
_PATHS = (
    re.compile(r"^azureml://(?:.*/)?jobs/([^/]+)/outputs/"),
    re.compile(r"^runs:/([^/]+)/"),
    re.compile(r"/ExperimentRun/dcid\.([^/]+)/"),
)
_COMMITS = ("azureml.git.commit", "mlflow.source.git.commit")
#: Of a step's run: the run of the whole pipeline.
_ROOTS = ("azureml.rootpipelinerunid", "azureml.pipelinerunid")
_DATA = frozenset({"uri_file", "uri_folder", "mltable"})
_MOST_DATA = 20


def job_of(version: JsonObject) -> str | None:
    """The job that made it: what `jobName` says, else what its path says."""
    properties = found_object(version, "properties")
    named = properties.get("jobName")
    if isinstance(named, str) and is_name(named):
        return named
    path = str(properties.get("modelUri") or "")
    found = next((match.group(1) for match in (one.search(path) for one in _PATHS) if match), None)
    return found if found is not None and is_name(found) else None


def root_of(job: JsonObject | None) -> str | None:
    """The run of the pipeline that a step belongs to."""
    own = found_object(job or {}, "properties", "properties")
    found = next((own[name] for name in _ROOTS if isinstance(own.get(name), str)), None)
    return found if found is not None and is_name(found) else None


def lineage_of(version: JsonObject, job: JsonObject | None, run: Run | None) -> ModelLineage:
    """What is not told is None. ``job`` None: there is none, or it is not shown."""
    system = found_object(version, "systemData")
    own = {**found_object(version, "properties", "properties"), **found_object(job or {}, "properties", "properties")}
    commit = next((str(own[name]) for name in _COMMITS if own.get(name)), None)
    by = system.get("createdBy")
    return ModelLineage(
        job=job_of(version),
        run_id=run.id if run else None,
        git_commit=(commit or (run.lineage.git_commit if run else None) or "")[:200] or None,
        data=_data(job),
        created_by=str(by)[:200] if by else None,
        created_at=time_of(system.get("createdAt")),
    )


def tags_of(job: JsonObject | None) -> Mapping[str, str]:
    """What a job says of itself. The version's own tags are anybody's words and are not read."""
    found = found_object(job or {}, "properties", "tags")
    return {str(key): str(value) for key, value in found.items() if value is not None}


def made_at(version: JsonObject) -> datetime | None:
    return time_of(found_object(version, "systemData").get("createdAt"))


def found_object(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """What lies there, or nothing where it has another shape."""
    found: Any = value
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _data(job: JsonObject | None) -> tuple[str, ...]:
    inputs = found_object(job or {}, "properties", "inputs")
    found = [
        str(one["uri"])[:1000]
        for one in inputs.values()
        if isinstance(one, Mapping) and one.get("jobInputType") in _DATA and one.get("uri")
    ]
    return tuple(found[:_MOST_DATA])
