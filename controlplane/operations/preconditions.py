"""If-Match and If-None-Match of a write, and repeating a write that lost a race."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from controlplane.errors import Conflict

#: What the store says when a row is not as it was read; read again, then decide.
LOST_RACE = frozenset({"EntityAlreadyExists", "UpdateConditionNotSatisfied"})
_ATTEMPTS = 6

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What the caller takes for granted of the object; no header means nothing is asked (RFC 9110, 13.1)."""

    if_match: tuple[str, ...] | None = None
    """ETags in quotes as they were answered, or ``*``: the object must exist."""
    if_none_match: tuple[str, ...] | None = None
    """``*``: the object must not exist."""

    def check(self, etag: str | None) -> None:
        """``etag`` of the object now, None when it does not exist. Raises ``Conflict("ConditionNotMet")`` (412)."""
        if self.if_match is not None and (etag is None or not ({"*", etag} & set(self.if_match))):
            raise Conflict("ConditionNotMet", "The resource is not the one that If-Match names; read it again.")
        if self.if_none_match is not None and etag is not None and {"*", etag} & set(self.if_none_match):
            raise Conflict("ConditionNotMet", "The resource exists, and If-None-Match asks that it does not.")


async def on_fresh_state(attempt: Callable[[], Awaitable[T]], tries: int = _ATTEMPTS) -> T:
    """Runs ``attempt``, which reads, decides and commits; again from the start when another writer was faster.

    So a lost race is answered by what the other writer left: 412 when the caller's ETag is gone, 409 when an operation
    runs now, and success when nothing stands in the way. Raises ``Conflict("ConcurrentChange")`` after ``tries`` races
    lost.
    """
    for _ in range(tries):
        try:
            return await attempt()
        except Conflict as error:
            if error.code not in LOST_RACE:
                raise
            last = error
    raise Conflict("ConcurrentChange", "Others keep changing the resource; read it again and repeat.") from last
