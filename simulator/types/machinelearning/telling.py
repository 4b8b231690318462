"""What a run tells with every change of its status: events, and rows of the workspace's log.

Fields as the events' schema prints them (learn.microsoft.com, "Azure Machine Learning as an Event Grid source");
statuses are lower-case there. RunCompleted is of runs that ended well: "failed or canceled operations don't trigger an
event" (how-to-use-event-grid). Log: learn.microsoft.com, table AmlRunStatusChangedEvent; its `Message` is ours.
"""

from __future__ import annotations

from simulator.engine.hooks import EngineApi, JsonObject, Resource
from simulator.types._shared import parent_id

LOG = "AmlRunStatusChangedEvent"
COMPLETED = "Microsoft.MachineLearningServices.RunCompleted"
CHANGED = "Microsoft.MachineLearningServices.RunStatusChanged"
MOMENTS = "moments"
STEP, PIPELINE = "azureml.StepRun", "azureml.PipelineRun"


def tell_change(engine: EngineApi, run: Resource) -> None:
    """Tell of a run's status unless it is the one that was told last. When it was is kept for the run's metrics."""
    status = str(run.properties.get("status"))
    if status != run.private.get("told", "NotStarted"):
        run.private.setdefault(MOMENTS, {})[status] = engine.now().timestamp()
        run.private["told"] = status
        tell(engine, run, status)


def tell(engine: EngineApi, run: Resource, status: str) -> None:
    properties, workspace = run.properties, parent_id(run.id)
    experiment = str(properties.get("experimentName") or "Default")
    experiment_id = engine.guid("experiment", workspace.lower(), experiment)
    data: JsonObject = {
        "experimentId": experiment_id, "experimentName": experiment, "runId": run.name, "runType": _kind(run),
        "runTags": dict(properties.get("tags") or {}), "runProperties": dict(properties.get("properties") or {}),
    }  # fmt: skip
    subject = f"experiments/{experiment_id}/runs/{run.name}"
    engine.emit(workspace, CHANGED, subject, {**data, "runStatus": status.lower()})
    if status == "Completed":
        engine.emit(workspace, COMPLETED, subject, data)
    engine.record(workspace, LOG, _row(engine, run, status))


def _kind(run: Resource) -> str | None:
    if run.private.get("parent"):
        return STEP
    return PIPELINE if run.properties.get("jobType") == "Pipeline" else None


def _row(engine: EngineApi, run: Resource, status: str) -> JsonObject:
    workspace = engine.get(parent_id(run.id))
    parent = str(run.private.get("parent") or "")
    return {
        "OperationName": "Microsoft.MachineLearningServices/workspaces/jobs/write",
        "Level": "Error" if status == "Failed" else "Informational",
        "ResultType": "Failed" if status == "Failed" else "Succeeded",
        "Location": workspace.location if workspace else "",
        "WorkspaceName": workspace.name if workspace else "",
        "WorkspaceId": str(workspace.properties.get("workspaceId") or "") if workspace else "",
        "RunId": run.name,
        "ParentRunId": parent,
        "RootRunId": str(run.private.get("root") or parent or run.name),
        "Status": status,
        "Message": str(run.properties.get("statusMessage") or f"Run {run.name} is {status}."),
    }
