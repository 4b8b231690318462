"""A promotion: one model version on its way to be used, judged once. Pure data. Rollout comes later."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Versioned
from controlplane.operations.model import Model


class PromotionState(StrEnum):
    AWAITING_EVALUATION = "awaitingEvaluation"
    EVALUATED = "evaluated"
    """Its gate holds; what comes next is a later feature, or a person's."""
    REJECTED = "rejected"


class ModelLineage(Model):
    """Read back from ARM; None is what Azure does not tell."""

    job: str | None = None
    """Name of the job whose output the model is, from its path or `jobName`."""
    run_id: str | None = Field(default=None, description="Of our retraining run, when it is one of ours.")
    git_commit: str | None = None
    data: tuple[str, ...] = ()
    created_by: str | None = None
    created_at: datetime | None = None


class Requirement(Model):
    """One question of the workload's promotion policy (S3-17, S3-41, S3-47) and its answer."""

    name: str
    verdict: str
    """``holds``, ``fails``, ``unknown``."""
    sentence: str


class LoopBack(Model):
    """Where a version that was trained again goes next (S3-34)."""

    environment: str
    """``staging``: evaluated there before it is used."""
    workspaces: tuple[str, ...] = Field(default=(), description="Of that environment, in the same project.")
    run_id: str
    data_begin: datetime | None = Field(default=None, description="Of the production data that it was trained on.")
    data_end: datetime | None = None


class Promotion(Versioned):
    """``id`` is ``{workspace}.{digest of model and version}``: once per model version."""

    KIND: ClassVar[str] = "promotion"
    LETTER: ClassVar[str] = "p"

    incarnation: int
    model: str
    version: str
    state: PromotionState = PromotionState.AWAITING_EVALUATION
    lineage: ModelLineage | None = None
    requirements: tuple[Requirement, ...] = ()
    loop_back: LoopBack | None = Field(default=None, description="Of what our own retraining made.")
    reason: str = ""
    """Why it is where it is, in one sentence."""
    created_at: datetime
    last_modified_at: datetime
    rejected_by: str | None = None

    def listed_at(self) -> datetime:
        return self.created_at
