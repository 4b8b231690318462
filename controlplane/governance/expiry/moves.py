"""What an expiry is before and after a step. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from controlplane.governance.expiry.decide import SKEW, Step, seen
from controlplane.governance.expiry.model import IN_USE_NOW, KEPT, Evidence, Expiry, Passed, Rule, Stage
from controlplane.operations.model import ErrorBody

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
    if expiry.ruled is not None:
        update |= superseded(expiry, expiry.ruled, rule, now)
    return expiry.model_copy(update=update)


def superseded(expiry: Expiry, old: Rule, new: Rule, now: datetime, by: str | None = None) -> dict[str, Any]:
    """What another last day, or another time of idleness, does to an extension and an exemption that were given before
    it: the newer word counts. The history keeps them."""
    if (old.expires_on, old.idle_after) == (new.expires_on, new.idle_after):
        return {}
    given = {"extension": expiry.extension, "exemption": expiry.exemption}
    ended = [f"Another rule ends the {name} until {one.until} of {one.by}: {one.reason}" for name, one in given.items()
             if one is not None]  # fmt: skip
    if not ended:
        return {}
    passed = Passed(stage=expiry.stage, at=now, reasons=tuple(ended), by=by)
    return {"extension": None, "exemption": None, "history": (*expiry.history, passed)[-KEPT:]}


def newer_word(before: Expiry, after: Expiry) -> dict[str, Any] | None:
    """For the audit: what a look found superseded."""
    given = {"extension": before.extension, "exemption": before.exemption}
    left = {"extension": after.extension, "exemption": after.exemption}
    gone = {name: one.model_dump(mode="json", by_alias=True) for name, one in given.items()
            if one is not None and left[name] is None}  # fmt: skip
    return {"change": "superseded", **gone, "incarnation": after.incarnation} if gone else None


def moved(before: Expiry, step: Step, evidence: Evidence | None, now: datetime) -> Expiry:
    """The expiry after a step. Pure."""
    update: dict[str, Any] = {
        "cause": step.cause,
        "next_at": step.next_at,
        "reasons": step.reasons,
        "looked_at": now,
        "lived": seen(before, now),
        "problem": None if step.in_use is None else ErrorBody(code=IN_USE_NOW, message=step.in_use),
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
        if step.stage is not Stage.ARCHIVING:
            update["problem_told_at"] = None
        if step.stage is Stage.ACTIVE:
            update["consent"] = None
        if before.stage is Stage.DELETING:
            update["conditions"] = ()
    return before.model_copy(update=update)
