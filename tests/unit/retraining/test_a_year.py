"""A seeded year of fifty models and two hundred labelled drifts, through hear → store → tick → decide in one process.

``YEAR_SEED`` draws another year.
"""

from __future__ import annotations

import asyncio
import os

import pytest

from controlplane.objects.repository import of_workspace
from controlplane.retraining.policy import Mode
from controlplane.retraining.signal import Signal, SignalState
from tests.support.oracle import Past, judge
from tests.support.retraining_cases import window_of
from tests.support.retraining_year import STARTS, Model, Year
from tests.support.year_azure import PARTS, signal_of
from tests.support.year_plan import DRIFTS, HOUR, MODELS, WORKSPACES, N, Slot, plans

SEED = int(os.environ.get("YEAR_SEED", "5"))
#: What is no refusal of something that was worse.
_NO_REFUSALS = {"Submitted", "ApprovalNeeded", "OverBudget", "NotWorse", "QuietHours", "RunActive"}


@pytest.fixture(scope="module")
def year() -> Year:
    made = Year(plans(SEED), SEED)
    asyncio.run(made.run())
    return made


def test_the_oracle_agrees_on_every_decision(year: Year) -> None:
    assert sum(year.reasons.values()) > 2000
    assert year.disagreements == []


def test_the_year_is_not_too_tame(year: Year) -> None:
    refusals = {reason: count for reason, count in year.reasons.items() if reason not in _NO_REFUSALS and count >= 5}
    assert len(refusals) >= 6, year.reasons
    assert min(year.fates[one] for one in ("doubled", "late", "too late", "lost", "outage", "unread", "silent")) >= 10
    assert sum(len(model.plan.drifts) for model in year.models) == WORKSPACES * MODELS * DRIFTS == 200


def test_every_drift_that_the_policy_allows_is_found_within_its_windows(year: Year) -> None:
    found, missed = 0, []
    for model in year.models:
        for begin, _ in model.plan.drifts:
            first = model.plan.slots[begin : begin + N + 1]
            if any(run.window in [slot.at for slot in first] for run in model.runs):
                found += 1
            elif _could_have(model, first):
                missed.append((model.plan.workspace, model.plan.name, first[0].at))
    assert missed == []
    assert found >= 60


def test_nothing_runs_without_a_drift(year: Year) -> None:
    """A person's wish has no window."""
    labelled = {(id(model), slot.at) for model in year.models for slot in model.plan.slots if slot.labelled}
    runs = [(id(model), run.window) for model in year.models for run in model.runs if run.window is not None]
    assert [run for run in runs if run not in labelled] == []


def test_no_key_has_two_runs(year: Year) -> None:
    assert set(year.keys.values()) == {1}


def test_cv_and_nlp_go_to_annotation(year: Year) -> None:
    others = [model for model in year.models if model.plan.about[0] != "classical"]
    assert [run for model in others for run in model.runs] == []
    assert year.reasons["WorkloadNeedsAnnotation"] >= len(others)


async def test_nothing_that_was_heard_is_left_undecided(year: Year) -> None:
    for world in year.worlds:
        page = await world.objects.page(Signal, of_workspace(Signal, "ws"), limit=1000)
        while True:
            assert {one.state for one in page.values} <= {SignalState.DECIDED, SignalState.IGNORED}
            if page.continuation is None:
                break
            page = await world.objects.page(
                Signal, of_workspace(Signal, "ws"), limit=1000, continuation=page.continuation
            )


def _could_have(model: Model, first: tuple[Slot, ...]) -> bool:
    """A window may be missing, and the policy let nothing run in the other: then it is nobody's fault."""
    allowed = [_allowed(model, slot) for slot in first]
    calm = not any(slot.trouble for slot in first)
    return any(allowed) if calm else all(allowed[N - 1 :])


def _allowed(model: Model, slot: Slot) -> bool:
    """Whether the policy lets this window's signals start a run, had nothing been lost: what had run by then is as it
    was, what the monitors say is complete."""
    if model.policy.mode is not Mode.ENABLED:
        return False
    now = slot.at + 4 * HOUR
    known = model.plan.slots[max(0, slot.index - 15) : slot.index + 1]
    windows = [window_of(signal_of(model.plan, one, part, now)) for one in known for part in PARTS]
    ends = [run.ended for run in model.runs if run.ended is not None and run.ended[0] <= now]
    active = any(run.begun <= now and (run.ended is None or run.ended[0] > now) for run in model.runs)
    sent = max((run.begun for run in model.runs if run.sent and run.begun <= now), default=None)
    past = Past(windows, ends, sent, active)
    for part in PARTS:
        outcome, _, until = judge(
            model.policy, past, model.plan.about, signal_of(model.plan, slot, part, now, rows=5000), now
        )
        if outcome in STARTS or (outcome == "hold" and until is not None and until < slot.at + model.plan.period):
            return True
    return False
