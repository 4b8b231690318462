"""Thresholds of what serves models, as data. Pure.

They are part of a monitor's spec (``watch``): a monitor names the endpoint and the deployment whose objective they are,
is the lead's to set, is audited and goes with its workspace; the alerts that Azure Monitor makes of the same endpoint
stand beside them. A resource of its own would have all that again, and a workspace's single policy would hold a small
endpoint to a large one's objective. What no monitor speaks of, the sweep watches by the defaults; they raise late and
clear lower, so that a value at the threshold does not flutter. Sources: requirements S3-89 … S3-98.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, model_validator

from controlplane.operations.model import Model
from controlplane.retraining.policy import Period


class Rule(Model):
    """Raised at or above ``raise_at`` in so many windows in a row, cleared at or below ``clear_at``."""

    raise_at: float = Field(ge=0, description="At or above it, in each of `windows`.")
    clear_at: float = Field(ge=0, description="At or below it; less than `raiseAt`.")
    windows: int = Field(default=2, ge=1, le=96, description="Quarters of an hour in a row.")
    minimum: float = Field(
        default=0,
        ge=0,
        description="Of `errors` and `rise`: calls that a window must have before shares mean anything.",
    )

    @model_validator(mode="after")
    def _apart(self) -> Rule:
        if self.clear_at >= self.raise_at:
            raise ValueError("clearAt must be below raiseAt")
        return self


class SizeClass(StrEnum):
    """How many calls an endpoint is made for (S3-90)."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


#: Calls a minute that an endpoint of a class is made for.
MADE_FOR = {SizeClass.SMALL: 600.0, SizeClass.MEDIUM: 6_000.0, SizeClass.LARGE: 60_000.0}


class Watch(Model):
    """What the sweep holds an endpoint and its deployments against."""

    latency: Rule = Field(default=Rule(raise_at=1000, clear_at=800), description="P95, milliseconds.")
    errors: Rule = Field(
        default=Rule(raise_at=0.05, clear_at=0.02, minimum=50),
        description="Share of calls with a 4xx or 5xx (S3-97).",
    )
    rise: Rule = Field(
        default=Rule(raise_at=5, clear_at=2, windows=1, minimum=50),
        description="5xx of a window by those of the window before (S3-98).",
    )
    throttling: Rule = Field(
        default=Rule(raise_at=60_000, clear_at=6_000), description="Milliseconds that calls of a window waited (S3-92)."
    )
    utilisation: Rule = Field(default=Rule(raise_at=85, clear_at=70), description="Percent, of the busiest resource.")
    size: SizeClass = SizeClass.SMALL
    requests: Rule = Field(
        default=Rule(raise_at=1.0, clear_at=0.8), description="Calls by those that the size class is made for (S3-90)."
    )
    unusual: Rule = Field(
        default=Rule(raise_at=6, clear_at=3),
        description="Calls above or below what is usual at this hour, in spreads of it (S3-90).",
    )
    unused_after: Period = Field(
        default=timedelta(days=30), ge=timedelta(days=1), le=timedelta(days=365), description="S3-91."
    )
