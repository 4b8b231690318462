"""Azure ML jobs. A command job: NotStarted, Queued, Preparing, Running, Completed. Pipelines: see pipelines.py.

Shapes: API definition of 2024-01-01-preview and what azure-ai-ml 1.35.2 sends (OBSERVED traces of this project).
Statuses: learn.microsoft.com, JobStatus.
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    ListContext,
    Lro,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Style,
)
from simulator.types._shared import dig, name_of, parent_id
from simulator.types.machinelearning import _lro, monitor_runs, nodes, pipelines, quotas
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.models import has_tag, viewed
from simulator.types.machinelearning.telling import tell_change
from simulator.types.machinelearning.workspaces import WORKSPACE

JOB = f"{WORKSPACE}/jobs"
SERVERLESS_SIZE = "Standard_DS3_v2"  # where a job does not say one
TERMINAL = ("Completed", "Failed", "Canceled")
QUEUE_SECONDS, PREPARE_SECONDS, RUN_SECONDS, RETRY_SECONDS = 2.0, 10.0, 30.0, 60.0


def _defaults(ctx: HookContext) -> JsonObject:
    properties = ctx.request.get("properties") or {}
    return {
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "displayName": ctx.resource.name,
            "experimentName": "Default",
            "isArchived": False,
            "computeId": None,
            "services": _services(ctx),
            **({"resources": {"instanceCount": 1}} if properties.get("jobType") == "Command" else {}),
        }
    }


def _services(ctx: HookContext) -> JsonObject:
    workspace = ctx.engine.get(parent_id(ctx.resource.id))
    region = workspace.location if workspace else ""
    base = f"https://ml.azure.com/runs/{ctx.resource.name}?wsid={parent_id(ctx.resource.id)}"
    return {
        "Tracking": {
            "jobServiceType": "Tracking",
            "endpoint": f"azureml://{region}.api.azureml.ms/mlflow/v1.0{parent_id(ctx.resource.id)}?",
            "port": None,
            "status": None,
            "properties": None,
        },
        "Studio": {"jobServiceType": "Studio", "endpoint": base, "port": None, "status": None, "properties": None},
    }


def compute_of(engine: EngineApi, job: Resource) -> Resource | None:
    """The job's cluster: an id, or a name within the workspace."""
    wanted = dig(job.body, "properties.computeId")
    if not wanted:
        return None
    wanted = str(wanted)
    return engine.get(wanted if wanted.startswith("/") else f"{parent_id(job.id)}/computes/{name_of(wanted)}")


def nodes_of(job: Resource) -> int:
    return int(dig(job.body, "properties.resources.instanceCount", 1) or 1)


#: What a PUT of a job that exists may change. Source: azure-ai-ml's documentation of jobs.create_or_update.
CHANGEABLE = ("description", "displayName", "tags", "isArchived", "properties")


#: What a PUT of a pipeline job that exists may not change. Inputs and graph are what the run began with.
FIXED = (
    "jobType", "command", "computeId", "environmentId", "codeId",
    "componentId", "inputs", "outputs", "jobs", "settings", "experimentName",
)  # fmt: skip


def validate(ctx: HookContext) -> None:
    """A job is submitted once, to a cluster that is there.

    "A job with this name already exists" is quoted by users of `az ml job create`; the other words are assumed, the
    code is the provider's.
    """
    job = ctx.resource
    if ctx.previous is not None:
        asked, before = dict(ctx.request.get("properties") or {}), job.private.get("asked", {})
        fixed = FIXED if job.properties.get("jobType") == "Pipeline" else FIXED[:5]
        if any(name in asked and asked[name] != before.get(name) for name in fixed):
            raise ArmError(
                400,
                "UserError",
                "A job with this name already exists. If you are trying to submit a new job, use a different name. If "
                "you are trying to update an existing job, the existing job's properties other than "
                f"{', '.join(CHANGEABLE)} cannot be changed.",
            )
        return
    if dig(job.body, "properties.jobType") == "Pipeline":
        pipelines.validate(ctx.engine, job)
    elif dig(job.body, "properties.computeId") and compute_of(ctx.engine, job) is None:
        raise ArmError(
            400, "UserError", f"Unknown compute target '{name_of(str(dig(job.body, 'properties.computeId')))}'."
        )


def start(ctx: HookContext) -> None:
    """A new job waits for nodes; a PUT of a job that exists changes its description, not its run."""
    job = ctx.resource
    if ctx.previous is not None:
        job.properties["status"] = dig(ctx.previous, "properties.status")
        job.properties["tags"] = {**(job.properties.get("tags") or {}), **job.private.get("written", {})}
        return
    asked = dict(ctx.request.get("properties") or {})
    job.private["asked"] = {name: asked[name] for name in FIXED if name in asked}
    job.properties["status"] = "NotStarted"
    ctx.engine.schedule(QUEUE_SECONDS, "job-runs", job.id)


def lives(ctx: HookContext) -> None:
    """One step of a job's life, and the events that tell of it."""
    job = ctx.resource
    if ctx.data.get("again"):
        job.private.pop("asks_again", None)
    if ctx.data.get("while") not in (None, job.properties.get("status")):
        return  # it asked for nodes again, and has them by now
    if job.properties.get("jobType") == "Pipeline":
        (monitor_runs if job.private.get("monitor") else pipelines).move(ctx.engine, job)
    else:
        step(ctx)
    tell_change(ctx.engine, job)
    if job.private.get("parent") and job.properties.get("status") in TERMINAL:
        pipelines.step_ended(ctx.engine, job)


def list_jobs(ctx: ListContext) -> list[Resource]:
    """`jobType`, `tag` (a key) and `listViewType` narrow the list; steps of pipelines are not in it. `scheduled` and
    `scheduleId`: what schedules have started (2024-01-01-preview)."""
    query = ctx.query
    found = [one for one in viewed(ctx, ctx.engine.children(ctx.scope, JOB)) if not one.private.get("parent")]
    if kind := query.get("jobType"):
        found = [one for one in found if str(one.properties.get("jobType")).lower() == kind.lower()]
    if tag := query.get("tag"):
        found = [one for one in found if has_tag(one, tag)]
    if str(query.get("scheduled", "")).lower() == "true":
        found = [one for one in found if one.private.get("schedule")]
    if schedule := query.get("scheduleId"):
        found = [one for one in found if str(one.private.get("schedule", "")).lower() == schedule.lower()]
    return found[::-1]  # the newest first


def step(ctx: HookContext) -> None:
    """Each step schedules the next."""
    job = ctx.resource
    match dig(job.body, "properties.status"):
        case "NotStarted":
            job.properties["status"] = "Queued"
            _ask_for_nodes(ctx, job)
        case "Queued":
            compute = compute_of(ctx.engine, job)
            if compute is not None and nodes.occupy(ctx.engine, compute, nodes_of(job)):
                job.properties["status"] = "Preparing"
                job.properties.pop("statusMessage", None)
                ctx.engine.schedule(PREPARE_SECONDS, "job-runs", job.id)
            else:
                _ask_for_nodes(ctx, job)
        case "Preparing":
            job.properties["status"] = "Running"
            ctx.engine.schedule(float(job.private.get("seconds", RUN_SECONDS)), "job-runs", job.id)
        case "Running" if job.private.get("signal"):
            monitor_runs.evaluated(ctx.engine, job)
        case "Running" | "Finalizing":
            _end(job)
            _free_nodes(ctx, job)
        case "CancelRequested":
            job.properties["status"] = "Canceled"
            if job.private.get("had_nodes"):
                _free_nodes(ctx, job)


def _end(job: Resource) -> None:
    why = job.private.get("fails")
    job.properties["status"] = "Failed" if why else "Completed"
    if why:
        job.properties["statusMessage"] = why


def _ask_for_nodes(ctx: HookContext, job: Resource) -> None:
    """Serverless jobs (no compute) run at once, unless the workspace's quota does not allow it; others need nodes. Both
    ask again while they cannot have them: nodes may be others', a cluster's maximum may be raised."""
    compute = compute_of(ctx.engine, job)
    if compute is None and (why := _no_quota(ctx.engine, job)):
        job.properties["statusMessage"] = why
        _ask_again(ctx.engine, job)
        return
    if compute is None:
        job.properties.pop("statusMessage", None)
        job.properties["status"] = "Preparing"
        ctx.engine.schedule(PREPARE_SECONDS, "job-runs", job.id)
        return
    idle = int(dig(nodes.inner(compute), "nodeStateCounts.idleNodeCount", 0))
    why = None
    if idle < nodes_of(job):
        running = int(dig(nodes.inner(compute), "nodeStateCounts.runningNodeCount", 0))
        why = nodes.request_nodes(ctx.engine, compute, running + nodes_of(job))
        _ask_again(ctx.engine, job)
    else:
        ctx.engine.schedule(0, "job-runs", job.id, {"while": "Queued"})
    if why is not None:
        job.properties["statusMessage"] = why


def _ask_again(engine: EngineApi, job: Resource) -> None:
    """Later, and once for however many reasons."""
    if not job.private.get("asks_again"):
        job.private["asks_again"] = True
        engine.schedule(RETRY_SECONDS, "job-runs", job.id, {"while": "Queued", "again": True})


def _no_quota(engine: EngineApi, job: Resource) -> str | None:
    if job.properties.get("jobType") != "Command":
        return None
    asked = job.properties.get("resources") or {}
    size, count = asked.get("instanceType") or SERVERLESS_SIZE, int(asked.get("instanceCount") or 1)
    return quotas.exceeded(engine, parent_id(job.id), size, count)


def _free_nodes(ctx: HookContext, job: Resource) -> None:
    compute = compute_of(ctx.engine, job)
    if compute is not None:
        nodes.vacate(ctx.engine, compute, nodes_of(job))


def cancel(ctx: HookContext) -> Answer:
    pipelines.request_cancel(ctx.engine, ctx.resource)
    return Answer(200, None)


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=JOB,
        create=Lro(Style.SYNC, 201),
        update=Lro(Style.SYNC, 200),
        delete=_lro.mfe("jd", 202, "Deleting", 5),
        location="none",
        tags=False,
        provisioning_state=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        required=(Required("properties.jobType", "UserError", "The property 'jobType' of job '{name}' is required."),),
        read_only=(ReadOnly("properties.status"), ReadOnly("properties.services")),
        defaults=_defaults,
        actions=(Action("cancel", cancel),),
        lister=list_jobs,
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "job-compute", validate),
            Hook(Phase.VALIDATE, "pipeline-needs-token", pipelines.need_token),
            Hook(Phase.ACCEPTED, "job-runs", start),
            Hook(Phase.EVENT, "job-runs", lives),
            Hook(Phase.READ, "steps-are-not-in-arm", pipelines.hide_step),
        ),
    ),
)
