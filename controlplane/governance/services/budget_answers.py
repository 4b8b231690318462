"""What people answer to a budget that asks or enforces."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import Field, ValidationError

from controlplane.errors import Rejected
from controlplane.governance.budgets.judge import first_enforcement, standing
from controlplane.governance.budgets.model import MOST_HISTORY, Acceptance, Act, Basis, Budget, Event, rank
from controlplane.governance.budgets.rules import threshold
from controlplane.governance.costs.view import month_of
from controlplane.governance.scope import Scope
from controlplane.governance.services.budgets import (
    ALLOWED,
    BudgetBody,
    approves,
    budget_not_found,
    etag_of,
    fact_of,
    going,
    place_of,
    shown,
    stored_in,
)
from controlplane.governance.services.deps import RuleDeps, hint
from controlplane.json_types import JsonObject
from controlplane.objects.repository import put
from controlplane.operations.model import Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.operations.reasons import Reason
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller
from controlplane.projects.registration import details_of
from controlplane.workspaces.lasting import is_owner


class BudgetAnswer(Model):
    """What the owner says to an overspend."""

    answer: str = Field(pattern=r"^(accept|stop)$", description="`accept`: nothing is enforced for the rest of this "
                        "month for the tiers that are reached; one above them asks anew. `stop`: what is announced "
                        "is done at once, the rule's first enforcement with it, and no other waits.")  # fmt: skip
    reason: Reason


async def answer_budget(
    deps: RuleDeps, caller: Caller, scope: Scope, data: JsonObject, preconditions: Preconditions
) -> BudgetBody:
    """The word of an owner of the workspace or of an approver, for this month. Raises ``Rejected``: ``BudgetNotFound``,
    ``NotTheOwner``, ``NothingIsAsked``, ``NothingToStop``, ``BudgetIsDeleting``."""
    place = await place_of(deps, caller, ALLOWED[scope.kind].answer, scope)
    answer = _answer(data)
    if not approves(caller, scope, place) and not is_owner(caller, place.spec, place.registration):
        raise Rejected("NotTheOwner", "An owner of the workspace or an approver of its project answers for the money.")

    async def attempt() -> BudgetBody:
        stored = await stored_in(deps, scope, place)
        if stored is None:
            raise budget_not_found(scope)
        budget, now = stored.value, deps.clock.now()
        preconditions.check(etag_of(budget))
        word = _word(budget, answer, caller, now)
        line = Event(at=now, what=f"owner says {answer.answer}", why=answer.reason, by=caller.principal)
        history = (*budget.history, line)[-MOST_HISTORY:]
        after = budget.model_copy(update={"acceptance": word, "due_at": now, "history": history})
        told = {"answer": answer.answer, "month": word.month, "reason": answer.reason}
        await deps.objects.commit(put(stored, after), fact_of(deps, caller, after, told))
        await hint(deps.workspaces.queue, after)
        return await shown(deps, after)

    return await on_fresh_state(attempt)


def _word(budget: Budget, answer: BudgetAnswer, caller: Caller, now: datetime) -> Acceptance:
    """Raises ``Rejected`` where an answer would change nothing."""
    if budget.deleting:
        raise going(budget)
    reached = [budget.rule.tiers[place] for place in standing(budget, month_of(now))]
    asked = [tier for tier in reached if answer.answer == "stop" or rank(tier.act) >= rank(Act.ASK)]
    if not asked:
        text = "No tier that asks or enforces is seen to be reached this month by the rule as it is: nothing to answer."
        raise Rejected("NothingIsAsked", text)
    if answer.answer == "stop" and first_enforcement(budget.rule) is None:
        text = "The rule enforces nothing: it only tells and asks. Set a tier that does, and it is done when reached."
        raise Rejected("NothingToStop", text)
    # What a forecast says was not spent: to accept it gives nobody more.
    spent = [threshold(budget.rule, tier.at) for tier in reached if tier.of is Basis.ACTUAL]
    return Acceptance.model_validate(
        {
            "month": month_of(now), "answer": answer.answer, "by": caller.principal, "at": now,
            "reason": answer.reason, "up_to": max(spent, default=Decimal(0)),
        }
    )  # fmt: skip


def _answer(data: JsonObject) -> BudgetAnswer:
    try:
        return read_strictly(BudgetAnswer, data)
    except ValidationError as error:
        details = details_of(error, BudgetAnswer)
        raise Rejected("InvalidAnswer", details[0].message, target=details[0].target, details=details) from error
