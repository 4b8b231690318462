"""Workspaces: what was asked for, what is so, who may use it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from controlplane.http.models.answers import Audited
from controlplane.operations.model import Condition, Model
from controlplane.workspaces.access.report import AccessReport
from controlplane.workspaces.posture.model import Finding, Score
from controlplane.workspaces.records import WaiverAcceptance
from controlplane.workspaces.spec import WorkspaceSpec
from controlplane.workspaces.spec_model import Access


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


class ProvisionRequest(Model):
    """Body of ``:provisionNetwork``; without one the network is built without Spark."""

    include_spark: bool = Field(default=False, description="For serverless Spark jobs, too. False takes nothing away.")


class AccessBody(AccessReport):
    """Who may use a workspace: what is asked for, and what is so."""

    id: str
    etag: str
    access: Access


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
