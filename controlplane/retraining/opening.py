"""The task that a ruling gives to people: a new one, or one that is open already and takes the signal in. Pure.

What one CV or NLP model degrades by is looked at by the same people, so that a model has one annotation task at a time:
a drift that goes on is a breach each window, and would be a heap of tasks. The model's row names the task; whether that
is still open, the task's own row says, and both change in the commit of the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.objects.repository import Stored
from controlplane.retraining.decide import Ruling
from controlplane.retraining.model import ModelState, Outcome
from controlplane.retraining.signal import OF_MODELS, Direction, Signal
from controlplane.retraining.tasks import KEPT_SIGNALS, Task, TaskKind, TaskState

#: Between two investigations of one model.
INVESTIGATED = timedelta(days=7)
_KINDS = {Outcome.ANNOTATE: TaskKind.ANNOTATION, Outcome.REMEDIATE: TaskKind.PLATFORM}


@dataclass(frozen=True, slots=True)
class Given:
    """``state`` knows of the task. ``said`` follows the decision's sentence."""

    task: Task | None
    state: ModelState | None
    joined: bool = False
    said: str = ""


def given(
    ruling: Ruling, signal: Signal, state: ModelState | None, annotating: Stored[Task] | None, now: datetime
) -> Given:
    """``annotating`` is the task that the model's row names, whatever became of it."""
    if ruling.dry_run:
        return Given(None, state)
    if ruling.outcome is Outcome.ANNOTATE and annotating is not None and takes(annotating.value, signal):
        joined = _joined(annotating.value, ruling, signal, now)
        since = f"{joined.created_at:%F %R}"
        said = f" Task {joined.id}, open since {since} UTC, takes it in as signal {joined.signal_count}."
        return Given(joined, state, joined=True, said=said)
    task = _begun(ruling, signal, now) or _investigation(ruling, signal, state, now)
    if task is not None and state is not None:
        if task.kind is TaskKind.ANNOTATION:
            state = state.model_copy(update={"annotation_task": task.id})
        if task.kind is TaskKind.INVESTIGATION:
            state = state.model_copy(update={"investigated_at": now})
    return Given(task, state)


def takes(task: Task, signal: Signal) -> bool:
    """Whether people are at it and nobody closed it."""
    mine = (task.workspace, task.project, task.model) == (signal.workspace, signal.project, signal.model)
    return mine and task.kind is TaskKind.ANNOTATION and task.state is TaskState.OPEN


def _joined(task: Task, ruling: Ruling, signal: Signal, now: datetime) -> Task:
    """A tick reads the signal's samples and says of all of them what is to be done."""
    return task.model_copy(
        update={
            "further_signals": (*task.further_signals, signal.id)[-KEPT_SIGNALS:],
            "signal_count": task.signal_count + 1,
            "unread": (*task.unread, signal.id)[-KEPT_SIGNALS:],
            "text": ruling.sentence,
            "due_at": now,
            "last_modified_at": now,
            "generation": task.generation + 1,
        }
    )


def _begun(ruling: Ruling, signal: Signal, now: datetime) -> Task | None:
    kind = _KINDS.get(ruling.outcome)
    if kind is None:
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
        unread=(signal.id,) if annotates else (),
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
    if state is None or ruling.outcome is not Outcome.NOTIFY or not drifts:
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
