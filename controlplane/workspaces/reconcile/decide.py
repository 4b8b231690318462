"""What to do next: the pure core of a tick.

``decide`` looks at every step once, in dependency order, so that a step settled without a call lets its dependants go
in the same pass. It never sends anything; the shell does what it returns, stores the state first where a write is
among it, and comes back with what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from controlplane.arm import subscription_of
from controlplane.operations.model import ErrorBody, OperationKind, StepStatus
from controlplane.workspaces.ending import DEADLINE_EXCEEDED
from controlplane.workspaces.kinds import COMPUTE, ML_WORKSPACE
from controlplane.workspaces.model import Blueprint, RoleAssignmentId
from controlplane.workspaces.plan_checks.managed_network import becomes_isolated
from controlplane.workspaces.reconcile import steps
from controlplane.workspaces.reconcile.judge import delete_of, judge, put_of
from controlplane.workspaces.reconcile.needs import needs_of
from controlplane.workspaces.reconcile.state import (
    Act,
    Delete,
    Inspect,
    Look,
    Poll,
    Put,
    State,
    StepAction,
)
from controlplane.workspaces.records import Owned
from controlplane.workspaces.resolve import Resolved, resolve


@dataclass(frozen=True)
class Decision:
    """``state`` has the intents of all writes among ``acts``; ``next_at`` is when something else becomes possible."""

    state: State
    acts: tuple[Act, ...]
    next_at: datetime | None
    held_back: bool
    """More could be done now than ``capacity`` allowed."""


class Phase(StrEnum):
    """How far an operation is, once nothing is in flight."""

    WORKING = "working"
    VERIFY = "verify"
    """Every step ended well: look at the whole."""
    REPLAN = "replan"
    """Steps are left that nothing will ever start: look at the whole and plan again."""
    FAILED = "failed"
    CANCELED = "canceled"


def decide(state: State, now: datetime, capacity: int) -> Decision:
    """``capacity`` is how many further calls may be started."""
    found: list[Act] = []
    times: list[datetime] = []
    for index, step in enumerate(state.steps):
        if step.status.value in _ENDED or index in state.busy:
            continue
        if state.stopping and _may_be_dropped(state, index):
            state = steps.cancel(state, index, now)
            continue
        if step.poll_at is not None and step.poll_at > now:
            times.append(step.poll_at)
            continue
        move = _running(state, index, now) if step.status is StepStatus.RUNNING else _pending(state, index, now)
        match move:
            case None:
                continue
            case State():
                state = move
                due = state.steps[index].poll_at
                times += [due] if due is not None and due > now else []
            case Put() | Delete() if state.stopping:
                state = steps.cancel(state, index, now)
            case Put() | Delete() if (gate := _gate(state, move.id)) is not None and gate > now:
                times.append(gate)
            case _:
                found.append(move)
    # What others wait for longest goes first, above all when there is more to do than may be in flight.
    found.sort(key=lambda act: -state.urgency.get(state.steps[act.index].key, 0.0))
    for act in found[:capacity]:
        state = steps.begin(state, act, now) if isinstance(act, Put | Delete) else state.with_busy(act.index)
    return Decision(state, tuple(found[:capacity]), min(times, default=None), len(found) > capacity)


_ENDED = frozenset({StepStatus.SUCCEEDED.value, StepStatus.FAILED.value, StepStatus.CANCELED.value})


def phase(state: State) -> Phase:
    """Of an operation with nothing in flight and nothing that will become possible by waiting."""
    failed = any(step.status is StepStatus.FAILED for step in state.steps)
    if any(step.status.value not in _ENDED for step in state.steps):
        return Phase.WORKING if failed else Phase.REPLAN
    if failed:
        return Phase.FAILED
    dropped = any(s.status is StepStatus.CANCELED and s.waiting_for != steps.UNMANAGED_LEFT for s in state.steps)
    if state.operation.cancel_requested and (dropped or not state.steps):
        return Phase.CANCELED
    return Phase.VERIFY


def expire(state: State, now: datetime) -> State:
    """Fails what is not done when the operation's time is over, each step with what it was waiting for."""
    for index, step in enumerate(state.steps):
        if step.status.value in _ENDED:
            continue
        if step.status is StepStatus.PENDING and step.key not in state.observed.unknown:
            state = steps.cancel(state, index, now)
            continue
        unknown = state.observed.unknown.get(step.key)
        cause = f"{unknown.code}: {unknown.message}" if unknown else (step.waiting_for or "Azure did not finish it.")
        error = ErrorBody(code=DEADLINE_EXCEEDED, message=f"The operation's time is over. {step.key}: {cause}")
        state = steps.fail(state.with_step(index, in_flight=_is_in_flight(state, index)), index, error, now)
    return state


def _is_in_flight(state: State, index: int) -> bool:
    """Whether Azure may still be at work on what the step sent."""
    return state.steps[index].attempts > 0 and not _may_be_dropped(state, index)


def dependants_of(blueprint: Blueprint, inventory: Mapping[str, Owned]) -> Mapping[str, frozenset[str]]:
    """Key → keys that need it, directly or not, as the blueprint and the inventory know it."""
    direct: dict[str, set[str]] = {}
    for key, needed in needs_of(blueprint, inventory).items():
        for dependency in needed:
            direct.setdefault(dependency, set()).add(key)

    def reach(key: str) -> frozenset[str]:
        found: set[str] = set()
        todo = list(direct.get(key, ()))
        while todo:
            current = todo.pop()
            if current not in found:
                found.add(current)
                todo += direct.get(current, ())
        return frozenset(found)

    return {key: reach(key) for key in direct}


def _may_be_dropped(state: State, index: int) -> bool:
    """While stopping: whether nothing of this step is going on in Azure."""
    watch = state.watch(index)
    step = state.steps[index]
    return step.status is StepStatus.PENDING or watch.write_due or (watch.idle and step.operation_url is None)


def _gate(state: State, arm_id: str) -> datetime | None:
    return state.gates.get((subscription_of(arm_id) or "").lower())


def _running(state: State, index: int, now: datetime) -> Act | State | None:
    step = state.steps[index]
    if step.operation_url is not None:
        return Poll(index, step.operation_url)
    if state.watch(index).write_due:
        if step.action == StepAction.DELETE:
            return delete_of(state, index)
        return put_of(state, index, state.blueprint.by_key[step.key], now)
    return _look(state, index, now)


def _pending(state: State, index: int, now: datetime) -> Act | State | None:
    step = state.steps[index]
    if not _startable(state, index):
        return None
    if step.key in state.observed.unknown:
        return _look(state, index, now)
    if step.action == StepAction.DELETE:
        owned = state.inventory.get(step.key)
        if owned is not None and steps.is_group(owned) and not state.watch(index).write_due:
            return Inspect(index, owned.resource_id)
        if owned is None and step.key not in state.observed.bodies:
            return steps.deleted(state, index, now)
        return delete_of(state, index)
    return judge(state, index, state.observed.bodies.get(step.key), now)


def _look(state: State, index: int, now: datetime) -> Look | State:
    """A GET by the id that Azure knows the resource by; role assignments also by their triple."""
    step = state.steps[index]
    owned = state.inventory.get(step.key)
    if step.action == StepAction.DELETE and owned is not None:
        return Look(index, owned.resource_id, owned.api_version)
    resource = state.blueprint.by_key[step.key]
    resolved = resolve(resource, state.observed)
    if not isinstance(resolved, Resolved):
        message = f"{resource.key} needs an output that is not there yet, of {', '.join(resolved.keys)}."
        return steps.wait_or_fail(state, index, "DependencyOutputMissing", message, now)
    if not isinstance(resource.id, RoleAssignmentId):
        return Look(index, resolved.id, resource.api_version)
    body = resolved.body.get("properties") or {}
    triple = (resource.id.scope, resource.id.role_definition, str(body.get("principalId") or ""))
    needed = step.action == StepAction.AWAIT or state.watch(index).by_triple
    return Look(index, resolved.id, resource.api_version, triple if needed else None)


def _startable(state: State, index: int) -> bool:
    step = state.steps[index]
    others = state.open_steps - {index}
    if step.action != StepAction.DELETE:
        if any(i < index and state.steps[i].key == step.key for i in others):
            return False
        if any(_stands_in(state, i, step.key) for i in others & state.open_deletions):
            return False
        needs, bodies, open_keys = state.blueprint.by_key[step.key].depends_on, state.observed.bodies, state.open_keys
        return all(key in bodies and key not in open_keys for key in needs)
    blocking = state.dependants.get(step.key, frozenset())
    deletions = others & state.open_deletions
    if steps.replaced_later(state, index):
        return not any(state.steps[i].key in blocking for i in deletions)
    late = state.operation.kind is not OperationKind.DELETE and deletions != others
    if late and not _keeps_open(state, index) and not _in_the_way(state, step.key, deletions):
        return False
    owned = state.inventory.get(step.key)
    if owned is not None and steps.is_group(owned):
        return not others
    return not any(state.steps[i].key in blocking for i in deletions)


def _stands_in(state: State, index: int, key: str) -> bool:
    """Whether a compute has to go before its workspace is written: Azure takes another isolation mode of a workspace
    without computes only ("Workspace managed virtual network isolation", migration)."""
    return state.blueprint.by_key[key].type == ML_WORKSPACE and _keeps_open(state, index)


def _keeps_open(state: State, index: int) -> bool:
    """Whether a deletion is that of a compute that is made again, or of one that keeps its workspace from isolation."""
    key = state.steps[index].key
    resource, owned = state.blueprint.by_key.get(key), state.inventory.get(key)
    kind = resource.type if resource is not None else owned.type if owned is not None else ""
    if kind != COMPUTE:
        return False
    return steps.replaced_later(state, index) or becomes_isolated(state.blueprint, state.observed)


def _in_the_way(state: State, key: str, deletions: frozenset[int]) -> bool:
    """Whether something cannot be made again, or isolated, before this is gone: a removed cluster holds addresses of
    its subnet, and keeps its workspace from being given a managed network."""
    first = [i for i in deletions if steps.replaced_later(state, i) or _keeps_open(state, i)]
    return any(key in state.dependants.get(state.steps[i].key, frozenset()) for i in first)


def with_gate(state: State, arm_id: str, now: datetime, seconds: float) -> State:
    """Closes a subscription to writes for a while (429)."""
    subscription = (subscription_of(arm_id) or "").lower()
    until = max(now + timedelta(seconds=seconds), state.gates.get(subscription, now))
    return replace(state, gates={**state.gates, subscription: until})
