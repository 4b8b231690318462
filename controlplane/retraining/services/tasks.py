"""Tasks as people see them, and their end: closed by whoever has done it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ValidationError

from controlplane.audit.model import Action
from controlplane.errors import Conflict, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import put
from controlplane.objects.tick import message_of
from controlplane.operations.paging import Fields, Paging
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission
from controlplane.projects.registration import details_of
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.services.deps import ModelDeps, listed, thing
from controlplane.retraining.tasks import CAUSES, Cause, Closing, Task, TaskKind, TaskState

FIELDS: Fields = {
    "workspace": None,
    "project": None,
    "model": None,
    "kind": frozenset(one.value for one in TaskKind),
    "state": frozenset(one.value for one in TaskState),
    "cause": frozenset(one.value for one in Cause),
}
#: As long as a step has.
REVERT_TIME = timedelta(hours=2)
_NOT_FOUND = "TaskNotFound"


async def list_tasks(deps: ModelDeps, caller: Caller, paging: Paging) -> tuple[tuple[Task, ...], str | None]:
    """Newest first."""
    return await listed(deps, caller, (Task, Permission.TASKS_LIST), paging)


async def get_task(deps: ModelDeps, caller: Caller, asked: str) -> Task:
    """Raises ``Rejected("TaskNotFound")``, also for callers who may not know of its workspace."""
    return (await thing(deps, caller, Permission.TASKS_GET, (Task, asked), _NOT_FOUND)).value


def closing_of(data: JsonObject) -> Closing:
    """Raises ``Rejected("InvalidClosing")`` with every bad field."""
    try:
        found = read_strictly(Closing, data)
    except ValidationError as error:
        details = details_of(error, Closing)
        raise Rejected("InvalidClosing", details[0].message, target=details[0].target, details=details) from error
    if found.cause is not None and found.cause not in CAUSES:
        raise Rejected("InvalidClosing", f"{found.cause.value} is no cause that is recorded.", target="$.cause")
    return found


async def close(deps: ModelDeps, caller: Caller, asked: str, closing: Closing, preconditions: Preconditions) -> Task:
    """Raises ``Rejected("TaskNotFound")``, ``Conflict("TaskActing")`` while a write of ours is on the way."""

    async def attempt() -> Task:
        stored = await thing(deps, caller, Permission.TASKS_CLOSE, (Task, asked), _NOT_FOUND)
        before, now = stored.value, deps.clock.now()
        preconditions.check(before.etag)
        if before.state is TaskState.CLOSED:
            return before
        if before.state is TaskState.ACTING:
            raise Conflict("TaskActing", f"Task {before.id} is being acted on; close it when that has ended.")
        after = before.model_copy(
            update={
                "state": TaskState.CLOSED,
                "closed_by": caller.principal,
                "cause": closing.cause,
                "note": closing.note,
                "due_at": None,
                "last_modified_at": now,
                "generation": before.generation + 1,
            }
        )
        cause = after.cause.value if after.cause else None
        told = {"task": after.id, "kind": after.kind.value, "state": after.state.value, "cause": cause}
        about = About(after.workspace, after.project, after.model)
        await deps.objects.commit(put(stored, after), by_person(about, now, caller, Action.TASK_CHANGED, told))
        return after

    return await on_fresh_state(attempt)


async def revert(deps: ModelDeps, caller: Caller, asked: str, preconditions: Preconditions) -> Task:
    """Takes a step of ours back: to the count that was there before it. Raises ``Rejected("TaskNotFound")``,
    ``Conflict("NothingToRevert")``; somebody else's count stays, and the task says so."""

    async def attempt() -> Task:
        stored = await thing(deps, caller, Permission.TASKS_REVERT, (Task, asked), _NOT_FOUND)
        before, now = stored.value, deps.clock.now()
        preconditions.check(before.etag)
        action = before.action
        if action is None or action.reverts or before.state not in (TaskState.DONE, TaskState.CLOSED):
            raise Conflict("NothingToRevert", f"Task {before.id} has no finished step that could be taken back.")
        back = {"before": action.after, "after": action.before, "reverts": True, "sent_at": None}
        after = before.model_copy(
            update={
                "action": action.model_copy(update={**back, "deadline": now + REVERT_TIME}),
                "state": TaskState.ACTING,
                "reverted_by": caller.principal,
                "due_at": now,
                "last_modified_at": now,
                "generation": before.generation + 1,
            }
        )
        told = {"task": after.id, "kind": after.kind.value, "state": after.state.value, "target": action.target}
        about = About(after.workspace, after.project, after.model)
        await deps.objects.commit(put(stored, after), by_person(about, now, caller, Action.TASK_CHANGED, told))
        await deps.workspaces.queue.send(message_of(Task.KIND, after.id))
        return after

    return await on_fresh_state(attempt)
