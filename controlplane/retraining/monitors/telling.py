"""What a look at a monitor says to people: its conditions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controlplane.operations.model import Condition, ConditionStatus
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.monitors.preconditions import COLLECTED, POSSIBLE, Ground
from controlplane.retraining.monitors.removal import State
from controlplane.retraining.monitors.wanted import HEARD, LOGGED, SHOWN, WATCHED
from controlplane.retraining.polls.levels import ARM_LEVEL, SERVICE_LEVEL
from controlplane.workspaces.ending import condition

#: In a sentence: a write of ours has just been sent.
WRITTEN = " was written: "
SCHEDULED, MONITORED, THROTTLING = "ScheduleStands", "Monitored", "ThrottlingWatched"
Said = dict[str, list[tuple[State, str]]]
"""Condition → state and sentence of each of its resources."""


def throttling(monitor: Monitor, unwatched: tuple[str, ...] | None, now: datetime) -> Condition:
    """S3-93: whether throttling can be seen at both levels, by the latest sweep of the workspace. That is not what
    stands in Azure, and not part of ``Monitored``."""

    def told(status: ConditionStatus, reason: str, text: str) -> Condition:
        return condition(THROTTLING, status, reason, text, monitor.conditions, now)

    if unwatched is None:
        return told(ConditionStatus.UNKNOWN, "NotSweptYet", "No sweep has read the workspace yet.")
    if not unwatched:
        text = "The sweep sees the service's throttling and Resource Manager's."
        return told(ConditionStatus.TRUE, "BothLevels", text)
    names = {SERVICE_LEVEL: "the service (its traffic log)", ARM_LEVEL: "Resource Manager (metric Traffic)"}
    text = f"The sweep could not read throttling of {' and of '.join(names[one] for one in unwatched)}."
    return told(ConditionStatus.FALSE, "LevelNotWatched", text)


def conditions(monitor: Monitor, base: Ground, said: Said, now: datetime) -> tuple[Condition, ...]:
    """``Monitored`` is true when all the others are."""
    found: list[Condition] = []

    def tell(kind: str, status: ConditionStatus, reason: str, text: str) -> None:
        found.append(condition(kind, status, reason, text, monitor.conditions, now))

    for kind, well in ((COLLECTED, "The deployment collects its data."), (POSSIBLE, "Azure ML can compute it.")):
        unmet = [one for one in base.unmet if one.kind == kind]
        if not unmet:
            tell(kind, ConditionStatus.TRUE, "AsNeeded", well)
        else:
            status = ConditionStatus.UNKNOWN if all(one.unknown for one in unmet) else ConditionStatus.FALSE
            tell(kind, status, unmet[0].detail.code, " ".join(one.detail.message for one in unmet))
    kinds = [SCHEDULED, HEARD, SHOWN, *((LOGGED, WATCHED) if monitor.spec.alerts else ())]
    for kind in kinds:
        parts = said.get(kind, [(State.WAITS, "It was not looked at: something else is missing.")])
        bad = [text for state, text in parts if state is State.REFUSED]
        late = [text for state, text in parts if state is State.WAITS]
        if bad:
            tell(kind, ConditionStatus.FALSE, "Refused", " ".join(bad))
        elif late:
            tell(kind, ConditionStatus.FALSE, "InProgress", " ".join(late))
        else:
            tell(kind, ConditionStatus.TRUE, "Stands", "As declared.")
    bad_ones = [one for one in found if one.status is not ConditionStatus.TRUE]
    if not bad_ones:
        tell(MONITORED, ConditionStatus.TRUE, "AllStands", "Azure computes it, and tells us.")
    else:
        tell(MONITORED, bad_ones[0].status, bad_ones[0].reason, bad_ones[0].message)
    return tuple(found)


def is_in_vain(before: Sequence[Condition], after: Sequence[Condition]) -> bool:
    """Whether a write was repeated for the reason of the last one: Azure took it and shows something else, so that the
    next would do no more."""
    said = {(one.type, one.message) for one in before if one.reason == "InProgress"}
    return any(
        one.reason == "InProgress" and WRITTEN in one.message and (one.type, one.message) in said for one in after
    )
