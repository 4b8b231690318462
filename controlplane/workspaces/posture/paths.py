"""Reading JSON by the paths that findings show: ``$.properties.networkAcls.bypass``, ``$.tags``, ``$``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from controlplane.workspaces.model import Ref

ABSENT = object()
"""What :func:`value_at` gives where there is nothing; ``null`` is a value."""

_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")


@lru_cache(maxsize=4096)
def steps(path: str) -> tuple[str, ...]:
    """``$.a.b[c]`` → ``("a", "b", "[c]")``."""
    body = path.removeprefix("$")
    return tuple(name or f"[{item}]" for name, item in _STEP.findall(body))


def value_at(body: Any, path: str) -> Any:
    """The value at ``path``, or :data:`ABSENT`. Names compare without regard to case, as ARM's do.

    ``[2]`` is an item by position, ``[name]`` the item of that name (items of ARM lists are known by name), ``[*]`` the
    first.
    """
    current = body
    for step in steps(path):
        current = _item(current, step[1:-1]) if step.startswith("[") else _member(current, step)
        if current is ABSENT:
            return ABSENT
    return current


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return ABSENT
    if name in value:
        return value[name]
    lowered = name.lower()
    return next((value[key] for key in value if key.lower() == lowered), ABSENT)


def _item(value: Any, name: str) -> Any:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ABSENT
    if name == "*":
        return value[0] if value else ABSENT
    if name.isdigit():
        return value[int(name)] if int(name) < len(value) else ABSENT
    return next((item for item in value if isinstance(item, Mapping) and item.get("name") == name), ABSENT)


def covers(prefix: str, path: str) -> bool:
    """Whether ``path`` is ``prefix`` or lies below it; ``[*]`` in ``prefix`` stands for any item."""
    wanted, found = steps(prefix), steps(path)
    return len(found) >= len(wanted) and all(
        (want == "[*]" and have.startswith("[")) or want.lower() == have.lower()
        for want, have in zip(wanted, found, strict=False)
    )


def same(left: Any, right: Any) -> bool:
    """Equality as ARM means it: strings without regard to case, everything else exactly."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return bool(left == right)


def refs(value: Any) -> frozenset[Ref]:
    """Every :class:`Ref` inside a body."""
    match value:
        case Ref():
            return frozenset((value,))
        case Mapping():
            return frozenset().union(*(refs(item) for item in value.values()))
        case list() | tuple():
            return frozenset().union(*(refs(item) for item in value))
        case _:
            return frozenset()


def plain(value: Any) -> Any:
    """JSON for people: a :class:`Ref` becomes what a plan says of it; the same object where there is none."""
    match value:
        case str() | bool() | int() | float() | None:
            return value
        case Ref(key=key, path=path):
            return f"<{key}: {path}, known after create>"
        case Mapping():
            return {name: plain(item) for name, item in value.items()} if refs(value) else value
        case list() | tuple():
            return [plain(item) for item in value] if refs(value) else value
        case _:
            return value
