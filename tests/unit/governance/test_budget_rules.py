"""What a budget may not ask for, and what is a raise; and over any course of figures: nothing without its notice."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import Rejected
from controlplane.governance.budgets.judge import course, judge
from controlplane.governance.budgets.model import ENFORCED, Acceptance, Basis, Budget, Step, StepState, rank
from controlplane.governance.budgets.rules import is_raise, parse_budget
from controlplane.governance.costs.view import View, month_of
from controlplane.governance.scope import ScopeKind
from tests.support.budget_world import RULE
from tests.support.clock import START

EXAMPLES = Path(__file__).parents[3] / "examples/budgets"


@pytest.mark.parametrize(
    ("changes", "code", "target"),
    [
        ({"tiers": [{"at": 80}, {"at": 80, "act": "ask"}]}, "TiersDoNotRise", "$.tiers[1].at"),
        ({"tiers": [{"at": 80, "act": "ask"}, {"at": 90}]}, "TiersDoNotRise", "$.tiers[1].act"),
        (
            {"tiers": [{"at": 80}, {"at": 90, "of": "forecast", "act": "freeze"}]},
            "EnforcementOnForecast", "$.tiers[1].act",
        ),
        ({"recipients": ["mlWorkspace"]}, "NoRecipient", "$.recipients[0]"),
        ({"tiers": [{"at": 80}]}, None, "$.tiers"),
        ({"tiers": [{"at": one} for one in range(50, 110, 10)]}, None, "$.tiers"),
        ({"monthly": {"amount": 0, "currency": "USD"}}, None, "$.monthly.amount"),
        ({"monthly": {"amount": "1000", "currency": "USD"}}, None, "$.monthly.amount"),
        ({"monthly": {"amount": 10, "currency": "dollars"}}, None, "$.monthly.currency"),
        ({"notice": "PT0S"}, None, "$.notice"),
        ({"colour": "blue"}, None, "$.colour"),
    ],
)  # fmt: skip
def test_it_is_refused(changes: dict[str, Any], code: str | None, target: str) -> None:
    with pytest.raises(Rejected) as told:
        parse_budget({**RULE, **changes})
    assert told.value.code == "InvalidBudget"
    assert target in [one.target for one in told.value.details]
    if code is not None:
        assert code in [one.code for one in told.value.details]


@pytest.mark.parametrize(
    ("changes", "raised"),
    [
        ({}, False),
        ({"monthly": {"amount": 900, "currency": "USD"}}, False),
        ({"monthly": {"amount": 1001, "currency": "USD"}}, True),
        ({"monthly": {"amount": 900, "currency": "EUR"}}, True),
        ({"notice": "PT1H"}, False),
        ({"notice": "PT3H"}, True),
        ({"tiers": RULE["tiers"][:4]}, True),
        ({"tiers": [*RULE["tiers"][:4], {"at": 140, "act": "freeze"}]}, False),
        ({"recipients": ["projectLeads"]}, True),
    ],
)
def test_what_is_a_raise(changes: dict[str, Any], raised: bool) -> None:
    assert is_raise(parse_budget(RULE), parse_budget({**RULE, **changes})) is raised


def budget() -> Budget:
    return Budget(
        id="workspace.ws", kind=ScopeKind.WORKSPACE, name="ws", project="churn", rule=parse_budget(RULE),
        born_at=START, last_modified_at=START, last_modified_by="t/ada",
    )  # fmt: skip


_MOVES = st.lists(
    st.tuples(
        st.integers(0, 40 * 24),
        st.one_of(st.none(), st.integers(0, 2500)),
        st.sampled_from(["look", "look", "look", "accept", "stop", "raise", "lower"]),
    ),
    max_size=25,
)


@given(_MOVES)
def test_nothing_is_taken_without_its_notice_and_evidence(moves: list[tuple[int, int | None, str]]) -> None:
    """Whatever is seen, unknown, answered and changed, in whatever time: what is taken was announced, its notice has
    run or its owner said so, and the figure that it was announced for had reached its tier; of another month nothing
    stays."""
    now, one, seen = START, budget(), dict[str, Decimal]()
    for hours, figure, move in moves:
        now += timedelta(hours=hours)
        month = month_of(now)
        match move:
            case "accept" | "stop":
                word = {"month": month, "answer": move, "by": "t/o", "at": now, "reason": "why"}
                one = one.model_copy(update={"acceptance": Acceptance.model_validate(word)})
            case "raise" | "lower":
                amount = {"amount": 3000 if move == "raise" else 1000, "currency": "USD"}
                rule = parse_budget({**RULE, "monthly": amount})
                one = one.model_copy(update={"rule": rule, "generation": one.generation + 1})
        known = None if figure is None else Decimal(figure)
        if known is not None:
            seen[month] = max(seen.get(month, Decimal(0)), known)
        view = View(month=month, currency="USD", as_of=now, actual=known, seen=known, workspaces=1)
        judged = judge(one, view, now)
        before = {step.act: step for step in one.steps}
        path = course(one, judged, now)
        stopped = one.acceptance is not None and (one.acceptance.month, one.acceptance.answer) == (month, "stop")
        assert stopped or all(month_of(step.effective_at) == month for step in path.announced)
        for step in path.begun:
            _justified(one, before[step.act], seen.get(month, Decimal(0)), now)
        # The tick takes at once and gives back at once.
        steps = tuple(
            step.model_copy(update={"state": StepState.TAKEN}) if step.state is StepState.TAKING else step
            for step in path.steps
            if step.state is not StepState.RELEASING
        )
        assert {step.month for step in steps} <= {month}
        assert [rank(step.act) for step in steps] == sorted(rank(step.act) for step in steps)
        one = one.model_copy(update={"crossings": judged.crossings, "steps": steps})


def _justified(one: Budget, announced: Step, seen: Decimal, now: Any) -> None:
    answer = one.acceptance
    said = answer is not None and answer.month == month_of(now) and answer.answer == "stop"
    assert announced.state is StepState.ANNOUNCED
    assert said or now >= announced.announced_at + one.rule.notice or now >= announced.effective_at
    enforcing = [tier for tier in one.rule.tiers if tier.act in ENFORCED]
    at = min(tier.at for tier in enforcing if rank(tier.act) >= rank(announced.act))
    if said and announced.act is min((tier.act for tier in enforcing), key=rank):
        at = min(tier.at for tier in one.rule.tiers if tier.of is Basis.ACTUAL)
    assert seen >= Decimal(str(one.rule.monthly.amount)) * at / 100


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_examples_are_taken(path: Path) -> None:
    rule = parse_budget(json.loads(path.read_text()))
    assert not is_raise(rule, rule)
