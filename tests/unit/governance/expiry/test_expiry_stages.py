"""The stages: each lasts its time, each begins with its reason, and nothing is taken away without all that it needs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from controlplane.governance.expiry.decide import DAY
from controlplane.governance.expiry.model import Cause, Exemption, Extension, Rule, Stage, Verdict
from controlplane.governance.expiry.rules import Ground, check, check_exemption, check_extension
from controlplane.workspaces.spec_model import Environment
from tests.support.expiry_lines import START, Line, life

IDLE = Rule(idle_after="P30D", grace="P14D", action="archive")
DATED = Rule(expires_on=date(2026, 12, 1), grace="P14D", action="archive")
FINAL = Rule(idle_after="P30D", grace="P14D", action="delete", retention="P30D")


def test_an_idle_workspace_passes_every_stage_in_its_time() -> None:
    assert life(FINAL) == (
        (30, "warned"),
        (37, "asked"),
        (38, "grace"),
        (52, "archiving"),
        (53, "archived"),
        (83, "deleting"),
    )


def test_an_end_date_is_told_a_fortnight_before_and_asked_when_it_has_passed() -> None:
    days = {stage: (START + day * DAY).date() for day, stage in life(DATED)}
    assert days["warned"] == date(2026, 11, 18)
    assert days["asked"] == date(2026, 12, 2)
    assert days["grace"] == date(2026, 12, 3)


def test_each_stage_names_the_date_of_the_next() -> None:
    line = Line(IDLE)
    line.look()
    assert line.expiry.next_at == START + timedelta(days=7)
    line.days(7)
    assert (line.expiry.stage, line.expiry.next_at) == (Stage.ASKED, None)
    line.say_yes()
    line.days(1)
    assert line.expiry.next_at == line.now + timedelta(days=14)


def test_no_answer_stays_asked_and_escalates() -> None:
    line = Line(IDLE)
    line.days(8)
    assert line.expiry.stage is Stage.ASKED
    assert line.days(100) is Stage.ASKED
    assert line.expiry.escalations == 14


@pytest.mark.parametrize("stage_days", [1, 8, 12])
def test_use_takes_every_stage_back(stage_days: int) -> None:
    line = Line(IDLE)
    line.days(stage_days)
    if line.expiry.stage is Stage.ASKED:
        line.say_yes()
        line.days(1)
    assert line.expiry.stage is not Stage.ACTIVE
    line.look(Verdict.BUSY)
    assert (line.expiry.stage, line.expiry.consent) == (Stage.ACTIVE, None)


def test_unknown_begins_nothing_and_ends_nothing() -> None:
    line = Line(IDLE)
    assert line.days(60, lambda _: Verdict.UNKNOWN) is Stage.ACTIVE
    line.days(8)
    line.say_yes()
    line.days(1)
    assert line.days(60, lambda _: Verdict.UNKNOWN) is Stage.GRACE
    assert line.days(1) is Stage.ARCHIVING


def test_an_end_date_too_takes_nothing_away_unseen() -> None:
    line = Line(DATED)
    line.days(32, lambda _: None)
    line.say_yes()
    assert line.days(60, lambda _: Verdict.UNKNOWN) is Stage.GRACE
    assert line.days(1, lambda _: Verdict.BUSY) is Stage.ARCHIVING


def test_production_is_reported_and_nothing_more() -> None:
    for rule in (IDLE, DATED, FINAL):
        assert life(rule, "prod", 300) == life(rule, "prod", 300)[:1]
        assert life(rule, "prod", 300)[0][1] == "warned"


def test_a_clock_that_runs_ahead_passes_one_stage_and_a_day() -> None:
    line = Line(IDLE)
    line.look()
    assert line.look(at=START + timedelta(days=365)) is Stage.WARNED
    line.days(5)
    assert line.expiry.stage is Stage.WARNED


def test_a_clock_that_ran_ahead_and_fell_back_makes_it_longer() -> None:
    line = Line(IDLE)
    line.look(at=START + timedelta(days=365))
    assert line.expiry.stage is Stage.WARNED
    line.look()
    assert line.expiry.since == START
    assert line.days(6) is Stage.WARNED
    assert line.days(1) is Stage.ASKED


def test_sweeps_that_repeat_pass_nothing_twice() -> None:
    line = Line(IDLE)
    for _ in range(50):
        line.look()
    assert (line.expiry.stage, len(line.passed)) == (Stage.WARNED, 1)


def test_another_rule_begins_the_stages_anew() -> None:
    line = Line(IDLE)
    line.days(8)
    line.say_yes()
    line.rule = Rule(idle_after="P30D", grace="P1D", action="archive")
    line.days(1)
    assert (line.expiry.stage, line.expiry.consent) == (Stage.WARNED, None)


def test_an_extension_and_an_exemption_hold_it_off() -> None:
    by = {"by": "t/owner", "at": START, "reason": "Later."}
    for more in (
        {"extension": Extension(until=date(2026, 12, 31), **by)},
        {"exemption": Exemption(until=date(2026, 12, 31), **by)},
    ):
        line = Line(IDLE)
        line.expiry = line.expiry.model_copy(update=more)
        assert line.days(60) is Stage.ACTIVE
        assert line.days(1) is Stage.WARNED
    line = Line(DATED)
    line.expiry = line.expiry.model_copy(update={"extension": Extension(until=date(2027, 1, 31), **by)})
    assert line.days(78, lambda _: None) is Stage.WARNED
    assert line.expiry.cause is Cause.DATE
    assert line.passed[0][0].date() == date(2027, 1, 18)


def test_a_day_that_never_comes_is_a_day() -> None:
    """9999-12-31 is what people write for "never": of a rule, an extension, a project."""
    never = date.max
    line = Line(Rule(expires_on=never, idle_after="P30D", grace="P3D", action="archive"))
    assert line.days(3, lambda _: None) is Stage.ACTIVE
    assert line.days(3) is Stage.WARNED
    by = {"by": "t/owner", "at": START, "reason": "For ever."}
    line = Line(IDLE)
    line.expiry = line.expiry.model_copy(update={"extension": Extension(until=never, **by)})
    assert line.days(40) is Stage.ACTIVE
    line = Line(Rule(), project_end=never)
    assert line.days(3, lambda _: None) is Stage.ACTIVE


def test_a_workspace_does_not_outlive_its_project() -> None:
    line = Line(Rule(expires_on=date(2027, 6, 30), grace="P14D", action="archive"), project_end=date(2026, 12, 1))
    line.days(31, lambda _: None)
    assert line.expiry.stage is Stage.ASKED


GROUND = Ground(Environment.DEV, START.date())


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule(idle_after="P30D", grace="P0D", action="archive"), "GraceNotPositive"),
        (Rule(idle_after="P30D", action="archive"), "GraceMissing"),
        (Rule(idle_after="P30D", grace="P1D", action="delete"), "RetentionMissing"),
        (Rule(idle_after="P30D", grace="P1D", action="archive", retention="P1D"), "RetentionWithoutDeletion"),
        (Rule(grace="P1D", action="archive"), "NothingExpires"),
        (Rule(idle_after="P91D"), "IdleTooLong"),
        (Rule(expires_on=date(2026, 10, 31)), "ExpiryInThePast"),
    ],
)
def test_what_could_never_be_is_refused_by_its_name(rule: Rule, code: str) -> None:
    assert [one.code for one in check(rule, GROUND)] == [code]


def test_production_takes_reporting_only() -> None:
    ground = Ground(Environment.PROD, START.date())
    assert [one.code for one in check(IDLE, ground)] == ["ProductionNeverExpires"]
    assert check(Rule(idle_after="P30D", action="report"), ground) == ()


def test_a_project_bounds_what_may_be_asked() -> None:
    ground = Ground(Environment.DEV, START.date(), date(2026, 11, 30))
    assert [one.code for one in check(DATED, ground)] == ["AfterTheProject"]
    assert [one.code for one in check_extension(date(2026, 12, 5), None, ground)] == ["AfterTheProject"]


def test_more_time_is_more_and_has_an_end() -> None:
    last = date(2026, 12, 1)
    assert [one.code for one in check_extension(date(2026, 11, 20), last, GROUND)] == ["ExtensionShortens"]
    assert [one.code for one in check_extension(date(2026, 10, 1), None, GROUND)] == ["ExpiryInThePast"]
    assert [one.code for one in check_exemption(date(2028, 1, 1), GROUND)] == ["ExemptionTooLong"]


def test_a_day_that_was_accepted_once_is_not_refused_for_having_passed() -> None:
    ground = Ground(Environment.DEV, date(2027, 1, 1))
    assert check(DATED, ground, DATED) == ()
