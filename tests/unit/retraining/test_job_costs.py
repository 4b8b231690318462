"""What a run is estimated to cost where the policy does not say it, and what the budget guard makes of it (D26)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.retraining.job_costs import job_cost_of, pools_of
from controlplane.retraining.model import Outcome, Verdict
from controlplane.retraining.policy import BudgetGuard, Pipeline, RetrainingPolicy
from controlplane.retraining.policy_rules import parse_policy
from tests.support.retraining_cases import DAY, NOW, Given, breach, window_of

SPEC: dict[str, Any] = {
    "location": "westeurope",
    "compute": {
        "clusters": [
            {"name": "cpu", "size": "Standard_D4s_v3", "minNodes": 0, "maxNodes": 4},
            {"name": "spare", "size": "Standard_D4s_v3", "maxNodes": 2, "lowPriority": True},
            {"name": "odd", "size": "Standard_Odd_v9", "maxNodes": 2},
        ]
    },
}
POOLS = pools_of(SPEC)
PIPELINE = {"name": "retrain", "compute": "cpu"}


def cost(guard: dict[str, Any] | None = None, **pipeline: Any) -> Decimal | None:
    asked = BudgetGuard.model_validate({"monthlyLimit": 100, **(guard or {})})
    return job_cost_of(asked, Pipeline.model_validate(PIPELINE | pipeline), POOLS).amount


@pytest.mark.parametrize(
    ("guard", "pipeline", "amount"),
    [
        ({"nodes": 2, "expected": "PT3H"}, {}, "1.44"),  # 2 x 3 x 0.24
        ({"expected": "PT30M"}, {}, "0.48"),  # all four for half an hour
        ({"nodes": 1}, {}, "2.88"),  # until the timeout, 12 hours
        ({}, {"timeout": "PT1H"}, "0.96"),
        ({"nodes": 1, "expected": "PT10H"}, {"compute": "SPARE"}, "0.48"),  # a fifth of 0.24
        ({"jobEstimate": 17.5}, {"compute": None}, "17.5"),
    ],
)
def test_price_times_nodes_times_hours(guard: dict[str, Any], pipeline: dict[str, Any], amount: str) -> None:
    assert cost(guard, **pipeline) == Decimal(amount)


@pytest.mark.parametrize("pipeline", [{"compute": "odd"}, {"compute": "other"}, {"compute": None}])
def test_what_nobody_knows_is_not_nothing(pipeline: dict[str, Any]) -> None:
    assert cost(**pipeline) is None


def test_an_uncertain_price_says_so() -> None:
    guard = BudgetGuard.model_validate({"monthlyLimit": 100})
    spare = job_cost_of(guard, Pipeline.model_validate(PIPELINE | {"compute": "spare"}), POOLS)
    cpu = job_cost_of(guard, Pipeline.model_validate(PIPELINE), POOLS)
    assert "uncertain" in spare.how
    assert "uncertain" not in cpu.how


def given(limit: float, pools: Any = POOLS, **guard: Any) -> Given:
    """A drift that nothing but the budget may stand against."""
    midnight = NOW.replace(hour=0)
    heard = [window_of(breach("watch_drift", midnight - back * DAY)) for back in range(3)]
    policy = RetrainingPolicy.model_validate(
        {
            "pipeline": PIPELINE,
            "approval": {"required": False},
            "budget": {"monthlyLimit": limit, "nodes": 2, "expected": "PT3H", **guard},
        }
    )
    windows = (*heard, window_of(breach("watch_truth", midnight - DAY)))
    return replace(Given(policy, windows, breach("watch_drift", midnight)), pools=pools)


def test_the_guard_decides_by_the_price_table() -> None:
    # A run is 1.44.
    enough, short = given(1.44).ruling(), given(1.43).ruling()
    assert (enough.outcome, short.outcome, short.reason) == (Outcome.SUBMIT, Outcome.ASK, "OverBudget")
    assert "2 x Standard_D4s_v3 for 3 h at 0.24 USD an hour" in short.sentence


def test_without_a_price_the_owner_is_asked() -> None:
    ruling = given(1000, pools={}).ruling()
    assert (ruling.outcome, ruling.reason) == (Outcome.ASK, "EstimateUnknown")
    (check,) = [one for one in ruling.checks if one.name.value == "budget"]
    assert check.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("budget", "pipeline", "code", "path"),
    [
        ({"jobEstimate": 4, "nodes": 2}, {}, "EstimateTwice", "$.budget.nodes"),
        ({"jobEstimate": 4, "expected": "PT1H"}, {}, "EstimateTwice", "$.budget.expected"),
        ({}, {"compute": None}, "EstimateUnknown", "$.budget.jobEstimate"),
        ({"currency": "EUR"}, {}, "EstimateUnknown", "$.budget.jobEstimate"),
        ({"nodes": 0}, {}, "InvalidValue", "$.budget.nodes"),
        ({"expected": "PT0S"}, {}, "InvalidValue", "$.budget.expected"),
    ],
)
def test_a_guard_that_cannot_tell_is_refused(
    budget: dict[str, Any], pipeline: dict[str, Any], code: str, path: str
) -> None:
    asked = {"pipeline": PIPELINE | pipeline, "budget": {"monthlyLimit": 100, **budget}}
    with pytest.raises(Rejected) as refused:
        parse_policy({key: value for key, value in asked.items() if value is not None})
    assert [(one.code, one.target) for one in refused.value.details] == [(code, path)]


def test_a_guard_that_can_is_taken() -> None:
    policy = parse_policy({"pipeline": PIPELINE, "budget": {"monthlyLimit": 100, "nodes": 2, "expected": "PT3H"}})
    assert policy.budget is not None
    assert policy.budget.expected == timedelta(hours=3)
