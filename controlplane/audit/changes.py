"""Which parts of a document changed: JSON paths with the values before and after. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.audit.canonical import canonical, digest, exact

#: Characters of canonical JSON up to which a value is told as it is; a longer one by its hash.
MAX_VALUE = 256
#: Paths told one by one; a document that differs in more is told whole, by its hashes.
MAX_PATHS = 200
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ABSENT: Any = object()


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """``[{"path": "$.network.mode", "old": …, "new": …}]``, in path order; None, no document, is one without fields.

    A side that is absent has no key; a long value is ``oldHash`` / ``newHash``, its SHA-256 in canonical JSON. Specs
    and registrations hold no secrets: they name things in Azure.
    """
    old, new = _side(before), _side(after)
    found: list[dict[str, Any]] = []
    for path, left, right in _differences("$", old, new):
        if len(found) == MAX_PATHS:
            return [_change("$", old, new)]
        found.append(_change(path, left, right))
    return found


def _side(document: Mapping[str, Any] | None) -> Any:
    return {} if document is None else exact(dict(document))


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(new, dict) and new and old is _ABSENT:
        old = {}
    if isinstance(old, dict) and old and new is _ABSENT:
        new = {}
    match old, new:
        case dict(), dict():
            for key in sorted(old.keys() | new.keys()):
                yield from _differences(_member(path, key), old.get(key, _ABSENT), new.get(key, _ABSENT))
        case list(), list() if len(old) == len(new):
            for index, (left, right) in enumerate(zip(old, new, strict=True)):
                yield from _differences(f"{path}[{index}]", left, right)
        case _ if old is _ABSENT or new is _ABSENT or canonical(old) != canonical(new):
            if old is not new:
                yield path, old, new


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}[{key!r}]"


def _change(path: str, old: Any, new: Any) -> dict[str, Any]:
    return {"path": path, **_told("old", old), **_told("new", new)}


def _told(side: str, value: Any) -> dict[str, Any]:
    if value is _ABSENT:
        return {}
    if len(canonical(value)) <= MAX_VALUE:
        return {side: value}
    return {f"{side}Hash": digest(value)}
