"""Exceptions that somebody answers for, until a day."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import Guid


class Waiver(Model):
    """Takes the other side of a conflict between two requirements, for a while."""

    conflict: str = Field(pattern=r"^X-\d{2}$", description="The conflict it decides, such as X-01.")
    owner: Guid = Field(description="Object id of the person who answers for it.")
    reason: str = Field(min_length=10, max_length=500, description="Why this workspace needs it.")
    ends_on: date = Field(description="Last day on which it holds; at most a year ahead.")
