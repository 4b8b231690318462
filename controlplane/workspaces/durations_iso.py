"""ISO 8601 durations as specs and Azure write them. Pure."""

from __future__ import annotations

import re


def duration_seconds(text: str) -> int:
    """Seconds of an ISO 8601 duration of hours, minutes and seconds. Raises ``ValueError`` for any other."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration of hours, minutes and seconds")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
