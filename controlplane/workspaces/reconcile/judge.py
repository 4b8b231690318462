"""What a fresh look at a resource means for its step. Pure."""

from __future__ import annotations

from datetime import datetime

from controlplane.arm import is_within, name_of, type_of
from controlplane.errors import Fatal
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody
from controlplane.workspaces.arm_errors import BACKOFF, look_up
from controlplane.workspaces.compare import differences
from controlplane.workspaces.diff import body as wanted_body
from controlplane.workspaces.diff import released, unmet
from controlplane.workspaces.keeping import keeping, keeping_names, recovering
from controlplane.workspaces.kinds import DNS_LINK, PEERING, ROLE_ASSIGNMENT
from controlplane.workspaces.kinds_table import kind_of
from controlplane.workspaces.model import Origin, Resource, RoleAssignmentId
from controlplane.workspaces.reconcile import steps
from controlplane.workspaces.reconcile.state import (
    Delete,
    Put,
    State,
    StepAction,
    has_failed,
    in_progress,
    provisioning_state,
)
from controlplane.workspaces.records import Owned
from controlplane.workspaces.resolve import Resolved, resolve

#: Looks, half a minute of them, that a write may need to become visible before it counts as not done: reads may lag.
LAG_LOOKS = 20
#: Writes of one step that Azure took without the resource becoming as wanted.
MAX_WRITES = 3

Move = State | Put | Delete
"""The state after it, or the write that it takes."""


def judge(state: State, index: int, body: JsonObject | None, now: datetime) -> Move:
    """``body`` is the resource as read after everything this step did; None when it is not there."""
    step = state.steps[index]
    state = state.with_body(step.key, body)
    if step.action == StepAction.DELETE:
        return _judge_deletion(state, index, body, now)
    resource = state.blueprint.by_key[step.key]
    if body is None:
        return _judge_absent(state, index, resource, now)
    if in_progress(body):
        return steps.wait(state, index, "Provisioning", now, idle=False)
    if has_failed(body) and step.action != StepAction.AWAIT:
        return _write_again(state, index, resource, now, step.error or _broken(body))
    return _judge_present(state, index, resource, body, now)


def _judge_deletion(state: State, index: int, body: JsonObject | None, now: datetime) -> Move:
    if body is None:
        return steps.deleted(state, index, now)
    if (provisioning_state(body) or "").lower() == "deleting":
        return steps.wait(state, index, "Deleting", now, idle=False)
    watch, step = state.watch(index), state.steps[index]
    if watch.landed and watch.looks < LAG_LOOKS:
        return steps.wait(state, index, "NotYetVisible", now, idle=False)
    if watch.landed and step.attempts >= MAX_WRITES:
        message = f"Azure reported the deletion as done {step.attempts} times, and the resource is still there."
        return steps.fail(state, index, ErrorBody(code="DeletionDidNotConverge", message=message), now)
    return delete_of(state, index)


def _judge_absent(state: State, index: int, resource: Resource, now: datetime) -> Move:
    step, watch = state.steps[index], state.watch(index)
    if step.action == StepAction.AWAIT:
        message = f"Azure has not made {resource.key} ({resource.type})."
        return steps.wait_or_fail(state, index, "AwaitedResourceMissing", message, now)
    if watch.landed and watch.looks < LAG_LOOKS:
        return steps.wait(state, index, "NotYetVisible", now, idle=False)
    cause = ErrorBody(code="DidNotConverge", message="Azure took the write, and the resource is not there.")
    return _write_again(state, index, resource, now, cause if watch.landed else None)


def _judge_present(state: State, index: int, resource: Resource, body: JsonObject, now: datetime) -> Move:
    step, watch = state.steps[index], state.watch(index)
    forced = step.action == StepAction.REAPPLY and not watch.landed
    differs = step.action != StepAction.AWAIT and _differs(state, step.action, resource, body)
    if forced or differs:
        if watch.landed and watch.looks < LAG_LOOKS:
            return steps.wait(state, index, "NotYetVisible", now, idle=False)
        cause = ErrorBody(
            code="DidNotConverge", message="Azure took the write, and the resource still differs from what is declared."
        )
        return _write_again(state, index, resource, now, cause if watch.landed else None)
    missing = unmet(resource, body)
    if missing:
        reason = missing[0].reason
        message = f"{resource.key}: {missing[0].path} is none of {', '.join(missing[0].one_of)}."
        return steps.wait_or_fail(state, index, reason, message, now)
    if resource.origin is Origin.GIVEN:
        return steps.succeed(state, index, now)
    state = adopt(state, resource, body)
    # What Azure made, or somebody granted before us, has an id that nobody knew when the step was planned.
    state = state.with_step(index, resource_id=state.inventory[step.key].resource_id or step.resource_id)
    return steps.succeed(state, index, now)


def _differs(state: State, action: str, resource: Resource, body: JsonObject) -> bool:
    resource = released(resource, body, state.blueprint, state.inventory)
    found = differences(resource.body, body, kind_of(resource), state.observed)
    # Without consent nothing is written that would take away what somebody added.
    mine = [one for one in found if not one.deletes or state.operation.allow_destructive]
    return any(not one.replaces for one in mine) if action == StepAction.IN_PLACE else bool(mine)


def adopt(state: State, resource: Resource, body: JsonObject) -> State:
    """With the resource in the inventory, under the id that Azure knows it by."""
    known = state.inventory.get(resource.key)
    found = str(body.get("id") or (known.resource_id if known else ""))
    if not found and isinstance(resource.id, str):
        found = resource.id
    if known is not None and not isinstance(resource.id, RoleAssignmentId):
        found = known.resource_id
    owned = Owned(
        resource_id=found, type=resource.type, api_version=resource.api_version, depends_on=resource.depends_on
    )
    return state if known == owned else state.with_owned(resource.key, owned)


def _broken(body: JsonObject) -> ErrorBody:
    state = provisioning_state(body)
    return ErrorBody(
        code="ProvisioningFailed",
        message=f"provisioningState is {state}; Azure says no more of the operation that ended so.",
    )


def _write_again(state: State, index: int, resource: Resource, now: datetime, cause: ErrorBody | None) -> Move:
    """The write, unless ``cause`` is given and there were enough of them."""
    if cause is not None and state.steps[index].attempts >= _most_writes(cause, resource.type):
        return steps.fail(state, index, cause, now)
    return put_of(state, index, resource, now)


def _most_writes(cause: ErrorBody, kind: str) -> int:
    """As many as the error table has for a cause that passes, for some of them were cut off on their way."""
    row = look_up(cause.code, kind)
    return max(MAX_WRITES, (BACKOFF[row.verdict].attempts or 0) if row and row.verdict in BACKOFF else 0)


def put_of(state: State, index: int, resource: Resource, now: datetime) -> Move:
    """The PUT of a step, its Refs resolved; waits when an output of a dependency is not there yet."""
    existing = state.observed.bodies.get(resource.key)
    resource = released(resource, existing, state.blueprint, state.inventory)
    resolved = resolve(resource, state.observed)
    if not isinstance(resolved, Resolved):
        message = f"{resource.key} needs an output that is not there yet, of {', '.join(resolved.keys)}."
        return steps.wait_or_fail(state, index, "DependencyOutputMissing", message, now)
    body = wanted_body(resource, existing, state.observed, force=True)
    if body is None:
        raise Fatal("InvalidBlueprint", f"{resource.key} declares nothing that could be written.")
    if existing is not None and state.steps[index].action == StepAction.IN_PLACE:
        body = keeping(body, existing, kind_of(resource))
    elif existing is not None and not state.operation.allow_destructive and kind_of(resource).id_maps:
        # What somebody adds while the operation runs was not in the plan that was consented to, or needed no consent.
        body = keeping_names(body, existing, kind_of(resource))
    if state.watch(index).recover:
        body = recovering(body)
    arm_id = resolved.id
    if existing is not None and isinstance(resource.id, RoleAssignmentId):
        arm_id = str(existing.get("id") or arm_id)
    return Put(index, arm_id, resource.api_version, body)


def delete_of(state: State, index: int) -> Delete:
    """The DELETE of a step, from the inventory; a replaced resource that is not in it, from what was observed.

    Raises ``Fatal`` for what lies outside the workspace's own groups, however it got into the inventory, unless it is
    the peering or the link that the workspace put there under a name of its own, or a role of its identities.
    """
    step = state.steps[index]
    owned = state.inventory.get(step.key)
    if owned is not None:
        arm_id, api_version = owned.resource_id, owned.api_version
    else:
        resource, body = state.blueprint.by_key[step.key], state.observed.bodies[step.key]
        arm_id, api_version = str(body["id"]), resource.api_version
    if not _is_ours(state, step.key, arm_id):
        raise Fatal("OutsideOwnGroups", f"{arm_id} lies outside the workspace's groups and is not deleted.")
    return Delete(index, arm_id, api_version)


_ABROAD = frozenset({PEERING.lower(), DNS_LINK.lower()})


def _is_ours(state: State, key: str, arm_id: str) -> bool:
    blueprint = state.blueprint
    if any(is_within(arm_id, group) for group in blueprint.own_groups):
        return True
    if type_of(arm_id).lower() == ROLE_ASSIGNMENT.lower():
        # Of a role on something of others it is known by whom it was matched or written: an identity of ours holds it.
        owned = state.inventory.get(key)
        known = owned.type if owned is not None else blueprint.by_key[key].type
        return known == ROLE_ASSIGNMENT and key.startswith("role/")
    return type_of(arm_id).lower() in _ABROAD and name_of(arm_id).lower() in blueprint.abroad
