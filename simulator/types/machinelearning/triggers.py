"""When a schedule runs: cron expressions and recurrences, in UTC.

Source: learn.microsoft.com, "Schedule machine learning pipeline jobs": NCronTab with five fields; a recurrence with
hours, minutes, week days or month days, or simply every so often from its start; a start in the past means the next
calculated time; without a start the schedule's creation is the start.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from simulator.engine.declaration import ArmError, JsonObject

FREQUENCIES = ("minute", "hour", "day", "week", "month")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORT_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
LOOK_AHEAD_DAYS = 366 * 8  # a 29th of February is found


def _bad(message: str) -> ArmError:
    return ArmError(400, "UserError", message)  # sentences assumed


def check(trigger: JsonObject) -> None:
    """Raises UserError for a trigger that never could run."""
    kind = str(trigger.get("triggerType") or "")
    if str(trigger.get("timeZone") or "UTC").upper() != "UTC":
        raise _bad(f"The time zone '{trigger['timeZone']}' is not supported here: only UTC is.")
    for name in ("startTime", "endTime"):
        moment(trigger, name)
    if kind == "Cron":
        cron(str(trigger.get("expression") or ""))
    elif kind == "Recurrence":
        _check_recurrence(trigger)
    else:
        raise _bad(f"The trigger type '{kind}' is not supported.")


def _check_recurrence(trigger: JsonObject) -> None:
    if str(trigger.get("frequency") or "").lower() not in FREQUENCIES:
        raise _bad(f"The frequency '{trigger.get('frequency')}' is not one of {', '.join(FREQUENCIES)}.")
    interval = trigger.get("interval")
    if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
        raise _bad(f"The interval '{interval}' is not a positive number.")
    pattern = trigger.get("schedule") or {}
    for name, least, most in (("hours", 0, 23), ("minutes", 0, 59), ("monthDays", 1, 31)):
        if any(not isinstance(one, int) or not least <= one <= most for one in pattern.get(name) or ()):
            raise _bad(f"The {name} of the recurrence are between {least} and {most}.")
    if any(str(one).lower() not in DAYS for one in pattern.get("weekDays") or ()):
        raise _bad(f"The weekDays of the recurrence are {', '.join(DAYS)}.")


def moment(trigger: JsonObject, name: str) -> datetime | None:
    text = trigger.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text).strip())
    except ValueError as error:
        raise _bad(f"The {name} '{text}' is no time.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def following(trigger: JsonObject, after: datetime, created: datetime) -> datetime | None:
    """The first time later than `after`; None when the schedule is over."""
    start, end = moment(trigger, "startTime") or created, moment(trigger, "endTime")
    found = next((one for one in _times(trigger, after, start) if one > after and one >= start), None)
    return found if found is not None and (end is None or found <= end) else None


def _times(trigger: JsonObject, after: datetime, start: datetime) -> Iterator[datetime]:
    if trigger.get("triggerType") == "Cron":
        return _cron_times(cron(str(trigger["expression"])), max(after, start - timedelta(minutes=1)))
    frequency, interval = str(trigger["frequency"]).lower(), int(trigger["interval"])
    pattern = trigger.get("schedule") or {}
    if (
        any(pattern.get(name) for name in ("hours", "minutes", "weekDays", "monthDays"))
        and frequency in FREQUENCIES[2:]
    ):
        return _pattern_times(pattern, (frequency, interval), max(after, start), start)
    return _plain_times(frequency, interval, after, start)


def _plain_times(frequency: str, interval: int, after: datetime, start: datetime) -> Iterator[datetime]:
    if frequency == "month":
        number = 0
        while True:
            yield _months_later(start, number * interval)
            number += 1
    step = interval * {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}[frequency]
    number = max(0, int((after - start).total_seconds() // step))
    while True:
        yield start + timedelta(seconds=number * step)
        number += 1


def _months_later(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, calendar.monthrange(year, month + 1)[1]))


def _pattern_times(pattern: JsonObject, every: tuple[str, int], after: datetime, start: datetime) -> Iterator[datetime]:
    frequency, interval = every
    hours, minutes = sorted(pattern.get("hours") or [start.hour]), sorted(pattern.get("minutes") or [start.minute])
    weekdays = {DAYS.index(str(one).lower()) for one in pattern.get("weekDays") or ()}
    monthdays = set(pattern.get("monthDays") or ())
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = first - timedelta(days=first.weekday())
    for number in range(LOOK_AHEAD_DAYS):
        day = after.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=number)
        since = {
            "day": (day - first).days,
            "week": (day - monday).days // 7,
            "month": (day.year - first.year) * 12 + day.month - first.month,
        }[frequency]
        if since % interval:
            continue
        if frequency == "week" and day.weekday() not in (weekdays or {start.weekday()}):
            continue
        if frequency == "month" and not _in_month(day, weekdays, monthdays or {start.day}):
            continue
        yield from (day.replace(hour=hour, minute=minute) for hour in hours for minute in minutes)


def _in_month(day: datetime, weekdays: set[int], monthdays: set[int]) -> bool:
    return day.weekday() in weekdays if weekdays else day.day in monthdays


def cron(expression: str) -> list[set[int]]:
    """Minutes, hours, days, months, week days (0 is Sunday) of an expression. Raises UserError."""
    parts = expression.split()
    if len(parts) != len(FIELDS):
        raise _bad(f"The cron expression '{expression}' does not have five fields.")
    return [_field(part, name, least, most) for part, (name, least, most) in zip(parts, FIELDS, strict=True)]


def _field(text: str, name: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        low, dash, high = span.partition("-")
        try:
            first = least if span == "*" else _number(low, name)
            last = most if span == "*" or (step and not dash) else _number(high, name) if dash else first
            width = int(step) if step else 1
        except ValueError as error:
            raise _bad(f"'{part}' is no {name} of a cron expression.") from error
        if not least <= first <= last <= most or width < 1:
            raise _bad(f"'{part}' is no {name} of a cron expression.")
        found.update(range(first, last + 1, width))
    return found


def _number(text: str, name: str) -> int:
    if name == "weekday" and text in SHORT_DAYS:
        return SHORT_DAYS.index(text)
    return int(text)


def _cron_times(fields: list[set[int]], after: datetime) -> Iterator[datetime]:
    minutes, hours, days, months, weekdays = fields
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(LOOK_AHEAD_DAYS):
        day = midnight + timedelta(days=number)
        if day.month in months and day.day in days and day.isoweekday() % 7 in weekdays:
            yield from (day.replace(hour=hour, minute=minute) for hour in sorted(hours) for minute in sorted(minutes))
