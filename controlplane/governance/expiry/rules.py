"""Why a rule of expiry, an extension or an exemption is refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from controlplane.errors import ErrorDetail
from controlplane.governance.expiry.model import Rule
from controlplane.workspaces.spec_model import Environment
from controlplane.workspaces.spec_rules.lifetime import expiry_details

#: An exemption is for a while, and so is an extension; whoever needs more asks again.
LONGEST_EXEMPTION = LONGEST_EXTENSION = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a rule is held against."""

    environment: Environment
    today: date
    project_end: date | None = None


def check(asked: Rule, ground: Ground, before: Rule | None = None) -> tuple[ErrorDetail, ...]:
    """Every reason why it is refused. A day that was accepted once is not refused for having passed since."""
    found = list(expiry_details(asked, ground.environment, "$"))
    day = asked.expires_on
    if day is not None and (before is None or before.expires_on != day):
        found += _day(day, ground, "$.expiresOn")
    return tuple(found)


def check_extension(until: date, last: date | None, ground: Ground) -> tuple[ErrorDetail, ...]:
    """``last``: the last day as it is."""
    found = list(_day(until, ground, "$.until"))
    if until - ground.today > LONGEST_EXTENSION:
        text = "An extension is for a year from today at most; a rule with a later expiresOn is an owner's to send."
        found.append(ErrorDetail("ExtensionTooLong", text, "$.until"))
    if last is not None and until < last:
        found.append(
            ErrorDetail("ExtensionShortens", f"The last day is {last} already; an extension is not earlier.", "$.until")
        )
    return tuple(found)


def check_exemption(until: date, ground: Ground) -> tuple[ErrorDetail, ...]:
    found = list(_day(until, ground, "$.until"))
    if until - ground.today > LONGEST_EXEMPTION:
        found.append(ErrorDetail("ExemptionTooLong", "An exemption is for a year at most.", "$.until"))
    return tuple(found)


def _day(day: date, ground: Ground, path: str) -> Iterator[ErrorDetail]:
    for code, rule in DAYS.items():
        if (text := rule.says(day, ground)) is not None:
            yield ErrorDetail(code, text, path)


def _over(day: date, ground: Ground) -> str | None:
    return f"{day} is over; choose today or later." if day < ground.today else None


def _outlives(day: date, ground: Ground) -> str | None:
    end = ground.project_end
    if end is None or day <= end:
        return None
    return f"The project ends on {end}; a workspace does not outlive it (S3-108)."


@dataclass(frozen=True, slots=True)
class DayRule:
    """``says`` why a day cannot be one; None: it can."""

    says: Callable[[date, Ground], str | None]
    requirements: tuple[str, ...] = ()


DAYS: dict[str, DayRule] = {
    "ExpiryInThePast": DayRule(_over),
    "AfterTheProject": DayRule(_outlives, ("S3-108",)),
}
"""Code → rule."""
