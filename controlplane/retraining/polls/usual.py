"""How many calls an endpoint usually has at an hour of the day, learned from what the sweep sees of it anyway (S3-90:
"threshold by T-shirt size or anomaly"). Pure.

Working days and weekends are different days. A window that is far out is learned as one at the edge of what is told, so
that one odd day does not become what is usual, and a new level does within some days. Until an hour was seen often
enough nobody knows; a window without a sample is unknown, and is not learned.
"""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.operations.model import Model
from controlplane.retraining.polls.model import WINDOW, Hour, Usual

#: Windows of an hour before it is judged: three days of it.
ENOUGH = 12
#: As many windows as what is remembered of an hour is made of: seven days of it.
_REMEMBERED = 28
#: The spread is at least this share of what is usual, and this many calls: small endpoints are never quite even.
_LEAST_SHARE, _LEAST_CALLS = 0.1, 15.0


class Judgement(Model):
    """``score``: how many spreads above (or, negative, below) the usual; None: nobody knows yet."""

    score: float | None
    after: Usual | None


def looked(before: Usual | None, calls: float | None, slot: datetime, edge: float) -> Judgement:
    """What a window of so many calls is beside its hour's past, and what is known then. ``edge``: the score at which it
    is told. A window is learned once."""
    if calls is None or (before is not None and before.latest >= slot):
        return Judgement(score=None, after=before)
    name = _hour(slot)
    known = before.hours.get(name) if before is not None else None
    score = None
    if known is None:
        learned = Hour(n=1, mean=calls, spread=0.0)
    else:
        room = _room(known)
        value = calls
        if known.n >= ENOUGH:
            score = (calls - known.mean) / room
            value = min(max(calls, known.mean - edge * room), known.mean + edge * room)
        learned = _with(known, value)
    hours = {**(before.hours if before is not None else {}), name: learned}
    return Judgement(score=score, after=Usual(latest=slot, hours=hours))


def _with(known: Hour, value: float) -> Hour:
    n = known.n + 1
    weight = 1 / min(n, _REMEMBERED)
    mean = known.mean + weight * (value - known.mean)
    spread = known.spread + weight * (abs(value - known.mean) - known.spread)
    return Hour(n=min(n, _REMEMBERED), mean=round(mean, 3), spread=round(spread, 3))


def _room(known: Hour) -> float:
    return max(known.spread, known.mean * _LEAST_SHARE, _LEAST_CALLS)


def _hour(slot: datetime) -> str:
    """The hour that the window began in, UTC."""
    begin = (slot - WINDOW).astimezone(UTC)
    return f"{'e' if begin.isoweekday() > 5 else 'd'}{begin.hour:02d}"
