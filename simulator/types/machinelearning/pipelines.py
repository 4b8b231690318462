"""Pipeline jobs: from a registered component (nested ones opened) or from `jobs`, one step after the other.

NotStarted, Preparing, Running, Completed. Its steps are jobs of their own: each waits for nodes as a command job does,
and tells of itself. A GET of a step answers its properties, which Azure's ARM does not (azure-ai-ml 1.35.2 takes a job
without properties for a step): the setting `stepsInArm` switches that off.
"""

from __future__ import annotations

import base64
import json

from simulator.engine.declaration import ArmError, HookContext, JsonObject, Resource
from simulator.engine.hooks import EngineApi
from simulator.types._shared import parent_id
from simulator.types.machinelearning import models, outcomes
from simulator.types.machinelearning.steps import Step, check_inputs, compute_id, steps_of
from simulator.types.machinelearning.telling import tell_change

TERMINAL = ("Completed", "Failed", "Canceled")
PREPARE_SECONDS, STEP_SECONDS, CANCEL_SECONDS = 10.0, 30.0, 5.0
HIDDEN_STEPS = "hidden_steps"


def need_token(ctx: HookContext) -> None:
    """azure-ai-ml sends a token for Azure ML's own audience with every pipeline job (x-azureml-token), and fetches
    none of another audience; the refusal's words are assumed."""
    if ctx.caller.service or ctx.previous is not None or ctx.resource.properties.get("jobType") != "Pipeline":
        return
    token = ctx.headers.get("x-azureml-token", "")
    audience = str(_claims(token).get("aud") or "")
    if not audience.startswith("https://ml.azure."):
        found = f"its audience is '{audience}'" if token else "the header x-azureml-token is missing"
        raise ArmError(401, "UserError", f"A token for Azure Machine Learning is needed to submit a pipeline: {found}.")


def _claims(token: str) -> JsonObject:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def validate(engine: EngineApi, job: Resource) -> None:
    """Component, inputs, computes of a new pipeline job. Raises UserError."""
    steps_of(engine, job)
    check_inputs(engine, job)


def prepare(engine: EngineApi, job: Resource) -> None:
    """NotStarted is over: the graph is fixed as it is now."""
    try:
        steps = steps_of(engine, job)
    except ArmError as error:  # a component or a cluster has gone since
        finish(engine, job, "Failed", error.message)
        return
    job.private["steps"] = [[step.name, step.component, step.compute] for step in steps]
    job.private["outcome"] = outcomes.outcome_of(engine, job)
    job.properties["status"] = "Preparing"
    engine.schedule(PREPARE_SECONDS, "job-runs", job.id)


def advance(engine: EngineApi, job: Resource) -> None:
    """Start the next step, or end when there is none."""
    steps = [Step(*one) for one in job.private.get("steps", ())]
    done = int(job.private.get("done", 0))
    job.properties["status"] = "Running"
    if done >= len(steps):
        succeed(engine, job)
        return
    start_step(engine, job, steps[done], last=done == len(steps) - 1)


def start_step(engine: EngineApi, job: Resource, step: Step, *, last: bool) -> Resource:
    """A job of its own, told of from its first status on."""
    name = engine.guid("step", job.id, step.name, str(job.private.get("done", 0)))
    workspace_id = parent_id(job.id)
    body: JsonObject = {
        "jobType": "Command", "displayName": step.name, "experimentName": job.properties.get("experimentName"),
        "componentId": step.component or None, "computeId": compute_id(engine, workspace_id, step.compute),
        "properties": _lineage(job), "status": "NotStarted",
    }  # fmt: skip
    outcome = job.private.get("outcome") or {}
    child = engine.put(f"{workspace_id}/jobs/{name}", {"properties": body})
    child.properties["status"] = "NotStarted"
    child.private.update(parent=job.name, root=job.name, seconds=float(outcome.get("seconds", STEP_SECONDS)))
    if last and outcome.get("status") == "Failed":
        child.private["fails"] = str(outcome.get("message") or "The step exited with code 1.")
    job.private["children"] = [*job.private.get("children", ()), child.id]
    engine.save(child)
    engine.save(job)
    engine.schedule(1.0, "job-runs", child.id)
    return child


def _lineage(job: Resource) -> JsonObject:
    """What a step's run says of the run that it belongs to, in its events too: whoever hears of the step finds it."""
    return {
        "azureml.runsource": "azureml.StepRun",
        "azureml.pipelinerunid": job.name,
        "azureml.rootpipelinerunid": job.name,
    }


def step_ended(engine: EngineApi, child: Resource) -> None:
    """A step has come to its end: its pipeline goes on, or ends as it did."""
    job = engine.get(f"{parent_id(child.id)}/jobs/{child.private['parent']}")
    if job is None or job.properties.get("status") in TERMINAL:
        return
    status = child.properties.get("status")
    if job.properties.get("status") == "CancelRequested":
        cancel_children(engine, job)
    elif status == "Completed":
        job.private["done"] = int(job.private.get("done", 0)) + 1
        engine.schedule(0, "job-runs", job.id)
    else:
        finish(engine, job, str(status), str(child.properties.get("statusMessage") or ""))
    engine.save(job)


def succeed(engine: EngineApi, job: Resource) -> None:
    """What the last step wrote is there before the run is told to be Completed."""
    outcome = job.private.get("outcome") or {}
    written = {f"{outcomes.METRIC}{name}": str(value) for name, value in (outcome.get("metrics") or {}).items()}
    written |= {str(name): str(value) for name, value in (outcome.get("tags") or {}).items()}
    write_tags(job, written)
    if model := outcome.get("model"):
        said = {
            "jobName": job.name, "modelUri": f"azureml://jobs/{job.name}/outputs/artifacts/paths/model/",
            "tags": dict(model.get("tags") or {}), "properties": dict(model.get("properties") or {}),
        }  # fmt: skip
        version = models.registered(engine, parent_id(job.id), str(model["name"]), said, str(model.get("version", "")))
        job.private["model"] = version.id
    finish(engine, job, "Completed", "")


def write_tags(job: Resource, written: JsonObject) -> None:
    """What a run writes to its own tags stays when somebody PUTs others."""
    job.properties["tags"] = {**(job.properties.get("tags") or {}), **written}
    job.private["written"] = {**job.private.get("written", {}), **written}


def finish(engine: EngineApi, job: Resource, status: str, why: str) -> None:
    """A pipeline's end. Told of here, because it may come with the event of a step."""
    job.properties["status"] = status
    if why:
        job.properties["statusMessage"] = why
    engine.save(job)
    tell_change(engine, job)


def move(engine: EngineApi, job: Resource) -> None:
    """One event of a pipeline's life."""
    match job.properties.get("status"):
        case "NotStarted":
            prepare(engine, job)
        case "Preparing" | "Running":
            advance(engine, job)
        case "CancelRequested":
            cancel_children(engine, job)


def cancel_children(engine: EngineApi, job: Resource) -> None:
    """A pipeline is canceled when its steps are."""
    running = running_children(engine, job)
    for child in running:
        request_cancel(engine, child)
    if not running:
        finish(engine, job, "Canceled", "")


def request_cancel(engine: EngineApi, job: Resource) -> None:
    status = job.properties.get("status")
    if status in TERMINAL or status == "CancelRequested":
        return
    job.private["had_nodes"] = status in ("Preparing", "Running")
    job.properties["status"] = "CancelRequested"
    engine.save(job)
    engine.schedule(CANCEL_SECONDS, "job-runs", job.id)


def running_children(engine: EngineApi, job: Resource) -> list[Resource]:
    found = (engine.get(one) for one in job.private.get("children", ()))
    return [one for one in found if one is not None and one.properties.get("status") not in TERMINAL]


def hide_step(ctx: HookContext) -> None:
    """With the setting `stepsInArm` off: "pipeline child job has no properties" (azure-ai-ml, entities/_job/job.py)."""
    if ctx.resource.private.get("parent") and ctx.engine.store.kv.get(HIDDEN_STEPS):
        ctx.body["properties"] = None
