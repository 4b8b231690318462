"""What a spec declares against a control: exempt while its waiver holds, failing when it is over. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from controlplane.workspaces.model import Deviation
from controlplane.workspaces.posture.model import Finding, FindingStatus
from controlplane.workspaces.posture.scene import manual


def in_view_of(deviations: Iterable[Deviation], findings: Sequence[Finding], now: datetime) -> tuple[Finding, ...]:
    """The findings, with those that pass because the spec asks for it judged by its waiver instead; failing first.

    What is *not* as declared keeps its status: a waiver covers what was asked for and nothing else.
    """
    known = {(one.control, one.key): one for one in deviations}
    if not known:
        return tuple(findings)
    judged = [_judged(finding, known.get((finding.control, finding.key or "")), now) for finding in findings]
    return tuple(sorted(judged, key=lambda finding: finding.status is not FindingStatus.FAIL))


def _judged(finding: Finding, deviation: Deviation | None, now: datetime) -> Finding:
    if deviation is None or finding.status is not FindingStatus.PASS:
        return finding
    number, ends_on = deviation.conflict, deviation.ends_on
    if ends_on is None:
        why = f"Declared against this control, and nobody waived {number}."
    elif now.astimezone(UTC).date() <= ends_on:
        message = f"Waived ({number}) until {ends_on} by {deviation.owner}: {deviation.reason}"
        return finding.model_copy(update={"status": FindingStatus.EXEMPT, "message": message})
    else:
        why = f"The waiver of {number} by {deviation.owner} ended on {ends_on}."
    repair = manual(f"Renew the waiver of {number} in the spec, or stop asking for what it allowed.")
    return finding.model_copy(update={"status": FindingStatus.FAIL, "message": why, "repair": repair})
