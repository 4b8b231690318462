"""Jobs of runs that are over: a PUT that came late, a job that nobody could read when its time was over. Nobody follows
such a job, so that it is looked for, and cancelled when it is there."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, Fatal, Rejected, Transient
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import by_name
from controlplane.retraining.runs.model import Run, RunState, Transition
from controlplane.retraining.runs.moves import POLL, WATCHED
from controlplane.retraining.runs.reading import ENDED, OWNER_TAG, JobReading, is_ours, reading_of
from controlplane.retraining.runs.rules import labels
from controlplane.retraining.signals.evidence import JOBS_API

_log = logging.getLogger(__name__)
#: How far apart two looks are at most.
_LONGEST = timedelta(hours=1)
#: Ends at which nobody knew what the job does, and ends before Azure ML was seen to have one.
_UNKNOWN = frozenset({"SubmitTimedOut", "JobUnreadable", "CancelTimedOut", "JobGone"})
_UNSENT = frozenset({"Canceled", "PolicyGone", "PolicyChanged", "NotActive"})
FOUND = "OrphanCanceled"


def watched(before: Run, after: Run, now: datetime) -> Run:
    """The run that has just ended; due again where its job may still come, or go on. Pure."""
    if before.state.is_terminal or not after.state.is_terminal or after.job_status in ENDED:
        return after
    code = after.transitions[-1].reason
    if code in _UNKNOWN or (before.state is RunState.SUBMITTED and code in _UNSENT):
        return after.model_copy(update={"watched_until": now + WATCHED, "due_at": now + POLL})
    return after


async def watch(deps: RetrainingDeps, hold: Hold, stored: Stored[Run]) -> datetime | None:
    """One look for the job of a run that is over. Raises what the store raises."""
    run, now = stored.value, deps.clock.now()
    if run.watched_until is None or run.due_at is None:
        return None
    found = await by_name(deps.workspaces, run.workspace)
    facts: tuple[Fact, ...] = ()
    after = run.model_copy(update={"due_at": _next(run, now)})
    if found is None or found.record.incarnation != run.incarnation:
        after = _over(run)
    else:
        try:
            body = await deps.reader.get(f"{run.workspace_id}/jobs/{run.id}", JOBS_API)
            job = None if body is None else reading_of(body)
            if job is not None and (job.has_ended or not is_ours(run, job)):
                after = _over(run, job if is_ours(run, job) else None)
            elif job is not None:
                after, facts = await _stop(deps, run, job, now)
        except (Transient, Rejected, Conflict, Fatal) as error:
            _log.warning("job of a run that is over: not done run=%s code=%s", run.id, error.code)
    await deps.objects.commit_held(hold, put(stored, after), *facts)
    return after.due_at


async def _stop(deps: RetrainingDeps, run: Run, job: JobReading, now: datetime) -> tuple[Run, tuple[Fact, ...]]:
    """It runs, and is ours: cancelled until it has ended, told once."""
    if job.owner is None:
        await deps.ml.label(run.workspace_id, run.id, {**labels(run), OWNER_TAG: run.decision_id})
    if not job.is_stopping:
        await deps.ml.cancel(run.workspace_id, run.id)
    until = max(run.watched_until or now, now + _LONGEST)
    update = {"job_status": job.status, "due_at": now + POLL, "watched_until": until}
    if any(step.reason == FOUND for step in run.transitions):
        return run.model_copy(update=update), ()
    text = "Its job was found at work after the run had ended, and is cancelled."
    step = Transition(state=run.state, at=now, reason=FOUND, message=text)
    more = {"transitions": (*run.transitions, step), "generation": run.generation + 1}
    if job.studio_url:
        more["studio_url"] = job.studio_url
    told = {"run": run.id, "state": run.state.value, "reason": FOUND, "message": text}
    fact = by_us(About(run.workspace, run.project, run.model), now, Action.RUN_CHANGED, told)
    return run.model_copy(update={**update, **more}), (fact,)


def _over(run: Run, job: JobReading | None = None) -> Run:
    update: dict[str, object] = {"due_at": None, "watched_until": None}
    return run.model_copy(update={**update, "job_status": job.status} if job else update)


def _next(run: Run, now: datetime) -> datetime | None:
    """Twice as long after the end as the last time, an hour at most."""
    if run.watched_until is None or now >= run.watched_until:
        return None
    since = now - (run.watched_until - WATCHED)
    return now + min(_LONGEST, max(POLL, since))
