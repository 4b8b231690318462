"""An annotation task: the worst samples of a CV or NLP model, and the labelling project that takes them. Pure but for
reading.

A monitor's pipeline names the samples in the tag ``cp.worstSamples`` of its run (a JSON list of URIs, or one URI of a
file that lists them), or as the run's output ``worst_samples``. They are addresses for people; nothing here opens them.
Shapes: API definition of 2023-06-01-preview (LabelingJob). No API adds single files to a labelling project: with
incremental refresh Azure ML looks for new files below the project's data by itself ("Set up an image labeling project",
incremental refresh), and what lies elsewhere a person copies there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.arm import fold, is_within
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.known import Known
from controlplane.retraining.labeling.azure_side import data_path
from controlplane.retraining.policy import Annotation
from controlplane.retraining.signals.evidence import JOBS_API
from controlplane.retraining.tasks import Task

TAG, OUTPUT = "cp.worstSamples", "worst_samples"
API = "2023-06-01-preview"
_URI = re.compile(r"(azureml|https|wasbs|abfss)://[^\s\"'<>\\]{1,1000}")
_ASSET = re.compile(r"azureml:([^:/]+):([^:/]+)")
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
    reader: ResourceReader, found: Known, task: Task, about: tuple[Annotation, tuple[str, ...]], now: datetime
) -> Task:
    """The task with what is known of its samples and its project; ``about``: the policy's, and the monitor's runs of
    its unread signals, the latest last. Raises ``Transient``: it is read again."""
    rule, run_ids = about
    profile = WORKLOADS.get(found.workload)
    samples = task.samples
    for run_id in run_ids:
        # The latest come first: they are what is served now, and what is beyond the most is the oldest.
        fresh = await _samples(reader, found, run_id, rule.worst_samples)
        samples = tuple(dict.fromkeys((*fresh, *samples)))[:_MOST]
    project = await _project(reader, found, (rule.labeling_project, profile, samples))
    return task.model_copy(
        update={
            "samples": samples,
            "unread": (),
            "labeling_project": rule.labeling_project,
            "text": f"{task.text} {_said(task, profile, samples)} {project}".strip()[:4000],
            "due_at": None,
            "last_modified_at": now,
            "generation": task.generation + 1,
        }
    )


def _said(task: Task, profile: Profile | None, samples: tuple[str, ...]) -> str:
    noun = profile.noun if profile else "samples"
    said = (
        f"{len(samples)} {noun} to look at" if samples else f"Which {noun} were worst, no run says: look at the newest"
    )
    return f"{said}." if task.signal_count == 1 else f"{said}, of {task.signal_count} signals."


async def _samples(reader: ResourceReader, found: Known, run_id: str, most: int) -> tuple[str, ...]:
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


async def _project(
    reader: ResourceReader, found: Known, about: tuple[str | None, Profile | None, tuple[str, ...]]
) -> str:
    """S3-40: labelling is a key element, so what is missing is said; and who adds the samples to it."""
    name, profile, samples = about
    if name is None:
        return "The policy names no labelling project (`annotation.labelingProject`), and the workspace has not one."
    try:
        body = await reader.get(f"{found.workspace_id}/labelingJobs/{name}", API)
    except Rejected as error:
        return f"Labelling project {name} could not be read: {error.code}."
    if body is None:
        return f"Labelling project {name} does not exist."
    properties = _object(body.get("properties"))
    media = _object(properties.get("labelingJobMediaProperties")).get("mediaType")
    if profile is not None and media != profile.media:
        return f"Labelling project {name} is for {media}, not for {profile.noun}."
    paused = " It is paused: a person resumes it." if properties.get("status") == "Paused" else ""
    data = _object(properties.get("dataConfiguration"))
    folder = await _folder(reader, found, str(data.get("dataId") or ""))
    refreshes = data.get("incrementalDataRefresh") == "Enabled"
    return f"{added(name, samples, folder, refreshes=refreshes)}{paused}"


def added(name: str, samples: tuple[str, ...], folder: str | None, *, refreshes: bool) -> str:
    """How samples come into a project: by Azure ML itself, or what a person has to do. Pure."""
    takes = f"Labelling project {name} takes them"
    if not samples:
        return f"{takes}."
    if folder is None:
        return f"{takes}; where its data lies could not be read, so a person adds them."
    if not refreshes:
        return f"{takes}, but does not look for new files (`incrementalRefresh`): a person adds them to {folder}."
    outside = [one for one in samples if not _below(one, folder)]
    if not outside:
        return f"{takes}: they lie below its data, and Azure ML adds them with its next refresh."
    return f"{takes}: {len(outside)} a person copies to {folder}, where Azure ML finds them with its next refresh."


async def _folder(reader: ResourceReader, found: Known, data_id: str) -> str | None:
    """Where the data of a project lies; None: it is not of this workspace, or could not be read."""
    if match := _ASSET.fullmatch(data_id):
        data_id = data_path(found.workspace_id, f"azureml:{match[1]}:{match[2]}")
    if not is_within(fold(data_id), fold(found.workspace_id)):
        return None
    try:
        version = await reader.get(data_id, JOBS_API)
    except Rejected:
        return None
    uri = _object(_object(version).get("properties")).get("dataUri")
    return uri if isinstance(uri, str) and uri else None


def _below(sample: str, folder: str) -> bool:
    """The same datastore may be named with the workspace's whole path or without."""
    short, above = (one.partition("datastores/")[2] or one for one in (sample, folder))
    return short.startswith(above if above.endswith("/") else f"{above}/")


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
