"""How far a workspace's endpoints and clusters may be scaled by us, and what was. Pure data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Thing
from controlplane.operations.model import Model
from controlplane.retraining.policy import Mode, Period

#: Steps that are remembered for the cooldown.
KEPT = 100


class RemediationPolicy(Model):
    """What ``PUT /workspaces/{name}/remediation`` takes. What has no limit is not scaled by us."""

    mode: Mode = Field(default=Mode.ENABLED, description="`dryRun` says what would be done, and does not.")
    max_instances: int | None = Field(
        default=None, ge=1, le=100, description="Of one online deployment, at most; absent: deployments stay."
    )
    max_nodes: int | None = Field(
        default=None, ge=1, le=1000, description="maxNodes of one cluster, at most; absent: clusters stay."
    )
    step: int = Field(default=1, ge=1, le=10, description="Instances or nodes that one signal adds.")
    cooldown: Period = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=10),
        le=timedelta(days=30),
        description="Between two steps of one deployment or cluster.",
    )


class Acted(Model):
    """A step that was begun."""

    target: str
    """Folded ARM id."""
    task: str
    at: datetime


class Remediation(Thing):
    """``id`` is the workspace's name. The row is the lock: of two signals at once one meets the other's cooldown."""

    KIND: ClassVar[str] = "remediation"

    incarnation: int
    project: str
    policy: RemediationPolicy | None = None
    generation: int = 0
    last_modified_at: datetime | None = None
    last_modified_by: str | None = None
    acted: tuple[Acted, ...] = ()
    """Oldest first, at most ``KEPT``."""


def with_step(remediation: Remediation, step: Acted) -> Remediation:
    return remediation.model_copy(update={"acted": (*remediation.acted, step)[-KEPT:]})


def last_step(remediation: Remediation | None, target: str) -> datetime | None:
    """When the target was last scaled by us."""
    times = [one.at for one in (remediation.acted if remediation else ()) if one.target == target]
    return max(times, default=None)
