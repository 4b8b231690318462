"""A seeded month of five models through a function host and the simulator, judged by the labels it was made from.

Drifts become breaches of Azure ML's monitors; their events come, come twice, come late, or never, and the poll finds
those; what is decided, trained, approved and given to people is read by REST. ``MONTH_SEED`` draws another month.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from tests.support.month import SIGNALS, Month
from tests.support.month_plan import DAYS, plans
from tests.support.virtual_stack import virtual_stack

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("MONTH_SEED", "1"))
PLANS = {plan.name: plan for plan in plans(SEED)}
TRAINED = [name for name, plan in PLANS.items() if plan.trained]
UNTRAINED = [name for name, plan in PLANS.items() if not plan.trained]
_SENT = ("submit", "awaitApproval", "ask")


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    folder = tmp_path_factory.mktemp("month")
    with virtual_stack(folder, time_scale=2000) as stack, closing(Month(stack, tuple(PLANS.values()), SEED)) as made:
        made.build()
        made.pass_by()
        yield made


def _days(month: Month, signals: list[dict[str, Any]]) -> list[int]:
    return [(datetime.fromisoformat(one["windowAt"]) - month.began).days for one in signals]


@pytest.mark.parametrize("model", PLANS)
def test_each_breach_is_one_signal_that_was_read_back_and_nothing_else_is_one(month: Month, model: str) -> None:
    found = month.of(model, "signals")
    for name in SIGNALS:
        mine = [one for one in found if one["signalName"] == f"{model}_{name}"]
        assert sorted(_days(month, mine)) == month.breaches[model]
    assert len(found) == len(SIGNALS) * len(month.breaches[model])
    assert all(one["evidence"]["readBack"] and one["direction"] == "worse" for one in found)
    assert {one["state"] for one in found} == {"decided"}


@pytest.mark.parametrize("model", PLANS)
def test_what_events_missed_the_poll_found(month: Month, model: str) -> None:
    found = month.of(model, "signals")
    sources = {day: {one["source"] for one, at in zip(found, _days(month, found), strict=True) if at == day}
               for day in month.breaches[model]}  # fmt: skip
    lost = {day: {"poll"} if month.fates.get((model, day)) == "lose" else {"event"} for day in month.breaches[model]}
    assert sources == lost


def test_the_month_was_not_a_tame_one(month: Month) -> None:
    assert min(Counter(month.fates.values())[fate] for fate in ("once", "double", "reorder", "lose")) >= 3
    results = Counter(one["result"] for one in month.stack.azure.control("GET", "eventgrid")["deliveries"])
    assert results["Lost"] >= 6
    copies = Counter((one["subscription"], one["id"]) for one in _delivered(month) if "breach-" in one["subscription"])
    assert sum(1 for times in copies.values() if times > 1) >= 6
    reasons = Counter(one["reason"] for model in PLANS for one in month.of(model, "decisions"))
    assert {"TooFewBreaches", "CooldownActive", "QuietHours", "RunActive", "WorkloadNeedsAnnotation"} <= set(reasons)


def _delivered(month: Month) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = month.stack.azure.control("GET", "eventgrid")["deliveries"]
    return [one for one in listed if one["result"] == "Delivered"]


@pytest.mark.parametrize("model", TRAINED)
def test_every_drift_is_trained_once_and_on_its_day(month: Month, model: str) -> None:
    """Recall is 1, and noise trains nothing: the days of the runs are those of the labels, no more and no less."""
    runs = month.runs(model)
    sent = [_when(run, "submitted") for run in runs]
    assert tuple((at - month.began).days for at in sent) == PLANS[model].trained
    for run in runs:
        assert (run["state"], run["comparison"]["verdict"], run["attempt"]) == ("succeeded", "won", 1)
    decided = [one for one in month.of(model, "decisions") if one["outcome"] in _SENT]
    assert [one["runId"] for one in decided] == [run["id"] for run in runs]


@pytest.mark.parametrize("model", UNTRAINED)
def test_without_a_drift_and_without_a_table_nothing_is_trained(month: Month, model: str) -> None:
    assert month.runs(model) == []
    assert [one for one in month.of(model, "decisions") if one["outcome"] in _SENT] == []


def test_azure_got_each_job_once(month: Month) -> None:
    runs = {run["id"] for model in PLANS for run in month.runs(model)}
    puts = [one for one in month.stack.azure.calls(method="PUT", plane="arm") if "/jobs/" in one["path"].lower()]
    assert Counter(one["path"].rpartition("/")[2] for one in puts if one["status"] < 300) == Counter(runs)


def test_an_approver_said_yes_first(month: Month) -> None:
    (run,) = month.runs("credit")
    assert [step["state"] for step in run["transitions"]] == [
        "waitingApproval", "submitted", "running", "evaluating", "succeeded",
    ]  # fmt: skip
    assert _when(run, "submitted").date() > _when(run, "waitingApproval").date()
    assert run["approvedBy"]


def test_quiet_hours_hold_and_the_cooldown_refuses(month: Month) -> None:
    (first, second) = (_when(run, "submitted") for run in month.runs("fraud"))
    assert first.hour >= 8 and second.hour >= 8
    assert (second - first).days >= 10
    plan, signals = PLANS["fraud"], month.of("fraud", "signals")
    cooling = {
        one["id"]
        for one, day in zip(signals, _days(month, signals), strict=True)
        if plan.drifts[1] < day < plan.trained[1]
    }
    decisions = month.of("fraud", "decisions")
    assert {one["reason"] for one in decisions if one["signalId"] in cooling} == {"CooldownActive"}
    assert {one["reason"] for one in decisions if one["outcome"] == "hold"} == {"QuietHours"}


def test_images_go_to_people(month: Month) -> None:
    plan = PLANS["photos"]
    (task,) = month.of("photos", "tasks")
    assert (task["kind"], task["state"]) == ("annotation", "open")
    signals = {one["id"]: one for one in month.of("photos", "signals")}
    taken = [task["signalId"], *task["furtherSignals"]]
    days = set(_days(month, [signals[one] for one in taken]))
    assert task["signalCount"] == len(taken)
    (begin,) = plan.drifts
    assert days == set(range(begin + 1, begin + (plan.lasts or 0)))
    assert [one for model in PLANS if model != "photos" for one in month.of(model, "tasks")] == []


def test_seasons_are_refused_with_the_reason(month: Month) -> None:
    assert len(month.breaches["seasonal"]) >= 4
    assert {(one["outcome"], one["reason"]) for one in month.of("seasonal", "decisions")} == {
        ("refuse", "TooFewBreaches")
    }


def test_the_month_went_by(month: Month) -> None:
    assert month.at(DAYS - 1) < month.stack.clock.now() <= month.at(DAYS)


def _when(run: dict[str, Any], state: str) -> datetime:
    return datetime.fromisoformat(next(step["at"] for step in run["transitions"] if step["state"] == state))
