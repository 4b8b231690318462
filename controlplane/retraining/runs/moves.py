"""How a run goes on, and what its end changes. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.operations.model import ErrorBody
from controlplane.retraining.model import KEPT_ENDS, ModelState, RunEnd
from controlplane.retraining.policy import PipelineKind
from controlplane.retraining.runs.model import Run, RunState, Transition
from controlplane.retraining.runs.reading import DATA_VERSION, JobReading, finite, measured_of

#: Between two looks at a job of which no event told.
POLL = timedelta(minutes=1)
#: For its metrics to be seen after the job has ended.
EVALUATION_TIME = timedelta(minutes=15)
#: For a job to end after it was cancelled.
CANCEL_TIME = timedelta(hours=1)
#: After which a job that Azure ML does not show is gone, or was never there.
MISSING_TIME = timedelta(minutes=15)
#: How long the job of a run that is over is looked for.
WATCHED = timedelta(hours=24)
_KEPT_STEPS = 50


def moved(run: Run, state: RunState, now: datetime, why: tuple[str, str], deadline: datetime) -> Run:
    """``why`` is a code and a sentence; ``deadline`` of the new state."""
    step = Transition(state=state, at=now, reason=why[0], message=why[1])
    return run.model_copy(
        update={
            "state": state,
            "deadline": deadline,
            "due_at": None if state.is_terminal else now,
            "transitions": (*run.transitions, step)[-_KEPT_STEPS:],
            "error": None,
            "generation": run.generation + 1,
        }
    )


def ended(run: Run, state: RunState, now: datetime, code: str, sentence: str) -> Run:
    """In one of the terminal states."""
    after = moved(run, state, now, (code, sentence), now)
    if state is not RunState.FAILED:
        return after
    return after.model_copy(update={"error": ErrorBody(code=code, message=sentence)})


def waiting(run: Run, now: datetime, pause: timedelta, why: ErrorBody | None = None) -> Run:
    """It stays where it is and is looked at later; ``why`` is what it waits for."""
    changed = run.error != why
    generation = run.generation + 1 if changed else run.generation
    return run.model_copy(update={"due_at": now + pause, "error": why, "generation": generation})


def held(run: Run, now: datetime, until: datetime, time: timedelta) -> Run:
    """It is not sent before ``until``, and has ``time`` from then on."""
    why = ("QuietHours", f"Quiet until {until:%F %R} UTC; sent then.")
    if run.transitions and run.transitions[-1].reason == why[0] and run.deadline == until + time:
        return run.model_copy(update={"due_at": until})
    return moved(run, run.state, now, why, until + time).model_copy(update={"due_at": until})


def started(run: Run, job: JobReading, now: datetime) -> Run:
    """Azure ML has its job, which is ours."""
    why = ("Submitted", "Azure ML has the job.")
    after = seen(moved(run, RunState.RUNNING, now, why, now + run.pipeline.timeout), job)
    told = {"git_commit": job.tags.get("cp.gitCommit"), "component": job.tags.get("cp.component")}
    lineage = run.lineage.model_copy(update={name: value for name, value in told.items() if value})
    return after.model_copy(update={"lineage": lineage, "due_at": now + POLL})


def seen(run: Run, job: JobReading) -> Run:
    """The run with what its job shows; metrics and links are kept when the job is gone."""
    measured = measured_of(job)
    update: dict[str, object] = {"job_status": job.status, "missing_since": None}
    if job.studio_url:
        update["studio_url"] = job.studio_url
    if measured.challenger:
        update["metrics"] = finite(measured.challenger)
    if measured.champion:
        update["champion_metrics"] = finite(measured.champion)
    if version := job.tags.get(DATA_VERSION):
        update["lineage"] = run.lineage.model_copy(update={"data_version": version[:250]})
    return run.model_copy(update=update)


def tags_of(run: Run) -> dict[str, str]:
    """D30: on the job itself, so that whoever has a model that comes of it can trace it without us. A tag's value is
    short; what is longer is in the run."""
    lineage = run.lineage
    found = {
        "cp.run": run.id,
        "cp.workspace": run.workspace,
        "cp.model": run.model,
        "cp.signal": run.signal_id,
        "cp.policyGeneration": str(run.policy_generation),
        "cp.attempt": str(run.attempt),
        "cp.monitorRun": lineage.monitor_run,
        "cp.breach": " ".join(lineage.breach.split()),
        "cp.approver": lineage.approver,
        "cp.requestedBy": run.requested_by,
        "cp.gitCommit": lineage.git_commit,
        "cp.component": lineage.component,
        "cp.dataVersion": lineage.data_version,
    }
    return {name: value[:250] for name, value in found.items() if value}


def is_tagged_late(run: Run) -> bool:
    """Whether its job begins without our tags."""
    return run.pipeline.kind is PipelineKind.BATCH_DEPLOYMENT


def freed(state: ModelState, run: Run, now: datetime) -> ModelState:
    """The model's row after its run has ended; what waited for it is due now (by its own row). A run that was
    superseded was never sent: the cooldown is that of the runs before it."""
    end = RunEnd(run_id=run.id, ended_at=now, outcome=run.state.value, submitted=was_sent(run))
    update: dict[str, object] = {"active_run": None, "waiting_signal": None}
    update["ends"] = (*state.ends, end)[-KEPT_ENDS:]
    if run.state is RunState.SUPERSEDED:
        update["last_submitted_at"] = None
    return state.model_copy(update=update)


def was_sent(run: Run) -> bool:
    """Whether Azure ML has, or may have, run its job."""
    unknown = run.error is not None and run.error.code in ("SubmitTimedOut", "JobUnreadable")
    return unknown or any(step.state is RunState.RUNNING for step in run.transitions)
