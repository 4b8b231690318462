"""What people are told of an expiry, before it is stored that it happened. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.governance.expiry.decide import Step
from controlplane.governance.expiry.model import IN_USE_NOW, Expiry, Stage
from controlplane.notifications.model import Notification, notification_id
from controlplane.retraining.signal import Severity

_TITLES = {
    Stage.ACTIVE: "goes on",
    Stage.WARNED: "is about to expire",
    Stage.ASKED: "has expired: its owner decides",
    Stage.GRACE: "is archived after its grace",
    Stage.ARCHIVING: "is being archived",
    Stage.ARCHIVED: "is archived",
    Stage.DELETING: "is to be deleted",
}
_SEVERITIES = {Stage.ACTIVE: Severity.LOW, Stage.WARNED: Severity.MEDIUM, Stage.ARCHIVED: Severity.MEDIUM}


def frame(after: Expiry, kind: str, occasion: str, now: datetime) -> dict[str, Any]:
    """What every message about an expiry has. ``occasion`` tells a repeated tick from another time."""
    kind = f"ControlPlane.Expiry.{kind}"
    return {
        "id": notification_id(kind, f"{after.id}!{after.incarnation}!{occasion}"),
        "due_at": now,
        "created_at": now,
        "workspace": after.workspace,
        "project": after.project,
        "type": kind,
        "subject": f"workspaces/{after.workspace}/expiry",
    }


def in_use(after: Expiry, before: Expiry, now: datetime) -> Notification:
    """That the archive waits for what is at work; once a week. ``before``: as it was stored."""
    told_at = before.problem_told_at or before.since
    return Notification(
        **frame(after, IN_USE_NOW, f"{before.stage}!{told_at.isoformat()}", now),
        severity=Severity.HIGH,
        title=f"Workspace {after.workspace} is in use, and its archive waits"[:200],
        text=(after.problem.message if after.problem is not None else "")[:4000],
        facts={"stage": after.stage.value, "problem": IN_USE_NOW},
    )


def notification(after: Expiry, step: Step, before: Expiry, now: datetime) -> Notification:
    """``before``: as it was stored, which names the occasion: a tick that is repeated tells it once."""
    escalated = step.escalates and after.stage is before.stage
    kind = "Escalated" if escalated else after.stage.value.capitalize()
    occasion = f"{before.stage}!{before.since.isoformat()}!{before.escalations}"
    title = f"Workspace {after.workspace} {_TITLES[after.stage]}"
    facts = {
        "stage": after.stage.value,
        "rule": after.ruled.action or "report" if after.ruled is not None else "report",
    }
    if step.next_at is not None:
        facts["next"] = step.next_at.isoformat()
    if escalated:
        title = f"Nobody has answered for workspace {after.workspace} ({after.escalations})"
    return Notification(
        **frame(after, kind, occasion, now),
        severity=Severity.CRITICAL if escalated else _SEVERITIES.get(after.stage, Severity.HIGH),
        title=title[:200],
        text=" ".join(step.reasons)[:4000],
        facts=facts,
    )
