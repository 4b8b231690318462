"""What a spec would change."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from controlplane.http.models.costs import CostBody
from controlplane.http.models.egress import EgressBody
from controlplane.operations.model import Model
from controlplane.workspaces.conflicts import Decision
from controlplane.workspaces.model import Action, WarningLevel
from controlplane.workspaces.spec import WorkspaceSpec
from controlplane.workspaces.spec_model import Waiver


class PlanRequest(Model):
    """Without ``spec`` the plan is of the accepted one."""

    spec: WorkspaceSpec | None = None


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
    monthly_cost: CostBody = Field(description="What it costs, what it costs now, and the difference.")
