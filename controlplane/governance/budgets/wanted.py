"""What a budget has in Azure: a budget, and the action group by which it calls us. Pure.

Azure's budget notifies and stops nothing ("Tutorial: Create and manage budgets"): what is enforced is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.arm import group_id, resource_id
from controlplane.governance.budgets.model import Basis, Budget
from controlplane.governance.scope import ScopeKind
from controlplane.json_types import JsonObject
from controlplane.retraining.known import Known
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.wanted import ACTION_GROUP, ACTION_GROUP_API, WATCHED, Wanted, hook_of

BUDGET = "Microsoft.Consumption/budgets"
BUDGET_API = "2024-08-01"
#: Tag of the action group: a workspace's name, or another scope's id. A deletion knows it by this.
MARK = "cp-budget"
#: Azure wants an end; ten years is what the portal writes.
_YEARS = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scope's budget stands: a resource group's, or one in each subscription, filtered by tag."""

    scopes: tuple[str, ...]
    group: str
    """Resource group of the action group."""
    projects: tuple[str, ...] = ()
    """Values of the tag, where the scope is wider than a resource group."""


def place_of(budget: Budget, found: tuple[Known, ...], callbacks: Callbacks) -> Place | None:
    """None for a project or a department where the installation has no group of its own for what is nobody's else."""
    groups = [group_id(str(one.record.spec["subscriptionId"]), one.record.resource_group) for one in found]
    if budget.kind is ScopeKind.WORKSPACE:
        return Place(tuple(groups[:1]), groups[0]) if groups else None
    if not callbacks.shared_group:
        return None
    subscriptions = sorted({f"/subscriptions/{one.record.spec['subscriptionId']}" for one in found})
    projects = (
        (budget.name,) if budget.kind is ScopeKind.PROJECT else tuple(sorted({one.record.project for one in found}))
    )
    return Place(tuple(subscriptions), callbacks.shared_group, projects)


def name_of(budget: Budget) -> str:
    """In Azure; a resource group has one of ours."""
    return "cp-budget" if budget.kind is ScopeKind.WORKSPACE else f"cp-{budget.kind}-{budget.name}"


def wanted(budget: Budget, place: Place, callbacks: Callbacks, now: datetime) -> tuple[Wanted, ...]:
    """In the order in which they are written."""
    asked = Asked(budget, place, callbacks, now)
    return tuple(one for part in PARTS.values() for one in part.makes(asked))


@dataclass(frozen=True, slots=True)
class Asked:
    """What each part is made from."""

    budget: Budget
    place: Place
    callbacks: Callbacks
    now: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what a budget has in Azure."""

    makes: Callable[[Asked], Iterator[Wanted]]
    requirements: tuple[str, ...] = ()


def _actions(asked: Asked) -> Iterator[Wanted]:
    """S3-103: through it the personas are told, by our own channels."""
    group = {
        "location": "Global",
        "tags": {MARK: asked.budget.name if asked.budget.kind is ScopeKind.WORKSPACE else asked.budget.id},
        "properties": {"groupShortName": "cp-budget", "enabled": True, "webhookReceivers": [hook_of(asked.callbacks)]},
    }
    yield Wanted(_actions_id(asked), ACTION_GROUP_API, group, WATCHED, first=True)


def _actions_id(asked: Asked) -> str:
    return resource_id(asked.place.group, ACTION_GROUP, name_of(asked.budget))


def _of_workspace(asked: Asked) -> Iterator[Wanted]:
    """S3-99: of the workspace's resource group, which is its boundary."""
    if asked.budget.kind is ScopeKind.WORKSPACE:
        yield from _in(asked, asked.place.scopes)


def _of_several(asked: Asked) -> Iterator[Wanted]:
    """S3-100: in each subscription, by the tag of the projects. Azure adds up no two subscriptions: each of them tells
    when it alone reaches the amount, and the sum is judged here."""
    if asked.budget.kind is not ScopeKind.WORKSPACE:
        yield from _in(asked, asked.place.scopes)


def _in(asked: Asked, scopes: tuple[str, ...]) -> Iterator[Wanted]:
    for scope in scopes:
        properties = dict(_budget(asked))
        seen = {name: value for name, value in properties.items() if name != "timePeriod"}
        arm_id = f"{scope}/providers/{BUDGET}/{name_of(asked.budget)}"
        yield Wanted(arm_id, BUDGET_API, {"properties": properties}, WATCHED, seen={"properties": seen})


def _budget(asked: Asked) -> Iterator[tuple[str, object]]:
    """It tells when the amount is met, not only when it is exceeded (S3-99)."""
    budget, actions = asked.budget, _actions_id(asked)
    begin = asked.now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    yield "category", "Cost"
    yield "amount", budget.rule.monthly.amount
    yield "timeGrain", "Monthly"
    end = begin.replace(year=begin.year + _YEARS)
    yield "timePeriod", {"startDate": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "endDate": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    if budget.kind is not ScopeKind.WORKSPACE:
        yield "filter", {"tags": {"name": "project", "operator": "In", "values": list(asked.place.projects)}}
    yield (
        "notifications",
        {
            f"{tier.of}_{tier.at}_percent": {
                "enabled": True,
                "operator": "GreaterThanOrEqualTo",
                "threshold": tier.at,
                "thresholdType": "Forecasted" if tier.of is Basis.FORECAST else "Actual",
                "contactEmails": [],
                "contactGroups": [actions],
            }
            for tier in budget.rule.tiers
        },
    )


PARTS: dict[str, Part] = {
    "actionGroup": Part(_actions, ("S3-103",)),
    "ofWorkspace": Part(_of_workspace, ("S3-99",)),
    "ofSeveral": Part(_of_several, ("S3-100",)),
}


def body_for(one: Wanted, found: JsonObject | None) -> JsonObject:
    """What is sent in place of what stands: a budget keeps its period, and an update names the version it was read in
    (Microsoft.Consumption/budgets: `eTag` is required to update)."""
    if found is None or f"/providers/{BUDGET}/" not in one.arm_id:
        return one.body
    properties = found.get("properties")
    period = properties.get("timePeriod") if isinstance(properties, dict) else None
    asked = one.body["properties"]
    assert isinstance(asked, dict)
    body: JsonObject = {"properties": {**asked, **({"timePeriod": period} if period else {})}}
    return {**body, "eTag": found["eTag"]} if "eTag" in found else body
