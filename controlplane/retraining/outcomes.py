"""What a ruling changes: the signal, the model's row, and what it starts. Pure: stored objects in, objects out.

Everything is one commit, so that a crash leaves all of it or nothing, and the row of the model is the lock: of two
decisions at once one is made again on what the other has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from controlplane.notifications.model import Notification, notification_id
from controlplane.objects.repository import Thing, newest_first
from controlplane.retraining.decide import Ruling
from controlplane.retraining.known import Known
from controlplane.retraining.model import Decision, ModelState, Outcome
from controlplane.retraining.policy import InputValue, RetrainingPolicy
from controlplane.retraining.runs.attempts import attempt_of, job_name, not_again
from controlplane.retraining.runs.model import Lineage, Run, RunState, Transition
from controlplane.retraining.signal import OF_MODELS, Direction, Signal, SignalState
from controlplane.retraining.tasks import Task, TaskKind

#: Until Azure ML has to have the job: a PUT, its repetitions, and an outage in between.
SUBMIT_TIME = timedelta(hours=2)
#: Between two investigations of one model.
INVESTIGATED = timedelta(days=7)
STARTS = {
    Outcome.SUBMIT: RunState.SUBMITTED,
    Outcome.AWAIT_APPROVAL: RunState.WAITING_APPROVAL,
    Outcome.ASK: RunState.WAITING_APPROVAL,
}
_TELLS = frozenset({*STARTS, Outcome.NOTIFY, Outcome.ANNOTATE, Outcome.REMEDIATE})
#: Which of the loops a decision leads back to.
_BACK = {**dict.fromkeys(STARTS, "staging"), Outcome.ANNOTATE: "dev", Outcome.REMEDIATE: "setup"}
_TELLS_REASONS = frozenset({"BreakerOpen"})


@dataclass(frozen=True, slots=True)
class Made:
    """``state`` None: the model has no row, and gets none. ``new`` are objects that did not exist before."""

    signal: Signal
    state: ModelState | None
    decision: Decision
    new: tuple[Thing, ...]


def made_of(ruling: Ruling, signal: Signal, state: ModelState | None, found: Known, now: datetime) -> Made:
    """What to store for a ruling on a signal."""
    ruling = not_again(ruling, signal, state)
    # A signal may be decided twice at one time: its run was superseded as soon as it was made.
    about = f"{signal.id}\n{now.isoformat()}\n{signal.decision_id or ''}"
    decision_id = sha256(about.encode()).hexdigest()[:24]
    run = _run(ruling, signal, state, found, (decision_id, now))
    decision = Decision(
        id=f"{newest_first(now)}-{decision_id}",
        workspace=signal.workspace,
        project=signal.project,
        model=signal.model,
        signal_id=signal.id,
        outcome=ruling.outcome,
        reason=ruling.reason,
        sentence=ruling.sentence,
        checks=ruling.checks,
        policy_generation=state.policy_generation if state else 0,
        at=now,
        until=ruling.until,
        run_id=run.id if run else None,
        loop_back=_BACK.get(ruling.outcome),
        dry_run=ruling.dry_run,
    )
    if run is not None:
        run = run.model_copy(update={"decision_id": decision.id})
    new: list[Thing] = [decision]
    if run is not None and state is not None:
        new.append(run)
        state = _with_run(state, run, now)
    elif ruling.outcome is Outcome.QUEUE and state is not None and not ruling.dry_run:
        state = state.model_copy(update={"waiting_signal": signal.id})
    task = _task(ruling, signal, now) or _investigation(ruling, signal, state, now)
    if task is not None:
        new.append(task)
    if task is not None and task.kind is TaskKind.INVESTIGATION and state is not None:
        state = state.model_copy(update={"investigated_at": now})
    told = _notification(decision, signal, task, now)
    if told is not None:
        new.append(told)
    return Made(_settled(ruling, signal, decision), state, decision, tuple(new))


def _run(
    ruling: Ruling, signal: Signal, state: ModelState | None, found: Known, made: tuple[str, datetime]
) -> Run | None:
    begins = STARTS.get(ruling.outcome)
    if begins is None or state is None or state.policy is None or ruling.dry_run:
        return None
    attempt = attempt_of(state, signal)
    if attempt is None:
        return None
    decision_id, now = made
    policy = state.policy
    waits = begins is RunState.WAITING_APPROVAL
    deadline = now + (policy.approval.expires_after if waits else SUBMIT_TIME)
    return Run(
        id=job_name(state, signal, attempt),
        attempt=attempt,
        due_at=deadline if waits else now,
        workspace=state.workspace,
        incarnation=state.incarnation,
        project=state.project,
        model=state.model,
        workspace_id=found.workspace_id,
        state=begins,
        deadline=deadline,
        decision_id=decision_id,
        signal_id=signal.id,
        policy_generation=state.policy_generation,
        pipeline=policy.pipeline,
        gate=policy.gate,
        inputs=_inputs(policy, signal, ruling),
        lineage=Lineage(monitor_run=signal.run_id, breach=signal.evidence.summary),
        created_at=now,
        requested_by=signal.requested_by,
        transitions=(Transition(state=begins, at=now, reason=ruling.reason, message=ruling.sentence),),
    )


def _inputs(policy: RetrainingPolicy, signal: Signal, ruling: Ruling) -> dict[str, str]:
    """Fixed values, and those that the signal fills: the window of its data, its baseline, why. Of what no monitor
    says the window is the policy's, until it was said."""
    end = signal.data_end or signal.window_at or signal.observed_at
    begin = signal.data_begin or end - policy.windows.period
    values: Mapping[InputValue, str] = {
        InputValue.WINDOW_BEGIN: begin.isoformat(),
        InputValue.WINDOW_END: end.isoformat(),
        # D14, D15: what lies before the window, twice its length.
        InputValue.BASELINE: (begin - 2 * (end - begin)).isoformat(),
        InputValue.REASON: signal.reason or ruling.sentence,
        InputValue.SIGNAL: signal.signal_name or signal.kind.value,
        InputValue.MODEL: signal.model or "",
    }
    return {**policy.pipeline.inputs, **{name: values[kind] for name, kind in policy.pipeline.from_signal.items()}}


def _with_run(state: ModelState, run: Run, now: datetime) -> ModelState:
    sent = now if run.state is RunState.SUBMITTED else state.last_submitted_at
    return state.model_copy(update={"active_run": run.id, "last_submitted_at": sent, "waiting_signal": None})


def _settled(ruling: Ruling, signal: Signal, decision: Decision) -> Signal:
    held = ruling.outcome in (Outcome.HOLD, Outcome.QUEUE) and not ruling.dry_run
    ignored = ruling.outcome is Outcome.IGNORE
    state = SignalState.HELD if held else SignalState.IGNORED if ignored else SignalState.DECIDED
    # What waits for a run has no time of its own: the run's end makes it due.
    due = ruling.until if held else None
    return signal.model_copy(update={"state": state, "due_at": due, "decision_id": decision.id})


_TASKS = {Outcome.ANNOTATE: TaskKind.ANNOTATION, Outcome.REMEDIATE: TaskKind.PLATFORM}


def _task(ruling: Ruling, signal: Signal, now: datetime) -> Task | None:
    kind = _TASKS.get(ruling.outcome)
    if kind is None or ruling.dry_run:
        return None
    annotates = kind is TaskKind.ANNOTATION
    title = f"Annotate the worst samples of {signal.model}" if annotates else f"{signal.kind.value} of {signal.target}"
    return Task(
        id=signal.id,
        due_at=now,
        workspace=signal.workspace,
        project=signal.project,
        kind=kind,
        model=signal.model,
        target=signal.target,
        signal_id=signal.id,
        title=title[:200],
        text=ruling.sentence,
        assignees="dataScientists" if annotates else "platformSupport",
        created_at=now,
        last_modified_at=now,
    )


def _investigation(ruling: Ruling, signal: Signal, state: ModelState | None, now: datetime) -> Task | None:
    """S3-36: a drift that Azure bears out and that is only told. One that goes on is a signal each window, and one task
    in a while. What has become better is no drift, whatever the component calls it (D11, D20)."""
    drifts = signal.kind in OF_MODELS and signal.evidence.read_back and signal.evidence.doubt is None
    drifts = drifts and signal.direction is not Direction.BETTER
    if state is None or ruling.outcome is not Outcome.NOTIFY or ruling.dry_run or not drifts:
        return None
    if state.investigated_at is not None and now < state.investigated_at + INVESTIGATED:
        return None
    return Task(
        id=signal.id,
        workspace=signal.workspace,
        project=signal.project,
        kind=TaskKind.INVESTIGATION,
        model=signal.model,
        target=signal.target,
        signal_id=signal.id,
        title=f"Find out about {signal.kind.value} of {signal.model}"[:200],
        text=f"{ruling.sentence} {signal.evidence.summary}".strip()[:4000],
        assignees="dataScientists",
        created_at=now,
        last_modified_at=now,
    )


def _notification(decision: Decision, signal: Signal, task: Task | None, now: datetime) -> Notification | None:
    if decision.outcome not in _TELLS and decision.reason not in _TELLS_REASONS:
        return None
    kind = f"ControlPlane.Retraining.{decision.outcome.value[0].upper()}{decision.outcome.value[1:]}"
    link = f"/api/tasks/{task.id}" if task is not None else f"/api/signals/{signal.id}"
    about = f"workspaces/{signal.workspace}" + (f"/models/{signal.model}" if signal.model else "")
    return Notification(
        id=notification_id(kind, decision.id),
        due_at=now,
        workspace=signal.workspace,
        project=signal.project,
        type=kind,
        subject=about,
        severity=signal.severity,
        title=f"{decision.reason}: {about}"[:200],
        text=decision.sentence,
        link=f"/api/retrainings/{decision.run_id}" if decision.run_id else link,
        facts={"decision": decision.id, "signal": signal.id, **({"run": decision.run_id} if decision.run_id else {})},
        created_at=now,
    )
