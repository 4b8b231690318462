"""Objects in numbers: all of a kind, and a change of many that meets others' changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from controlplane.errors import Conflict
from controlplane.objects.repository import Objects, Thing, put
from controlplane.ports.store import Write

T = TypeVar("T", bound=Thing)
_PAGE = 1000
#: Objects of one commit, which may have a hundred rows: each is a row, its index rows and a due row.
_AT_ONCE = 20
_TRIES = 4


async def all_of(objects: Objects, kind: type[T]) -> list[T]:
    """Every object of a kind."""
    found: list[T] = []
    continuation: str | None = None
    while True:
        page = await objects.page(kind, limit=_PAGE, continuation=continuation)
        found += page.values
        continuation = page.continuation
        if continuation is None:
            return found


async def change_each(
    objects: Objects, kind: type[T], ids: Sequence[str], change: Callable[[str, T | None], T]
) -> tuple[T, ...]:
    """``change`` of each object as it stands, None where there is none; returns what they are then. Somebody else's
    change meanwhile is changed on top of. Raises ``Conflict`` when that does not end."""
    done: list[T] = []
    for begin in range(0, len(ids), _AT_ONCE):
        done += await _some(objects, kind, ids[begin : begin + _AT_ONCE], change)
    return tuple(done)


async def _some(objects: Objects, kind: type[T], ids: Sequence[str], change: Callable[[str, T | None], T]) -> list[T]:
    for attempt in range(1, _TRIES + 1):
        before = await objects.get_many(kind, ids)
        after = [change(name, one.value if one is not None else None) for name, one in zip(ids, before, strict=True)]
        writes: list[Write] = []
        for was, one in zip(before, after, strict=True):
            writes += [] if was is not None and was.value == one else put(was, one)
        try:
            if writes:
                await objects.commit(writes)
            return after
        except Conflict:
            if attempt == _TRIES:
                raise
    raise AssertionError("unreachable")
