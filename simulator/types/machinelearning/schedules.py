"""Schedules: jobs, batch invocations and monitors that start at their times.

Shapes: API definitions of 2023-06-01-preview and 2024-01-01-preview, and what azure-ai-ml 1.35.2 sends. Times: see
triggers.py. A run is named as the documentation names it: `{schedule}-{yyyyMMddTHHmmssZ}` ("Schedule machine learning
pipeline jobs"). At a time scale above 1 the time between two runs is divided by it, and each run has the time for which
it was planned in its name.
"""

from __future__ import annotations

from datetime import datetime

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    ListContext,
    Phase,
    Required,
    Resource,
    ResourceType,
)
from simulator.types._shared import dig, parent_id
from simulator.types.machinelearning import _lro, batch, monitor_rules, monitor_runs, pipelines, triggers
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.workspaces import WORKSPACE

SCHEDULE = f"{WORKSPACE}/schedules"
ACTIONS = ("CreateJob", "InvokeBatchEndpoint", "CreateMonitor")
PROVISIONING_SECONDS = 5.0


def validate(ctx: HookContext) -> None:
    """Trigger and action are such that the first run would start. Raises UserError; sentences assumed."""
    properties = ctx.resource.properties
    triggers.check(properties.get("trigger") or {})
    action = properties.get("action") or {}
    match action.get("actionType"):
        case "CreateJob":
            definition = action.get("jobDefinition")
            if not isinstance(definition, dict):
                raise ArmError(400, "UserError", "The property 'jobDefinition' of the schedule's action is required.")
            _job_rules(ctx, definition)
        case "InvokeBatchEndpoint":
            batch.endpoint_of(ctx.engine, parent_id(ctx.resource.id), action)
        case "CreateMonitor":
            monitor_rules.check(ctx.engine, parent_id(ctx.resource.id), action.get("monitorDefinition"))
        case other:
            raise ArmError(400, "UserError", f"The action type '{other}' is not one of {', '.join(ACTIONS)}.")


def _job_rules(ctx: HookContext, definition: JsonObject) -> None:
    source = _source(ctx.engine, parent_id(ctx.resource.id), definition)
    job = Resource(
        f"{parent_id(ctx.resource.id)}/jobs/{ctx.resource.name}", "", ctx.resource.name, {"properties": source}
    )
    if source.get("jobType") == "Pipeline":
        pipelines.validate(ctx.engine, job)


def _source(engine: EngineApi, workspace_id: str, definition: JsonObject) -> JsonObject:
    """A job's definition, or that of the job it names (`sourceJobId`)."""
    wanted = str(definition.get("sourceJobId") or "")
    if not wanted:
        return definition
    found = engine.get(wanted if wanted.startswith("/") else f"{workspace_id}/jobs/{wanted.removeprefix('azureml:')}")
    if found is None:
        raise ArmError(400, "UserError", f"The source job '{wanted}' does not exist.")
    asked: JsonObject = found.private.get("asked") or {}
    return {**asked, **{name: value for name, value in definition.items() if value and name != "sourceJobId"}}


def plan(ctx: HookContext) -> None:
    """The next run is planned anew with every write; what was planned before does not happen."""
    schedule = ctx.resource
    schedule.private["plan"] = int(schedule.private.get("plan", 0)) + 1
    schedule.private.setdefault("created", ctx.engine.now().isoformat())
    _plan_next(ctx.engine, schedule, ctx.engine.now())


def _plan_next(engine: EngineApi, schedule: Resource, after: datetime) -> None:
    if not schedule.properties.get("isEnabled", True):
        return
    created = datetime.fromisoformat(schedule.private["created"])
    due = triggers.following(schedule.properties.get("trigger") or {}, after, created)
    if due is not None:
        mark = {"plan": schedule.private["plan"], "due": due.isoformat()}
        engine.schedule((due - after).total_seconds(), "schedule-runs", schedule.id, mark)


def comes_due(ctx: HookContext) -> None:
    schedule = ctx.resource
    if ctx.data.get("plan") != schedule.private.get("plan"):
        return
    due = datetime.fromisoformat(ctx.data["due"])
    run(ctx.engine, schedule, due)
    _plan_next(ctx.engine, schedule, due)


def run(engine: EngineApi, schedule: Resource, due: datetime) -> str:
    """Start what the schedule is for; the name of the job."""
    workspace_id, action = parent_id(schedule.id), schedule.properties.get("action") or {}
    name = f"{schedule.name}-{due.strftime('%Y%m%dT%H%M%SZ')}"
    if engine.get(f"{workspace_id}/jobs/{name}") is not None:
        name = f"{name}-{engine.digits('run', schedule.id, str(schedule.private.get('runs', 0)), length=6)}"
    schedule.private["runs"] = int(schedule.private.get("runs", 0)) + 1
    match action.get("actionType"):
        case "CreateMonitor":
            job = monitor_runs.begin(engine, schedule, name, due)
        case "InvokeBatchEndpoint":
            job = batch.start(engine, batch.endpoint_of(engine, workspace_id, action), action, name)
        case _:
            job = _submit(engine, workspace_id, action, name)
    job.private["schedule"] = schedule.name
    engine.save(job)
    return job.name


def _submit(engine: EngineApi, workspace_id: str, action: JsonObject, name: str) -> Resource:
    """A job as its definition says; a Failed one with the reason where it would be refused now."""
    path, definition = f"{workspace_id}/jobs/{name}", dict(action.get("jobDefinition") or {})
    try:
        body = {**_source(engine, workspace_id, definition), "displayName": name}
        return engine.put(path, {"properties": body}, as_request=True)
    except ArmError as error:
        body = {"jobType": "Pipeline", "displayName": name}
        job = engine.put(path, {"properties": body})
        pipelines.finish(engine, job, "Failed", error.message)
        return job


def trigger_once(ctx: HookContext) -> Answer:
    """POST trigger (2024-01-01-preview): a run now, of an enabled schedule (words assumed)."""
    if not ctx.resource.properties.get("isEnabled", True):
        raise ArmError(400, "UserError", f"The schedule '{ctx.resource.name}' is disabled and cannot be triggered.")
    wanted = triggers.moment(ctx.request, "scheduleTime") or ctx.engine.now()
    name = run(ctx.engine, ctx.resource, wanted)
    return Answer(
        200, {"submissionId": name, "scheduleActionType": dig(ctx.resource.body, "properties.action.actionType")}
    )


def list_schedules(ctx: ListContext) -> list[Resource]:
    """`listViewType`: EnabledOnly (the default), DisabledOnly, All."""
    view = str(ctx.query.get("listViewType") or "EnabledOnly").lower()
    found = ctx.engine.children(ctx.scope, SCHEDULE)
    return [one for one in found if view == "all" or bool(one.properties.get("isEnabled")) == (view != "disabledonly")]


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=SCHEDULE,
        create=_lro.mfe("sc", 201, "Creating", PROVISIONING_SECONDS),
        update=_lro.mfe("sc", 200, "Updating", PROVISIONING_SECONDS),
        delete=_lro.mfe("sc", 202, "Deleting", PROVISIONING_SECONDS),
        location="none",
        tags=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        required=(
            Required("properties.trigger", "UserError", "The property 'trigger' of schedule '{name}' is required."),
            Required("properties.action", "UserError", "The property 'action' of schedule '{name}' is required."),
        ),
        defaults={"properties": {"isEnabled": True, "tags": {}, "properties": {}, "description": None}},
        actions=(Action("trigger", trigger_once),),
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "schedule-rules", validate),
            Hook(Phase.ACCEPTED, "schedule-runs", plan),
            Hook(Phase.EVENT, "schedule-runs", comes_due),
        ),
        lister=list_schedules,
    ),
)
