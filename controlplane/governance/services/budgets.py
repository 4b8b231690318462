"""Budgets: set, read, answered, taken away. Ticks do the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controlplane.audit.changes import changes
from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, Rejected
from controlplane.governance.budgets.advice import advice
from controlplane.governance.budgets.model import (
    LEFT,
    MOST_HISTORY,
    STANDS,
    Acceptance,
    Budget,
    BudgetRule,
    Crossing,
    Event,
    Step,
)
from controlplane.governance.budgets.rules import is_raise, parse_budget
from controlplane.governance.costs.model import Spend
from controlplane.governance.costs.view import View
from controlplane.governance.facts import by_person
from controlplane.governance.scope import Scope, ScopeKind, parse_scope
from controlplane.governance.services.deps import RuleDeps, hint, workspace
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.operations.model import Condition, Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission, Verdict, judge
from controlplane.projects.model import Registration
from controlplane.projects.service import forbidden, project_not_found
from controlplane.workspaces.services.deps import registration_of, workspace_not_found


class BudgetBody(Model):
    """A budget as the API answers it."""

    id: str
    scope: ScopeKind
    name: str
    etag: str
    generation: int
    observed_generation: int
    """The generation of which all stands in Azure."""
    deleting: bool
    rule: BudgetRule
    spent: View | None
    """What it was last judged by; none before the first look."""
    crossings: tuple[Crossing, ...]
    enforcement: tuple[Step, ...]
    acceptance: Acceptance | None
    conditions: tuple[Condition, ...]
    advice: tuple[str, ...]
    history: tuple[Event, ...]
    last_modified_at: datetime
    last_modified_by: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a scope's kind asks of a caller."""

    get: Permission
    put: Permission
    delete: Permission
    answer: Permission


ALLOWED = {
    ScopeKind.WORKSPACE: Allowed(
        Permission.BUDGETS_GET, Permission.BUDGETS_PUT, Permission.BUDGETS_DELETE, Permission.BUDGETS_ANSWER
    ),
    ScopeKind.PROJECT: Allowed(
        Permission.PROJECT_BUDGETS_GET,
        Permission.PROJECT_BUDGETS_PUT,
        Permission.PROJECT_BUDGETS_DELETE,
        Permission.PROJECT_BUDGETS_ANSWER,
    ),
    ScopeKind.DEPARTMENT: Allowed(
        Permission.DEPARTMENT_BUDGETS_GET,
        Permission.DEPARTMENT_BUDGETS_PUT,
        Permission.DEPARTMENT_BUDGETS_DELETE,
        Permission.DEPARTMENT_BUDGETS_ANSWER,
    ),
}


@dataclass(frozen=True, slots=True)
class PutBudget:
    """``created`` tells 201 from 200."""

    body: BudgetBody
    created: bool
    project: str


def budget_not_found(scope: Scope) -> Rejected:
    """The 404 of a budget."""
    return Rejected("BudgetNotFound", f"{scope.kind.capitalize()} {scope.name!r} has no budget.")


def scope_not_found(scope: Scope) -> Rejected:
    """The 404 of what there is none of, or what the caller may not know of."""
    match scope.kind:
        case ScopeKind.WORKSPACE:
            return workspace_not_found(scope.name)
        case ScopeKind.PROJECT:
            return project_not_found(scope.name)
        case ScopeKind.DEPARTMENT:
            return Rejected("DepartmentNotFound", f"No registration names the department {scope.name!r}.")


async def get_budget(deps: RuleDeps, caller: Caller, scope: Scope) -> BudgetBody:
    """Raises ``Rejected``: ``BudgetNotFound``, ``AuthorizationFailed``, and what the scope's own 404 is."""
    place = await place_of(deps, caller, ALLOWED[scope.kind].get, scope)
    stored = await stored_in(deps, scope, place)
    if stored is None:
        raise budget_not_found(scope)
    return await shown(deps, stored.value)


async def put_budget(
    deps: RuleDeps, caller: Caller, scope: Scope, data: JsonObject, preconditions: Preconditions
) -> PutBudget:
    """Sets or replaces it. Who spends may set one and tighten it; more money, and what is done later, milder or not at
    all by the new rule, takes an approver. Raises ``Rejected``: ``InvalidBudget``, ``CurrencyMismatch``,
    ``BudgetIsDeleting``, ``BudgetRaiseNotAllowed``."""
    place = await place_of(deps, caller, ALLOWED[scope.kind].put, scope)
    rule = parse_budget(data)
    billed = await _same_currency(deps, scope, rule)

    async def attempt() -> PutBudget:
        there = await deps.objects.get(Budget, scope.id)
        stored = there if there is not None and there.value.incarnation == place.incarnation else None
        preconditions.check(etag_of(stored.value) if stored else None)
        if there is not None and stored is None:
            # What the earlier one has in Azure has the names that this one's will have.
            await hint(deps.workspaces.queue, there.value)
            raise Conflict("ConcurrentChange", "An earlier budget of this name is just being forgotten; repeat it.")
        if stored is not None and stored.value.deleting:
            raise going(stored.value)
        if stored is not None and stored.value.rule == rule:
            return PutBudget(await shown(deps, stored.value), created=False, project=place.project)
        if stored is not None and is_raise(stored.value.rule, rule, billed) and not approves(caller, scope, place):
            text = "More money, or something later, milder or not at all: that takes an approver, not who spends."
            raise Rejected("BudgetRaiseNotAllowed", text)
        now = deps.clock.now()
        told: dict[str, Any] = {
            "due_at": now,
            "last_modified_at": now,
            "last_modified_by": caller.principal,
            "rule": rule,
        }
        if stored is not None:
            told["generation"] = stored.value.generation + 1
            if stored.value.rule.monthly.currency != rule.monthly.currency:
                told["crossings"] = ()  # figures of another currency
            after = stored.value.model_copy(update=told)
        else:
            after = Budget(
                id=scope.id, kind=scope.kind, name=scope.name, project=place.project, incarnation=place.incarnation,
                due_at=now, rule=rule, born_at=now, last_modified_at=now, last_modified_by=caller.principal,
            )  # fmt: skip
        line = Event(at=now, what="rule set", why=f"Generation {after.generation}.", by=caller.principal)
        after = after.model_copy(update={"history": (*after.history, line)[-MOST_HISTORY:]})
        before = stored.value.rule.model_dump(mode="json", by_alias=True) if stored else None
        changed = changes(before, rule.model_dump(mode="json", by_alias=True))
        fact = fact_of(deps, caller, after, {"generation": after.generation, "changes": changed})
        await deps.objects.commit(put(there, after), fact)
        await hint(deps.workspaces.queue, after)
        return PutBudget(await shown(deps, after), created=stored is None, project=place.project)

    return await on_fresh_state(attempt)


async def delete_budget(deps: RuleDeps, caller: Caller, scope: Scope, preconditions: Preconditions) -> bool:
    """What it enforces is given back, what it has in Azure is deleted; False when there was none."""
    place = await place_of(deps, caller, ALLOWED[scope.kind].delete, scope)

    async def attempt() -> bool:
        stored = await stored_in(deps, scope, place)
        preconditions.check(etag_of(stored.value) if stored else None)
        if stored is None or stored.value.deleting:
            return stored is not None
        update = {"deleting": True, "due_at": deps.clock.now(), "generation": stored.value.generation + 1}
        after = stored.value.model_copy(update=update)
        await deps.objects.commit(put(stored, after), fact_of(deps, caller, after, {"change": "deletion asked for"}))
        await hint(deps.workspaces.queue, after)
        return True

    return await on_fresh_state(attempt)


def going(budget: Budget) -> Rejected:
    """With what keeps it, where Azure said so."""
    text = "The budget is being taken away; repeat it when it is gone."
    why = [one.message for one in budget.conditions if one.type == STANDS and one.reason == LEFT]
    return Rejected("BudgetIsDeleting", " ".join([text, *why]))


# -- who may -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    project: str
    incarnation: int
    registration: Registration | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Of a workspace, as it was accepted."""


async def place_of(deps: RuleDeps, caller: Caller, permission: Permission, scope: Scope) -> Place:
    """Raises ``Rejected``: what does not exist and what the caller may not know of answer the same."""
    if scope.kind is ScopeKind.WORKSPACE:
        found = await workspace(deps, caller, permission, scope.name)
        registration = await registration_of(deps.workspaces, found.record.project)
        return Place(found.record.project, found.record.incarnation, registration, found.record.spec)
    if scope.kind is ScopeKind.DEPARTMENT:
        if judge(caller, permission, None) is not Verdict.ALLOWED:
            raise forbidden(permission)  # whatever departments there are
        if all(one.registration.department != scope.name for one in await deps.workspaces.projects.all()):
            raise scope_not_found(scope)
        return Place("", 0)
    registration = await registration_of(deps.workspaces, scope.name)
    verdict = Verdict.HIDDEN if registration is None else judge(caller, permission, registration)
    if verdict is Verdict.HIDDEN:
        raise scope_not_found(scope)
    if verdict is Verdict.FORBIDDEN:
        raise forbidden(permission)
    return Place(scope.name, 0, registration)


def approves(caller: Caller, scope: Scope, place: Place) -> bool:
    """Who may take a budget away may also raise it and accept that more is spent."""
    return judge(caller, ALLOWED[scope.kind].delete, place.registration) is Verdict.ALLOWED


async def _same_currency(deps: RuleDeps, scope: Scope, rule: BudgetRule) -> str | None:
    """Where costs were read they say in what Azure bills, which is returned; before that the budget's own condition
    will."""
    budget = await deps.objects.get(Budget, scope.id)
    billed = None if budget is None or budget.value.view is None else budget.value.view.currency
    if billed is not None and billed != rule.monthly.currency:
        text = f"Azure bills {scope.name} in {billed}: a budget in {rule.monthly.currency} compares nothing."
        raise Rejected("CurrencyMismatch", text, target="$.monthly.currency")
    spends: list[Spend] = []
    if scope.kind is ScopeKind.WORKSPACE:
        stored = await deps.objects.get(Spend, scope.id)
        spends = [] if stored is None else [stored.value]
    elif scope.kind is ScopeKind.PROJECT:
        spends = list((await deps.objects.page(Spend, f"sp!{scope.name}!", limit=1)).values)
    for one in spends:
        if one.as_of is None:
            continue
        if one.currency != rule.monthly.currency:
            text = (
                f"Azure bills {one.workspace} in {one.currency}: a budget in {rule.monthly.currency} compares nothing."
            )
            raise Rejected("CurrencyMismatch", text, target="$.monthly.currency")
        billed = one.currency
    return billed


# -- what is shown -----------------------------------------------------------------------------------------------------


async def stored_in(deps: RuleDeps, scope: Scope, place: Place) -> Stored[Budget] | None:
    """Of an earlier workspace of this name nothing is known; its row goes with the next tick."""
    stored = await deps.objects.get(Budget, scope.id) if parse_scope(scope.id) else None
    return stored if stored is not None and stored.value.incarnation == place.incarnation else None


def fact_of(deps: RuleDeps, caller: Caller, budget: Budget, told: JsonObject) -> Fact:
    return by_person((budget.scope, budget.project), deps.clock.now(), caller, Action.BUDGET_CHANGED, told)


def etag_of(budget: Budget) -> str:
    """Of what people said: the rule, and their answer to what it asked."""
    said = f"{budget.last_modified_at.timestamp():.6f}"
    if budget.acceptance is not None:
        said += f".{budget.acceptance.at.timestamp():.6f}"
    return f'"{budget.incarnation}.{budget.generation}.{said}"'


async def shown(deps: RuleDeps, budget: Budget) -> BudgetBody:
    return BudgetBody(
        id=f"{budget.kind}s/{budget.name}/budget",
        scope=budget.kind,
        name=budget.name,
        etag=etag_of(budget),
        generation=budget.generation,
        observed_generation=budget.observed_generation,
        deleting=budget.deleting,
        rule=budget.rule,
        spent=budget.view,
        crossings=budget.crossings,
        enforcement=budget.steps,
        acceptance=budget.acceptance,
        conditions=budget.conditions,
        advice=await _advice(deps, budget),
        history=budget.history,
        last_modified_at=budget.last_modified_at,
        last_modified_by=budget.last_modified_by,
    )


async def _advice(deps: RuleDeps, budget: Budget) -> tuple[str, ...]:
    """Months are kept of workspaces alone."""
    stored = await deps.objects.get(Spend, budget.id) if budget.kind is ScopeKind.WORKSPACE else None
    return advice(budget.rule, stored.value.months if stored else {})
