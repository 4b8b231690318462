"""Values that a person may send and nobody means: refused with their field, or everything that is computed of them can
be. A period that is longer than any time is no 500, and keeps no tick from its work."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.http.examples import MONITOR, POLICY
from controlplane.retraining.decide import Facts, decide
from controlplane.retraining.history import with_policy, with_window
from controlplane.retraining.model import ModelState, Window, WindowVerdict
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.frequency import fit_of
from controlplane.retraining.monitors.model import Monitor, MonitorSpec, data_of, slot_of
from controlplane.retraining.monitors.rules import parse_monitor
from controlplane.retraining.monitors.schedule import off, request_of
from controlplane.retraining.monitors.site import Site
from controlplane.retraining.monitors.wanted import wanted
from controlplane.retraining.outcomes import Standing, made_of
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.policy_rules import parse_policy
from controlplane.retraining.polls.runs import slots
from controlplane.retraining.signal import Direction, Evidence, Measure, Signal, SignalKind, Source
from tests.support.clock import START
from tests.support.retraining_world import RetrainingWorld

NOBODYS: tuple[Any, ...] = (
    None, 0, -1, 1e308, 10**30, "", "\u0000", "x" * 5000, "𝔘", "P999999999D", "P2900000D", "-P1D", "P0D", "PT1S",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "../../x", "${{x}}", "Europe/../UTC", "azureml:/", [[]],
    {"": ""},
)  # fmt: skip
MONITORED: dict[str, Any] = {
    **MONITOR, "offset": "P1D", "window": "P1D", "beginsAt": "2026-01-01T00:00:00Z",
    "signals": [
        {**MONITOR["signals"][0], "features": ["age"], "production": {"target_column": "left"}},
        {**MONITOR["signals"][1], "reference": {"window": "P1D", "offset": "P5D"}},
    ],
}  # fmt: skip
DECIDED: dict[str, Any] = {
    **POLICY, "monitors": ["watch"], "maxAge": "PT24H", "minimumSamples": 10, "agreement": "none",
    "agreementWithin": "P7D", "thresholds": [{"metric": "JensenShannonDistance", "raiseAt": 0.5, "clearAt": 0.1}],
    "freezes": [{"begin": "2026-12-20T00:00:00Z", "end": "2026-12-27T00:00:00Z", "reason": "Christmas"}],
    "breaker": {"failures": 3}, "decideAt": {"time": "18:00", "timeZone": "UTC"}, "schedule": "P30D",
    "budget": {"monthlyLimit": 100, "jobEstimate": 5}, "approval": {"required": True, "expiresAfter": "P3D"},
}  # fmt: skip


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every value in a body, whatever lies in it."""
    if at:
        yield at
    found = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in found:
        yield from places(value, (*at, key))


def with_each(body: dict[str, Any], at: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for value in NOBODYS:
        changed: Any = copy.deepcopy(body)
        inner = changed
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = value
        yield changed


def name_of(at: tuple[Any, ...]) -> str:
    return ".".join(map(str, at))


def use_monitor(world: RetrainingWorld, spec: MonitorSpec) -> None:
    """What ticks and polls compute of it."""
    site = Site("/subscriptions/s/resourceGroups/g", "westeurope", world.known.workspace_id, "/logs", Callbacks())
    monitor = Monitor(
        id="ws.watch", workspace="ws", incarnation=1, project="churn", name="watch", spec=spec,
        last_modified_at=START - timedelta(days=50), last_modified_by="t/ada",
    )  # fmt: skip
    assert wanted(monitor, site)
    request_of(monitor, {"model_inputs": "azureml:a:1", "model_outputs": "azureml:b:1"})
    off(monitor, {})
    fit_of(spec, 100, START)
    assert len(list(slots(monitor, START))) <= 5
    begin, end = data_of(spec, slot_of(spec, START))
    assert begin < end <= START
    assert Monitor.model_validate_json(monitor.model_dump_json()) == monitor


def use_policy(world: RetrainingWorld, policy: RetrainingPolicy) -> None:
    """What is decided by it."""
    worse = (Measure(metric="JensenShannonDistance", value=0.9, threshold=0.1, direction=Direction.WORSE),)
    state = ModelState(id="ws.churn", workspace="ws", incarnation=1, project="churn", model="churn")
    state = with_policy(state, policy)
    for days in (2, 1, 0):
        window = Window(
            monitor="watch", signal_name="watch_drift", kind=SignalKind.DATA_DRIFT, at=START - timedelta(days=days),
            verdict=WindowVerdict.BREACH, samples=5000, measures=worse,
        )  # fmt: skip
        state = with_window(state, window)
    for kind in (SignalKind.DATA_DRIFT, SignalKind.PERSON, SignalKind.SCHEDULE):
        signal = Signal(
            id="ws.x", workspace="ws", project="churn", kind=kind, source=Source.EVENT, dedupe_key="x", model="churn",
            observed_at=START, received_at=START, window_at=START, monitor="watch", signal_name="watch_drift",
            samples=5000, direction=Direction.WORSE, measures=worse, evidence=Evidence(read_back=True),
            requested_by="t/ada",
        )  # fmt: skip
        ruling = decide(policy, Facts(state, "prod", "classical"), signal, START)
        made = made_of(ruling, signal, Standing(state, world.known), START)
        assert made.decision.sentence
    assert ModelState.model_validate_json(state.model_dump_json()) == state


@pytest.mark.parametrize("at", list(places(MONITORED)), ids=name_of)
def test_of_a_monitor(at: tuple[Any, ...]) -> None:
    world, refused = RetrainingWorld(), 0
    use_monitor(world, parse_monitor("watch", MONITORED))
    for body in with_each(MONITORED, at):
        try:
            spec = parse_monitor("watch", body)
        except Rejected as error:
            assert error.details and error.details[0].target
            refused += 1
        else:
            use_monitor(world, spec)
    assert refused > 0


@pytest.mark.parametrize("at", list(places(DECIDED)), ids=name_of)
def test_of_a_policy(at: tuple[Any, ...]) -> None:
    world, refused = RetrainingWorld(), 0
    use_policy(world, parse_policy(DECIDED))
    for body in with_each(DECIDED, at):
        try:
            policy = parse_policy(body)
        except Rejected as error:
            assert error.details and error.details[0].target
            refused += 1
        else:
            use_policy(world, policy)
    assert refused > 0
