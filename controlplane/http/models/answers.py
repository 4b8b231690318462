"""What every resource has, and the error of every answer above 399."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from controlplane.operations.model import Model


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
