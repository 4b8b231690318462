"""The tick of a run: whatever its state, one step on, and when to look again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.model import Action
from controlplane.errors import Conflict, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.operations.model import ErrorBody
from controlplane.ports.ml import PipelineJob
from controlplane.retraining import facts
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About
from controlplane.retraining.model import ModelState, RunEnd, state_id
from controlplane.retraining.runs.model import Run, RunState, Transition
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.evidence import JOBS_API

_log = logging.getLogger(__name__)
#: Between two looks at a job of which no event told.
POLL = timedelta(minutes=1)
_KEPT_ENDS = 50
_OVER = {"Completed": RunState.SUCCEEDED, "Failed": RunState.FAILED, "Canceled": RunState.CANCELED}


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One step. Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Run, thing_id)
    if stored is None or stored.value.state.is_terminal:
        return None
    run, now = stored.value, deps.clock.now()
    if run.state is RunState.WAITING_APPROVAL:
        after = _end(run, RunState.REJECTED, now, "ApprovalExpired", "Nobody approved it in time.")
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
        failed = _end(run, RunState.FAILED, now, error.code, error.message)
        return failed.model_copy(update={"error": ErrorBody(code=error.code, message=error.message)})
    return _moved(run, RunState.RUNNING, now, "Submitted", "Azure ML has the job.", now + pipeline.timeout)


def _followed(run: Run, job: JsonObject | None, now: datetime) -> Run:
    status = _status(job)
    after = _OVER.get(status or "")
    if after is RunState.EVALUATING:
        return _end(
            run.model_copy(update={"job_status": status}), RunState.SUCCEEDED, now, "Completed", "It completed."
        )
    if after is not None:
        return _end(run.model_copy(update={"job_status": status}), after, now, f"Job{status}", f"The job is {status}.")
    if now >= run.deadline:
        return _end(run, RunState.FAILED, now, "DeadlineExceeded", "The job did not end in time.")
    return run.model_copy(update={"job_status": status, "due_at": now + POLL})


def _status(job: JsonObject | None) -> str | None:
    properties: Any = (job or {}).get("properties")
    return str(properties.get("status")) if isinstance(properties, dict) else None


def _moved(run: Run, state: RunState, now: datetime, reason: str, message: str, deadline: datetime) -> Run:
    step = Transition(state=state, at=now, reason=reason, message=message)
    return run.model_copy(
        update={
            "state": state,
            "deadline": deadline,
            "due_at": None if state.is_terminal else now + POLL,
            "transitions": (*run.transitions, step),
            "generation": run.generation + 1,
        }
    )


def _end(run: Run, state: RunState, now: datetime, reason: str, message: str) -> Run:
    return _moved(run, state, now, reason, message, now)


async def _store(deps: RetrainingDeps, hold: Hold, stored: Stored[Run], after: Run) -> datetime | None:
    """A run that ends frees its model in the same commit, and makes the signal due that waited for it."""
    writes = put(stored, after)
    if after.state.is_terminal:
        before = await deps.objects.get(ModelState, state_id(after.workspace, after.model))
        if before is not None and before.value.active_run == after.id:
            state = before.value
            end = RunEnd(run_id=after.id, ended_at=deps.clock.now(), outcome=after.state.value)
            update = {"active_run": None, "waiting_signal": None, "ends": (*state.ends, end)[-_KEPT_ENDS:]}
            writes += put(before, state.model_copy(update=update))
            if state.waiting_signal is not None:
                waiting = await deps.objects.get(Signal, state.waiting_signal)
                if waiting is not None:
                    writes += put(waiting, waiting.value.model_copy(update={"due_at": deps.clock.now()}))
    told = []
    if after.state is not stored.value.state:
        details = {"run": after.id, "state": after.state.value, "reason": after.transitions[-1].reason}
        about = About(after.workspace, after.project, after.model)
        told = [facts.by_us(about, deps.clock.now(), Action.RUN_CHANGED, details)]
    await deps.objects.commit_held(hold, writes, *told)
    return after.due_at
