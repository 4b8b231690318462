"""``:simulate``: recorded signals decided again under another policy, beside what was decided; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.http.examples import SIMULATION
from controlplane.objects.tick import tick_object
from controlplane.retraining.model import Outcome
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import ended
from controlplane.retraining.runs.storing import writes_of
from controlplane.retraining.services.simulations import parse_request, recorded_of
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.simulate import Simulation, simulate
from tests.support.clock import START
from tests.support.retraining_world import PIPELINE, RetrainingWorld
from tests.support.sorted_store import SortedStore

HOUR, DAY = 3600, timedelta(days=1)
EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 2, "of": 5, "minimumSeen": 1},
    "minimumSamples": 100,
    "cooldown": "P7D",
}


async def _tick(world: RetrainingWorld) -> None:
    """Signals only: runs are ended here."""
    for one in await world.objects.due(world.clock.now() + timedelta(microseconds=1)):
        if one.kind == Signal.KIND:
            await tick_object(one.kind, one.id, world.machines)


async def _lived(days: int, policy: Mapping[str, Any] = EAGER, workload: str = "classical") -> RetrainingWorld:
    """A breach every day; a run takes three hours."""
    world = RetrainingWorld(workload=workload, store=SortedStore())
    await world.begin(policy)
    for day in range(days):
        await hear(world.intake, world.breach(f"step-{day}"))
        await _tick(world)
        world.clock.advance(3 * HOUR)
        for run in await world.runs():
            stored, now = await world.objects.require(Run, run.id), world.clock.now()
            if not run.state.is_terminal:
                over = ended(stored.value, RunState.SUCCEEDED, now, "Ended", "It ended.")
                await world.objects.commit(await writes_of(world.objects, stored, over, now))
        await _tick(world)
        world.clock.advance(21 * HOUR)
    return world


async def _simulated(
    world: RetrainingWorld, policy: Mapping[str, Any], begin: datetime = START, end: datetime | None = None
) -> Simulation:
    asked = {"from": begin.isoformat(), "to": (end or world.clock.now()).isoformat()}
    wanted = parse_request({**asked, "policy": {"pipeline": PIPELINE, **policy}})
    recorded = await recorded_of(world.objects, world.known, "churn", wanted)
    return simulate(wanted.policy, recorded, wanted.begin, wanted.end)


@pytest.mark.parametrize("workload", ["classical", "cv"])
async def test_the_same_policy_does_the_same(workload: str) -> None:
    world = await _lived(12, workload=workload)
    found = await _simulated(world, EAGER)
    assert [(one.signal, one.differs) for one in found.signals if one.differs] == []
    assert len(found.signals) == 12
    assert (found.runs.was, found.runs.would) == ((2, 2) if workload == "classical" else (0, 0))
    assert all(one.was is not None and one.was.sentence.startswith(one.would.sentence) for one in found.signals)


async def test_a_stricter_policy_starts_later_and_a_shorter_cooldown_more_often() -> None:
    world = await _lived(12)
    rule = {**EAGER["windows"], "breaches": 4}
    later = [one.would.outcome for one in (await _simulated(world, {**EAGER, "windows": rule})).signals]
    assert (later.index(Outcome.SUBMIT), later.count(Outcome.SUBMIT)) == (3, 2)
    often = await _simulated(world, {**EAGER, "cooldown": "P1D"})
    assert (often.runs.was, often.runs.would, often.differ) == (2, 6, 4)
    assert often.outcomes["submit"].would == 6


async def test_what_a_freeze_would_have_held_is_decided_at_its_end() -> None:
    world = await _lived(6)
    freeze = {"begin": START.isoformat(), "end": (START + 3.5 * DAY).isoformat(), "reason": "release"}
    found = await _simulated(world, {**EAGER, "freezes": [freeze]})
    held = [one for one in found.signals if one.held]
    assert [one.would.at for one in held] == [START + 3.5 * DAY] * 3
    assert [one.would.reason for one in held] == ["NewerWindowKnown", "NewerWindowKnown", "Submitted"]


async def test_windows_and_runs_from_before_the_period_count() -> None:
    """The second breach of two, and the run that the first week had."""
    world = await _lived(4)
    (second, *_) = (await _simulated(world, EAGER, START + DAY - timedelta(hours=1))).signals
    assert (second.would.outcome, second.differs) == (Outcome.SUBMIT, False)
    rest = await _simulated(world, EAGER, START + 2 * DAY - timedelta(hours=1))
    assert [one.would.reason for one in rest.signals] == ["CooldownActive"] * 2
    assert await _simulated(world, EAGER, START - 2 * DAY, START - DAY) == Simulation.model_validate(
        {"signals": (), "runs": {"was": 0, "would": 0}, "outcomes": {}, "differ": 0}
    )


async def test_a_cv_model_is_not_trained_by_any_policy() -> None:
    world = await _lived(5, workload="cv")
    found = await _simulated(world, {**EAGER, "windows": {**EAGER["windows"], "breaches": 1}})
    assert {one.would.outcome for one in found.signals} == {Outcome.ANNOTATE}
    assert found.differ == 1


async def test_a_dry_run_starts_nothing_and_says_what_it_would() -> None:
    world = await _lived(4)
    found = await _simulated(world, {**EAGER, "mode": "dryRun"})
    assert [one.would.outcome for one in found.signals][1:] == [Outcome.SUBMIT] * 3


async def test_nothing_is_written() -> None:
    world = await _lived(3)
    assert isinstance(world.store, SortedStore)
    before = world.store.commits
    assert (await _simulated(world, {**EAGER, "cooldown": "P1D"})).signals
    assert world.store.commits == before


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no zone": ({"from": "2026-10-01T00:00:00"}, "TimeWithoutZone", "$.from"),
    "backwards": ({"to": "2026-09-01T00:00:00Z"}, "EndsBeforeItBegins", "$.to"),
    "too long": ({"from": "2025-09-01T00:00:00Z"}, "PeriodTooLong", "$.to"),
    "not a time": ({"from": "yesterday"}, "InvalidValue", "$.from"),
    "a policy that cannot work": (
        {"policy": {**SIMULATION["policy"], "windows": {"breaches": 6, "of": 5}}},
        "MoreBreachesThanWindows",
        "$.policy.windows.breaches",
    ),
    "no policy": ({"policy": None}, "InvalidValue", "$.policy"),
    "an unknown field": ({"until": "2026-11-01T00:00:00Z"}, "UnknownField", "$.until"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_simulated_is_refused(case: str) -> None:
    change, code, path = BAD[case]
    with pytest.raises(Rejected) as caught:
        parse_request({**SIMULATION, **change})
    assert caught.value.code == "InvalidSimulation"
    assert (code, path) in {(one.code, one.target) for one in caught.value.details}
