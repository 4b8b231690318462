"""What the audit and people are told of a promotion. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.audit.model import Action, Fact
from controlplane.notifications.model import Notification, notification_id
from controlplane.projects.access import Caller
from controlplane.promotion.model import Promotion
from controlplane.retraining.facts import About, by_person, by_us


def changed(promotion: Promotion, now: datetime, caller: Caller | None = None) -> Fact:
    """Its state, by us or by a person."""
    about = About(promotion.workspace, promotion.project, promotion.model)
    if caller is None:
        return by_us(about, now, Action.PROMOTION_CHANGED, _details(promotion))
    return by_person(about, now, caller, Action.PROMOTION_CHANGED, _details(promotion))


def told_of(promotion: Promotion, now: datetime) -> Notification:
    """One for each state, once."""
    kind = f"ControlPlane.Promotion.{promotion.state.value[0].upper()}{promotion.state.value[1:]}"
    back = promotion.loop_back
    title = f"{promotion.model} {promotion.version} of {promotion.workspace}: {promotion.state.value}"
    return Notification(
        id=notification_id(kind, promotion.id),
        due_at=now,
        workspace=promotion.workspace,
        project=promotion.project,
        type=kind,
        subject=f"workspaces/{promotion.workspace}/models/{promotion.model}/versions/{promotion.version}",
        title=title[:200],
        text=promotion.reason[:4000],
        link=f"/api/promotions/{promotion.id}",
        facts={"promotion": promotion.id, **({"loopBack": back.environment} if back else {})},
        created_at=now,
    )


def _details(promotion: Promotion) -> Mapping[str, Any]:
    lineage = promotion.lineage
    return {
        "promotion": promotion.id,
        "model": promotion.model,
        "version": promotion.version,
        "state": promotion.state.value,
        "reason": promotion.reason[:1000],
        "job": lineage.job if lineage else None,
        "run": lineage.run_id if lineage else None,
        "loopBack": promotion.loop_back.environment if promotion.loop_back else None,
    }
