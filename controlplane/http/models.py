"""The bodies of the API, for the OpenAPI document. ``views.py`` builds them; a test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from controlplane.audit.model import AuditEntry
from controlplane.notifications.model import Notification
from controlplane.operations.model import (
    Condition,
    ErrorBody,
    Model,
    OperationKind,
    OperationStatus,
    Residue,
    StepStatus,
)
from controlplane.projects.model import Registration
from controlplane.promotion.model import Promotion
from controlplane.retraining.model import Decision as RetrainingDecision
from controlplane.retraining.runs.model import Run
from controlplane.retraining.services.monitors import MonitorBody
from controlplane.retraining.services.policies import PolicyBody
from controlplane.retraining.signal import Signal
from controlplane.retraining.tasks import Task
from controlplane.workspaces.access.report import AccessReport
from controlplane.workspaces.conflicts import Decision
from controlplane.workspaces.model import Action, WarningLevel
from controlplane.workspaces.posture.model import Finding, Score
from controlplane.workspaces.records import WaiverAcceptance
from controlplane.workspaces.spec import WorkspaceSpec
from controlplane.workspaces.spec_model import Access, Money, Waiver


class InnerError(Model):
    """For a person who looks for the request in the logs."""

    correlation_id: str = Field(description="The trace id of the request's traceparent, or one made for it.")


class ErrorDetailBody(Model):
    """One of several causes."""

    code: str
    message: str
    target: str | None = Field(description="JSON path of the field, or the name of the parameter.")


class ErrorObject(Model):
    """Azure's error object."""

    code: str = Field(description="Stable, for programs; also in the header x-ms-error-code.")
    message: str = Field(description="For people; may change.")
    target: str | None
    details: tuple[ErrorDetailBody, ...]
    innererror: InnerError


class ErrorResponse(Model):
    """The body of every answer above 399."""

    error: ErrorObject


class Audited(Model):
    """What every resource has."""

    id: str
    name: str
    etag: str
    created_at: datetime
    created_by: str = Field(description="`{tenant id}/{object id}` of the principal.")
    last_modified_at: datetime
    last_modified_by: str


class Project(Audited):
    """A registration with its audit fields."""

    registration: Registration


class ProjectList(Model):
    value: tuple[Project, ...]
    next_link: str | None = None


class AlertTaken(Model):
    """What became of an alert."""

    signal: str | None = Field(description="The signal that it became, or is a copy of; null: it is left alone.")
    reason: str


class SignalList(Model):
    value: tuple[Signal, ...]
    next_link: str | None = None


class DecisionList(Model):
    value: tuple[RetrainingDecision, ...]
    next_link: str | None = None


class RetrainingBody(Model):
    """A run as the API answers it."""

    id: str
    etag: str
    run: Run


class RetrainingList(Model):
    value: tuple[RetrainingBody, ...]
    next_link: str | None = None


class RetrainingAsked(Model):
    """A wish was taken; its decision is made in a moment."""

    signal: str = Field(description="Where the decision will stand: `GET /signals/{signal}`.")


class MonitorList(Model):
    value: tuple[MonitorBody, ...]
    next_link: str | None = None


class PromotionBody(Model):
    """A promotion as the API answers it."""

    id: str
    etag: str
    promotion: Promotion


class PromotionList(Model):
    value: tuple[PromotionBody, ...]
    next_link: str | None = None


class TaskBody(Model):
    """A task as the API answers it."""

    id: str
    etag: str
    task: Task


class TaskList(Model):
    value: tuple[TaskBody, ...]
    next_link: str | None = None


class NotificationList(Model):
    value: tuple[Notification, ...]
    next_link: str | None = None


class PolicyList(Model):
    value: tuple[PolicyBody, ...]
    next_link: str | None = None


class WorkspaceStatusBody(Model):
    """How far the workspace is; the spec of ``generation`` is in effect when ``observedGeneration`` equals it."""

    state: Literal["Converging", "Deleting", "Ready", "NotReady", "Unknown"]
    generation: int
    observed_generation: int
    conditions: tuple[Condition, ...]
    outputs: Mapping[str, Any] = Field(description="Ids, FQDNs and principals that callers need.")
    active_operation: str | None = Field(description="Id of the operation that runs now.")
    last_operation: str | None
    address_space: str | None = Field(description="The range that the workspace has, also where the spec says auto.")
    waivers: tuple[WaiverAcceptance, ...] = Field(description="Who accepted each waiver of the spec.")
    last_observed_at: datetime | None


class Workspace(Audited):
    """The spec as it was accepted, and its status."""

    project: str
    spec: WorkspaceSpec
    status: WorkspaceStatusBody


class WorkspaceList(Model):
    value: tuple[Workspace, ...]
    next_link: str | None = None


class StepBody(Model):
    """One change to one Azure resource."""

    key: str = Field(description="Logical name in the blueprint.")
    resource_id: str | None
    action: str
    status: StepStatus
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    correlation_id: str | None = Field(description="Azure's correlation id of the write.")
    waiting_for: str | None = Field(description="Why the step does not move.")
    in_flight: bool = Field(
        description="Azure is at work on what this step sent, or was when the operation ended: it goes on there."
    )
    error: ErrorBody | None


class OperationBody(Model):
    """One accepted request to change something."""

    id: str
    name: str
    etag: str
    kind: OperationKind
    target: str
    project: str
    generation: int
    status: OperationStatus
    is_terminal: bool
    percent_complete: int = Field(ge=0, le=100)
    cancel_requested: bool
    cancel_requested_by: str | None = Field(description="Who cancelled: tenant id and object id.")
    steps: tuple[StepBody, ...]
    error: ErrorBody | None
    residue: tuple[Residue, ...] = Field(description="What a deletion left behind, and why.")
    deadline_at: datetime = Field(
        description="The operation ends Failed `OperationDeadlineExceeded` after this, or makes room for a new request."
    )
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    ended_at: datetime | None


class OperationList(Model):
    value: tuple[OperationBody, ...]
    next_link: str | None = None


class AuditList(Model):
    value: tuple[AuditEntry, ...]
    next_link: str | None = None


class VerifyRequest(Model):
    """Without ``object`` every chain is verified."""

    object: str | None = Field(default=None, description="`workspaces/{name}` or `projects/{name}`.")


class BadEntry(Model):
    """Where a chain, or the anchor, breaks first."""

    object: str = Field(description="The chain, or the log of the anchor.")
    sequence: int = Field(description="Of the entry, or number of the checkpoint.")
    reason: str = Field(description="Such as HashMismatch, EntryMissing, CheckpointMismatch.")
    message: str


class CheckpointBody(Model):
    """The last line of the anchor."""

    number: int
    at: datetime
    count: int = Field(description="Chains under the root.")
    root: str = Field(description="Merkle root (RFC 6962) in hex.")


class VerificationBody(Model):
    """Whether the audit is as it was written."""

    consistent: bool = Field(description="Every hash, link and checkpoint that was looked at agrees.")
    anchored: bool = Field(description="False: nothing outside the store says that the chains were not rewritten.")
    checked_chains: int
    checked_entries: int
    unanchored_entries: int = Field(description="Entries that came after the last checkpoint of their chain.")
    first_bad: BadEntry | None
    checkpoint: CheckpointBody | None


class PlanRequest(Model):
    """Without ``spec`` the plan is of the accepted one."""

    spec: WorkspaceSpec | None = None


class ProvisionRequest(Model):
    """Body of ``:provisionNetwork``; without one the network is built without Spark."""

    include_spark: bool = Field(default=False, description="For serverless Spark jobs, too. False takes nothing away.")


class DifferenceBody(Model):
    """One declared property whose observed value is another."""

    path: str
    wanted: Any = Field(description="`{knownAfterCreate: {key, path}}` where it is an output of another resource.")
    observed: Any
    observed_absent: bool
    replaces: bool
    deletes: bool = Field(description="Writing what is declared takes away what is there.")


class ChangeBody(Model):
    """What would be done to one resource."""

    key: str
    type: str
    id: str | None = Field(description="Null while it depends on something that is known after create.")
    action: Action
    differences: tuple[DifferenceBody, ...]
    depends_on: tuple[str, ...]
    expected_duration: str = Field(description="ISO 8601.")
    reason: str


class WarningBody(Model):
    """A remark that does not stop the plan."""

    code: str
    level: WarningLevel = Field(
        description="`info`: good to know; `warning`: something is lost, weaker than it could be, or not known; "
        "`critical`: what the plan makes cannot be used as it stands."
    )
    message: str
    target: str | None


class ConflictBody(Model):
    """Two requirements that contradict each other in this spec, and what becomes of it."""

    conflict: str = Field(description="Its number, such as X-01.")
    code: str
    rules: tuple[str, str] = Field(description="Requirement ids of both sides.")
    target: str = Field(description="JSON path of the field that brings it about.")
    message: str
    decision: Decision = Field(description="`lapsed`: it was waived, and the waiver is over.")
    answer: str = Field(description="What is done, and why.")
    change: str = Field(description="What would change the answer.")
    waivable: bool
    waiver: Waiver | None


class AccessBody(AccessReport):
    """Who may use a workspace: what is asked for, and what is so."""

    id: str
    etag: str
    access: Access


class CostReason(Model):
    code: str
    message: str


class SourceBody(Model):
    """A collection of the model catalog, or a public repository of packages."""

    name: str = Field(description="As in `catalog.collections` and `catalog.packages`.")
    kind: Literal["collection", "packages"]
    title: str
    hosts: tuple[str, ...] = Field(description="Needed with approved outbound only; with the internet allowed, none.")
    note: str
    documents: tuple[str, ...]


class FirewallBody(Model):
    """What the Azure Firewall of a managed network costs: list price, pay as you go."""

    sku: Literal["Standard", "Basic"]
    monthly_cost: Money = Field(description="730 hours, before traffic.")
    per_gigabyte: Money
    as_of: str = Field(description="Day on which the source showed it.")
    source: str


class CatalogBody(Model):
    """The table of hosts."""

    version: str
    value: tuple[SourceBody, ...]
    firewall: tuple[FirewallBody, ...]


class EgressRule(Model):
    """One outbound rule that the spec means."""

    name: str
    type: Literal["FQDN", "ServiceTag", "PrivateEndpoint"]
    destination: Mapping[str, Any]
    because: tuple[str, ...] = Field(description="Fields of the spec that ask for it.")


class UnneededRule(Model):
    name: str
    destination: str
    reason: str


class EgressBody(Model):
    """What leaves a managed network."""

    table_version: str = Field(description="Of GET /api/catalog/collections.")
    rules: tuple[EgressRule, ...]
    missing: tuple[str, ...] = Field(description="Names of rules that are asked for and are not in Azure.")
    unneeded: tuple[UnneededRule, ...] = Field(description="Rules that nothing uses: each is a way out.")
    firewall: FirewallBody | None = Field(description="What the rules for host names start; null without one.")


class PlanBody(Model):
    """Changes in dependency order; deletions last."""

    workspace: str
    exists: bool
    is_empty: bool
    requires_allow_destructive: bool
    changes: tuple[ChangeBody, ...]
    critical_path: tuple[str, ...]
    expected_duration: str = Field(description="ISO 8601, along the critical path.")
    warnings: tuple[WarningBody, ...]
    conflicts: tuple[ConflictBody, ...]
    egress: EgressBody | None = Field(description="What leaves a managed network; null where there is none.")
    monthly_cost: None = Field(description="Not built yet; the reason says so.")
    monthly_cost_reason: CostReason


class Validation(Model):
    """The posture of a workspace now: every finding, failing ones first."""

    workspace: str
    environment: str
    generation: int
    evaluated_at: datetime
    is_clean: bool = Field(description="Nothing fails and nothing is unknown.")
    findings: tuple[Finding, ...]
    counts: Mapping[str, Mapping[str, int]] = Field(description="Control → status → how often.")
    scorecard: tuple[Score, ...]


class DependencyBody(Model):
    name: str
    status: Literal["Ready", "NotReady"]
    code: str | None
    message: str | None


class Readiness(Model):
    status: Literal["Ready", "NotReady"]
    dependencies: tuple[DependencyBody, ...]


class Liveness(Model):
    status: Literal["Alive"]
