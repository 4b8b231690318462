"""Which rule is later or milder than which: an order, so that steps that a lead may make never add up to one that he
may not; and what an environment, and stages that have begun, make of it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.workspaces.lasting import Life, later, longer
from controlplane.workspaces.spec_model import Environment, Expiry

DAYS = ["P1D", "P7D", "P30D", "P90D"]
ACTS = ("archive", "delete")
RULES = st.none() | st.builds(
    Expiry,
    expires_on=st.none() | st.dates(date(2026, 11, 2), date(2026, 11, 6)),
    idle_after=st.none() | st.sampled_from(DAYS),
    grace=st.none() | st.sampled_from(DAYS),
    action=st.sampled_from([None, "report", *ACTS]),
    retention=st.none() | st.sampled_from(DAYS),
)
FULL = Expiry.model_validate(
    {"expiresOn": "2027-06-30", "idleAfter": "P30D", "grace": "P14D", "action": "delete", "retention": "P30D"}
)


def is_later(before: Expiry | None, after: Expiry | None) -> bool:
    return any(later(before, after))


def meaning(rule: Expiry | None) -> tuple[object, ...]:
    """What a rule does, written by hand: fields that do nothing are left out."""
    asked = rule or Expiry()
    acts = asked.action in ACTS
    return (
        asked.expires_on,
        asked.idle_after,
        asked.action if acts else None,
        asked.grace if acts else None,
        asked.retention if asked.action == "delete" else None,
    )


@given(RULES)
def test_no_rule_is_later_than_itself_and_none_is_later_than_no_rule(rule: Expiry | None) -> None:
    assert not is_later(rule, rule)
    assert not is_later(None, rule)
    assert is_later(rule, None) is (meaning(rule) != meaning(None))


@given(RULES, RULES)
def test_of_two_rules_that_do_otherwise_one_at_least_is_later(one: Expiry | None, other: Expiry | None) -> None:
    assert (is_later(one, other) or is_later(other, one)) is (meaning(one) != meaning(other))


@given(RULES, RULES, RULES)
def test_steps_that_are_not_later_never_add_up_to_one_that_is(
    first: Expiry | None, second: Expiry | None, third: Expiry | None
) -> None:
    if not is_later(first, second) and not is_later(second, third):
        assert not is_later(first, third)


@given(RULES, st.data())
def test_more_of_anything_is_later_and_less_is_not(rule: Expiry | None, data: st.DataObject) -> None:
    if rule is None or rule.expires_on is None:
        return
    day = data.draw(st.dates(date(2026, 11, 1), date(2026, 11, 9)))
    moved = rule.model_copy(update={"expires_on": day})
    assert is_later(rule, moved) is (day > rule.expires_on)


CHANGES = {
    "a later day": ({"expiresOn": "2027-07-01"}, "$.expiresOn"),
    "no last day": ({"expiresOn": None}, "$.expiresOn"),
    "longer idleness": ({"idleAfter": "P31D"}, "$.idleAfter"),
    "idleness is no end": ({"idleAfter": None}, "$.idleAfter"),
    "a longer grace": ({"grace": "P15D"}, "$.grace"),
    "a longer retention": ({"retention": "P100D"}, "$.retention"),
    "archive for delete": ({"action": "archive", "retention": None}, "$.action"),
    "report for delete": ({"action": "report", "grace": None, "retention": None}, "$.action"),
    "nothing for delete": ({"action": None, "grace": None, "retention": None}, "$.action"),
}
STRICTER = {
    "an earlier day": {"expiresOn": "2027-06-29"},
    "shorter idleness": {"idleAfter": "P7D"},
    "a shorter grace": {"grace": "P1D"},
    "a shorter retention": {"retention": "P1D"},
}


def lives(
    changes: dict[str, object], environment: Environment = Environment.DEV, base: Expiry = FULL
) -> tuple[Life, Life]:
    asked = {**base.model_dump(mode="json", by_alias=True), **changes}
    return Life(base, Environment.DEV), Life(Expiry.model_validate(asked), environment)


@pytest.mark.parametrize(("changes", "target"), CHANGES.values(), ids=CHANGES)
def test_what_is_later_or_milder_is_named(changes: dict[str, object], target: str) -> None:
    before, after = lives(changes)
    assert [one.target for one in longer(before, after, under_way=False)] == [target]
    assert longer(after, before, under_way=False) == ()


@pytest.mark.parametrize("changes", STRICTER.values(), ids=STRICTER)
def test_a_stricter_rule_is_an_owners_only_where_it_begins_the_stages_anew(changes: dict[str, object]) -> None:
    before, after = lives(changes)
    assert longer(before, after, under_way=False) == ()
    assert [one.target for one in longer(before, after, under_way=True)] == ["$"]


def test_no_change_is_nobodys() -> None:
    assert longer(*lives({}), under_way=True) == ()


def test_what_only_reports_has_no_stages_to_lose() -> None:
    reports = Expiry.model_validate({"expiresOn": "2027-06-30"})
    assert longer(*lives({"action": "archive", "grace": "P1D"}, base=reports), under_way=True) == ()
    assert longer(*lives({}, Environment.TEST, base=reports), under_way=True) == ()


@pytest.mark.parametrize(
    ("environment", "under_way", "targets"),
    [
        (Environment.TEST, False, []),
        (Environment.TEST, True, ["$"]),
        (Environment.PROD, False, ["$.environment"]),
        (Environment.PROD, True, ["$.environment"]),
    ],
)
def test_another_environment_is_no_way_out(environment: Environment, under_way: bool, targets: list[str]) -> None:
    """Production is only reported, and every other environment begins the stages anew."""
    before, after = lives({}, environment)
    assert [one.target for one in longer(before, after, under_way=under_way)] == targets
