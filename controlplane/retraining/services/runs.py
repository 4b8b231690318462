"""Retraining runs as people see them, and what people may say to one: yes, no, stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from controlplane.errors import Conflict, Rejected
from controlplane.objects.repository import put
from controlplane.objects.tick import message_of
from controlplane.operations.paging import Fields, Paging
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.ports.store import Write
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.outcomes import SUBMIT_TIME
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import ended, moved
from controlplane.retraining.runs.storing import told, writes_of
from controlplane.retraining.services.deps import ModelDeps, listed, thing
from controlplane.workspaces.services.deps import registration_of

FIELDS: Fields = {
    "workspace": None,
    "project": None,
    "model": None,
    "state": frozenset(one.value for one in RunState),
}
_NOT_FOUND = "RetrainingNotFound"


async def list_runs(deps: ModelDeps, caller: Caller, paging: Paging) -> tuple[tuple[Run, ...], str | None]:
    """Newest first."""
    return await listed(deps, caller, (Run, Permission.RETRAININGS_LIST), paging)


async def get_run(deps: ModelDeps, caller: Caller, asked: str) -> Run:
    """Raises ``Rejected("RetrainingNotFound")``, also for callers who may not know of its workspace."""
    return (await thing(deps, caller, Permission.RETRAININGS_GET, (Run, asked), _NOT_FOUND)).value


async def approve(deps: ModelDeps, caller: Caller, asked: str, preconditions: Preconditions) -> Run:
    """Raises ``Rejected``: ``RetrainingNotFound``, ``ApproverIsRequester``, ``ApproverSetPolicy``,
    ``ApproverNotListed``; ``Conflict``: ``NotWaitingForApproval``, ``ApprovalExpired``, also before a tick has seen
    that it is."""

    async def say_yes(run: Run, now: datetime) -> Run:
        await _require_approver(deps, caller, run)
        _require_waiting(run)
        if now >= run.deadline:
            raise Conflict("ApprovalExpired", f"Run {run.id} could be approved until {run.deadline.isoformat()}.")
        why = ("Approved", f"{caller.principal} approved it.")
        after = moved(run, RunState.SUBMITTED, now, why, now + SUBMIT_TIME)
        lineage = run.lineage.model_copy(update={"approver": caller.principal})
        return after.model_copy(update={"approved_by": caller.principal, "lineage": lineage})

    return await _say(deps, caller, (asked, Permission.RETRAININGS_APPROVE), preconditions, say_yes)


async def reject(deps: ModelDeps, caller: Caller, asked: str, preconditions: Preconditions) -> Run:
    """As ``approve``; who asked for it may take it back, too."""

    async def say_no(run: Run, now: datetime) -> Run:
        _require_waiting(run)
        return ended(run, RunState.REJECTED, now, "Rejected", f"{caller.principal} rejected it.")

    return await _say(deps, caller, (asked, Permission.RETRAININGS_REJECT), preconditions, say_no)


async def cancel(deps: ModelDeps, caller: Caller, asked: str, preconditions: Preconditions) -> Run:
    """One that Azure ML has not got ends at once; a job is cancelled there, and the run ends when it has."""

    async def stop(run: Run, now: datetime) -> Run:
        if run.state.is_terminal or run.cancel_requested_by is not None:
            return run
        if run.state is RunState.WAITING_APPROVAL:
            return ended(run, RunState.CANCELED, now, "Canceled", f"{caller.principal} canceled it.")
        if run.state is RunState.EVALUATING:
            return ended(run, RunState.CANCELED, now, "Canceled", f"{caller.principal} canceled it.")
        changes = {"cancel_requested_by": caller.principal, "stopping_since": run.stopping_since or now}
        return run.model_copy(update={**changes, "due_at": now, "generation": run.generation + 1})

    return await _say(deps, caller, (asked, Permission.RETRAININGS_CANCEL), preconditions, stop)


async def _say(
    deps: ModelDeps,
    caller: Caller,
    asked: tuple[str, Permission],
    preconditions: Preconditions,
    change: Callable[[Run, datetime], Awaitable[Run]],
) -> Run:
    run_id, permission = asked

    async def attempt() -> Run:
        stored = await thing(deps, caller, permission, (Run, run_id), _NOT_FOUND)
        preconditions.check(stored.value.etag)
        now = deps.clock.now()
        after = await change(stored.value, now)
        if after == stored.value:
            return after
        writes = await writes_of(deps.objects, stored, after, now)
        if after.state is RunState.SUBMITTED:
            writes += await _sent(deps, after, now)
        await deps.objects.commit(writes, *told(stored, after, now, caller))
        if after.due_at is not None:
            await deps.workspaces.queue.send(message_of(Run.KIND, after.id))
        return after

    return await on_fresh_state(attempt)


async def _sent(deps: ModelDeps, run: Run, now: datetime) -> list[Write]:
    before = await deps.objects.get(ModelState, state_id(run.workspace, run.model))
    if before is None:
        return []
    return put(before, before.value.model_copy(update={"last_submitted_at": now}))


async def _require_approver(deps: ModelDeps, caller: Caller, run: Run) -> None:
    """Two people: who asked for a run, or set the policy or the pipeline by which it was decided, is not the one who
    approves it. An application approves only where the registration lists a group of it."""
    if run.requested_by == caller.principal:
        raise Rejected("ApproverIsRequester", "Whoever asked for a run does not approve it.")
    state = await deps.objects.get(ModelState, state_id(run.workspace, run.model))
    # One that another generation decided is superseded before it is sent, whoever says yes.
    if state is not None and caller.principal in (state.value.policy_changed_by, state.value.pipeline_changed_by):
        text = "Whoever changed the policy last, or set its pipeline, does not approve the runs that it asks for."
        raise Rejected("ApproverSetPolicy", text)
    if caller.is_application:
        registration = await registration_of(deps.workspaces, run.project)
        groups = {group.lower() for group in registration.members.approvers} if registration else set()
        if not groups & caller.groups:
            text = "An application approves only where the project's registration lists a group of it as approvers."
            raise Rejected("ApproverNotListed", text)


def _require_waiting(run: Run) -> None:
    if run.state is not RunState.WAITING_APPROVAL:
        raise Conflict("NotWaitingForApproval", f"Run {run.id} is {run.state.value}.")
