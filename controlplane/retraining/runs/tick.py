"""The tick of a run: whatever its state, one step on, and when to look again.

Each step is stored in one commit. Before anything is sent the run is in the store with its job's name; after a crash,
a lost answer or an "exists" the job itself says what happened.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.errors import Conflict, Fatal, Rejected, Transient
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored
from controlplane.operations.model import ErrorBody
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import by_name
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.outcomes import SUBMIT_TIME
from controlplane.retraining.runs.barrier import barred, outdated
from controlplane.retraining.runs.following import evaluated, followed, unseen
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import POLL, ended, is_tagged_late, started, waiting
from controlplane.retraining.runs.orphans import watch, watched
from controlplane.retraining.runs.reading import OWNER_TAG, JobReading, is_ours, reading_of
from controlplane.retraining.runs.registered import registered_by
from controlplane.retraining.runs.rules import expired, labels
from controlplane.retraining.runs.sending import letter
from controlplane.retraining.runs.storing import told, writes_of
from controlplane.retraining.signals.evidence import JOBS_API

_log = logging.getLogger(__name__)
#: In which a PUT whose answer was lost must have become a job, or has not.
_SETTLED = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Look:
    """``why`` not None: it could not be read, which says nothing about the job."""

    job: JobReading | None = None
    why: ErrorBody | None = None


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One step. Raises ``Transient`` when the store is away, ``Conflict`` when somebody else changed the run."""
    stored = await deps.objects.get(Run, thing_id)
    if stored is None:
        return None
    run = stored.value
    if run.state.is_terminal:
        return await watch(deps, hold, stored)
    if run.state is RunState.WAITING_APPROVAL:
        after = await _waited(deps, run)
    elif run.state is RunState.SUBMITTED:
        after = await _submitted(deps, run)
    else:
        after = await _running(deps, run)
    return await _store(deps, hold, stored, after)


async def _waited(deps: RetrainingDeps, run: Run) -> Run:
    now = deps.clock.now()
    _, over = await _policy(deps, run, now)
    if over is not None:
        return over
    return expired(run, now) or run.model_copy(update={"due_at": max(run.deadline, now + POLL)})


async def _policy(deps: RetrainingDeps, run: Run, now: datetime) -> tuple[ModelState | None, Run | None]:
    found = await by_name(deps.workspaces, run.workspace)
    stored = await deps.objects.get(ModelState, state_id(run.workspace, run.model))
    state = stored.value if stored else None
    return state, outdated(run, state, found, now)


async def _submitted(deps: RetrainingDeps, run: Run) -> Run:
    look = await _look(deps, run)
    now = deps.clock.now()
    if look.why is not None:
        return unseen(run, look.why, now)
    if look.job is not None:
        return await _found(deps, run, look.job)
    if run.stopping_since is not None:
        return _unsent(run, now)
    state, over = await _policy(deps, run, now)
    if over is not None:
        return over
    bar = barred(run, state, now, SUBMIT_TIME) if state is not None else None
    if bar is not None:
        return bar
    if now >= run.deadline:
        text = run.error.message if run.error else "It was not tried."
        return ended(run, RunState.FAILED, now, "SubmitTimedOut", f"Azure ML did not get the job in time: {text}")
    return await _send(deps, run)


def _unsent(run: Run, now: datetime) -> Run:
    """Azure ML has no job. A PUT of which we never heard may still be on its way for a moment."""
    assert run.stopping_since is not None
    if now < run.stopping_since + _SETTLED:
        return waiting(run, now, timedelta(seconds=30), run.error)
    who = run.cancel_requested_by or "Somebody"
    return ended(run, RunState.CANCELED, now, "Canceled", f"{who} canceled it before Azure ML had its job.")


async def _found(deps: RetrainingDeps, run: Run, job: JobReading) -> Run:
    now = deps.clock.now()
    if not is_ours(run, job):
        text = f"The workspace has a job {run.id} that this decision did not start."
        return ended(run, RunState.FAILED, now, "JobExists", text)
    if job.owner is None:
        try:
            await deps.ml.label(run.workspace_id, run.id, {**labels(run), OWNER_TAG: run.decision_id})
        except (Transient, Rejected, Conflict, Fatal) as error:
            return _not_now(run, error, now)
    return started(run, job, now)


async def _send(deps: RetrainingDeps, run: Run) -> Run:
    """PUT of the job. What is refused is looked for once more: it may be there all the same, and ours."""
    try:
        ready = await letter(deps.reader, run)
        run = run.model_copy(update={"lineage": ready.lineage})
        await deps.ml.submit(run.workspace_id, ready.job)
    except Transient as error:
        return _not_now(run, error, deps.clock.now())
    except (Rejected, Conflict, Fatal) as error:
        look = await _look(deps, run)
        if look.job is not None:
            return await _found(deps, run, look.job)
        if look.why is not None:
            return unseen(run, look.why, deps.clock.now())
        return ended(run, RunState.FAILED, deps.clock.now(), error.code, error.message)
    now = deps.clock.now()
    if is_tagged_late(run):
        return waiting(run, now, timedelta(0))
    return started(run, JobReading("NotStarted", run.decision_id, {}, None, ""), now)


def _not_now(run: Run, error: Transient | Rejected | Conflict | Fatal, now: datetime) -> Run:
    """Looked at again in a while: it may have happened, and then the job is there."""
    named = error.retry_after if isinstance(error, Transient) else 0.0
    pause = max(POLL, timedelta(seconds=min(named, 3600.0)))
    return unseen(run, ErrorBody(code=error.code, message=error.message), now).model_copy(
        update={} if now >= run.deadline else {"due_at": now + pause}
    )


async def _running(deps: RetrainingDeps, run: Run) -> Run:
    found = await by_name(deps.workspaces, run.workspace)
    if found is None or found.record.incarnation != run.incarnation:
        return ended(
            run, RunState.CANCELED, deps.clock.now(), "WorkspaceGone", "Its workspace is not managed any more."
        )
    look = await _look(deps, run)
    if look.why is not None:
        return unseen(run, look.why, deps.clock.now())
    if run.state is RunState.EVALUATING:
        return await _evaluating(deps, run, look.job)
    after = followed(run, look.job, deps.clock.now())
    job = look.job
    if after.state is RunState.RUNNING and after.stopping_since is not None and job and not job.is_stopping:
        try:
            await deps.ml.cancel(run.workspace_id, run.id)
        except (Transient, Rejected, Conflict, Fatal) as error:
            _log.warning("not cancelled run=%s code=%s", run.id, error.code)
            return after.model_copy(update={"due_at": deps.clock.now() + POLL})
    return after


async def _evaluating(deps: RetrainingDeps, run: Run, job: JobReading | None) -> Run:
    after = evaluated(run, job, deps.clock.now())
    if after.state is not RunState.SUCCEEDED or job is None:
        return after
    try:
        version = await registered_by(deps.reader, run, job)
    except (Transient, Rejected) as error:
        _log.warning("registered model not read run=%s code=%s", run.id, error.code)
        if deps.clock.now() < run.deadline:
            return waiting(run, deps.clock.now(), POLL, ErrorBody(code=error.code, message=error.message))
        return after
    return after.model_copy(update={"registered_model": version})


async def _look(deps: RetrainingDeps, run: Run) -> _Look:
    try:
        job = await deps.reader.get(f"{run.workspace_id}/jobs/{run.id}", JOBS_API)
    except (Transient, Rejected) as error:
        return _Look(why=ErrorBody(code=error.code, message=error.message))
    return _Look(None if job is None else reading_of(job))


async def _store(deps: RetrainingDeps, hold: Hold, stored: Stored[Run], after: Run) -> datetime | None:
    now = deps.clock.now()
    after = watched(stored.value, after, now)
    writes = await writes_of(deps.objects, stored, after, now)
    await deps.objects.commit_held(hold, writes, *told(stored, after, now))
    return after.due_at
