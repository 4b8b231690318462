"""What expiries and archives are asked and answered by request, and what a flow about them begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from pydantic import Field, ValidationError

from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.governance.expiry.archive import Archive, ArchiveState, Remark
from controlplane.governance.expiry.decide import last_day
from controlplane.governance.expiry.model import (
    AccessNotice,
    Cause,
    Decided,
    Evidence,
    Exemption,
    Expiry,
    Extension,
    Passed,
    Rule,
    Stage,
    expiry_id,
)
from controlplane.governance.expiry.moves import BEFORE
from controlplane.governance.expiry.rules import Ground
from controlplane.governance.expiry.storing import made, rule_of
from controlplane.governance.services.deps import RuleDeps, workspace
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored
from controlplane.operations.model import Condition, ErrorBody, Model
from controlplane.operations.reasons import OptionalReason, Reason
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission
from controlplane.projects.model import Registration
from controlplane.projects.registration import details_of
from controlplane.retraining.known import Known
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.services.deps import registration_of
from controlplane.workspaces.spec_model import Environment

T = TypeVar("T", bound=Model)
INVALID = "InvalidExpiry"


class ExtensionRequest(Model):
    until: date = Field(description="New last day; later than the one that is, and a year from now at most.")
    reason: Reason = Field(description="Why it is needed longer.")


class ExemptionRequest(Model):
    until: date = Field(description="Last day on which nothing happens; a year from now at most.")
    reason: Reason = Field(description="Why it is exempt.")


class RetirementRequest(Model):
    reason: Reason = Field(description="Why it may go.")


class ArchiveRequest(Model):
    reason: OptionalReason = Field(default="", description="Why it is archived now.")


class ArchiveBody(Model):
    """An archive as the API answers it."""

    id: str
    workspace: str
    etag: str
    state: ArchiveState
    by: str
    reason: str
    by_expiry: bool = Field(description="Whether the stages led to it.")
    changed_at: datetime
    kept: tuple[str, ...] = Field(
        description="ARM ids of endpoints, deployments, and computes that are in no spec, that can be made again."
    )
    left: tuple[Remark, ...] = Field(description="Computes that stay in Azure, and why: those that are attached.")
    lost: tuple[Remark, ...] = Field(description="What a restore does not bring back.")
    operation: str | None = Field(description="Id of the workspace's operation that takes computes away, or back.")
    problem: ErrorBody | None


class ExpiryBody(Model):
    """An expiry as the API answers it."""

    id: str
    workspace: str
    etag: str
    rule: Rule
    declared: bool = Field(description="Whether the workspace's spec declares the rule; then PUT is refused.")
    environment: str
    last_day: date | None = Field(description="With the project's end and an extension.")
    stage: Stage
    since: datetime
    next_at: datetime | None = Field(description="When the next stage begins at the earliest.")
    cause: Cause | None
    reasons: tuple[str, ...]
    escalations: int = Field(description="How often nobody answered.")
    consent: Decided | None = Field(description="The owner's yes.")
    extension: Extension | None
    exemption: Exemption | None
    evidence: Evidence | None
    history: tuple[Passed, ...]
    archive: ArchiveBody | None
    problem: ErrorBody | None = Field(
        description="`InUseNow`: what is at work, so that the archive waits although its grace is over."
    )
    access_notice: AccessNotice | None = Field(
        description="People's roles end with the project, and since when that is told."
    )
    conditions: tuple[Condition, ...] = Field(
        description="`Elevated`, of a deletion: what it waits for, and the request."
    )
    deletion_begun_at: datetime | None = Field(description="From then on nothing takes the deletion back.")
    last_modified_at: datetime
    last_modified_by: str


@dataclass(frozen=True, slots=True)
class Answered:
    """``created`` tells 201 from 200."""

    body: ExpiryBody
    project: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A workspace, what is stored of its expiry, and what it is held against."""

    found: Known
    stored: Stored[Expiry] | None
    archive: Stored[Archive] | None
    registration: Registration | None
    now: datetime

    @property
    def record(self) -> WorkspaceRecord:
        return self.found.record

    @property
    def given_up(self) -> bool:
        """Whether what an expiry took away is on its way back, or was never taken: its next look begins anew."""
        taken = self.archive is not None and self.archive.value.state.takes
        return not taken and not self.deletion_begun

    @property
    def deletion_begun(self) -> bool:
        begun = self.stored is not None and self.stored.value.deletion_begun_at is not None
        return begun or self.record.deleting

    @property
    def ground(self) -> Ground:
        end = self.registration.ends_on if self.registration is not None else None
        return Ground(Environment(self.record.spec["environment"]), self.now.date(), end)

    @property
    def expiry(self) -> Expiry | None:
        """As it is, or as its first look would store it."""
        if self.stored is not None:
            return self.stored.value
        if rule_of(None, self.record) is None:
            return None
        return made(self.record, self.record.created_at, self.record.last_modified_by)


async def asked_of(deps: RuleDeps, caller: Caller, permission: Permission, name: str) -> Asked:
    found = await workspace(deps, caller, permission, name)
    incarnation = found.record.incarnation
    stored = await deps.objects.get(Expiry, expiry_id(name))
    kept = await deps.objects.get(Archive, expiry_id(name))
    # A row that an earlier workspace of this name left goes with its next tick.
    if stored is not None and stored.value.incarnation != incarnation:
        raise Conflict("ConcurrentChange", "An earlier workspace of this name is just being forgotten; repeat it.")
    if kept is not None and kept.value.incarnation != incarnation:
        kept = None
    registration = await registration_of(deps.workspaces, found.record.project)
    return Asked(found, stored, kept, registration, deps.clock.now())


def parse(kind: type[T], data: JsonObject) -> T:
    try:
        return read_strictly(kind, data)
    except ValidationError as error:
        raise rejected(details_of(error, kind)) from error


def refuse(details: tuple[ErrorDetail, ...]) -> None:
    if details:
        raise rejected(details)


def rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the expiry are not valid."
    return Rejected(INVALID, text, target=details[0].target, details=details)


def shown(asked: Asked, expiry: Expiry) -> ExpiryBody:
    """What the API answers, with the ETag of what is stored: that is what If-Match is held against."""
    etag, expiry = expiry.etag, _restored(asked, expiry)
    rule = rule_of(expiry, asked.record) or Rule()
    return ExpiryBody(
        id=f"workspaces/{expiry.workspace}/expiry",
        workspace=expiry.workspace,
        etag=etag,
        rule=rule,
        declared=asked.record.spec.get("expiry") is not None,
        environment=str(asked.record.spec["environment"]),
        last_day=last_day(rule, expiry, asked.ground.project_end),
        stage=expiry.stage,
        since=expiry.since,
        next_at=expiry.next_at,
        cause=expiry.cause,
        reasons=expiry.reasons,
        escalations=expiry.escalations,
        consent=expiry.consent,
        extension=expiry.extension,
        exemption=expiry.exemption,
        evidence=expiry.evidence,
        history=expiry.history,
        archive=body_of(asked.archive.value) if asked.archive is not None else None,
        problem=expiry.problem,
        access_notice=expiry.access_notice,
        conditions=expiry.conditions,
        deletion_begun_at=expiry.deletion_begun_at,
        last_modified_at=expiry.last_modified_at,
        last_modified_by=expiry.last_modified_by,
    )


def _restored(asked: Asked, expiry: Expiry) -> Expiry:
    """What the next look stores, from the moment on in which everything is back."""
    archive = asked.archive.value if asked.archive is not None else None
    back = archive is not None and archive.state is ArchiveState.RESTORED and asked.given_up
    if archive is None or not back or expiry.stage in BEFORE:
        return expiry
    since = {"stage": Stage.ACTIVE, "since": archive.changed_at, "reasons": ("It was restored.",)}
    nothing = {"next_at": None, "cause": None, "consent": None, "problem": None, "conditions": ()}
    return expiry.model_copy(update={**since, **nothing})


def body_of(found: Archive) -> ArchiveBody:
    return ArchiveBody(
        id=f"workspaces/{found.workspace}/archive",
        workspace=found.workspace,
        etag=found.etag,
        state=found.state,
        by=found.by,
        reason=found.reason,
        by_expiry=found.by_expiry,
        changed_at=found.changed_at,
        kept=tuple(one.id for one in found.kept),
        left=found.left,
        lost=found.lost,
        operation=found.operation,
        problem=found.problem,
    )
