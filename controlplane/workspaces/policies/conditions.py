"""Whether the rule of a policy is true of a resource that would be written. Pure.

Source: "Azure Policy definition structure". Three answers: what is not understood here (``count``, ``value``, array
aliases, functions) is None, never False: Azure understands it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.json_types import JsonObject

_PARAMETER = re.compile(r"\[\s*parameters\('([^']+)'\)\s*\]", re.IGNORECASE)
_TAG = re.compile(r"tags\[?[.']+([^'\]]+)'?\]?", re.IGNORECASE)


class _Absent:
    """No such field."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource as it would be sent."""

    type: str
    name: str
    body: JsonObject


def filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    """With the parameter that it names put in; None where the parameter has no value, or it is another function."""
    if isinstance(value, list):
        return [filled(one, parameters) for one in value]
    if isinstance(value, str) and value.startswith("[") and not value.startswith("[["):
        found = _PARAMETER.fullmatch(value)
        return lookup(parameters, found[1]) if found else None
    return value


def lookup(values: Mapping[str, Any], name: str) -> Any:
    """Names of parameters and of fields have no case."""
    return next((value for key, value in values.items() if key.lower() == name.lower()), None)


def holds(condition: Any, wanted: Wanted, parameters: Mapping[str, Any]) -> bool | None:
    """An ``if``, or a part of it."""
    if not isinstance(condition, dict):
        return None
    parts = {name.lower(): value for name, value in condition.items()}
    if "allof" in parts:
        return _all(holds(one, wanted, parameters) for one in parts["allof"])
    if "anyof" in parts:
        found = _all(_not(holds(one, wanted, parameters)) for one in parts["anyof"])
        return _not(found)
    if "not" in parts:
        return _not(holds(parts["not"], wanted, parameters))
    operator = next((name for name in parts if name in _OPERATORS), None)
    if operator is None or len(parts) != 2 or "field" not in parts:
        return None
    value = _field(filled(parts["field"], parameters), wanted)
    asked = filled(parts[operator], parameters)
    known = value is not None and asked is not None and None not in (asked if isinstance(asked, list) else ())
    return _OPERATORS[operator](value, asked) if known else None


def _all(found: Iterable[bool | None]) -> bool | None:
    answers = set(found)
    return False if False in answers else None if None in answers else True


def _not(found: bool | None) -> bool | None:
    return None if found is None else not found


def _plain(value: Any) -> str:
    return str(value).lower()


def _within(value: Any, asked: Any) -> bool:
    return value is not _ABSENT and _plain(value) in {_plain(one) for one in asked}


def _like(value: Any, asked: Any) -> bool:
    pattern = _plain(asked).replace("[", "[[]").replace("?", "[?]")
    return value is not _ABSENT and fnmatch.fnmatchcase(_plain(value), pattern)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, asked: value is not _ABSENT and _plain(value) == _plain(asked),
    "notequals": lambda value, asked: value is _ABSENT or _plain(value) != _plain(asked),
    "in": _within,
    "notin": lambda value, asked: not _within(value, asked),
    "like": _like,
    "notlike": lambda value, asked: not _like(value, asked),
    "exists": lambda value, asked: (value is not _ABSENT) == (_plain(asked) == "true"),
}


def _field(name: Any, wanted: Wanted) -> Any:
    """A field of every resource, a tag, or a property alias of the type; None where its value cannot be told."""
    if not isinstance(name, str) or "[*]" in name:
        return None
    body: JsonObject = {**wanted.body, "type": wanted.type, "name": wanted.name}
    if tag := _TAG.fullmatch(name):
        return _plainly(lookup(body.get("tags") or {}, tag[1]))
    if "/" not in name:
        return _plainly(_walk(body, name.split(".")))
    if not name.lower().startswith(f"{wanted.type.lower()}/"):
        return _ABSENT
    # An alias leaves ``properties`` out, unless it speaks of what is beside them.
    path = name[len(wanted.type) + 1 :].split(".")
    inside = _walk(body.get("properties") or {}, path)
    return _plainly(inside if inside is not None else _walk(body, path))


def _walk(value: Any, path: list[str]) -> Any:
    for part in path:
        value = lookup(value, part) if isinstance(value, dict) else None
    return value


def _plainly(value: Any) -> Any:
    if value is None:
        return _ABSENT
    return value if isinstance(value, str | bool | int | float) else None
