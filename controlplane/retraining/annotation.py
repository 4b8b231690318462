"""An annotation task: the worst samples of a CV or NLP model, and the labelling project that takes them. Pure but for
reading.

A monitor's pipeline names the samples in the tag ``cp.worstSamples`` of its run (a JSON list of URIs, or one URI of a
file that lists them), or as the run's output ``worst_samples``. They are addresses for people; nothing here opens them.
Shapes: API definition of 2023-06-01-preview (LabelingJob).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.known import Known
from controlplane.retraining.policy import Annotation
from controlplane.retraining.signals.evidence import JOBS_API
from controlplane.retraining.tasks import Task

TAG, OUTPUT = "cp.worstSamples", "worst_samples"
API = "2023-06-01-preview"
_URI = re.compile(r"(azureml|https|wasbs|abfss)://[^\s\"'<>\\]{1,1000}")
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Profile:
    """What a workload's samples are. ``media`` as a labelling project calls it."""

    media: str
    noun: str
    requirements: tuple[str, ...]


#: Workloads that are never trained again on their own: people look first, and it goes back to the inner loop.
WORKLOADS: Mapping[str, Profile] = {
    "cv": Profile("Image", "images", ("S3-40", "S3-43")),
    "nlp": Profile("Text", "texts", ("S3-48",)),
}


async def annotated(
    reader: ResourceReader, found: Known, task: Task, about: tuple[Annotation, str | None], now: datetime
) -> Task:
    """The task with what is known of its samples and its project; ``about``: the policy's, and the monitor's run.
    Raises ``Transient``: it is read again."""
    rule, run_id = about
    profile = WORKLOADS.get(found.workload)
    samples = await _samples(reader, found, run_id, rule.worst_samples)
    noun = profile.noun if profile else "samples"
    said = (
        f"{len(samples)} {noun} to look at."
        if samples
        else f"Which {noun} were worst, no run says: look at the newest."
    )
    project = await _project(reader, found, rule.labeling_project, profile)
    return task.model_copy(
        update={
            "samples": samples,
            "labeling_project": rule.labeling_project,
            "text": f"{task.text} {said} {project}".strip()[:4000],
            "due_at": None,
            "last_modified_at": now,
            "generation": task.generation + 1,
        }
    )


async def _samples(reader: ResourceReader, found: Known, run_id: str | None, most: int) -> tuple[str, ...]:
    if run_id is None:
        return ()
    try:
        job = await reader.get(f"{found.workspace_id}/jobs/{run_id}", JOBS_API)
    except Rejected:
        return ()
    return samples_of(job or {}, most)


def samples_of(job: JsonObject, most: int) -> tuple[str, ...]:
    """What a run says; what is no URI is left out."""
    properties = _object(job.get("properties"))
    text = _object(properties.get("tags")).get(TAG)
    named = _listed(text) if isinstance(text, str) else ()
    if not named:
        named = (_object(_object(properties.get("outputs")).get(OUTPUT)).get("uri"),)
    uris = (one for one in named if isinstance(one, str) and _URI.fullmatch(one))
    return tuple(dict.fromkeys(uris))[: min(most, _MOST)]


def _listed(text: str) -> tuple[Any, ...]:
    if len(text) > 1_000_000:
        return ()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return (text.strip(),)
    return tuple(found) if isinstance(found, list) else ()


async def _project(reader: ResourceReader, found: Known, name: str | None, profile: Profile | None) -> str:
    """S3-40: labelling is a key element, so what is missing is said."""
    if name is None:
        return "The policy names no labelling project (`annotation.labelingProject`)."
    try:
        body = await reader.get(f"{found.workspace_id}/labelingJobs/{name}", API)
    except Rejected as error:
        return f"Labelling project {name} could not be read: {error.code}."
    if body is None:
        return f"Labelling project {name} does not exist."
    media = _object(_object(body.get("properties")).get("labelingJobMediaProperties")).get("mediaType")
    if profile is not None and media != profile.media:
        return f"Labelling project {name} is for {media}, not for {profile.noun}."
    return f"Labelling project {name} takes them."


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
