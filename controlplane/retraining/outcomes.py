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
from controlplane.objects.repository import Stored, Thing, newest_first, put
from controlplane.ports.store import Write
from controlplane.retraining.decide import Ruling
from controlplane.retraining.known import Known
from controlplane.retraining.model import Decision, ModelState, Outcome
from controlplane.retraining.opening import Given, given
from controlplane.retraining.policy import InputValue, RetrainingPolicy
from controlplane.retraining.runs.attempts import attempt_of, job_name, not_again
from controlplane.retraining.runs.model import Lineage, Run, RunState, Transition
from controlplane.retraining.signal import Signal, SignalState
from controlplane.retraining.tasks import Task

#: Until Azure ML has to have the job: a PUT, its repetitions, and an outage in between.
SUBMIT_TIME = timedelta(hours=2)
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
class Standing:
    """What a ruling is made on. ``annotating`` is the task that the model's row names."""

    state: ModelState | None
    found: Known
    annotating: Stored[Task] | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """``state`` None: the model has no row, and gets none. ``new`` are objects that did not exist before, ``joined`` is
    the open task that took the signal in."""

    signal: Signal
    state: ModelState | None
    decision: Decision
    new: tuple[Thing, ...]
    joined: tuple[Stored[Task], Task] | None = None

    def started(self) -> list[Write]:
        """Writes of what is new and of what took the signal in."""
        writes = [write for thing in self.new for write in put(None, thing)]
        return writes if self.joined is None else [*writes, *put(*self.joined)]

    def at_work(self, now: datetime) -> tuple[Thing, ...]:
        """What is due for a tick."""
        things = self.new if self.joined is None else (*self.new, self.joined[1])
        return tuple(one for one in things if one.due_at is not None and one.due_at <= now)


def made_of(ruling: Ruling, signal: Signal, standing: Standing, now: datetime) -> Made:
    """What to store for a ruling on a signal."""
    state, found = standing.state, standing.found
    ruling = not_again(ruling, signal, state)
    # A signal may be decided twice at one time: its run was superseded as soon as it was made.
    about = f"{signal.id}\n{now.isoformat()}\n{signal.decision_id or ''}"
    decision_id = sha256(about.encode()).hexdigest()[:24]
    run = _run(ruling, signal, state, found, (decision_id, now))
    gives = given(ruling, signal, state, standing.annotating, now)
    decision = Decision(
        id=f"{newest_first(now)}-{decision_id}",
        workspace=signal.workspace,
        project=signal.project,
        model=signal.model,
        signal_id=signal.id,
        outcome=ruling.outcome,
        reason=ruling.reason,
        sentence=f"{ruling.sentence}{gives.said}",
        checks=ruling.checks,
        policy_generation=state.policy_generation if state else 0,
        at=now,
        until=ruling.until,
        run_id=run.id if run else None,
        task_id=gives.task.id if gives.task else None,
        loop_back=_BACK.get(ruling.outcome),
        dry_run=ruling.dry_run,
    )
    if run is not None:
        run = run.model_copy(update={"decision_id": decision.id})
    new: list[Thing] = [decision]
    state = gives.state
    if run is not None and state is not None:
        new.append(run)
        state = _with_run(state, run, now)
    elif ruling.outcome is Outcome.QUEUE and state is not None and not ruling.dry_run:
        state = state.model_copy(update={"waiting_signal": signal.id})
    if gives.task is not None and not gives.joined:
        new.append(gives.task)
    told = _notification(decision, signal, gives, now)
    if told is not None:
        new.append(told)
    before = standing.annotating
    joined = (before, gives.task) if gives.joined and before is not None and gives.task is not None else None
    return Made(_settled(ruling, signal, decision), state, decision, tuple(new), joined)


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


def _notification(decision: Decision, signal: Signal, gives: Given, now: datetime) -> Notification | None:
    """What an open task takes in was told when that was opened."""
    tells = decision.outcome in _TELLS or decision.reason in _TELLS_REASONS
    if gives.joined or not tells:
        return None
    task = gives.task
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
