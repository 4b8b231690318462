"""What an expiry is before and after a step. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from controlplane.governance.expiry.decide import SKEW, Step, seen
from controlplane.governance.expiry.model import KEPT, Evidence, Expiry, Passed, Rule, Stage

#: Stages that lead to something being taken away, and nothing was yet.
BEFORE = frozenset({Stage.ACTIVE, Stage.WARNED, Stage.ASKED, Stage.GRACE})
#: Those that another rule, or another environment, takes back to the first one.
BEGUN = BEFORE - {Stage.ACTIVE}


def settled(expiry: Expiry, rule: Rule, environment: str, now: datetime) -> Expiry:
    """Before a look: stages that went by another rule, or in another environment, begin anew, and a stage that began in
    what is the future now began now. Both make it longer, never shorter."""
    update: dict[str, Any] = {"environment": environment, "ruled": rule}
    other = expiry.ruled is not None and (expiry.ruled != rule or expiry.environment != environment)
    if other and expiry.stage in BEGUN:
        restart = {"stage": Stage.ACTIVE, "cause": None, "consent": None, "reasons": ("Its rule has changed.",)}
        update |= {**restart, "since": now, "lived": timedelta(), "looked_at": None, "escalations": 0}
    elif expiry.since > now + SKEW:
        update |= {"since": now, "lived": timedelta(), "looked_at": None}
    return expiry.model_copy(update=update)


def moved(before: Expiry, step: Step, evidence: Evidence | None, now: datetime) -> Expiry:
    """The expiry after a step. Pure."""
    update: dict[str, Any] = {
        "cause": step.cause,
        "next_at": step.next_at,
        "reasons": step.reasons,
        "looked_at": now,
        "lived": seen(before, now),
    }
    if evidence is not None:
        update |= {"evidence": evidence, "busy_at": evidence.read_at if evidence.in_use else before.busy_at}
    if step.escalates:
        update["escalations"] = before.escalations + 1
    if step.stage is not before.stage:
        verdict = None if evidence is None else evidence.verdict
        passed = Passed(stage=step.stage, at=now, reasons=step.reasons, next_at=step.next_at, verdict=verdict)
        update |= {"stage": step.stage, "since": now, "lived": timedelta(), "escalations": 0}
        update["history"] = (*before.history, passed)[-KEPT:]
        if step.stage is Stage.ACTIVE:
            update["consent"] = None
        if before.stage is Stage.DELETING:
            update["conditions"] = ()
    return before.model_copy(update=update)
