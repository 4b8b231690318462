"""Judging the posture of a workspace: one pure function of blueprint, observation, changes and time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from controlplane.workspaces.model import Blueprint, Change, Observed
from controlplane.workspaces.posture import rules
from controlplane.workspaces.posture.declared import Declared
from controlplane.workspaces.posture.deviations import in_view_of
from controlplane.workspaces.posture.ledger import Ledger, finding_id
from controlplane.workspaces.posture.model import Evidence, Finding, FindingStatus, Report
from controlplane.workspaces.posture.profile import applies, environment_of
from controlplane.workspaces.posture.scene import NO_REPAIR, Check, Outcome, Scene
from controlplane.workspaces.posture.scorecard import scorecard


def evaluate(blueprint: Blueprint, observed: Observed, changes: Iterable[Change], now: datetime) -> Report:
    """``changes`` are those of :func:`diff` on the same blueprint and observation; ``now`` is aware.

    One change made by somebody else is one failing finding: a check whose inputs already have one becomes its
    consequence. What could not be read is Unknown. Passes are findings too, so that a report says what was checked.
    """
    scene, ledger, environment = Scene(blueprint, observed), Ledger(observed), environment_of(blueprint)
    Declared(scene, ledger, environment, rules.CONTROLS, rules.AS_DECLARED).judge(changes)
    for check in rules.CHECKS.values():
        for outcome in check.judge(scene):
            _record(ledger, check, outcome, environment)
    findings = in_view_of(blueprint.deviations, ledger.close(), now)
    return Report(
        workspace=blueprint.workspace,
        environment=environment,
        evaluated_at=now,
        findings=findings,
        counts=_counts(findings),
        scorecard=scorecard(findings),
    )


def _record(ledger: Ledger, check: Check, outcome: Outcome, environment: str) -> None:
    status = outcome.status if applies(check.environments, environment) else FindingStatus.NOT_APPLICABLE
    evidence = Evidence(
        control=check.id,
        key=outcome.key,
        resource_id=outcome.resource_id,
        path=outcome.path,
        wanted=outcome.wanted,
        observed=outcome.observed,
        read_from=outcome.read_from or ledger.read_from(outcome.resource_id),
        message=outcome.message,
        concern=check.concern,
        repair=outcome.repair if status is FindingStatus.FAIL else NO_REPAIR,
    )
    position = ledger.explain(outcome.causes) if status is FindingStatus.FAIL else None
    if position is not None:
        ledger.follow(position, evidence)
        return
    ledger.add(
        Finding(
            **dict(evidence),
            id=finding_id(check.id, outcome.resource_id or outcome.key, outcome.path),
            status=status,
            severity=check.severity,
            section=check.section,
            requirements=check.requirements,
            relational=True,
        )
    )


def _counts(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for finding in findings:
        counts.setdefault(finding.control, Counter())[finding.status.value] += 1
    return {control: dict(counter) for control, counter in sorted(counts.items())}
