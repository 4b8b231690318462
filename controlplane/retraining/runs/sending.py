"""What is sent to Azure ML for a run: one of three pipelines, its inputs, its lineage."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.ml import BatchDeployment, Component, Definition, PipelineJob
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.pipelines import (
    JOB_DEFINITION,
    component_path,
    definition_of,
    latest_version,
    require_deployment,
)
from controlplane.retraining.policy import PipelineKind
from controlplane.retraining.runs.model import Lineage, Run
from controlplane.retraining.runs.rules import labels
from controlplane.retraining.senders import require_no_sender
from controlplane.retraining.signals.evidence import JOBS_API

#: Where a component's commit is told, folded: by azure-ai-ml's git properties, MLflow's, or whoever registers it.
_COMMITS = ("azureml.git.commit", "mlflow.source.git.commit", "git.commit", "git_commit", "gitcommit", "commit")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_DATA = re.compile(r"azureml:[A-Za-z0-9._-]+[:@][A-Za-z0-9._-]+")


_Source = Component | BatchDeployment | Definition


@dataclass(frozen=True, slots=True)
class Letter:
    """The job, and the lineage that stands in its tags."""

    job: PipelineJob
    lineage: Lineage


async def letter(reader: ResourceReader, run: Run) -> Letter:
    """Raises ``Transient``, and ``Rejected`` for a pipeline that is not there or may not be read."""
    pipeline = run.pipeline
    builder = SOURCES.get(pipeline.kind.value)
    if builder is None:
        raise Rejected("PipelineNotFound", f"Nothing here runs a {pipeline.kind.value}.")
    source, told = await builder.of(reader, run)
    data = sorted({value for value in run.inputs.values() if _DATA.fullmatch(value)})
    if data:
        told["data_version"] = ", ".join(data)[:250]
    lineage = run.lineage.model_copy(update=told)
    job = PipelineJob(
        name=run.id,
        owner=run.decision_id,
        source=source,
        experiment=pipeline.experiment,
        compute=pipeline.compute,
        inputs=run.inputs,
        tags=labels(run.model_copy(update={"lineage": lineage})),
    )
    return Letter(job, lineage)


async def _of_component(reader: ResourceReader, run: Run) -> tuple[_Source, dict[str, str | None]]:
    pipeline = run.pipeline
    version = pipeline.version or await latest_version(reader, run.workspace_id, pipeline.name)
    source = Component(f"azureml:{pipeline.name}:{version}")
    return source, {"component": source.ref, "git_commit": await _commit(reader, run, version)}


async def _of_deployment(reader: ResourceReader, run: Run) -> tuple[_Source, dict[str, str | None]]:
    name, deployment = run.pipeline.name, run.pipeline.deployment or ""
    await require_deployment(reader, run.workspace_id, name, deployment)
    return BatchDeployment(name, deployment), {"component": f"batchEndpoints/{name}/deployments/{deployment}"}


async def _of_schedule(reader: ResourceReader, run: Run) -> tuple[_Source, dict[str, str | None]]:
    definition = await definition_of(reader, run.workspace_id, run.pipeline.name)
    return Definition(_filled(definition, run)), {"component": f"schedules/{run.pipeline.name}"}


@dataclass(frozen=True, slots=True)
class Builder:
    """How one kind of pipeline is sent: its source, and what the lineage says of it."""

    of: Callable[[ResourceReader, Run], Awaitable[tuple[_Source, dict[str, str | None]]]]
    requirements: tuple[str, ...] = ()


SOURCES: dict[str, Builder] = {
    PipelineKind.COMPONENT.value: Builder(_of_component, ("S1-14",)),
    PipelineKind.BATCH_DEPLOYMENT.value: Builder(_of_deployment),
    PipelineKind.SCHEDULE.value: Builder(_of_schedule),
}
"""Kind → builder. S1-14: a published pipeline that trains, evaluates and registers."""


async def _commit(reader: ResourceReader, run: Run, version: str) -> str | None:
    """Of the component version, where it says so. That it says nothing stops nobody."""
    path = component_path(run.workspace_id, run.pipeline.name, version)
    body = await reader.get(path, JOBS_API)
    if body is None:
        raise Rejected("PipelineNotFound", f"Component {run.pipeline.name}:{version} is not there any more.")
    # The latest version may be newer than the policy, and so may be what it is made of.
    await require_no_sender(reader, run.workspace_id, body, f"Component {run.pipeline.name}:{version}")
    return commit_of(body)


def commit_of(component: JsonObject) -> str | None:
    """None for what is no commit."""
    properties: Any = component.get("properties")
    told: dict[str, str] = {}
    for name in ("tags", "properties"):
        part = properties.get(name) if isinstance(properties, dict) else None
        if isinstance(part, dict):
            told |= {str(key).lower(): str(value) for key, value in part.items()}
    found = (told[name] for name in _COMMITS if name in told)
    return next((one for one in found if _COMMIT.fullmatch(one)), None)


def _filled(definition: JsonObject, run: Run) -> JsonObject:
    """The schedule's job with our inputs; names of what it does not have are refused, as are paths of this process:
    what is data in the definition takes only what lies in Azure (the writer's rule for components, here for ARM)."""
    before: Any = definition.get("inputs") or {}
    inputs: dict[str, Any] = dict(before) if isinstance(before, dict) else {}
    for name, value in run.inputs.items():
        shape = inputs.get(name)
        if not isinstance(shape, dict):
            raise Rejected("PipelineInputNotAllowed", f"The schedule's job has no input {name!r}.")
        inputs[name] = _input(name, shape, value)
    filled = {**definition, "inputs": inputs, "displayName": run.id}
    if run.pipeline.compute is None:
        return filled
    settings: Any = definition.get("settings") or {}
    compute = f"{run.workspace_id}/computes/{run.pipeline.compute}"
    return {**filled, "settings": {**settings, "default_compute": compute}}


def _input(name: str, shape: Mapping[str, Any], value: str) -> JsonObject:
    if str(shape.get("jobInputType", "")).lower() == "literal":
        return {**shape, "value": value}
    if not JOB_DEFINITION.fullmatch(value):
        raise Rejected("PipelineInputNotAllowed", f"Input {name!r} of the schedule's job takes data in Azure.")
    return {**shape, "uri": value}
