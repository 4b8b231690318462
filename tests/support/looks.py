"""Looking at an estate as the control plane does, and what a look shows that another did not. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.workspaces import posture
from controlplane.workspaces.diff import diff
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.posture import Finding, Report
from tests.support.azure_answers import Estate

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def look(estate: Estate, asked: Blueprint | None = None) -> Report:
    """The posture of an estate; ``asked``: held against another blueprint than was made."""
    blueprint = asked or estate.blueprint
    observed = estate.observed(blueprint)
    return posture.evaluate(blueprint, observed, diff(blueprint, observed, {}), NOW)


def fresh(after: Report, before: Report) -> list[Finding]:
    """Failing findings that were not there before."""
    known = {finding.id for finding in before.failing}
    return [finding for finding in after.failing if finding.id not in known]
