"""Budgets, requirement by requirement: each test goes red when its rule is switched off."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.governance.budgets.advice import advice
from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.rules import parse_budget
from controlplane.governance.budgets.wanted import place_of, wanted
from controlplane.governance.scope import ScopeKind
from controlplane.retraining.monitors.wanted import Wanted
from tests.support.budget_world import CALLBACKS, RULE, SUBSCRIPTION, BudgetWorld
from tests.support.clock import START

SHARED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-platform"


def made(kind: ScopeKind, name: str) -> dict[str, Wanted]:
    """Type → what stands in Azure of it."""
    budget = Budget(
        id=f"{kind}.{name}", kind=kind, name=name, project="churn", incarnation=1, rule=parse_budget(RULE),
        born_at=START, last_modified_at=START, last_modified_by="t/ada",
    )  # fmt: skip
    calls = replace(CALLBACKS, shared_group=SHARED)
    place = place_of(budget, (BudgetWorld().known,), calls)
    assert place is not None
    found = wanted(budget, place, calls, START)
    return {one.arm_id.partition("/providers/")[2].rpartition("/")[0]: one for one in found}


def budget_of(found: dict[str, Wanted]) -> dict[str, Any]:
    properties = found["Microsoft.Consumption/budgets"].body["properties"]
    assert isinstance(properties, dict)
    return properties


@pytest.mark.parametrize("requirement", [pytest.param(one, id=one) for one in ("S3-99", "S3-100", "S3-103")])
def test_create(requirement: str) -> None:
    match requirement:
        case "S3-99":
            found = made(ScopeKind.WORKSPACE, "ws")
            assert found["Microsoft.Consumption/budgets"].arm_id.startswith(
                f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ws/providers/"
            )
            told = budget_of(found)["notifications"]["actual_100_percent"]
            assert (told["operator"], told["threshold"]) == ("GreaterThanOrEqualTo", 100)
        case "S3-100":
            found = made(ScopeKind.PROJECT, "churn")
            assert found["Microsoft.Consumption/budgets"].arm_id.startswith(f"/subscriptions/{SUBSCRIPTION}/providers/")
            tag = {"name": "project", "operator": "In", "values": ["churn"]}
            assert budget_of(found)["filter"] == {"tags": tag}
            # A department, or a team that is registered as one: of its projects, by the same tag.
            wide = made(ScopeKind.DEPARTMENT, "retail")
            assert wide["Microsoft.Consumption/budgets"].arm_id.endswith("/budgets/cp-department-retail")
            assert budget_of(wide)["filter"] == {"tags": tag}
        case _:
            found = made(ScopeKind.WORKSPACE, "ws")
            hooks = found["Microsoft.Insights/actionGroups"].body["properties"]
            assert isinstance(hooks, dict)
            assert [one["name"] for one in hooks["webhookReceivers"]] == ["control-plane"]
            rule = parse_budget({**RULE})
            assert set(rule.recipients) == {"businessStakeholders", "productOwners", "projectLeads"}
            calls = [one["contactGroups"] for one in budget_of(found)["notifications"].values()]
            assert calls == [[found["Microsoft.Insights/actionGroups"].arm_id]] * len(rule.tiers)


def test_every_tier_calls_us() -> None:
    found = made(ScopeKind.WORKSPACE, "ws")
    group = found["Microsoft.Insights/actionGroups"]
    assert [one["contactGroups"] for one in budget_of(found)["notifications"].values()] == [[group.arm_id]] * 5


@pytest.mark.parametrize("requirement", [pytest.param("S3-102", id="S3-102")])
def test_validate(requirement: str) -> None:
    for tiers, code in (
        ([{"at": 100}], "TooFewTiers"),
        ([{"at": 100}, {"at": 120}], "NoTierBeforeTheAmount"),
    ):
        with pytest.raises(Rejected) as told:
            parse_budget({**RULE, "tiers": tiers})
        assert [one.code for one in told.value.details] == [code], requirement
    for tiers in ([{"at": 80}, {"at": 100}], [{"at": 100}, {"at": 100, "of": "forecast"}]):
        assert len(parse_budget({**RULE, "tiers": tiers}).tiers) == 2


def test_somebody_is_told_when_the_amount_is_met() -> None:
    """S3-99: neither a tier before it nor one beyond it says so, nor a forecast."""
    for tiers in ([{"at": 50}, {"at": 80}], [{"at": 50}, {"at": 110}], [{"at": 50}, {"at": 100, "of": "forecast"}]):
        with pytest.raises(Rejected) as told:
            parse_budget({**RULE, "tiers": tiers})
        assert [one.code for one in told.value.details] == ["NoTierAtTheAmount"]


@pytest.mark.parametrize("requirement", [pytest.param("S3-104", id="S3-104")])
def test_react(requirement: str) -> None:
    rule, used = parse_budget(RULE), {"2026-08": Decimal(1200), "2026-09": Decimal(1000), "2026-10": Decimal(1100)}
    assert len(advice(rule, used)) == 1, requirement
    assert advice(rule, {**used, "2026-09": Decimal(999)}) == ()
    assert advice(rule, {"2026-09": Decimal(5000), "2026-10": Decimal(5000)}) == ()
