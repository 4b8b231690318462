"""People's roles end with the project (S3-70), after they were told so for a whole fortnight: by the calendar, and by
what looks have seen pass, as stages are. Pure.

An end that is set earlier than it was told is told again, and the fortnight begins anew.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from controlplane.governance.expiry.decide import NOTICE, SEEN_AT_MOST, SKEW, end_of
from controlplane.governance.expiry.model import AccessNotice, Expiry
from controlplane.governance.expiry.words import frame
from controlplane.notifications.model import Notification
from controlplane.retraining.signal import Severity


def noticed(before: AccessNotice | None, end: date | None, now: datetime) -> AccessNotice | None:
    """The notice as it stands after a look. ``end``: of the project, None for whom none counts."""
    if end is None or now < end_of(end) - NOTICE:
        return None
    if before is None or end < before.end or before.since > now + SKEW:
        return AccessNotice(end=end, since=now, seen_at=now)
    passed = min(max(now - before.seen_at, timedelta()), SEEN_AT_MOST)
    return AccessNotice(end=end, since=before.since, seen_at=now, lived=before.lived + passed)


def is_over(notice: AccessNotice | None, end: date | None, now: datetime, *, ended: bool) -> bool:
    """Whether people have no roles any more. ``ended``: whether they were taken away already."""
    if end is None or now < end_of(end):
        return False
    stood = notice is not None and now >= ends_at(notice) and notice.lived >= NOTICE
    return ended or stood


def ends_at(notice: AccessNotice) -> datetime:
    """At the earliest."""
    return max(notice.since + NOTICE, end_of(notice.end))


def is_new(notice: AccessNotice | None, before: AccessNotice | None) -> bool:
    """Whether it is to be told."""
    return notice is not None and (before is None or notice.since != before.since)


def notification(after: Expiry, notice: AccessNotice, before: Expiry, now: datetime) -> Notification:
    """``before``: as it was stored, which names the occasion: a tick that is repeated tells it once."""
    occasion = f"{notice.end}!{before.looked_at}!{before.generation}"
    text = (
        f"The last day of project {after.project} is {notice.end}. People's roles on the workspace are taken away from "
        f"{ends_at(notice):%Y-%m-%d %H:%M} UTC on. A Platform.Admin may register a later endsOn."
    )
    return Notification(
        **frame(after, "AccessEnds", occasion, now),
        severity=Severity.HIGH,
        title=f"People's roles on workspace {after.workspace} end with its project"[:200],
        text=text,
        facts={"next": ends_at(notice).isoformat()},
    )
