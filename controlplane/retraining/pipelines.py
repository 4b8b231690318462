"""The pipelines that a policy may name, as Azure ML has them: whether they are there, and whether they would take the
policy's inputs. Read when a policy is set, so that what cannot work is refused then and not in the night of the drift.

What cannot be read is not known, and a policy whose pipeline nobody knows is refused with that reason.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.policy import Pipeline, PipelineKind
from controlplane.retraining.senders import NOT_ALLOWED, UNREADABLE, require_no_sender
from controlplane.retraining.signals.evidence import JOBS_API

#: Data in Azure, as an input of a job names it.
JOB_DEFINITION = re.compile(r"(azureml:|https://|abfss://|wasbs://|adl://)\S+")
_LITERAL = frozenset({"string", "number", "integer", "boolean", "literal"})
_JOBS = frozenset({"Pipeline", "Command"})
_TOLD = frozenset({"PipelineNotFound", "PipelineNotAJob", NOT_ALLOWED, UNREADABLE})


async def require_pipeline(reader: ResourceReader, workspace_id: str, pipeline: Pipeline) -> None:
    """Raises ``Rejected("InvalidPolicy")`` with every reason, and what the reader raises when Azure is away."""
    try:
        details = tuple([one async for one in _problems(reader, workspace_id, pipeline)])
    except Rejected as error:
        text = f"Whether the pipeline is there cannot be read, so nobody knows that it would run: {error.message}"
        details = (ErrorDetail("PipelineUnreadable", text, "$.pipeline"),)
    if details:
        text = details[0].message if len(details) == 1 else f"{len(details)} things are wrong with the pipeline."
        raise Rejected("InvalidPolicy", text, target=details[0].target, details=details)


async def _problems(reader: ResourceReader, workspace_id: str, pipeline: Pipeline) -> AsyncIterator[ErrorDetail]:
    missing = await _missing(reader, workspace_id, pipeline)
    if isinstance(missing, ErrorDetail):
        yield missing
    else:
        for one in inputs_wrong(pipeline, missing):
            yield one
    compute = None if pipeline.compute == "serverless" else pipeline.compute
    if compute is not None and await reader.get(f"{workspace_id}/computes/{compute}", JOBS_API) is None:
        yield ErrorDetail("ComputeNotFound", f"The workspace has no compute {compute!r}.", "$.pipeline.compute")


async def _missing(reader: ResourceReader, workspace_id: str, pipeline: Pipeline) -> ErrorDetail | JsonObject:
    """The inputs it declares, or why it is not there. A batch deployment's are its component's, which is not asked."""
    name = pipeline.name
    try:
        if pipeline.kind is PipelineKind.BATCH_DEPLOYMENT:
            await require_deployment(reader, workspace_id, name, pipeline.deployment or "")
            return {}
        if pipeline.kind is PipelineKind.SCHEDULE:
            return {"inputs": (await definition_of(reader, workspace_id, name)).get("inputs") or {}}
        version = pipeline.version or await latest_version(reader, workspace_id, name)
        return await _component(reader, workspace_id, pipeline, version)
    except Rejected as error:
        if error.code not in _TOLD:
            raise
        deployed = pipeline.kind is PipelineKind.BATCH_DEPLOYMENT and error.code == "PipelineNotFound"
        return ErrorDetail(error.code, error.message, "$.pipeline.deployment" if deployed else "$.pipeline.name")


async def _component(
    reader: ResourceReader, workspace_id: str, pipeline: Pipeline, version: str
) -> ErrorDetail | JsonObject:
    name = pipeline.name
    body = await reader.get(component_path(workspace_id, name, version), JOBS_API)
    if body is None:
        return ErrorDetail("PipelineNotFound", f"The workspace has no component {name}:{version}.", "$.pipeline.name")
    spec = _object(_object(body.get("properties")).get("componentSpec"))
    if str(spec.get("type", "pipeline")) != "pipeline":
        text = f"Component {name}:{version} is a {spec.get('type')}; a pipeline component is needed."
        return ErrorDetail("NotAPipeline", text, "$.pipeline.name")
    await require_no_sender(reader, workspace_id, spec, f"Component {name}:{version}")
    if pipeline.compute is None and (step := _without_compute(spec)) is not None:
        text = f"Step {step!r} of component {name}:{version} has no compute of its own: the policy has to name one."
        return ErrorDetail("ComputeMissing", text, "$.pipeline.compute")
    return {"inputs": _object(spec.get("inputs"))}


def _without_compute(spec: JsonObject) -> str | None:
    """The first step that would run nowhere; azure-ai-ml does not send such a job (1.35.2, "validation failed on the
    following fields: jobs.step.compute"). What a nested pipeline's steps run on is not looked at."""
    for name, step in _object(spec.get("jobs")).items():
        shape = _object(step)
        if shape.get("type") != "pipeline" and not (shape.get("computeId") or shape.get("compute")):
            return name
    return None


def inputs_wrong(pipeline: Pipeline, found: JsonObject) -> Iterator[ErrorDetail]:
    """Pure. Nothing is said where nothing is declared (a batch deployment)."""
    if "inputs" not in found:
        return
    declared = _object(found["inputs"])
    for name in (*pipeline.inputs, *pipeline.from_signal):
        at = "inputs" if name in pipeline.inputs else "fromSignal"
        if name not in declared:
            yield ErrorDetail("InputUnknown", f"The pipeline has no input {name!r}.", f"$.pipeline.{at}.{name}")
        elif name in pipeline.inputs and not _takes(_object(declared[name]), pipeline.inputs[name]):
            text = f"Input {name!r} takes data in Azure, such as azureml:orders:3 or azureml://datastores/…."
            yield ErrorDetail("InputNotRemote", text, f"$.pipeline.{at}.{name}")
        elif name in pipeline.from_signal and not _is_literal(_object(declared[name])):
            text = f"Input {name!r} takes data; what a signal tells are texts."
            yield ErrorDetail("InputNotText", text, f"$.pipeline.{at}.{name}")
    given = {*pipeline.inputs, *pipeline.from_signal}
    for name, shape in declared.items():
        if name not in given and not _may_be_left_out(_object(shape)):
            text = f"The pipeline needs input {name!r}, and the policy gives it nothing."
            yield ErrorDetail("InputMissing", text, "$.pipeline.inputs")


def _is_literal(shape: JsonObject) -> bool:
    return str(shape.get("type") or shape.get("jobInputType") or "").lower() in _LITERAL


def _takes(shape: JsonObject, value: str) -> bool:
    return _is_literal(shape) or bool(JOB_DEFINITION.fullmatch(value))


def _may_be_left_out(shape: JsonObject) -> bool:
    """Optional, with a default, or filled already (a schedule's job has its own values)."""
    if shape.get("default") is not None or str(shape.get("optional", "")).lower() == "true":
        return True
    return "jobInputType" in shape


def component_path(workspace_id: str, name: str, version: str) -> str:
    """ARM id of a component's version."""
    return f"{workspace_id}/components/{name}/versions/{version}"


async def latest_version(reader: ResourceReader, workspace_id: str, name: str) -> str:
    """Raises ``Rejected("PipelineNotFound")``."""
    body = await reader.get(f"{workspace_id}/components/{name}", JOBS_API)
    found = _object((body or {}).get("properties")).get("latestVersion")
    if not isinstance(found, str) or not found:
        raise Rejected("PipelineNotFound", f"The workspace has no component {name!r}.")
    return found


async def definition_of(reader: ResourceReader, workspace_id: str, name: str) -> JsonObject:
    """A schedule's job, as it would be PUT. Raises ``Rejected``: ``PipelineNotFound``, ``PipelineNotAJob``,
    ``PipelineNotAllowed``, ``PipelineUnreadable``."""
    body = await reader.get(f"{workspace_id}/schedules/{name}", JOBS_API)
    if body is None:
        raise Rejected("PipelineNotFound", f"The workspace has no schedule {name!r}.")
    action = _object(_object(body.get("properties")).get("action"))
    definition = _object(action.get("jobDefinition"))
    if action.get("actionType") != "CreateJob" or definition.get("jobType") not in _JOBS:
        text = f"Schedule {name!r} has no job definition of its own: {action.get('actionType') or 'no action'}."
        raise Rejected("PipelineNotAJob", text)
    await require_no_sender(reader, workspace_id, definition, f"The job of schedule {name!r}")
    return definition


async def require_deployment(reader: ResourceReader, workspace_id: str, name: str, deployment: str) -> None:
    """Raises ``Rejected``: ``PipelineNotFound``, ``PipelineNotAllowed``, ``PipelineUnreadable``."""
    body = await reader.get(f"{workspace_id}/batchEndpoints/{name}/deployments/{deployment}", JOBS_API)
    if body is None:
        text = f"The workspace has no deployment {deployment!r} of batch endpoint {name!r}."
        raise Rejected("PipelineNotFound", text)
    await require_no_sender(reader, workspace_id, body, f"Deployment {deployment!r} of batch endpoint {name!r}")


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
