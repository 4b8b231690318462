"""The tick of a run: whatever its state, one step on, and when to look again."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from controlplane.errors import Conflict, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored
from controlplane.operations.model import ErrorBody
from controlplane.ports.ml import PipelineJob
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import POLL, ended, moved
from controlplane.retraining.runs.storing import told, writes_of
from controlplane.retraining.signals.evidence import JOBS_API

_log = logging.getLogger(__name__)
_OVER = {"Completed": RunState.SUCCEEDED, "Failed": RunState.FAILED, "Canceled": RunState.CANCELED}


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One step. Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Run, thing_id)
    if stored is None or stored.value.state.is_terminal:
        return None
    run, now = stored.value, deps.clock.now()
    if run.state is RunState.WAITING_APPROVAL:
        after = ended(run, RunState.REJECTED, now, "ApprovalExpired", "Nobody approved it in time.")
        return run.due_at if now < run.deadline else await _store(deps, hold, stored, after)
    if run.state is RunState.SUBMITTED:
        return await _store(deps, hold, stored, await _submit(deps, run, now))
    job = await deps.reader.get(f"{run.workspace_id}/jobs/{run.id}", JOBS_API)
    return await _store(deps, hold, stored, _followed(run, job, now))


async def _submit(deps: RetrainingDeps, run: Run, now: datetime) -> Run:
    pipeline = run.pipeline
    job = PipelineJob(
        name=run.id,
        owner=run.decision_id,
        component=f"azureml:{pipeline.name}:{pipeline.version}" if pipeline.version else f"azureml:{pipeline.name}",
        experiment=pipeline.experiment,
        compute=pipeline.compute,
        inputs=run.inputs,
        tags={"cp.model": run.model, "cp.monitorRun": run.lineage.monitor_run or ""},
    )
    try:
        await deps.ml.submit(run.workspace_id, job)
    except (Rejected, Conflict) as error:
        failed = ended(run, RunState.FAILED, now, error.code, error.message)
        return failed.model_copy(update={"error": ErrorBody(code=error.code, message=error.message)})
    return moved(run, RunState.RUNNING, now, ("Submitted", "Azure ML has the job."), now + pipeline.timeout)


def _followed(run: Run, job: JsonObject | None, now: datetime) -> Run:
    status = _status(job)
    after = _OVER.get(status or "")
    if after is RunState.EVALUATING:
        return ended(
            run.model_copy(update={"job_status": status}), RunState.SUCCEEDED, now, "Completed", "It completed."
        )
    if after is not None:
        return ended(run.model_copy(update={"job_status": status}), after, now, f"Job{status}", f"The job is {status}.")
    if now >= run.deadline:
        return ended(run, RunState.FAILED, now, "DeadlineExceeded", "The job did not end in time.")
    return run.model_copy(update={"job_status": status, "due_at": now + POLL})


def _status(job: JsonObject | None) -> str | None:
    properties: Any = (job or {}).get("properties")
    return str(properties.get("status")) if isinstance(properties, dict) else None


async def _store(deps: RetrainingDeps, hold: Hold, stored: Stored[Run], after: Run) -> datetime | None:
    now = deps.clock.now()
    writes = await writes_of(deps.objects, stored, after, now)
    await deps.objects.commit_held(hold, writes, *told(stored, after, now))
    return after.due_at
