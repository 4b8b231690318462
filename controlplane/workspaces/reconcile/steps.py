"""Transitions of one step: begin, wait, succeed, fail, cancel. Pure: a :class:`State` and a time in, a State out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from controlplane.arm import name_of, type_of
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody, Residue, StepStatus
from controlplane.workspaces.arm_errors import LOOKS, PROGRESS
from controlplane.workspaces.reconcile.state import GROUP_TYPE, Delete, Put, State, StepAction
from controlplane.workspaces.records import Owned

#: Reason on the step of a resource group that stays because something in it is not ours.
UNMANAGED, UNMANAGED_LEFT, GOES_LATER = "Unmanaged", "UnmanagedResourcesLeft", "TakenAwayLater"
#: Tag whose value is the workspace's name → what made it beside the workspace's own resources, and when at the latest
#: that looks again and takes it away.
OWN = {"cp-monitors": ("monitors", "a quarter of an hour"), "cp-budget": ("budget", "six hours")}
#: What they make, in lower case. A mark on anything else is somebody's copy of it, and says nothing.
OWN_TYPES = frozenset(
    {
        "microsoft.insights/actiongroups",
        "microsoft.insights/metricalerts",
        "microsoft.insights/scheduledqueryrules",
        "microsoft.insights/workbooks",
        "microsoft.eventgrid/systemtopics",
    }
)
#: How long a step may wait for something that nobody is working on: a connection that stays Pending, a role that Azure
#: does not grant. Replication of roles takes up to ten minutes
#: (https://learn.microsoft.com/azure/role-based-access-control/troubleshooting).
WAIT_LIMIT = timedelta(minutes=30)
#: Days until Azure forgets what was deleted, by type. Sources: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview,
#: https://learn.microsoft.com/azure/machine-learning/concept-soft-delete,
#: https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace.
SOFT_DELETE_DAYS = {
    "microsoft.keyvault/vaults": 90,
    "microsoft.machinelearningservices/workspaces": 14,
    "microsoft.operationalinsights/workspaces": 14,
}


#: What Azure puts into a group some time after Application Insights, by type and beginning of the name; it goes with
#: the group. Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/10563 and pull 18357.
WITH_INSIGHTS = {
    "microsoft.alertsmanagement/smartdetectoralertrules": "failure anomalies - ",
    "microsoft.insights/actiongroups": "application insights smart detection",
}


def begin(state: State, act: Put | Delete, now: datetime) -> State:
    """Records the intent of a write; it must be stored before the write is sent."""
    step = state.steps[act.index]
    state = state.with_step(
        act.index,
        status=StepStatus.RUNNING,
        resource_id=act.id,
        started_at=step.started_at or now,
        attempts=step.attempts + 1,
        operation_url=None,
        poll_at=None,
        waiting_for=None,
    )
    watch = state.watch(act.index)
    state = state.forget(act.index).with_watch(act.index, waits=watch.waits, refused=watch.refused)
    state = state.with_busy(act.index)
    if isinstance(act, Delete):
        return state
    resource = state.blueprint.by_key[step.key]
    owned = Owned(resource_id=act.id, type=resource.type, api_version=act.api_version, depends_on=resource.depends_on)
    return state.with_owned(step.key, owned)


def withdraw(state: State, act: Put | Delete, now: datetime) -> State:
    """Takes an intent back whose write was not sent, because the operation was cancelled meanwhile: what was begun for
    it did not begin."""
    step = state.steps[act.index]
    before = step.attempts > 1 or step.correlation_id is not None
    state = state.with_step(act.index, attempts=step.attempts - 1, started_at=step.started_at if before else None)
    return cancel(state.without_busy(act.index), act.index, now)


def accepted(state: State, index: int, url: str | None, poll_at: datetime | None, correlation: str | None) -> State:
    """Azure took the write."""
    landed = url is None
    return state.with_step(
        index, operation_url=url, poll_at=poll_at, correlation_id=correlation, waiting_for=None
    ).with_watch(index, landed=landed, looks=0, waits=0)


def wait(state: State, index: int, reason: str, now: datetime, *, seconds: float | None = None, idle: bool) -> State:
    """Looks again later: after ``seconds``, else by the back-off of looks. ``idle``: nothing goes on in Azure."""
    step, watch = state.steps[index], state.watch(index)
    backoff = LOOKS if idle else PROGRESS
    delay = backoff.delay(watch.looks + 1) if seconds is None else seconds
    state = state.with_step(
        index,
        status=StepStatus.RUNNING,
        started_at=step.started_at or now,
        waiting_for=reason,
        poll_at=now + timedelta(seconds=delay),
    )
    return state.with_watch(index, looks=watch.looks + 1, idle=idle)


def wait_or_fail(state: State, index: int, reason: str, message: str, now: datetime) -> State:
    """As :func:`wait`, but a step that has waited too long fails with ``reason``."""
    started = state.steps[index].started_at
    if started is not None and now - started > WAIT_LIMIT:
        return fail(state, index, ErrorBody(code=reason, message=message), now)
    return wait(state, index, reason, now, idle=True)


def succeed(state: State, index: int, now: datetime) -> State:
    """The resource is as wanted, or gone as wanted."""
    return _end(state, index, StepStatus.SUCCEEDED, now, error=None, waiting_for=None)


def fail(state: State, index: int, error: ErrorBody, now: datetime) -> State:
    """Ends a step with ARM's words; ``target`` is the resource when ARM names none."""
    step = state.steps[index]
    named = error if error.target else error.model_copy(update={"target": step.resource_id or step.key})
    return _end(state, index, StepStatus.FAILED, now, error=named)


def cancel(state: State, index: int, now: datetime, reason: str | None = None) -> State:
    """Ends a step that will not be done."""
    waiting_for = reason or state.steps[index].waiting_for
    return _end(state, index, StepStatus.CANCELED, now, waiting_for=waiting_for)


def _end(state: State, index: int, status: StepStatus, now: datetime, **changes: object) -> State:
    ended = state.with_step(index, status=status, ended_at=now, operation_url=None, poll_at=None, **changes)
    return ended.forget(index)


def deleted(state: State, index: int, now: datetime) -> State:
    """A deletion is done: out of the inventory, what Azure keeps of it into the residue."""
    step = state.steps[index]
    owned = state.inventory.get(step.key)
    if owned is not None and not replaced_later(state, index):
        state = _with_residue(state, step.key, owned, now)
    return succeed(state.with_body(step.key, None).with_owned(step.key, None), index, now)


def replaced_later(state: State, index: int) -> bool:
    """Whether a deletion is the first half of a replacement."""
    key = state.steps[index].key
    return any(step.key == key and step.action != StepAction.DELETE for step in state.steps[index + 1 :])


def _with_residue(state: State, key: str, owned: Owned, now: datetime) -> State:
    days = SOFT_DELETE_DAYS.get(owned.type.lower())
    if days is None:
        return state
    resource = state.blueprint.by_key.get(key)
    body = state.observed.bodies.get(key) or (resource.body if resource is not None else None) or {}
    properties = body.get("properties") or {}
    kept = properties.get("softDeleteRetentionInDays", days)
    days = kept if isinstance(kept, int) else days
    residue = Residue(
        resource_id=owned.resource_id,
        reason="SoftDeleted",
        message=f"Azure keeps the deleted {owned.type} for {days} days; its name cannot be used before.",
        until=now + state.ahead + timedelta(days=days),
    )
    return _add_residue(state, (residue,))


def gone_with_group(state: State, gone: Mapping[str, Owned], now: datetime) -> State:
    """The group went before the deletion: what lay in it takes no step, and Azure keeps it all the same. Until when is
    counted from now, so that no name is promised too early."""
    for key, owned in sorted(gone.items()):
        state = _with_residue(state, key, owned, now)
    return state


def leave_group(state: State, index: int, group_id: str, left: tuple[JsonObject, ...], now: datetime) -> State:
    """A resource group stays because it holds what this workspace did not make. What was made beside it (``OWN``) is
    told apart: that goes all the same, soon."""
    target = state.operation.target
    found = tuple(_left(str(item.get("id")), own_of(item, target)) for item in left)
    others = sum(1 for one in found if one.reason == UNMANAGED)
    group = Residue(resource_id=group_id, reason=UNMANAGED_LEFT, message=f"The group holds {others} other resources.")
    return cancel(_add_residue(state, (*found, group)), index, now, UNMANAGED_LEFT)


def _add_residue(state: State, more: tuple[Residue, ...]) -> State:
    known = {residue.resource_id.lower() for residue in more}
    kept = tuple(r for r in state.operation.residue if r.resource_id.lower() not in known)
    return replace(state, operation=state.operation.model_copy(update={"residue": (*kept, *more)}))


def _left(arm_id: str, whose: tuple[str, str] | None) -> Residue:
    if whose is None:
        text = "The workspace did not make it; it was left alone."
        return Residue(resource_id=arm_id, reason=UNMANAGED, message=text)
    text = f"It is of the workspace's {whose[0]}, whose next look takes it away: within {whose[1]}."
    return Residue(resource_id=arm_id, reason=GOES_LATER, message=text)


def own_of(item: JsonObject, target: str) -> tuple[str, str] | None:
    """Of which part of the control plane a resource beside the workspace is, by its type and mark; None: of none."""
    tags = item.get("tags")
    if type_of(str(item.get("id"))).lower() not in OWN_TYPES:
        return None
    name = target.rpartition("/")[2]
    return next((part for tag, part in OWN.items() if isinstance(tags, dict) and tags.get(tag) == name), None)


def goes_with_group(item: JsonObject, target: str) -> bool:
    """Whether it does not keep a group alive: it is of our own, or Azure's companion of what was."""
    return comes_with_insights(str(item.get("id"))) or own_of(item, target) is not None


def comes_with_insights(arm_id: str) -> bool:
    """Whether Azure made it of its own accord, so that it does not keep a group alive."""
    beginning = WITH_INSIGHTS.get(type_of(arm_id).lower())
    return beginning is not None and name_of(arm_id).lower().startswith(beginning)


def is_group(owned: Owned) -> bool:
    """Whether it is a resource group."""
    return owned.type.lower() == GROUP_TYPE.lower()
