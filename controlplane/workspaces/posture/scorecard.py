"""The four things to protect, each with what its controls say (S1-16). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.workspaces.posture.model import Finding, FindingStatus, Score, Section


@dataclass(frozen=True, slots=True)
class SectionRule:
    """One section of the scorecard."""

    section: Section
    not_checked: str = ""
    """Why nothing is known of it; empty where controls exist."""
    requirements: tuple[str, ...] = ("S1-16",)


SECTIONS: dict[str, SectionRule] = {
    rule.section.value: rule
    for rule in (
        SectionRule(
            Section.DEVOPS_PIPELINE,
            "Azure DevOps is not an Azure resource: its pipelines and roles are not read, so nothing is said of them.",
        ),
        SectionRule(Section.TRAINING_DATA),
        SectionRule(Section.ML_PIPELINE),
        SectionRule(Section.MODEL),
    )
}


def scorecard(findings: Iterable[Finding]) -> tuple[Score, ...]:
    """A section passes only when all of its controls do."""
    counts: dict[Section, Counter[str]] = {}
    for finding in findings:
        counts.setdefault(finding.section, Counter())[finding.status.value] += 1
    return tuple(_score(rule, counts.get(rule.section, Counter())) for rule in SECTIONS.values())


def _score(rule: SectionRule, counts: Counter[str]) -> Score:
    if rule.not_checked:
        return Score(section=rule.section, status="NotChecked", message=rule.not_checked, counts={})
    status = next((s for s in (FindingStatus.FAIL, FindingStatus.UNKNOWN) if counts[s.value]), FindingStatus.PASS)
    if not counts[FindingStatus.PASS.value] and status is FindingStatus.PASS:
        status = FindingStatus.UNKNOWN
    message = ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "No control was judged."
    return Score(section=rule.section, status=status.value, message=message, counts=dict(counts))
