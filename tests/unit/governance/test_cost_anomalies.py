"""Days that stand out are told once, with what rose, where, by which job and whose."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import Rejected
from controlplane.governance.costs.anomalies import ENOUGH, found, too_little
from controlplane.governance.costs.model import Spend
from tests.support.cost_world import NOON, SUBSCRIPTION, CostWorld

LAST = date(2026, 11, 14)


def spend(*costs: int | Decimal) -> Spend:
    """Whole days, the last of them the 14th."""
    begin = LAST - timedelta(days=len(costs) - 1)
    days = {(begin + timedelta(days=place)).isoformat(): Decimal(cost) for place, cost in enumerate(costs)}
    return Spend(
        id="workspace.ws", workspace="ws", incarnation=1, project="churn", month="2026-11", currency="USD",
        as_of=NOON, through=LAST, days=days,
    )  # fmt: skip


def test_a_day_that_stands_out() -> None:
    (one,) = found(spend(10, 11, 9, 10, 12, 10, 11, 60))
    assert (one.day, one.amount, one.usual) == (LAST, Decimal(60), Decimal(10))


def test_too_little_history_says_nothing() -> None:
    assert found(spend(*[10] * (ENOUGH - 1), 900)) == ()


def test_a_second_dear_day_is_held_against_the_days_before_the_first() -> None:
    assert len(found(spend(10, 11, 9, 10, 12, 10, 11, 60).model_copy(update={"anomalies": ()}))) == 1
    first = spend(10, 11, 9, 10, 12, 10, 11, 60, 60, 60)
    assert [one.usual for one in found(first)] == [Decimal(10)] * 3


def test_a_day_of_which_azure_has_a_part_is_not_judged() -> None:
    one = spend(*[10] * 9, 90)
    assert found(one.model_copy(update={"through": LAST - timedelta(days=1)})) == ()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=40), st.integers(0, 100))
def test_no_day_within_a_third_of_the_usual_stands_out(costs: list[int], more: int) -> None:
    base = 100 + more
    steady = spend(*[Decimal(base) + Decimal(cost) * base / 1000 for cost in costs])
    assert found(steady) == ()


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_found_again_it_is_the_same(costs: list[int]) -> None:
    one = spend(*costs)
    first = found(one)
    assert found(one.model_copy(update={"anomalies": first})) == first


AMOUNTS = st.integers(0, 10_000)


@given(st.integers(0, 40), st.integers(1, 10_000), st.lists(AMOUNTS, max_size=ENOUGH - 1))
def test_a_new_workspaces_first_days_never_stand_out_and_say_so(free: int, first: int, after: list[int]) -> None:
    """However long it was there before it cost anything, and whatever it costs then."""
    one = spend(*[0] * free, first, *after)
    assert found(one) == ()
    assert (too_little(one) is not None) == (len(after) + 1 < ENOUGH)
    for last in range(len(after) + 1):  # what was found day by day is the same
        assert found(spend(*[0] * free, first, *after[:last])) == ()


@given(st.integers(0, 40), st.integers(100, 10_000), st.integers(ENOUGH, 20), st.integers(2, 9))
def test_with_its_own_history_a_day_stands_out_whatever_was_before(free: int, usual: int, days: int, up: int) -> None:
    steady = spend(*[0] * free, *[usual] * days)
    assert (found(steady), too_little(steady)) == ((), None)
    (one,) = found(spend(*[0] * free, *[usual] * days, usual * up))
    assert (one.day, one.usual) == (LAST, Decimal(usual))


def test_what_is_quiet_for_months_has_a_history() -> None:
    """Its kept days are all zeros, and an earlier month is not."""
    quiet = spend(*[0] * 40, 500)
    assert (found(quiet), too_little(quiet)) == (
        (),
        "Too little history: 1 of 7 whole days since it first cost anything.",
    )
    before = quiet.model_copy(update={"months": {"2026-08": Decimal(90), "2026-10": Decimal(0)}})
    assert ([one.amount for one in found(before)], too_little(before)) == ([Decimal(500)], None)
    assert found(quiet.model_copy(update={"months": {"2026-10": Decimal(0)}})) == ()


def test_of_what_nobody_read_nothing_is_judged() -> None:
    unread = spend(*[10] * 9).model_copy(update={"through": None})
    assert too_little(None) == too_little(unread) == "No whole day was read yet."


async def test_two_days_after_an_estate_appears_nothing_is_told() -> None:
    """Workspaces that are registered for two months, all used since two days, at amounts of their own."""
    world = CostWorld()
    names = [f"ws-{number:02d}" for number in range(30)]
    await world.add(*names)
    world.costs.spend(date(2026, 11, 1), "rg-other", "3")  # others are named: theirs cost nothing
    for number, name in enumerate(names):
        for day in (13, 14):
            world.costs.spend(date(2026, 11, day), f"rg-{name}", str(40 + 7 * number))
    await world.collect()
    assert [(await world.spent(name)).anomalies for name in names] == [()] * len(names)
    assert len(world.costs.asked) == 1  # nobody asks for causes
    spent = await world.spent("ws-00")
    assert (spent.days["2026-11-12"], spent.days["2026-11-14"]) == (Decimal(0), Decimal(40))
    assert str(too_little(spent)).startswith("Too little history: 2 of 7 whole days")


async def dear() -> CostWorld:
    """Ten days of a workspace that costs ten, and one on which its cluster costs ninety more."""
    world = CostWorld()
    here = (await world.add("ws"))[0]
    for day in range(1, 15):
        world.costs.spend(date(2026, 11, day), "rg-ws", "10")
    world.costs.spend(LAST, "rg-ws", "90", here.workspace_id.lower(), "DS3 v2")
    world.cluster(here, "cpu", 2)
    world.azure.plant(
        f"{here.workspace_id}/jobs/train-7",
        properties={"computeId": f"{here.workspace_id}/computes/cpu"},
        systemData={"createdAt": "2026-11-14T08:00:00+00:00", "createdBy": "Ada"},
    )
    world.azure.plant(
        f"{here.workspace_id}/jobs/other",
        properties={"computeId": f"{here.workspace_id}/computes/another"},
        systemData={"createdAt": "2026-11-14T08:00:00+00:00", "createdBy": "Bob"},
    )
    return world


async def test_the_cause_is_the_compute_the_job_and_who_and_it_is_told_once() -> None:
    world = await dear()
    await world.collect()
    (one,) = (await world.spent()).anomalies
    assert str(one.resource).endswith("/computes/cpu")
    assert (one.meter, one.rise, one.jobs, one.who) == ("ds3 v2", Decimal(90), ("train-7",), ("Ada",))
    assert len(world.costs.asked) == 2  # one question for all causes of the subscription
    world.clock.advance(4 * 3600)
    await world.collect()
    assert len(world.costs.asked) == 3
    (told,) = await world.notifications()
    assert "2026-11-14 cost 100.00 USD; usual is 10.00. cpu rose by 90.00 (ds3 v2)." in told.text
    assert "train-7" in told.text and "Ada" in told.text and "Bob" not in told.text


async def test_two_clusters_of_a_size_are_not_guessed_between() -> None:
    world = await dear()
    here = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ws"
    known = next(one for one in world.azure.resources if one.endswith("/computes/cpu"))
    assert known.startswith(here.lower())
    body = world.azure.body("/computes/cpu")
    world.azure.plant(f"{body['id'].rpartition('/')[0]}/gpu", properties=body["properties"])
    await world.collect()
    (one,) = (await world.spent()).anomalies
    assert one.unknown == "One of cpu, gpu: they are of one size."
    assert (one.jobs, one.who) == ((), ())


async def test_a_cause_that_may_not_be_read_is_told_as_unknown() -> None:
    world = await dear()
    world.costs.errors = []
    await world.collect()
    assert (await world.spent()).anomalies[0].unknown is None
    other = await dear()

    async def refused(*_: object) -> tuple[()]:
        raise Rejected("AuthorizationFailed", "No.", status=403)

    other.azure.list = refused  # type: ignore[assignment,method-assign]
    await other.collect()
    (one,) = (await other.spent()).anomalies
    assert one.unknown == "AuthorizationFailed: No." and one.looked
    assert len(await other.notifications()) == 1
