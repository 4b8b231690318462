"""What a look at a workspace's posture yields: findings, their consequences, what would repair them. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from controlplane.operations.model import Model


class FindingStatus(StrEnum):
    """The result of one control on one resource. ``Unknown`` is never shown as ``Pass``."""

    PASS = "Pass"  # noqa: S105 - a status, not a secret
    FAIL = "Fail"
    UNKNOWN = "Unknown"
    NOT_APPLICABLE = "NotApplicable"
    EXEMPT = "Exempt"


class Severity(StrEnum):
    """As in the catalogue of controls."""

    CRITICAL = "Critical"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Section(StrEnum):
    """The four things to protect (S1-16)."""

    DEVOPS_PIPELINE = "devOpsPipeline"
    TRAINING_DATA = "trainingData"
    ML_PIPELINE = "mlPipeline"
    MODEL = "model"


class Concern(StrEnum):
    """Which condition of the workspace a control speaks to."""

    NETWORK = "NetworkIsolated"
    IDENTITY = "IdentityAssigned"
    ACCESS = "AccessGranted"
    MONITORING = "Monitored"
    DECLARED = "Ready"
    """Nothing but being as declared; such a failure makes the workspace not ready only when a resource is missing."""


class RepairKind(StrEnum):
    """How a finding can be undone by ``:repair``."""

    NONE = "none"
    UPDATE = "update"
    """The ordinary diff writes it."""
    REAPPLY = "reapply"
    """No declared property differs, and still the resource has to be written again."""
    RECREATE = "recreate"
    """Azure cannot mend it in place: delete, then write."""
    MANUAL = "manual"
    """Not safe, or not ours, to do without a person; ``reason`` says why."""


class Repair(Model):
    """``keys`` are reapplied or recreated; ``follow_up`` keys vanish with a recreated one, are reapplied after it."""

    kind: RepairKind
    keys: tuple[str, ...] = ()
    follow_up: tuple[str, ...] = ()
    reason: str = ""


class Evidence(Model):
    """What was wanted, what Azure answered, and where that was read."""

    control: str
    key: str | None
    """Logical key; None for what the blueprint does not hold."""
    resource_id: str | None
    """None while the id depends on something that is known after create."""
    path: str
    """JSON path inside the resource's body; ``$`` for the resource itself."""
    wanted: Any
    observed: Any
    """Exactly as a GET answers it; None when the resource or the property is not there."""
    read_from: str | None
    """The path that was read."""
    message: str
    concern: Concern
    repair: Repair


class Finding(Evidence):
    """The result of one control on one resource. ``id`` is the same for the same control, resource and path."""

    id: str
    status: FindingStatus
    severity: Severity
    section: Section
    requirements: tuple[str, ...] = ()
    relational: bool = False
    """True when several resources together were judged, not one resource's declared property."""
    consequences: tuple[Evidence, ...] = ()
    """Checks that fail because of this finding; they come and go with it."""


class Score(Model):
    """One section of the scorecard."""

    section: Section
    status: str
    """``Pass``, ``Fail``, ``Unknown`` or ``NotChecked``."""
    message: str
    counts: Mapping[str, int]


class Report(Model):
    """All findings of one look; failing ones first, worst first."""

    workspace: str
    environment: str
    evaluated_at: datetime
    findings: tuple[Finding, ...]
    counts: Mapping[str, Mapping[str, int]]
    """Control → status → how often; passes are counted too, so that a report says what was checked."""
    scorecard: tuple[Score, ...]

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Findings with status Fail."""
        return tuple(f for f in self.findings if f.status is FindingStatus.FAIL)

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """Findings with status Unknown."""
        return tuple(f for f in self.findings if f.status is FindingStatus.UNKNOWN)

    @property
    def is_clean(self) -> bool:
        """Nothing fails and nothing is unknown."""
        return not self.failing and not self.unknown

    def repair_keys(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """``(reapply, recreate)``: keys that a repair writes, or deletes and writes, beyond the ordinary diff.

        A consequence has its own repair: the twin of a deleted peering stays Disconnected until it is recreated.
        """
        reapply: dict[str, None] = {}
        recreate: dict[str, None] = {}
        for finding in self.failing:
            for item in (finding, *finding.consequences):
                match item.repair.kind:
                    case RepairKind.REAPPLY:
                        reapply.update(dict.fromkeys(item.repair.keys))
                    case RepairKind.RECREATE:
                        recreate.update(dict.fromkeys(item.repair.keys))
                        reapply.update(dict.fromkeys(item.repair.follow_up))
                    case _:
                        pass
        return tuple(key for key in reapply if key not in recreate), tuple(recreate)
