"""What a budget sees and what follows from it: tiers reached, enforcements to announce, take and release. Pure.

An enforcement is announced first and taken when its notice has run and the reason still stands. It is released when the
month turns, when the budget is raised beyond what was spent, when the owner accepts the overspend, or when the rule no
longer asks for it. What is unknown never crosses a tier, and never undoes a crossing: figures are lower bounds, so a
tier that they reach is reached.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from controlplane.governance.budgets.model import (
    ENFORCED,
    Acceptance,
    Act,
    Basis,
    Budget,
    BudgetRule,
    Crossing,
    Step,
    StepState,
    rank,
)
from controlplane.governance.budgets.rules import threshold
from controlplane.governance.costs.view import View, month_end, month_of


@dataclass(frozen=True, slots=True)
class Judged:
    """``new`` are crossings that were not there before. ``wanted`` is the strongest act that stands; None: none."""

    crossings: tuple[Crossing, ...]
    new: tuple[Crossing, ...]
    wanted: Act | None
    unknown: tuple[str, ...]


def judge(budget: Budget, view: View, now: datetime) -> Judged:
    """Tiers of this month and this generation of the rule. A crossing that was seen stays while its threshold is not
    above what was seen, also when the figures are gone."""
    month = month_of(now)
    kept = standing(budget, month)
    unknown = [*view.unknown] if view.month == month else [f"The figures are of {view.month}."]
    if view.currency is not None and view.currency != budget.rule.monthly.currency:
        # What was reached in the budget's own currency before stays reached.
        text = f"Azure bills in {view.currency}, the budget is in {budget.rule.monthly.currency}: nothing is compared."
        return Judged(tuple(kept.values()), (), _strongest(budget, kept.values()), (*unknown, text))
    silent = view.month != month or budget.deleting
    new = [] if silent else [one for one in _crossed(budget, view, now) if one.tier not in kept]
    if any(tier.of is Basis.FORECAST for tier in budget.rule.tiers) and view.forecast is None:
        unknown.append("There is no forecast: too little history, or it could not be read.")
    crossings = tuple(sorted((*kept.values(), *new), key=lambda one: one.tier))
    return Judged(crossings, tuple(new), _strongest(budget, crossings), tuple(unknown))


def standing(budget: Budget, month: str) -> dict[int, Crossing]:
    """Tiers of the rule as it is that are reached in a month, by their place. After a change of the rule: none, until
    the next look."""
    return {
        one.tier: one
        for one in budget.crossings
        if one.month == month and one.generation == budget.generation and one.tier < len(budget.rule.tiers)
    }


def _strongest(budget: Budget, crossings: Iterable[Crossing]) -> Act | None:
    return max((budget.rule.tiers[one.tier].act for one in crossings), key=rank, default=None)


def spent(budget: Budget, view: View | None, month: str) -> Decimal | None:
    """At least. An earlier generation's figures of the month count: what was spent then is spent."""
    past = [one.figure for one in budget.crossings if one.month == month and one.seen_by != "forecast"]
    return max([*past, *([view.seen] if view is not None and view.seen is not None else [])], default=None)


def _crossed(budget: Budget, view: View, now: datetime) -> list[Crossing]:
    seen, found = spent(budget, view, view.month), []
    for place, tier in enumerate(budget.rule.tiers):
        bound = threshold(budget.rule, tier.at)
        figure = seen if tier.of is Basis.ACTUAL else view.forecast
        if figure is None or figure < bound:
            continue
        by_rows = view.actual is not None and view.actual >= bound
        told = "forecast" if tier.of is Basis.FORECAST else "azure" if by_rows else "live"
        found.append(
            Crossing.model_validate(
                {
                    "tier": place,
                    "generation": budget.generation,
                    "month": view.month,
                    "at": now,
                    "figure": figure,
                    "seen_by": told,
                }
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of the steps. ``announced``, ``taken`` and ``released`` are those that changed; ``dropped`` were
    announced and are not needed any more."""

    steps: tuple[Step, ...]
    announced: tuple[Step, ...] = ()
    begun: tuple[Step, ...] = ()
    releasing: tuple[Step, ...] = ()
    dropped: tuple[Step, ...] = ()
    late: frozenset[Act] = frozenset()
    """Reached, but the month ends before their notice would: not announced."""


def course(budget: Budget, judged: Judged, now: datetime) -> Course:
    """One look. Taking and releasing themselves are the tick's; a step leaves by it alone."""
    wanted = _enforced(budget, judged, now)
    stopped = (word := _word(budget, now)) is not None and word.answer == "stop"
    steps, changed = list[Step](), dict[str, list[Step]]()

    def note(how: str, step: Step) -> None:
        changed.setdefault(how, []).append(step)

    for step in budget.steps:
        stands = step.act in wanted and step.month == month_of(now)
        if step.state is StepState.ANNOUNCED and not stands:
            note("dropped", step)
            continue
        after = step
        if step.state is StepState.ANNOUNCED and (now >= step.effective_at or stopped):
            after = step.model_copy(update={"state": StepState.TAKING})
            note("begun", after)
        elif step.state in (StepState.TAKING, StepState.TAKEN) and not stands:
            after = step.model_copy(update={"state": StepState.RELEASING})
            note("releasing", after)
        steps.append(after)
    held = {step.act for step in steps}
    late = frozenset[Act]() if stopped else _late(budget, wanted - held, now)
    for act in ENFORCED:
        if act in wanted - held - late:
            step = Step(
                act=act,
                month=month_of(now),
                state=StepState.ANNOUNCED,
                round=budget.rounds + len(changed.get("announced", ())) + 1,
                figure=_figure(judged),
                announced_at=now,
                effective_at=now if stopped else now + budget.rule.notice,
            )
            steps.append(step)
            note("announced", step)
    told = {how: tuple(those) for how, those in changed.items()}
    return Course(
        tuple(sorted(steps, key=lambda one: rank(one.act))),
        announced=told.get("announced", ()),
        begun=told.get("begun", ()),
        releasing=told.get("releasing", ()),
        dropped=told.get("dropped", ()),
        late=late,
    )


def _late(budget: Budget, acts: frozenset[Act], now: datetime) -> frozenset[Act]:
    """The notice is a promise and is not cut: what it would put into the next month, which begins at nothing, never
    comes, and is not announced. Who says stop waits for no notice."""
    return acts if now + budget.rule.notice >= month_end(month_of(now)) else frozenset()


def _enforced(budget: Budget, judged: Judged, now: datetime) -> frozenset[Act]:
    """Every act up to the strongest that is wanted; none when the budget goes. What the owner accepts is not wanted,
    and what he stops is, as far as the rule enforces anything."""
    if judged.wanted is None or budget.deleting:
        return frozenset()
    word, rule = _word(budget, now), budget.rule
    reached = [rule.tiers[one.tier] for one in judged.crossings]
    acts = [tier.act for tier in reached if not (word and accepts(word, threshold(rule, tier.at)))]
    if word is not None and word.answer == "stop":
        acts += [first] if (first := first_enforcement(rule)) else []
    strongest = max(acts, key=rank, default=Act.NOTIFY)
    return frozenset(act for act in ENFORCED if rank(act) <= rank(strongest))


def _word(budget: Budget, now: datetime) -> Acceptance | None:
    return budget.acceptance if budget.acceptance and budget.acceptance.month == month_of(now) else None


def accepts(word: Acceptance, bound: Decimal) -> bool:
    """Whether the owner accepts that so much is spent."""
    return word.answer == "accept" and (word.up_to is None or bound <= word.up_to)


def first_enforcement(rule: BudgetRule) -> Act | None:
    """The mildest act of a rule that changes something in Azure."""
    return min((tier.act for tier in rule.tiers if tier.act in ENFORCED), key=rank, default=None)


def _figure(judged: Judged) -> Decimal:
    return max((one.figure for one in judged.crossings if one.seen_by != "forecast"), default=Decimal(0))
