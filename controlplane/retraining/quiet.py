"""Quiet hours and change freezes: whether a moment lies in one, and until when (D25); when is decided (D23). Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controlplane.retraining.policy import DecisionTime, QuietHours, RetrainingPolicy

#: Quiet hours may touch each other; past this many a policy would never let anything through.
MOST_STEPS = 400


def quiet_until(policy: RetrainingPolicy, now: datetime) -> datetime | None:
    """The first moment from ``now`` on that is in no quiet hours and no freeze; None when ``now`` is one itself.

    Raises ``ValueError`` when there is none within the steps: a policy like that is refused when it is set.
    """
    moment = now
    for _ in range(MOST_STEPS):
        ends = [end for rule in policy.quiet_hours if (end := _end_of(rule, moment)) is not None]
        ends += [freeze.end for freeze in policy.freezes if freeze.begin <= moment < freeze.end]
        if not ends:
            return None if moment == now else moment
        moment = max(ends)
    raise ValueError("quiet hours never end")


def decision_time(rule: DecisionTime, heard: datetime) -> datetime:
    """The first such time of a day that is not before ``heard`` (D23). Local times: of one that is there twice the
    first, and one that the clock leaves out is as long after midnight as on other days."""
    zone, at = ZoneInfo(rule.time_zone), time.fromisoformat(rule.time)
    today = heard.astimezone(zone).date()
    moments = (datetime.combine(today + timedelta(days=day), at, zone).astimezone(UTC) for day in (0, 1, 2))
    return next(one for one in moments if one >= heard)


def _end_of(rule: QuietHours, moment: datetime) -> datetime | None:
    """The end of the span that ``moment`` lies in. Local times: a day of 23 or 25 hours is one day."""
    zone = ZoneInfo(rule.time_zone)
    local = moment.astimezone(zone)
    begin, end = time.fromisoformat(rule.begin), time.fromisoformat(rule.end)
    for day in (local.date() - timedelta(days=1), local.date()):
        if day.isoweekday() not in rule.days:
            continue
        first = datetime.combine(day, begin, zone)
        last = datetime.combine(day if end > begin else day + timedelta(days=1), end, zone)
        if first.astimezone(UTC) <= moment < last.astimezone(UTC):
            return last.astimezone(UTC)
    return None
