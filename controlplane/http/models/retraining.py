"""What was heard of models, and what came of it."""

from __future__ import annotations

from pydantic import Field

from controlplane.notifications.model import Notification
from controlplane.operations.model import Model
from controlplane.promotion.model import Promotion
from controlplane.retraining.model import Decision as RetrainingDecision
from controlplane.retraining.runs.model import Run
from controlplane.retraining.services.labeling import LabelingBody
from controlplane.retraining.services.monitors import MonitorBody
from controlplane.retraining.services.policies import PolicyBody
from controlplane.retraining.signal import Signal
from controlplane.retraining.tasks import Task


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


class LabelingList(Model):
    value: tuple[LabelingBody, ...]
    next_link: str | None = None


class MonitorList(Model):
    value: tuple[MonitorBody, ...]
    next_link: str | None = None


class PolicyList(Model):
    value: tuple[PolicyBody, ...]
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
