"""Checking one job against all rules. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from controlplane.workspaces.jobs.model import JobCheck, JobFacts, JobFinding, JobQuestion, JobRead, Level
from controlplane.workspaces.jobs.parts import inner, steps
from controlplane.workspaces.jobs.places import places
from controlplane.workspaces.jobs.reach import reader
from controlplane.workspaces.jobs.rules import RULES


def check_job(question: JobQuestion, facts: JobFacts) -> JobCheck:
    """The job is mended first, so that nothing is said of what is mended."""
    mended: dict[str, Any] = copy.deepcopy(question.job)
    _mend(mended, question, facts)
    asked = question.model_copy(update={"job": mended})
    findings = tuple(
        JobFinding(code=rule.code, level=level, target=target, message=message, requirements=rule.requirements)
        for rule in RULES.values()
        for level, target, message in rule.judge(asked, facts)
    )
    bad = any(finding.level in (Level.ERROR, Level.UNKNOWN) for finding in findings)
    return JobCheck(
        workspace=question.workspace,
        valid=not bad,
        findings=tuple(sorted(findings, key=lambda finding: list(Level).index(finding.level))),
        reads=tuple(_reads(asked, facts)),
        job=mended,
    )


def _mend(job: dict[str, Any], question: JobQuestion, facts: JobFacts) -> None:
    for step in steps(job):
        for rule in RULES.values():
            changes = rule.mend(step, question, facts)
            if changes and isinstance(step.body, dict):
                step.body.update(changes)
    if question.data_access == "userIdentity" and inner(job):
        # Above the steps it does nothing, or is overridden.
        job.pop("identity", None)


def _reads(question: JobQuestion, facts: JobFacts) -> Iterator[JobRead]:
    for step in steps(question.job):
        for place in places(step, facts):
            yield JobRead(
                target=place.target,
                datastore=place.store,
                account=place.account,
                asset=str(place.through) if place.through is not None else None,
                identity=reader(step, place, question, facts),
            )
