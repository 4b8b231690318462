"""Requests on their way."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from controlplane.operations.model import ErrorBody, Model, OperationKind, OperationStatus, Residue, StepStatus


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
