"""Where the requirements contradict each other: found in a spec at plan time, with the answer that is taken. Pure.

A conflict is refused, answered (the plan says how), or decided the other way by a waiver, which has an owner and a last
day. A waiver that is over, decides nothing, or goes further than a year is refused; of a stored spec, whose waiver has
lapsed meanwhile, the finding that was exempt fails (:mod:`controlplane.workspaces.posture.report`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from controlplane.errors import ErrorDetail
from controlplane.workspaces.conflict_table import CONFLICTS, ConflictRule
from controlplane.workspaces.model import Deviation
from controlplane.workspaces.spec_model import Waiver, WorkspaceSpec

LAPSED, TOO_LONG, NOT_NEEDED = "WaiverLapsed", "WaiverTooLong", "WaiverNotNeeded"


class Decision(StrEnum):
    """What becomes of a conflict."""

    ANSWERED = "answered"
    """The answer is taken without anybody asking; the plan says it."""
    WAIVED = "waived"
    LAPSED = "lapsed"
    """It was waived, and the waiver is over."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Found:
    """One conflict in one spec."""

    rule: ConflictRule
    target: str
    """JSON path of the field that brings it about."""
    what: str
    """What the spec asks for, as a sentence."""
    decision: Decision
    waiver: Waiver | None = None

    @property
    def message(self) -> str:
        """Everything a person needs who is refused."""
        rule = self.rule
        return f"{self.what} ({rule.id}: {rule.rules[0]} against {rule.rules[1]}.) {rule.answer} {rule.change}"


def find_conflicts(spec: WorkspaceSpec, today: date, *, monitors: bool = False) -> tuple[Found, ...]:
    """Every conflict of a spec, in the order of the table. ``monitors``: the workspace gets model monitors of Azure ML,
    which turns what is only said of a spec without them into a refusal."""
    return tuple(found for rule in CONFLICTS.values() for found in _judge(rule, spec, today, monitors))


def _judge(rule: ConflictRule, spec: WorkspaceSpec, today: date, monitors: bool) -> Iterator[Found]:
    against = rule.of_monitors if monitors else None
    for target, what in (against or rule.finds)(spec):
        waiver = next((one for one in spec.waivers if one.conflict == rule.id), None) if rule.waivable else None
        if waiver is not None:
            yield Found(rule, target, what, Decision.WAIVED if today <= waiver.ends_on else Decision.LAPSED, waiver)
        elif rule.refuses or against is not None:
            yield Found(rule, target, what, Decision.REFUSED)
        else:
            yield Found(rule, target, what, Decision.ANSWERED)


def refusals(spec: WorkspaceSpec, today: date) -> tuple[ErrorDetail, ...]:
    """Why a spec cannot be accepted today: conflicts nobody waived, and waivers that do not hold."""
    found = find_conflicts(spec, today)
    refused = (ErrorDetail(f.rule.code, f.message, f.target) for f in found if f.decision is Decision.REFUSED)
    return (*refused, *_waivers(spec, frozenset(f.rule.id for f in found), today))


def _waivers(spec: WorkspaceSpec, found: frozenset[str], today: date) -> Iterator[ErrorDetail]:
    for index, waiver in enumerate(spec.waivers):
        path = f"$.waivers[{index}]"
        if waiver.conflict not in found:
            text = f"Nothing in the spec is in conflict {waiver.conflict}: leave its waiver out."
            yield ErrorDetail(NOT_NEEDED, text, path)
        if waiver.ends_on < today:
            text = f"The waiver of {waiver.conflict} ended on {waiver.ends_on}: renew it, or do without what it allows."
            yield ErrorDetail(LAPSED, text, f"{path}.endsOn")
        elif waiver.ends_on > a_year_after(today):
            text = f"A waiver lasts a year at most; the one of {waiver.conflict} would last until {waiver.ends_on}."
            yield ErrorDetail(TOO_LONG, text, f"{path}.endsOn")


def a_year_after(day: date) -> date:
    """The same day of the next year; of 29 February the 28th."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)


def deviations(spec: WorkspaceSpec) -> tuple[Deviation, ...]:
    """What a spec declares against a control of the posture, and until when somebody answers for it."""
    found = find_conflicts(spec, date.min)
    return tuple(
        Deviation(
            control=control,
            key=key,
            conflict=each.rule.id,
            ends_on=each.waiver.ends_on if each.waiver else None,
            owner=each.waiver.owner if each.waiver else "",
            reason=each.waiver.reason if each.waiver else "",
        )
        for each in found
        if each.rule.waivable
        for control, key in each.rule.controls
    )
