"""What a look at a run's job makes of the run. Pure: the run, the job as it was read, the time → the run after it."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.operations.model import ErrorBody
from controlplane.retraining.policy import Mode
from controlplane.retraining.runs.gate import LOST, WON, is_complete
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import (
    CANCEL_TIME,
    EVALUATION_TIME,
    MISSING_TIME,
    POLL,
    ended,
    moved,
    seen,
    waiting,
)
from controlplane.retraining.runs.reading import JobReading, measured_of
from controlplane.retraining.runs.rules import judged

_CANCEL_POLL = timedelta(seconds=15)
_OVERDUE = "DeadlineExceeded"


def unseen(run: Run, why: ErrorBody, now: datetime) -> Run:
    """It could not be looked at; nothing is concluded but that its time may be over."""
    if now >= _last(run):
        sentence = f"Its time is over, and its job can not be read: {why.message} Whether it runs is not known."
        return ended(run, RunState.FAILED, now, "JobUnreadable", sentence)
    return waiting(run, now, POLL, why)


def followed(run: Run, job: JobReading | None, now: datetime) -> Run:
    """A run whose job Azure ML had. Right after its PUT a job may not be shown yet."""
    if job is None:
        return _missing(run, now)
    run = seen(run, job)
    if job.has_ended:
        return _over(run, job, now)
    if run.stopping_since is None and now >= run.deadline:
        text = f"The job did not end by {run.deadline:%F %R} UTC and is cancelled."
        over = waiting(run, now, timedelta(0), ErrorBody(code=_OVERDUE, message=text))
        return over.model_copy(update={"stopping_since": now})
    if run.stopping_since is None:
        return waiting(run, now, POLL)
    if now >= _last(run):
        text = f"The job was cancelled and is {job.status} after {_hours(CANCEL_TIME)}. It may cost money."
        return ended(run, RunState.FAILED, now, "CancelTimedOut", text)
    return waiting(run, now, _CANCEL_POLL, run.error)


def evaluated(run: Run, job: JobReading | None, now: datetime) -> Run:
    """A run whose job has completed. What is not written yet may come until the deadline; unknown is never a win."""
    if run.stopping_since is not None:
        return ended(run, RunState.CANCELED, now, "Canceled", _canceled(run, "its job had completed"))
    measured = measured_of(job) if job is not None else None
    if job is not None:
        run = seen(run, job)
    if measured is not None and (is_complete(run.gate, measured) or now >= run.deadline):
        return _judged(run, now, job)
    if now >= run.deadline:
        return ended(run, RunState.REJECTED, now, "ChallengerUnknown", "The job's metrics can not be read any more.")
    return waiting(run, now, POLL)


def _judged(run: Run, now: datetime, job: JobReading | None) -> Run:
    assert job is not None
    comparison = judged(run.gate, measured_of(job))
    run = run.model_copy(update={"comparison": comparison})
    if comparison is None:
        return ended(run, RunState.SUCCEEDED, now, "NotCompared", "It completed; the policy's gate is disabled.")
    if run.gate.mode is Mode.DRY_RUN:
        text = f"{comparison.verdict}: {comparison.sentence} The gate is a dry run and stops nothing."
        return ended(run, RunState.SUCCEEDED, now, "ComparedOnly", text)
    if comparison.verdict == WON:
        return ended(run, RunState.SUCCEEDED, now, "ChallengerWon", comparison.sentence)
    code = "ChallengerLost" if comparison.verdict == LOST else "ChallengerUnknown"
    return ended(run, RunState.REJECTED, now, code, comparison.sentence)


def _over(run: Run, job: JobReading, now: datetime) -> Run:
    if run.stopping_since is not None and run.cancel_requested_by is None:
        text = f"The job did not end in time; it is {job.status} now."
        return ended(run, RunState.FAILED, now, _OVERDUE, text)
    if run.cancel_requested_by is not None:
        return ended(run, RunState.CANCELED, now, "Canceled", _canceled(run, f"its job is {job.status}"))
    if job.status == "Completed":
        why = ("JobCompleted", "The job completed; challenger and champion are compared.")
        return moved(run, RunState.EVALUATING, now, why, now + EVALUATION_TIME)
    if job.status == "Canceled":
        return ended(run, RunState.CANCELED, now, "JobCanceled", "Somebody cancelled its job in Azure ML.")
    return ended(run, RunState.FAILED, now, "JobFailed", job.why or "Its job failed; studio shows why.")


def _missing(run: Run, now: datetime) -> Run:
    since = run.missing_since or now
    if run.stopping_since is not None and run.cancel_requested_by is not None and now >= since + MISSING_TIME:
        return ended(run, RunState.CANCELED, now, "Canceled", _canceled(run, "Azure ML has no such job"))
    if now >= since + MISSING_TIME:
        return ended(run, RunState.FAILED, now, "JobGone", "Azure ML does not show its job any more.")
    return waiting(run, now, POLL).model_copy(update={"missing_since": since})


def _last(run: Run) -> datetime:
    return run.deadline if run.stopping_since is None else run.stopping_since + CANCEL_TIME


def _canceled(run: Run, state: str) -> str:
    return f"{run.cancel_requested_by or 'Somebody'} canceled it; {state}."


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:g} h"
