"""Expiry, requirement by requirement: each test goes red when its rule is switched off."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from controlplane.governance.budgets.model import BudgetRule
from controlplane.governance.expiry.clues import CONTROL, Span, cores, verdict
from controlplane.governance.expiry.decide import DAY
from controlplane.governance.expiry.ending import Elevation, judged
from controlplane.governance.expiry.model import Rule, Stage, Verdict
from controlplane.governance.expiry.proposals import ProposalKind, Sight, proposals
from controlplane.governance.expiry.rules import Ground, check
from controlplane.ports.metrics import Point
from controlplane.workspaces.spec_model import Environment
from tests.support.expiry_lines import START, Line

ENFORCED = ("S3-105", "S3-107", "X-12", "X-14")
GROUP = "/subscriptions/s/resourceGroups/rg-churn"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
IDLE = Rule(idle_after="P30D", grace="P14D", action="archive")


@pytest.mark.parametrize("requirement", [pytest.param(one, id=one) for one in ENFORCED])
def test_enforce(requirement: str) -> None:
    if requirement == "X-12":
        _production_is_reported()
        return
    if requirement == "X-14":
        _the_archiver_waits_for_somebody_else()
        return
    if requirement == "S3-105":
        ground = Ground(Environment.PROD, START.date())
        assert [one.target for one in check(IDLE, ground)] == ["$.action"]
        return
    line = Line(IDLE)
    assert line.days(200) is Stage.ASKED


def _production_is_reported() -> None:
    """A budget asks for no environment; an expiry does: what has become production since its rule was set is told."""
    assert "environment" not in BudgetRule.model_fields
    line = Line(IDLE, environment="prod")
    assert line.days(200) is Stage.WARNED
    assert line.expiry.reasons[-1] == "Production is reported and never expired."


def _the_archiver_waits_for_somebody_else() -> None:
    """It deletes with a role that somebody gave it for a while, on this group, and with no other."""

    asked = Elevation(GROUP, START, "archiver", role_id=f"{DEFINITIONS}/archiver")

    def lacks(scope: str, end: datetime | None, role: str = f"{DEFINITIONS}/archiver") -> str | None:
        ends = None if end is None else end.isoformat()
        found = judged([{"properties": {"scope": scope, "endDateTime": ends, "roleDefinitionId": role}}], asked)
        return None if found is None else found[1]

    soon, before = START + DAY, START - DAY
    nothing = judged([], asked)
    assert nothing is not None and nothing[1] == "PendingElevation"
    assert lacks(GROUP, before) == "PendingElevation"
    assert [lacks(GROUP, None), lacks("/subscriptions/s", soon)] == ["StandingRights"] * 2
    assert lacks(GROUP, soon, f"{DEFINITIONS}/reader") == "PendingElevation"
    assert lacks(GROUP, soon, "") == "PendingElevation"
    assert lacks(GROUP, soon) is None
    assert lacks(GROUP, soon, f"/subscriptions/s{DEFINITIONS}/ARCHIVER") is None


@pytest.mark.parametrize("requirement", [pytest.param(one, id=one) for one in ("S3-106", "S3-108")])
def test_validate(requirement: str) -> None:
    if requirement == "S3-106":
        span = Span(START - 30 * DAY, START, DAY)
        control = {CONTROL: (Point(3.0, 3.0, 3.0, 1.0),) * 30}
        used = {**control, "Active Cores": (Point(0.0, 0.0, 0.0, 12.0),)}
        assert verdict([cores(control, span, "metrics")]) is Verdict.IDLE
        assert verdict([cores(used, span, "metrics")]) is Verdict.BUSY
        assert verdict([cores({}, span, "metrics")]) is Verdict.UNKNOWN
        return
    ground = Ground(Environment.DEV, START.date(), date(2026, 12, 31))
    asked = Rule(expires_on=date(2027, 1, 1), grace="P1D", action="archive")
    assert [one.target for one in check(asked, ground)] == ["$.expiresOn"]


@pytest.mark.parametrize("requirement", [pytest.param("S3-122", id="S3-122")])
def test_report(requirement: str) -> None:
    found = proposals(Sight(days={"churn": 25, "seldom": 2}))
    assert [(one.kind, one.target) for one in found] == [(ProposalKind.PRODUCTIONISE, "churn")]
    assert proposals(Sight(days={"churn": 25}, production=True)) == ()
