"""Findings as they are collected: one for each change, what follows from it as its consequence. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from controlplane.arm import fold
from controlplane.workspaces.model import Observed
from controlplane.workspaces.posture.model import Evidence, Finding, FindingStatus
from controlplane.workspaces.posture.paths import covers
from controlplane.workspaces.posture.scene import Cause


@dataclass(slots=True)
class Ledger:
    """Collects; the only mutable thing in judging a posture, local to one evaluation."""

    observed: Observed
    findings: list[Finding] = field(default_factory=list)
    _failing: dict[str, list[int]] = field(default_factory=dict)
    """Key, or folded id of what has none, → positions of its failing findings."""
    _gone: dict[str, int] = field(default_factory=dict)
    """Key of a resource that is missing with another → position of that other's finding."""
    _consequences: dict[int, list[Evidence]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """A finding of its own."""
        # What has no key is known by its id, so that the next thing that it breaks is its consequence.
        subject = finding.key or (fold(finding.resource_id) if finding.resource_id else None)
        if finding.status is FindingStatus.FAIL and subject is not None:
            self._failing.setdefault(subject, []).append(len(self.findings))
        self.findings.append(finding)

    def explain(self, causes: Iterable[Cause]) -> int | None:
        """The failing finding that one of ``causes`` names: the resource is missing, or differs at or below a path."""
        for cause in causes:
            if cause.key in self._gone:
                return self._gone[cause.key]
            for position in self._failing.get(cause.key, ()):
                path = self.findings[position].path
                if path == "$" or (cause.path != "$" and (covers(cause.path, path) or covers(path, cause.path))):
                    return position
        return None

    def follow(self, position: int, evidence: Evidence, gone: str | None = None) -> None:
        """``evidence`` fails because of the finding at ``position``. ``gone``: key of a resource missing with it."""
        if gone is not None:
            self._gone[gone] = position
        self._consequences.setdefault(position, []).append(evidence)

    def close(self) -> tuple[Finding, ...]:
        """Failing first, worst first, then in the order of the blueprint."""
        done = [
            finding.model_copy(update={"consequences": tuple(self._consequences[position])})
            if position in self._consequences
            else finding
            for position, finding in enumerate(self.findings)
        ]
        order = list(FindingStatus)
        return tuple(
            sorted(done, key=lambda f: (f.status is not FindingStatus.FAIL, -order.index(f.status), f.severity.rank))
        )

    def read_from(self, resource_id: str | None) -> str | None:
        """Where a resource was read; for what is not there, the id that answered 404."""
        return self.observed.read_from.get(fold(resource_id), resource_id) if resource_id else None


def finding_id(control: str, subject: str | None, path: str) -> str:
    """The same for the same control, subject and path, in every report."""
    return hashlib.sha256(f"{control}|{subject}|{path}".lower().encode()).hexdigest()[:16]
