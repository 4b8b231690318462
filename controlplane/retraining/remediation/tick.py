"""The tick of a task: a remediation's step is decided, stored, sent, and read back.

The step is stored before it is sent and names the count it leads to, so that sending it twice is sending it once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from controlplane.arm import fold
from controlplane.audit.model import Action as AuditAction
from controlplane.audit.model import Fact
from controlplane.errors import Conflict, Rejected, Transient
from controlplane.notifications.model import Notification, notification_id
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.operations.model import ErrorBody
from controlplane.retraining.annotation import annotated
from controlplane.retraining.declared import index_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import Known, since
from controlplane.retraining.labeling.model import LabelingProject
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.policy import Annotation
from controlplane.retraining.polls.judge import ABOVE, BELOW
from controlplane.retraining.remediation.choose import Asked, Choice, choose
from controlplane.retraining.remediation.model import Acted, Remediation, last_step, with_step
from controlplane.retraining.remediation.reading import API, change, count_of, held_by_budget, target_of
from controlplane.retraining.signal import Severity, Signal
from controlplane.retraining.tasks import Task, TaskKind, TaskState

_log = logging.getLogger(__name__)
#: A deployment's instances take minutes; what is not there then, is not coming.
_PATIENCE = timedelta(hours=2)
_POLL = timedelta(seconds=30)
_BUSY = timedelta(minutes=1)


async def decide(deps: RetrainingDeps, hold: Hold, stored: Stored[Task], found: Known) -> datetime | None:
    """What is done about an infrastructure signal, once. Raises ``Transient``: it is decided again."""
    task, now = stored.value, deps.clock.now()
    signal = await deps.objects.require(Signal, task.signal_id)
    row = await deps.objects.get(Remediation, task.workspace)
    if row is not None and row.value.incarnation != found.record.incarnation:
        row = None
    remediation = row.value if row else None
    project = await deps.projects.load(task.project)
    odd = any(one.metric in (ABOVE, BELOW) for one in signal.value.measures)
    asked = Asked(signal.value.kind, remediation.policy if remediation else None, None, "", None, now, odd)
    try:
        limits = project.record.registration.limits if project else None
        target, why = await target_of(deps.reader, found, task.target, limits)
    except Rejected as error:
        target, why = None, f"It could not be read: {error.code}."
    if target is not None:
        asked = replace(asked, target=target, last=last_step(remediation, fold(target.arm_id)))
    choice = choose(replace(asked, why=why))
    after = _chosen(task, choice, now)
    writes = put(stored, after)
    if choice.action is not None and row is not None:
        writes += put(None, _told(after, now))
        step = Acted(target=fold(choice.action.target), task=task.id, at=now)
        writes += put(row, with_step(row.value, step))
    await deps.objects.commit_held(hold, writes, _fact(after, now))
    return after.due_at


def _chosen(task: Task, choice: Choice, now: datetime) -> Task:
    action = choice.action
    if action is not None:
        action = action.model_copy(update={"deadline": now + _PATIENCE})
    return task.model_copy(
        update={
            "kind": choice.kind,
            "text": f"{task.text} {choice.sentence}".strip()[:4000],
            "assignees": choice.assignees,
            "action": action,
            "state": TaskState.OPEN if action is None else TaskState.ACTING,
            "due_at": None if action is None else now,
            "last_modified_at": now,
            "generation": task.generation + 1,
        }
    )


async def act(deps: RetrainingDeps, hold: Hold, stored: Stored[Task]) -> datetime | None:
    """One look at a step: send it, wait for it, or see what came of it."""
    task, now = stored.value, deps.clock.now()
    action = task.action
    if action is None or action.deadline is None:
        return await _end(deps, hold, stored, TaskState.FAILED, ("ActionMissing", "It names no step."))
    try:
        count, state = await count_of(deps.reader, action.target)
        if count is None:
            return await _end(deps, hold, stored, TaskState.FAILED, ("TargetGone", "It does not exist any more."))
        if count == action.after and state == "Succeeded":
            return await _end(deps, hold, stored, TaskState.DONE, None)
        if count not in (action.before, action.after):
            text = f"Somebody else set it to {count} meanwhile; that stays."
            return await _end(deps, hold, stored, TaskState.FAILED, ("ChangedByOthers", text))
        if state == "Failed" and action.sent_at is not None:
            return await _end(deps, hold, stored, TaskState.FAILED, ("ScalingFailed", "Azure says that it failed."))
        if now >= action.deadline:
            return await _end(deps, hold, stored, TaskState.FAILED, ("DeadlineExceeded", "It did not come in time."))
        if count == action.before and state == "Succeeded":
            return await _send(deps, hold, stored)
    except Rejected as error:
        return await _end(deps, hold, stored, TaskState.FAILED, (error.code, error.message))
    return await _later(deps, hold, stored, now + _POLL)


async def _send(deps: RetrainingDeps, hold: Hold, stored: Stored[Task]) -> datetime | None:
    """Whatever the answer is, or where there is none: what became of it is read back."""
    task, now = stored.value, deps.clock.now()
    assert task.action is not None
    space = await deps.workspaces.load(task.workspace)
    held = held_by_budget(space.record, task.action.target) if space is not None else None
    if held is not None and task.action.after > task.action.before:
        return await _end(deps, hold, stored, TaskState.FAILED, ("HeldByBudget", held))
    if task.action.sent_at is None:
        sent = task.model_copy(update={"action": task.action.model_copy(update={"sent_at": now}), "due_at": now})
        await deps.objects.commit_held(hold, put(stored, sent))
        stored = await deps.objects.require(Task, task.id)
    try:
        body = await deps.reader.get(task.action.target, API)
        await deps.writer.patch(task.action.target, API, change(task.action.target, task.action.after, body))
    except (Conflict, Transient) as error:
        _log.info("step not confirmed task=%s code=%s", task.id, error.code)
        return await _later(deps, hold, stored, now + _BUSY)
    except Rejected as error:
        # Its quota does not allow it, or our rights.
        return await _end(deps, hold, stored, TaskState.FAILED, (error.code, error.message))
    return await _later(deps, hold, stored, now + _POLL)


async def _later(deps: RetrainingDeps, hold: Hold, stored: Stored[Task], due: datetime) -> datetime:
    await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update={"due_at": due})))
    return due


async def _end(
    deps: RetrainingDeps, hold: Hold, stored: Stored[Task], state: TaskState, why: tuple[str, str] | None
) -> datetime | None:
    now = deps.clock.now()
    after = stored.value.model_copy(
        update={
            "state": state,
            "error": ErrorBody(code=why[0], message=why[1][:1000]) if why else None,
            "due_at": None,
            "last_modified_at": now,
            "generation": stored.value.generation + 1,
        }
    )
    writes = [*put(stored, after), *put(None, _told(after, now))]
    await deps.objects.commit_held(hold, writes, _fact(after, now))
    return after.due_at


def _told(task: Task, now: datetime) -> Notification:
    """That a step begins, and how it ended."""
    kind = f"ControlPlane.Task.{task.state.value[0].upper()}{task.state.value[1:]}"
    action = task.action
    step = f"From {action.before} to {action.after}; {action.limit} is the limit." if action else ""
    back = "back" if action and action.reverts else "on"
    return Notification(
        id=notification_id(kind, f"{task.id}\n{back}"),
        due_at=now,
        workspace=task.workspace,
        project=task.project,
        type=kind,
        subject=f"workspaces/{task.workspace}/tasks/{task.id}",
        severity=Severity.HIGH if task.state is TaskState.FAILED else Severity.MEDIUM,
        title=f"{task.kind.value} {task.state.value}: {task.title}"[:200],
        text=f"{step} {task.error.message if task.error else ''}".strip()[:4000],
        link=f"/api/tasks/{task.id}",
        facts={"task": task.id, "signal": task.signal_id, "target": action.target if action else ""},
        created_at=now,
    )


def _fact(task: Task, now: datetime) -> Fact:
    told = {
        "task": task.id,
        "kind": task.kind.value,
        "state": task.state.value,
        "target": task.action.target if task.action else task.target,
        "before": task.action.before if task.action else None,
        "after": task.action.after if task.action else None,
        "limit": task.action.limit if task.action else None,
        "error": task.error.code if task.error else None,
    }
    return by_us(About(task.workspace, task.project, task.model), now, AuditAction.TASK_CHANGED, told)


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Task, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    task = stored.value
    if task.state is TaskState.ACTING:
        return await act(deps, hold, stored)
    found = await since(deps.workspaces, task.workspace, task.project, task.created_at)
    if task.state is not TaskState.OPEN or found is None:
        await deps.objects.commit_held(hold, put(stored, task.model_copy(update={"due_at": None})))
        return None
    if task.kind is TaskKind.PLATFORM:
        return await decide(deps, hold, stored, found)
    if task.kind is TaskKind.ANNOTATION:
        return await _annotate(deps, hold, stored, found)
    await deps.objects.commit_held(hold, put(stored, task.model_copy(update={"due_at": None})))
    return None


async def _only_project(deps: RetrainingDeps, found: Known) -> str | None:
    """The workspace's own, when it has one and no other."""
    page = await deps.objects.page(LabelingProject, index_of(LabelingProject, found.name))
    names = [one.name for one in page.values if one.incarnation == found.record.incarnation and not one.deleting]
    return names[0] if len(names) == 1 else None


async def _annotate(deps: RetrainingDeps, hold: Hold, stored: Stored[Task], found: Known) -> datetime | None:
    task, now = stored.value, deps.clock.now()
    # A task of a time before the list was kept has one signal.
    signals = [await deps.objects.get(Signal, one) for one in task.unread or (task.signal_id,)]
    runs = tuple(one.value.run_id for one in signals if one is not None and one.value.run_id is not None)
    state = await deps.objects.get(ModelState, state_id(task.workspace, task.model or ""))
    policy = state.value.policy if state else None
    rule = policy.annotation if policy else Annotation()
    if rule.labeling_project is None:
        rule = rule.model_copy(update={"labeling_project": await _only_project(deps, found)})
    after = await annotated(deps.reader, found, task, (rule, runs), now)
    await deps.objects.commit_held(hold, put(stored, after), _fact(after, now))
    return after.due_at
