"""``/api/workspaces/{name}/budget`` and those of projects and departments: what may be spent, what was."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.governance.budgets.model import BudgetRule
from controlplane.governance.scope import Scope, ScopeKind, is_scope
from controlplane.governance.services import budget_answers
from controlplane.governance.services import budgets as service
from controlplane.governance.services.budget_answers import BudgetAnswer
from controlplane.governance.services.budgets import BudgetBody
from controlplane.http.answers import resource
from controlplane.http.docs import body, created, no_content, ok
from controlplane.http.examples import BUDGET, BUDGET_ANSWER
from controlplane.http.money import priced
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, read_object

router = APIRouter(prefix="/api", tags=["Money"])


def _scope(kind: ScopeKind, name: str) -> Scope:
    """What no scope can be called is not there."""
    scope = Scope(kind, name)
    if not is_scope(scope.id):
        raise service.scope_not_found(scope)
    return scope


def _serve(kind: ScopeKind) -> None:
    """The same three of each kind of scope."""
    allowed, path = service.ALLOWED[kind], f"/{kind}s/{{name}}/budget"

    @router.get(
        path, operation_id=allowed.get, responses=ok(BudgetBody, etag=True), summary=f"Read the budget of a {kind}"
    )
    async def get_budget(ctx: Ctx, name: str) -> JSONResponse:
        """The rule, what was spent and how much of that is known, which tiers are reached, what is announced or
        enforced with its undo, and the history. Figures carry their age; what is unknown is named and never 0.
        """
        deps = ctx.services.for_governance()
        return resource(priced(await service.get_budget(deps, ctx.caller, _scope(kind, name))))

    @router.put(
        path,
        operation_id=allowed.put,
        responses={**ok(BudgetBody, etag=True), **created(BudgetBody)},
        openapi_extra=body(BudgetRule, JSON, example=BUDGET),
        summary=f"Set the budget of a {kind}",
    )
    async def put_budget(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
        """400 `InvalidBudget` with every reason: tiers that do not rise, one tier alone, an enforcement by forecast;
        400 `CurrencyMismatch` where Azure bills in another one. 403 `BudgetRaiseNotAllowed` where more may be
        spent, or something would happen later, milder or not at all: that takes an approver.
        """

        async def work() -> Response:
            data, deps = await read_object(request, JSON), ctx.services.for_governance()
            done = await service.put_budget(deps, ctx.caller, _scope(kind, name), data, once.conditions)
            once.project = done.project
            return resource(priced(done.body), 201 if done.created else 200)

        return await once.do(work)

    @router.delete(
        path,
        operation_id=allowed.delete,
        responses=no_content(),
        status_code=204,
        summary=f"Take the budget of a {kind} away",
    )
    async def delete_budget(ctx: Ctx, name: str, once: Repeat) -> Response:
        """What it enforces is given back first; until then it is shown with `deleting: true`."""

        async def work() -> Response:
            deps = ctx.services.for_governance()
            await service.delete_budget(deps, ctx.caller, _scope(kind, name), once.conditions)
            return Response(status_code=204)

        return await once.do(work)


def _serve_answer(kind: ScopeKind) -> None:
    """What its owner says."""
    allowed, path = service.ALLOWED[kind], f"/{kind}s/{{name}}/budget"

    @router.post(
        f"{path}:answer",
        operation_id=allowed.answer,
        responses=ok(BudgetBody, etag=True),
        openapi_extra=body(BudgetAnswer, JSON, example=BUDGET_ANSWER),
        summary=f"Answer an overspend of a {kind}",
    )
    async def answer_budget(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
        """By an owner of the workspace, or an approver. `accept`: for the rest of this month nothing is enforced for
        the tiers that are reached, and what is enforced is given back; a tier above them asks and enforces anew.
        `stop`: the rule's first enforcement is done at once, and no other waits for a notice. 403 `NotTheOwner`; 409
        `NothingIsAsked` while no tier that asks or enforces is reached, `NothingToStop` where the rule enforces
        nothing, `BudgetIsDeleting`.
        """

        async def work() -> Response:
            data, deps = await read_object(request, JSON), ctx.services.for_governance()
            found = await budget_answers.answer_budget(deps, ctx.caller, _scope(kind, name), data, once.conditions)
            return resource(priced(found))

        return await once.do(work)


for _kind in ScopeKind:
    _serve(_kind)
    _serve_answer(_kind)
