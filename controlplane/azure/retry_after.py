"""How long ARM asks to wait. Pure.

Sources: RFC 9110 section 10.2.3 (``Retry-After``: seconds or an HTTP date); azure-core 1.41,
``pipeline/policies/_utils.py`` (``retry-after-ms`` and ``x-ms-retry-after-ms``, milliseconds, come before it).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Longer than this is not believed; whoever waits looks again once a day.
MAX_SECONDS = 86400.0
#: Cost Management names a wait for each limit that was met, of the caller, of the tenant and of its query processing
#: units ("Manage costs with automation"; microsoft/azure-skills, "cost-query"): the longest of them has to pass.
_COSTS, _WAIT = "x-ms-ratelimit-microsoft.costmanagement-", "retry-after"
#: Most exact first.
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, 0 to a day; None when ARM names none that can be read. Names in ``headers`` are in lower case.
    Where several limits name one, the longest.

    A date is held against the answer's own ``Date``, so that a wrong clock here changes nothing; ``now`` (aware)
    stands in where there is none.
    """
    limits = (value for name, text in headers.items() if _names_limit(name) and (value := _number(text)) is not None)
    named = [one for one in (_plain(headers, now), *limits) if one is not None]
    return min(max(named), MAX_SECONDS) if named else None


def _names_limit(name: str) -> bool:
    return name.startswith(_COSTS) and name.endswith(_WAIT)


def _plain(headers: Mapping[str, str], now: datetime) -> float | None:
    for name in _MILLISECONDS:
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return min(milliseconds / 1000, MAX_SECONDS)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return min(seconds, MAX_SECONDS)
    until = _date(text)
    if until is None:
        return None
    wait = (until - (_date(headers.get("date")) or now)).total_seconds()
    return min(max(0.0, wait), MAX_SECONDS)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return max(0.0, value) if value is not None and math.isfinite(value) else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    # "-0000" and no zone both parse as naive; RFC 9110 says an HTTP date is always in GMT.
    return date.replace(tzinfo=UTC) if date is not None and date.tzinfo is None else date
