"""What a budget's past suggests, and what its rule cannot do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from controlplane.governance.budgets.model import DAY, ENFORCED, BudgetRule

#: Months in a row: long enough to be no accident.
_SUSTAINED = 3


@dataclass(frozen=True, slots=True)
class Advice:
    """``says`` gets the rule and month → cost; None: nothing to say."""

    says: Callable[[BudgetRule, Mapping[str, Decimal]], str | None]
    requirements: tuple[str, ...] = ()


def advice(rule: BudgetRule, months: Mapping[str, Decimal]) -> tuple[str, ...]:
    """Sentences."""
    found = (one.says(rule, months) for one in ADVICE.values())
    return tuple(text for text in found if text is not None)


def _sustained(rule: BudgetRule, months: Mapping[str, Decimal]) -> str | None:
    last = sorted(months.items())[-_SUSTAINED:]
    amount = Decimal(str(rule.monthly.amount))
    if len(last) < _SUSTAINED or any(cost < amount for _, cost in last):
        return None
    return (
        f"Each of the last {_SUSTAINED} months used the whole budget: the work is to be changed for that demand, or "
        "the amount is to follow it."
    )


def _last_days(rule: BudgetRule, months: Mapping[str, Decimal]) -> str | None:
    """A notice is not cut, and each month begins at nothing."""
    if rule.notice <= DAY or not any(tier.act in ENFORCED for tier in rule.tiers):
        return None
    span = length(rule.notice)
    return (
        f"What is reached in the last {span} of a month is not enforced in it: its notice is as long. `:answer` with "
        "`stop` waits for no notice."
    )


def length(span: timedelta) -> str:
    """In words: days, hours or minutes."""
    for unit, name in ((DAY, "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if span % unit == timedelta(0):
            return f"{span // unit} {name}{'' if span == unit else 's'}"
    return str(span)


ADVICE: dict[str, Advice] = {
    "sustained": Advice(_sustained, ("S3-104",)),
    "lastDays": Advice(_last_days),
}
