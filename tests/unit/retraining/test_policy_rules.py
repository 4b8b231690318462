"""A policy that could never work is refused when it is set, with every reason and its path."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.http.examples import POLICY
from controlplane.retraining.policy_rules import parse_policy

PIPELINE = {"name": "retrain"}
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "more breaches than windows": (
        {"windows": {"breaches": 6, "of": 5}}, "MoreBreachesThanWindows", "$.windows.breaches"
    ),
    "more seen than windows": ({"windows": {"minimumSeen": 9}}, "MoreSeenThanWindows", "$.windows.minimumSeen"),
    "cooldown shorter than the window": (
        {"windows": {"period": "P7D"}, "cooldown": "P1D"}, "CooldownShorterThanWindow", "$.cooldown"
    ),
    "schedule inside the cooldown": ({"schedule": "P3D"}, "ScheduleInsideCooldown", "$.schedule"),
    "crossed thresholds": (
        {"thresholds": [{"metric": "PSI", "raiseAt": 0.2, "clearAt": 0.3}]},
        "ThresholdsCrossed",
        "$.thresholds[0].clearAt",
    ),
    "crossed thresholds of what is better when more": (
        {"thresholds": [{"metric": "Accuracy", "raiseAt": 0.8, "clearAt": 0.7}]},
        "ThresholdsCrossed",
        "$.thresholds[0].clearAt",
    ),
    "one metric twice": (
        {"thresholds": [{"metric": "PSI", "raiseAt": 2, "clearAt": 1}, {"metric": "psi", "raiseAt": 2, "clearAt": 1}]},
        "DuplicateThreshold",
        "$.thresholds[1].metric",
    ),
    "latency retrains": ({"kinds": ["dataDrift", "latency"]}, "KindNeverRetrains", "$.kinds[1]"),
    "a KPI nobody named": ({"agreement": "kpi"}, "KpiMissing", "$.kpi"),
    "nothing that could agree": ({"kinds": ["dataDrift"]}, "NothingCanAgree", "$.agreement"),
    "no such time zone": (
        {"quietHours": [{"begin": "18:00", "end": "08:00", "timeZone": "Mars/Olympus"}]},
        "UnknownTimeZone",
        "$.quietHours[0].timeZone",
    ),
    "a time zone that is a path": (
        {"quietHours": [{"begin": "18:00", "end": "08:00", "timeZone": "../../etc/passwd"}]},
        "UnknownTimeZone",
        "$.quietHours[0].timeZone",
    ),
    "always quiet": ({"quietHours": [{"begin": "00:00", "end": "00:00"}]}, "AlwaysQuiet", "$.quietHours"),
    "always quiet in two parts": (
        {"quietHours": [{"begin": "00:00", "end": "13:00"}, {"begin": "12:00", "end": "01:00"}]},
        "AlwaysQuiet",
        "$.quietHours",
    ),
    "no weekday": ({"quietHours": [{"days": [], "begin": "18:00", "end": "08:00"}]}, "NoDays", "$.quietHours[0].days"),
    "a freeze without a zone": (
        {"freezes": [{"begin": "2026-12-20T00:00:00", "end": "2027-01-02T00:00:00Z", "reason": "holidays"}]},
        "TimeWithoutZone",
        "$.freezes[0]",
    ),
    "a freeze that ends before it begins": (
        {"freezes": [{"begin": "2026-12-20T00:00:00Z", "end": "2026-12-19T00:00:00Z", "reason": "holidays"}]},
        "EndsBeforeItBegins",
        "$.freezes[0].end",
    ),
    "a freeze that never ends": (
        {"freezes": [{"begin": "2026-12-20T00:00:00Z", "end": "9999-12-31T00:00:00Z", "reason": "no"}]},
        "FreezeTooLong",
        "$.freezes[0].end",
    ),
    "an input twice": (
        {"pipeline": {**PIPELINE, "inputs": {"a": "1"}, "fromSignal": {"a": "reason"}}},
        "InputTwice",
        "$.pipeline.inputs",
    ),
    "a component with a deployment": (
        {"pipeline": {**PIPELINE, "deployment": "blue"}}, "DeploymentMismatch", "$.pipeline.deployment"
    ),
    "a schedule with a version": (
        {"pipeline": {**PIPELINE, "kind": "schedule", "version": "1"}}, "VersionMismatch", "$.pipeline.version"
    ),
    "seconds where a period belongs": ({"cooldown": 604800}, "InvalidValue", "$.cooldown"),
    "an unknown field": ({"coolDown": "P7D"}, "UnknownField", "$.coolDown"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_work_is_refused(case: str) -> None:
    change, code, path = BAD[case]
    with pytest.raises(Rejected) as caught:
        parse_policy({"pipeline": PIPELINE, **change})
    assert caught.value.code == "InvalidPolicy"
    assert (code, path) in {(one.code, one.target) for one in caught.value.details}


def test_every_reason_is_told() -> None:
    with pytest.raises(Rejected) as caught:
        parse_policy({"pipeline": PIPELINE, "windows": {"breaches": 6, "of": 5, "minimumSeen": 7}, "agreement": "kpi"})
    assert len(caught.value.details) == 3


def test_the_example_and_the_defaults_are_fine() -> None:
    assert parse_policy(POLICY).kpi is not None
    careful = parse_policy({"pipeline": PIPELINE})
    assert (careful.windows.breaches, careful.windows.of, careful.cooldown.days) == (2, 5, 7)
