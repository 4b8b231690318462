"""Which model version a run's job registered, read back from Azure ML."""

from __future__ import annotations

import re
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.runs.model import Run
from controlplane.retraining.runs.reading import REGISTERED, JobReading
from controlplane.retraining.signals.evidence import JOBS_API

_NAMED = re.compile(r"(?:azureml:)?([A-Za-z0-9][A-Za-z0-9._-]{0,254}):([A-Za-z0-9][A-Za-z0-9._-]{0,29})")


async def registered_by(reader: ResourceReader, run: Run, job: JobReading) -> str | None:
    """``name:version``: what the job's tag names, when that version says that it is this job's; else the version of the
    run's model that says so. None: no such version. Raises what the reader raises."""
    named = _NAMED.fullmatch(job.tags.get(REGISTERED, ""))
    if named is not None:
        name, version = named.groups()
        body = await reader.get(f"{run.workspace_id}/models/{name}/versions/{version}", JOBS_API)
        return f"{name}:{version}" if body is not None and is_of(body, run.id) else None
    found = await reader.list(f"{run.workspace_id}/models/{run.model}/versions", JOBS_API)
    mine = [str(one.get("name")) for one in found if is_of(one, run.id)]
    return f"{run.model}:{max(mine, key=_order)}" if mine else None


def is_of(version: JsonObject, job: str) -> bool:
    """By ``jobName``, or by the job in its path (``azureml://jobs/{name}/outputs/…``), as MLflow registers it."""
    properties: Any = version.get("properties")
    told = properties if isinstance(properties, dict) else {}
    return told.get("jobName") == job or f"/jobs/{job}/" in str(told.get("modelUri", ""))


def _order(version: str) -> tuple[int, str]:
    return (int(version) if version.isascii() and version.isdigit() else -1, version)
