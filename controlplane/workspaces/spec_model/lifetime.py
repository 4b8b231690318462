"""What a workspace may cost and when it ends."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import Days

#: A grace of no days is understood, so that it can be refused by its name.
DaysOrNone = Annotated[str, StringConstraints(pattern=r"^P(0|[1-9][0-9]{0,3})D$")]


class Money(Model):
    amount: float = Field(gt=0, le=1e12, allow_inf_nan=False, description="Amount in units of the currency.")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")


class Forecast(Model):
    forecast: int = Field(gt=0, le=1000, description="Per cent of the budget that the forecast reaches.")


class Budget(Model):
    monthly: Money = Field(description="What may be spent in a calendar month.")
    thresholds: tuple[Annotated[int, Field(gt=0, le=1000)] | Forecast, ...] = Field(
        default=(), description="Per cent of the amount at which people are told."
    )


class Expiry(Model):
    expires_on: date | None = Field(default=None, description="Last day the workspace is needed, in UTC; a tag.")
    idle_after: Days | None = Field(default=None, description="Idle time after which it counts as expired.")
    grace: DaysOrNone | None = Field(default=None, description="Time between the owner's yes and action; no default.")
    action: Literal["report", "archive", "delete"] | None = Field(
        default=None, description="What is done then; none: it is reported."
    )
    retention: Days | None = Field(default=None, description="Of `delete`: how long the archive is kept; no default.")
