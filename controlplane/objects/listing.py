"""Lists of objects: newest first, of all projects or of some, in pages."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from typing import TypeVar

from controlplane.objects.repository import Listed, Objects
from controlplane.workspaces.listing import Slice

T = TypeVar("T", bound=Listed)


async def newest(objects: Objects, kind: type[T], indexes: Sequence[str], after: str | None, limit: int) -> Slice[T]:
    """What several index ranges lead to, in one order. Keys are opaque texts that hold the time and the id."""
    last = None if after is None else after.replace("~", "!", 1)
    ranges = await asyncio.gather(*(objects.keys(index, last, limit) for index in indexes))
    # Behind the end of a range that goes on, keys of it are missing.
    ends = [keys[-1] for keys, more in ranges if more]
    merged = [key for key in heapq.merge(*(keys for keys, _ in ranges)) if not ends or key <= min(ends)]
    keys = merged[:limit]
    found = await objects.get_many(kind, [key.partition("!")[2] for key in keys])
    items = tuple((_shown(key), one.value) for key, one in zip(keys, found, strict=True) if one is not None)
    more = len(merged) > limit or bool(ends)
    return Slice(items, _shown(keys[-1]) if more and keys else None)


def _shown(key: str) -> str:
    return key.replace("!", "~", 1)
