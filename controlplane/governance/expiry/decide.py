"""Which stage comes next, and why. Pure: what is stored, what was seen and the time in, one step out.

A stage lasts at least its time, by two clocks at once: the calendar since it began, and the time that looks have seen
pass, of which a jump of the clock is one day at most. So neither a clock that runs ahead nor one that falls back makes
a stage shorter, and sweeps that repeat pass no stage twice: one call makes one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from controlplane.governance.expiry.model import Cause, Evidence, Expiry, Rule, Stage, Verdict
from controlplane.workspaces.spec_rules.lifetime import days

DAY = timedelta(days=1)
#: Before the last day, and between the warning and the question.
NOTICE, WARNING = timedelta(days=14), timedelta(days=7)
#: Until whoever does not answer is asked again, and more loudly.
ESCALATE = timedelta(days=7)
#: What one look may count as seen: looks are daily.
SEEN_AT_MOST = timedelta(hours=26)
#: How long evidence counts.
FRESH = timedelta(hours=1)
_MOST_NAMED = 10
#: Clocks differ by as much.
SKEW = timedelta(minutes=5)


def end_of(day: date) -> datetime:
    """When a day has passed. The last day that there is, which people write for "never", does so with its last
    moment."""
    start = datetime.combine(day, time(), UTC)
    return datetime.max.replace(tzinfo=UTC) if day == date.max else start + DAY


@dataclass(frozen=True, slots=True)
class Ends:
    """What the rule means today. ``last_day``: with the project's end and an extension; None: there is no end date."""

    rule: Rule
    production: bool
    last_day: date | None
    with_project: bool = False
    """Whether that is the project's last day: people's roles end with it."""
    archived: bool = False
    """Whether the archive stands: everything is stored, and what costs is gone."""

    @property
    def destroys(self) -> bool:
        return self.rule.action in ("archive", "delete") and not any(one.holds(self) for one in SPARED.values())

    @property
    def ends_at(self) -> datetime | None:
        return None if self.last_day is None else end_of(self.last_day)


@dataclass(frozen=True, slots=True)
class Spared:
    """Why nothing is taken away from a workspace, whatever its rule says."""

    holds: Callable[[Ends], bool]
    requirements: tuple[str, ...] = ()


#: Rules are refused on production when they are set; a workspace may become production afterwards.
SPARED: dict[str, Spared] = {"production": Spared(lambda ends: ends.production, ("X-12",))}


@dataclass(frozen=True, slots=True)
class Step:
    """``stage`` is the old one where nothing moves. ``next_at``: when the next stage begins at the earliest."""

    stage: Stage
    reasons: tuple[str, ...]
    cause: Cause | None
    next_at: datetime | None
    escalates: bool = False
    in_use: str | None = None
    """What is at work, so that a workspace whose last day has passed is not archived yet."""


def seen(expiry: Expiry, now: datetime) -> timedelta:
    """How much of the stage has been seen, with this look."""
    passed = timedelta() if expiry.looked_at is None else now - max(expiry.looked_at, expiry.since)
    return expiry.lived + min(max(passed, timedelta()), SEEN_AT_MOST)


def last_day(rule: Rule, expiry: Expiry | None, project_end: date | None) -> date | None:
    """An extension moves it where there is one; the project's end is the latest that is."""
    day = rule.expires_on
    if expiry is not None and expiry.extension is not None and day is not None:
        day = max(day, expiry.extension.until)
    return min((one for one in (day, project_end) if one is not None), default=None)


def verdict_of(evidence: Evidence | None, now: datetime) -> Verdict:
    """What old evidence, or that of a clock that was ahead, says is unknown."""
    if evidence is None or not -SKEW <= now - evidence.read_at <= FRESH:
        return Verdict.UNKNOWN
    return evidence.verdict


def decide(expiry: Expiry, ends: Ends, evidence: Evidence | None, now: datetime) -> Step:
    """The next step: of the same stage where nothing changes."""
    if expiry.stage in (Stage.ARCHIVING, Stage.ARCHIVED, Stage.DELETING):
        return _after(expiry, ends, now)
    exempt = expiry.exemption
    if exempt is not None and now < end_of(exempt.until):
        return Step(Stage.ACTIVE, (f"Exempt until {exempt.until}: {exempt.reason}",), None, None)
    verdict = verdict_of(evidence, now)
    cause = _cause(expiry, ends, verdict, now)
    if cause is None:
        return Step(Stage.ACTIVE, (_active(ends, verdict, evidence),), None, _first(ends))
    if expiry.stage is Stage.ACTIVE:
        return _warn(ends, cause, now)
    if not ends.destroys:
        return Step(Stage.WARNED, (_why(ends, cause), _only_reported(ends)), cause, None)
    match expiry.stage:
        case Stage.WARNED:
            return _ask(expiry, ends, cause, (_at_work(evidence, now), now))
        case Stage.ASKED:
            return _wait(expiry, ends, cause, now)
        case _:
            return _take(expiry, ends, (cause, verdict, evidence), now)


def _at_work(evidence: Evidence | None, now: datetime) -> tuple[str, ...]:
    """By evidence that counts."""
    fresh = evidence is not None and -SKEW <= now - evidence.read_at <= FRESH
    return evidence.working if evidence is not None and fresh else ()


def said_to_work(working: Sequence[str]) -> str:
    """What is in use now, in words."""
    more = f" and {len(working) - _MOST_NAMED} more" if len(working) > _MOST_NAMED else ""
    return f"In use now: {', '.join(working[:_MOST_NAMED])}{more}."


def _cause(expiry: Expiry, ends: Ends, verdict: Verdict, now: datetime) -> Cause | None:
    """Unknown begins nothing, and ends nothing either: what was idle and cannot be read now waits."""
    if ends.ends_at is not None and now >= ends.ends_at - NOTICE:
        return Cause.DATE
    extended = expiry.extension is not None and now < end_of(expiry.extension.until)
    if ends.rule.idle_after is None or verdict is Verdict.BUSY or extended:
        return None
    if verdict is Verdict.IDLE:
        return Cause.IDLE
    return Cause.IDLE if expiry.cause is Cause.IDLE and expiry.stage is not Stage.ACTIVE else None


def _first(ends: Ends) -> datetime | None:
    return None if ends.ends_at is None else ends.ends_at - NOTICE


def _active(ends: Ends, verdict: Verdict, evidence: Evidence | None) -> str:
    if ends.rule.idle_after is None:
        return "Its end is not near." if ends.last_day else "It has no end date."
    if verdict is Verdict.UNKNOWN and evidence is not None and evidence.verdict is Verdict.BUSY:
        return f"It was in use on {evidence.read_at:%Y-%m-%d}."
    return {
        Verdict.BUSY: "It is in use.",
        Verdict.IDLE: "It is idle.",
        Verdict.UNKNOWN: "Whether it is idle is not known, and unknown is not idle.",
    }[verdict]


def _why(ends: Ends, cause: Cause) -> str:
    if cause is Cause.DATE:
        more = " It is its project's, and people's roles here end with it." if ends.with_project else ""
        return f"Its last day is {ends.last_day}.{more}"
    return f"It was idle for {days(ends.rule.idle_after or 'P0D')} days."


def _only_reported(ends: Ends) -> str:
    return "Production is reported and never expired." if ends.production else "Its rule is to report, and no more."


def _asked_at(since: datetime, ends: Ends, cause: Cause) -> datetime:
    at = since + WARNING
    return max(at, ends.ends_at) if cause is Cause.DATE and ends.ends_at is not None else at


def _warn(ends: Ends, cause: Cause, now: datetime) -> Step:
    if not ends.destroys:
        return Step(Stage.WARNED, (_why(ends, cause), _only_reported(ends)), cause, None)
    at = _asked_at(now, ends, cause)
    return Step(Stage.WARNED, (_why(ends, cause), f"The owner is asked on {at:%Y-%m-%d}."), cause, at)


def _ask(expiry: Expiry, ends: Ends, cause: Cause, seen_now: tuple[tuple[str, ...], datetime]) -> Step:
    working, now = seen_now
    at = _asked_at(expiry.since, ends, cause)
    if now < at or seen(expiry, now) < WARNING:
        return Step(Stage.WARNED, (_why(ends, cause),), cause, max(at, _left(expiry, WARNING, now)))
    why = "The project's owner decides: retire it, extend it or exempt it. Without an answer it stays asked."
    # Whoever says yes is to know what runs.
    used = (said_to_work(working),) if working else ()
    return Step(Stage.ASKED, (_why(ends, cause), *used, why), cause, None)


@dataclass(frozen=True, slots=True)
class Guard:
    """What has to be there before a grace begins."""

    holds: Callable[[Expiry], bool]
    requirements: tuple[str, ...] = ()


#: "The PROJECT OWNER may decide to retire it: never automatic without owner".
GUARDS: dict[str, Guard] = {"owner": Guard(lambda expiry: expiry.consent is not None, ("S3-107",))}


def _left(expiry: Expiry, whole: timedelta, now: datetime) -> datetime:
    return max(now + whole - seen(expiry, now), expiry.since + whole)


def _wait(expiry: Expiry, ends: Ends, cause: Cause, now: datetime) -> Step:
    if not all(one.holds(expiry) for one in GUARDS.values()):
        late = min(seen(expiry, now), now - expiry.since) >= ESCALATE * (expiry.escalations + 1)
        return Step(Stage.ASKED, (_why(ends, cause), "Nobody has answered."), cause, None, escalates=late)
    grace = timedelta(days=days(ends.rule.grace or "P0D"))
    said = expiry.consent
    text = "It is retired." if said is None else f"{said.by} said to retire it: {said.reason}"
    return Step(Stage.GRACE, (_why(ends, cause), text), cause, now + grace)


def _take(expiry: Expiry, ends: Ends, found: tuple[Cause, Verdict, Evidence | None], now: datetime) -> Step:
    """Out of the grace only with the owner's yes, the whole grace, and evidence that is complete and of now. A last day
    passes whether or not somebody works, and what is at work is left to end first."""
    cause, verdict, evidence = found
    grace = timedelta(days=days(ends.rule.grace or "P0D"))
    at = _left(expiry, grace, now)

    def stay(why: str) -> Step:
        return Step(Stage.GRACE, (_why(ends, cause), why), cause, at)

    if expiry.consent is None or grace <= timedelta():
        return stay("There is no yes of its owner, or no grace.")
    if seen(expiry, now) < grace or now < expiry.since + grace:
        return stay(f"Its grace ends on {at:%Y-%m-%d}.")
    if cause is Cause.DATE and (ends.ends_at is None or now < ends.ends_at):
        return stay("Its last day has not passed.")
    if verdict is Verdict.UNKNOWN or evidence is None:
        return stay("Not everything could be read, and nothing is taken away unseen.")
    if working := evidence.working:
        text = said_to_work(working)
        why = "It is archived when that is over."
        return Step(Stage.GRACE, (_why(ends, cause), text, why), cause, None, in_use=f"{text} {why}")
    if unread := evidence.unread:
        named = "; ".join(unread[:_MOST_NAMED])
        return stay(f"Not everything could be read, and nothing is taken away unseen: {named}")
    return Step(Stage.ARCHIVING, (_why(ends, cause), "Its grace has passed."), cause, None)


def _after(expiry: Expiry, ends: Ends, now: datetime) -> Step:
    if expiry.stage is Stage.ARCHIVING:
        if not ends.archived:
            return Step(Stage.ARCHIVING, expiry.reasons, expiry.cause, None)
        at = now + _retention(ends) if _deletes(ends) else None
        return Step(
            Stage.ARCHIVED, ("Endpoints and computes are stored and gone; the rest is kept.",), expiry.cause, at
        )
    if not ends.archived and expiry.stage is Stage.ARCHIVED:
        return Step(Stage.ACTIVE, ("It was restored.",), None, _first(ends))
    if expiry.stage is Stage.DELETING:
        return _back(expiry, ends, now)
    if not _deletes(ends):
        return Step(expiry.stage, expiry.reasons, expiry.cause, None)
    kept, held = _retention(ends), held_until(expiry, now)
    if seen(expiry, now) < kept or now < expiry.since + kept or held is not None:
        at = max(_left(expiry, kept, now), held or now)
        return Step(Stage.ARCHIVED, expiry.reasons, expiry.cause, at)
    why = f"It was kept in the archive for {kept.days} days."
    who = "A Platform.Admin lets the archiver delete its resource group."
    return Step(Stage.DELETING, (why, who), expiry.cause, None)


def held_until(expiry: Expiry, now: datetime) -> datetime | None:
    """Until when an owner wants an archive kept."""
    days = [one.until for one in (expiry.extension, expiry.exemption) if one is not None]
    ends = max((end_of(one) for one in days), default=now)
    return ends if ends > now else None


def _back(expiry: Expiry, ends: Ends, now: datetime) -> Step:
    """Out of a deletion that the archiver has not begun; the retention begins anew."""
    held = held_until(expiry, now)
    if expiry.deletion_begun_at is not None or (held is None and _deletes(ends)):
        return Step(Stage.DELETING, expiry.reasons, expiry.cause, None)
    if not _deletes(ends):
        return Step(Stage.ARCHIVED, ("Its rule deletes nothing any more.",), expiry.cause, None)
    return Step(Stage.ARCHIVED, ("Its owner wants the archive kept.",), expiry.cause, held)


def _deletes(ends: Ends) -> bool:
    return ends.destroys and ends.rule.action == "delete" and ends.rule.retention is not None


def _retention(ends: Ends) -> timedelta:
    return timedelta(days=days(ends.rule.retention or "P9999D"))
