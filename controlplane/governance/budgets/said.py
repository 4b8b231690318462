"""What people are told of a budget, and what its history and the audit keep. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from controlplane.governance.budgets.advice import length
from controlplane.governance.budgets.judge import Course, Judged
from controlplane.governance.budgets.model import (
    ENFORCED,
    MOST_HISTORY,
    Act,
    Budget,
    Crossing,
    Event,
    Step,
)
from controlplane.governance.budgets.rules import threshold
from controlplane.governance.scope import ScopeKind
from controlplane.notifications.channels import Audience
from controlplane.notifications.model import Notification, notification_id
from controlplane.retraining.signal import Severity
from controlplane.workspaces.access.personas import Persona

US = "control plane"
_WHAT = {
    Act.BLOCK_COMPUTES: "new computes are denied",
    Act.BLOCK_JOBS: "clusters get no more nodes, instances are stopped, serverless jobs wait where a quota holds them",
    Act.FREEZE: "new endpoints and deployments are denied; what serves goes on serving",
}
_NOT_DONE = "It was announced and is not done: nothing was changed."
_KIND = "ControlPlane.Budget."
#: A persona of a rule → whom a channel is for. ``rules`` takes no other.
_AUDIENCES = {
    Persona.BUSINESS_STAKEHOLDERS: Audience.STAKEHOLDERS,
    Persona.PRODUCT_OWNERS: Audience.PROJECT_OWNER,
    Persona.PROJECT_LEADS: Audience.PROJECT_LEAD,
    Persona.PLATFORM_SUPPORT: Audience.SUPPORT,
    Persona.DATA_SCIENTISTS: Audience.DATA_SCIENTISTS,
}


def reached(budget: Budget, one: Crossing) -> str:
    """A sentence."""
    tier, money = budget.rule.tiers[one.tier], budget.rule.monthly
    bound = threshold(budget.rule, tier.at)
    how = {
        "azure": "Azure's cost rows say so",
        "live": "with what has run since Azure's last cost row",
        "forecast": "by the forecast to the month's end",
    }[one.seen_by]
    return (
        f"{amount(one.figure)} of {amount(Decimal(str(money.amount)))} {money.currency}: the tier of {tier.at} % "
        f"({amount(bound)}) is reached, {how}."
    )


def events(budget: Budget, judged: Judged, path: Course, now: datetime) -> tuple[Event, ...]:
    """One line for each thing that changed, oldest first."""

    def line(what: str, why: str) -> Event:
        return Event(at=now, what=what, why=why, by=US)

    found = [
        line(f"tier {budget.rule.tiers[one.tier].at} % reached", reached(budget, one) + _too_late(budget, one, path))
        for one in judged.new
    ]
    found += [line(f"{one.act} announced", _announced(one)) for one in path.announced]
    found += [line(f"{one.act} dropped", f"{_NOT_DONE} {_freed(budget, one, now)}") for one in path.dropped]
    found += [line(f"{one.act} begun", f"Its notice has run: {_WHAT[one.act]}.") for one in path.begun]
    found += [line(f"{one.act} given back", _freed(budget, one, now)) for one in path.releasing]
    return tuple(found)


def kept(history: tuple[Event, ...], more: tuple[Event, ...]) -> tuple[Event, ...]:
    return (*history, *more)[-MOST_HISTORY:]


def notifications(budget: Budget, judged: Judged, path: Course, now: datetime) -> Iterator[Notification]:
    """Before any of it happens."""
    for one in judged.new:
        tier = budget.rule.tiers[one.tier]
        about = f"{one.month}\n{one.generation}\n{one.tier}"
        title = f"{_name(budget)}: {tier.at} % of the budget is reached"
        text = reached(budget, one) + _too_late(budget, one, path)
        if tier.act is Act.ASK:
            text += f" {_who(budget)} says what becomes of it: `:answer` with `accept` or `stop`."
        kind = "Question" if tier.act is Act.ASK else "TierReached"
        severity = Severity.HIGH if tier.act in (Act.ASK, *ENFORCED) else Severity.MEDIUM
        yield _notification(budget, (kind, about), (title, text), severity, now)
    for step in path.announced:
        text = f"{_announced(step)} {_who(budget)} may accept what is spent, and an approver raises the budget."
        yield _notification(
            budget, ("EnforcementAnnounced", _of(step)), (_title(budget, step), text), Severity.HIGH, now
        )
    for step in path.begun:
        title = f"{_name(budget)}: {_WHAT[step.act]}"
        text = f"It was announced at {step.announced_at:%Y-%m-%d %H:%M} UTC and its reason stands."
        yield _notification(budget, ("EnforcementTaken", _of(step)), (title, text), Severity.HIGH, now)
    for step in path.dropped:
        words = (f"{_name(budget)}: {step.act} is dropped", f"{_NOT_DONE} {_freed(budget, step, now)}")
        yield _notification(budget, ("EnforcementDropped", _of(step)), words, Severity.MEDIUM, now)
    for step in path.releasing:
        title = f"{_name(budget)}: {step.act} is given back"
        what = ("EnforcementReleased", _of(step))
        yield _notification(budget, what, (title, _freed(budget, step, now)), Severity.MEDIUM, now)


def _who(budget: Budget) -> str:
    return "An owner or an approver" if budget.kind is ScopeKind.WORKSPACE else "An approver"


def _too_late(budget: Budget, one: Crossing, path: Course) -> str:
    act = budget.rule.tiers[one.tier].act
    if act not in path.late:
        return ""
    return (
        f" The month ends before a notice of {length(budget.rule.notice)}: this month {act} is not done, unless "
        "`:answer` says `stop`, which waits for no notice."
    )


def _of(step: Step) -> str:
    return f"{step.month}\n{step.act}\n{step.round}"


def _announced(step: Step) -> str:
    return f"From {step.effective_at:%Y-%m-%d %H:%M} UTC on {_WHAT[step.act]}, while the reason stands."


def _title(budget: Budget, step: Step) -> str:
    return f"{_name(budget)}: {step.act} from {step.effective_at:%Y-%m-%d %H:%M} UTC"


def _freed(budget: Budget, step: Step, now: datetime) -> str:
    answer = budget.acceptance
    if f"{now:%Y-%m}" != step.month:
        return "A new month has begun."
    if budget.deleting:
        return "The budget is taken away."
    if answer is not None and answer.month == step.month and answer.answer == "accept":
        return f"What is spent in {step.month} is accepted: {answer.reason}"
    return "What was spent is below what the budget stops at now."


def _name(budget: Budget) -> str:
    return f"{str(budget.kind).capitalize()} {budget.name}"


def _notification(
    budget: Budget, what: tuple[str, str], words: tuple[str, str], severity: Severity, now: datetime
) -> Notification:
    kind, about = what
    title, text = words
    return Notification(
        id=notification_id(f"{_KIND}{kind}", f"{budget.id}\n{budget.born_at.isoformat()}\n{about}"),
        due_at=now,
        workspace=budget.name if budget.kind is ScopeKind.WORKSPACE else "",
        project=budget.project,
        type=f"{_KIND}{kind}",
        subject=f"{budget.kind}s/{budget.name}/budget",
        title=title[:200],
        text=text[:4000],
        severity=severity,
        link=f"/api/{budget.kind}s/{budget.name}/budget",
        audiences=tuple(_AUDIENCES[one] for one in budget.rule.recipients if one in _AUDIENCES),
        facts={"recipients": ", ".join(budget.rule.recipients)},
        created_at=now,
    )


def amount(value: Decimal) -> str:
    """Two places."""
    return f"{value:.2f}"
