"""From what differs to the steps of an operation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from controlplane.arm import fold, is_within
from controlplane.errors import ErrorDetail
from controlplane.operations.model import ErrorBody, OperationKind, Step
from controlplane.workspaces import kinds
from controlplane.workspaces.archiving import TAKEN
from controlplane.workspaces.diff import unmet
from controlplane.workspaces.ending import DEADLINE_EXCEEDED
from controlplane.workspaces.model import (
    Action,
    Blueprint,
    Change,
    Observed,
    Origin,
    Plan,
    Resource,
    RoleAssignmentId,
)
from controlplane.workspaces.reconcile.needs import needs_of
from controlplane.workspaces.reconcile.state import GROUP_TYPE, StepAction, has_failed, in_progress
from controlplane.workspaces.reconcile.steps import is_group
from controlplane.workspaces.records import Owned
from controlplane.workspaces.resolve import Unresolved, holder_key, resolve

#: Operations that replace nothing and take nothing away, save what they are there to take away.
KEEPS = frozenset({OperationKind.REPAIR, OperationKind.RESTORE, OperationKind.RENEW_ACCESS, *TAKEN})


def plan_steps(
    kind: OperationKind,
    plan: Plan,
    blueprint: Blueprint,
    observed: Observed,
    wishes: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> tuple[Step, ...]:
    """Steps in the plan's order. ``wishes`` are the keys to reapply and to recreate.

    A resource that is as declared has a step only where something is awaited of it. A repair leaves alone what could
    be cured by destroying only: that needs consent, which a repair does not have.
    """
    reapply, recreate = (frozenset(keys) for keys in wishes)
    steps: list[Step] = []
    for planned in plan.changes:
        change = _where_it_is(planned) if kind in KEEPS else planned
        actions = _actions(kind, change, blueprint, observed)
        if kind in KEEPS:
            actions = _in_place(change) or actions
        if change.action in (Action.NONE, Action.UPDATE) and not _is_given(change, blueprint):
            if change.key in recreate:
                actions = (StepAction.DELETE, StepAction.CREATE)
            elif change.key in reapply:
                actions = (StepAction.REAPPLY,)
        steps += [Step(key=change.key, resource_id=change.id, action=action.value) for action in actions]
    return _possible(steps, blueprint, observed) if kind is OperationKind.REPAIR else tuple(steps)


def _where_it_is(change: Change) -> Change:
    """A repair destroys nothing, so what would be replaced with something else only is put right in its place."""
    if change.action is not Action.REPLACE or any(difference.replaces for difference in change.differences):
        return change
    return replace(change, action=Action.UPDATE if change.differences else Action.NONE)


def _in_place(change: Change) -> tuple[StepAction, ...]:
    """What can be put right although something else of it could only be replaced."""
    some = [difference for difference in change.differences if not difference.replaces and not difference.deletes]
    kept = len(some) < len(change.differences)
    return (StepAction.IN_PLACE,) if kept and some and change.action in (Action.REPLACE, Action.UPDATE) else ()


def _possible(steps: Sequence[Step], blueprint: Blueprint, observed: Observed) -> tuple[Step, ...]:
    """Without what would wait in vain: for an output of something that is there, lacks it, and is not written, or for
    something that is not there and that no step makes.

    A cluster that lost its identity and can only be replaced has no principal that a role could be granted to; on a
    workspace that Azure keeps as deleted no cluster can be made.
    """
    left = tuple(steps)
    while True:
        # A DELETE alone, of what cannot be made again now, is no repair.
        written = {step.key for step in left if step.action != StepAction.DELETE}
        kept = tuple(step for step in left if not _in_vain(step, written, blueprint, observed))
        if len(kept) == len(left):
            return kept
        left = kept


def _in_vain(step: Step, written: set[str], blueprint: Blueprint, observed: Observed) -> bool:
    resource = blueprint.by_key.get(step.key)
    if step.action == StepAction.DELETE:
        return step.key not in written
    if resource is None:
        return False
    there = written | set(observed.bodies) | set(observed.unknown)
    if not there.issuperset(resource.depends_on):
        return True
    found = resolve(resource, observed)
    return isinstance(found, Unresolved) and not written.issuperset(found.keys)


def _actions(kind: OperationKind, change: Change, blueprint: Blueprint, observed: Observed) -> tuple[StepAction, ...]:
    keeping, repairing = kind in KEEPS, kind is OperationKind.REPAIR
    taken = change.type in TAKEN.get(kind, ()) and change.key not in blueprint.by_key
    match change.action:
        case Action.CREATE if kind in TAKEN:
            return ()
        case Action.CREATE if keeping and change.type in _BLOCKED:
            return ()
        case Action.CREATE if _is_given(change, blueprint):
            return () if repairing else (StepAction.AWAIT,)
        case Action.CREATE:
            awaited = not repairing and _azure_makes(blueprint.by_key[change.key], observed)
            return (StepAction.AWAIT,) if awaited else (StepAction.CREATE,)
        case Action.UPDATE:
            # A repair takes nothing away that somebody added.
            only = keeping and len(change.takes_away) == len(change.differences)
            return () if only else (StepAction.UPDATE,)
        case Action.REPLACE:
            return () if keeping else (StepAction.DELETE, StepAction.CREATE)
        case Action.DELETE:
            return () if keeping and not taken else (StepAction.DELETE,)
        case Action.UNKNOWN if _is_given(change, blueprint):
            return (StepAction.AWAIT,)
        case Action.UNKNOWN:
            # Nothing is decided about it: the step begins with a look, and writes only when that shows a difference.
            # What was removed from the spec is ours and may be deleted unseen, once somebody has consented.
            if change.key in blueprint.by_key:
                return (StepAction.CREATE if kind is OperationKind.CREATE else StepAction.UPDATE,)
            return () if keeping and not taken else (StepAction.DELETE,)
        case Action.NONE:
            body = observed.bodies.get(change.key)
            if body is None:
                return ()
            if has_failed(body):
                return (StepAction.REAPPLY,)
            waiting = in_progress(body) or unmet(blueprint.by_key[change.key], body)
            return (StepAction.AWAIT,) if waiting else ()
        case Action.UNMANAGED:
            return ()


def _azure_makes(resource: Resource, observed: Observed) -> bool:
    """Whether Azure is still to grant this by itself: it does when the holder is made, and never again. A cluster that
    was there before its registry, or that got its identity later, is given the right by hand (S2-76).

    Source: "If you create compute first, before workspace ACR has been created, you have to assign the ACRPull role
    manually", in "Set up authentication between Azure Machine Learning and other services".
    """
    if resource.origin is not Origin.AZURE:
        return False
    holder = observed.bodies.get(holder_key(resource.id) or "") if isinstance(resource.id, RoleAssignmentId) else None
    return holder is None or in_progress(holder) or has_failed(holder)


def _is_given(change: Change, blueprint: Blueprint) -> bool:
    return change.key in blueprint.by_key and blueprint.by_key[change.key].origin is Origin.GIVEN


#: Types of which Azure keeps a deleted one under its name and refuses a new one, and which no PUT asks back; a repair
#: leaves them to whoever deleted them, and does the rest. Source:
#: https://learn.microsoft.com/azure/machine-learning/concept-soft-delete (recovery is the portal's);
#: ``allowRecoverSoftDeletedWorkspace`` exists in preview versions of the API only.
_BLOCKED = frozenset({kinds.ML_WORKSPACE})


def urgency(plan: Plan) -> dict[str, float]:
    """Key → expected seconds from its beginning to the end of the longest chain that needs it."""
    found: dict[str, float] = {}
    below: dict[str, float] = {}
    # Dependants come after what they need, so that going backwards each is known before what it needs.
    for change in reversed([c for c in plan.changes if c.action is not Action.DELETE]):
        found[change.key] = change.expected_seconds + below.get(change.key, 0.0)
        for key in change.depends_on:
            below[key] = max(below.get(key, 0.0), found[change.key])
    return found


def unreadable_removals(plan: Plan, blueprint: Blueprint) -> tuple[Change, ...]:
    """What may have to be deleted, but could not be read: nobody knows whether consent is needed."""
    return tuple(c for c in plan.changes if c.action is Action.UNKNOWN and c.key not in blueprint.by_key)


def refusal(plan: Plan) -> ErrorBody:
    """Why a plan that destroys is not carried out without consent."""
    details = tuple(ErrorDetail(change.action.value, _destruction(change), change.id) for change in plan.destructive)
    return ErrorBody(
        code="DestructiveChangeNotAllowed",
        message=f"{len(details)} resources would be replaced or deleted; allowDestructive=true consents to it.",
        details=tuple(ErrorBody(code=d.code, message=d.message, target=d.target) for d in details),
    )


def _destruction(change: Change) -> str:
    if change.takes_away:
        return f"{change.type} would lose {', '.join(difference.path for difference in change.takes_away)}"
    return f"{change.type} would be {_PAST[change.action]}: {change.reason}"


_PAST = {Action.REPLACE: "replaced", Action.DELETE: "deleted"}


def never_as_declared(more: tuple[Step, ...]) -> ErrorBody:
    """Why an operation whose steps all ended well did not reach its end."""
    keys = ", ".join(step.key for step in more)
    message = f"Azure took every write, and these are still not as declared: {keys}."
    return ErrorBody(code="DidNotConverge", message=message)


def timed_out(observed: Observed) -> ErrorBody:
    """The end of an operation whose time was over while no step of it was at work."""
    causes = [f"{key}: {cause.code}: {cause.message}" for key, cause in sorted(observed.unknown.items())]
    message = "The operation's time is over." + (f" Azure did not show {causes[0]}" if causes else "")
    return ErrorBody(code=DEADLINE_EXCEEDED, message=message)


def owned_of(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> dict[str, Owned]:
    """What a deletion takes away: the inventory, and what exists of the blueprint in the workspace's own groups."""
    owned = dict(inventory)
    for resource in blueprint.resources:
        body = observed.bodies.get(resource.key)
        arm_id = str(body.get("id") or "") if body is not None else ""
        if resource.key in owned or not any(is_within(arm_id, group) for group in blueprint.own_groups):
            continue
        owned[resource.key] = Owned(
            resource_id=arm_id,
            type=resource.type,
            api_version=resource.api_version,
            depends_on=resource.depends_on,
        )
    return owned


def deletion_steps(
    blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]
) -> tuple[tuple[Step, ...], dict[str, Owned]]:
    """Steps in reverse dependency order, groups last, and the inventory they start from.

    Whatever lies in a group that is not there any more is gone with it and takes no step.
    """
    owned = owned_of(blueprint, observed, inventory)
    gone = _gone_groups(blueprint, observed)
    owned = {k: v for k, v in owned.items() if not any(is_within(v.resource_id, group) for group in gone)}
    graph = needs_of(blueprint, owned)
    sorter: TopologicalSorter[str] = TopologicalSorter({k: sorted(graph[k]) for k in sorted(graph)})
    order = [key for key in reversed(tuple(sorter.static_order())) if key in owned]
    order.sort(key=lambda key: is_group(owned[key]))
    steps = tuple(Step(key=key, resource_id=owned[key].resource_id, action=StepAction.DELETE.value) for key in order)
    return steps, owned


def _gone_groups(blueprint: Blueprint, observed: Observed) -> frozenset[str]:
    there = {
        fold(str(observed.bodies[r.key].get("id") or ""))
        for r in blueprint.resources
        if r.type.lower() == GROUP_TYPE.lower() and r.key in observed.bodies
    }
    unreadable = {
        fold(r.id)
        for r in blueprint.resources
        if isinstance(r.id, str) and r.type.lower() == GROUP_TYPE.lower() and r.key in observed.unknown
    }
    return frozenset(group for group in blueprint.own_groups if fold(group) not in there | unreadable)
