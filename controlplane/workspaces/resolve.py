"""Replacing references by what Azure answered. Pure.

A ``Ref`` that cannot be resolved is a dependency that is not there yet: it is answered, not raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.workspaces.model import Observed, Ref, Resource, RoleAssignmentId


@dataclass(frozen=True, slots=True)
class Resolved:
    """ARM id and body without references."""

    id: str
    body: JsonObject


@dataclass(frozen=True, slots=True)
class Unresolved:
    """``keys``: resources whose outputs are not known yet, sorted."""

    keys: tuple[str, ...]


def output(ref: Ref, observed: Observed) -> Any:
    """The value a reference stands for, or None while it is unknown."""
    return at(observed.bodies.get(ref.key), ref.path)


_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


@lru_cache(maxsize=4096)
def _parts(path: str) -> tuple[tuple[str, str], ...]:
    """(in brackets, plain name), one of them empty."""
    return tuple(_PART.findall(path))


def holder_of(arm_id: RoleAssignmentId, observed: Observed) -> str | None:
    """Object id of the principal of a grant, or None while it is unknown."""
    holder = arm_id.principal if isinstance(arm_id.principal, str) else output(arm_id.principal, observed)
    return holder if isinstance(holder, str) else None


def holder_key(arm_id: RoleAssignmentId) -> str | None:
    """The resource whose identity is the principal of a grant; None for somebody of Entra ID."""
    return None if isinstance(arm_id.principal, str) else arm_id.principal.key


def at(body: Any, path: str) -> Any:
    """The value at a dotted path with ``[n]`` for list items; None where there is nothing."""
    current = body
    for bracketed, name in _parts(path):
        if bracketed:
            current = _item(current, int(bracketed))
        elif isinstance(current, Mapping):
            current = current.get(name)
        else:
            return None
    return current


def _item(value: Any, index: int) -> Any:
    known = isinstance(value, Sequence) and not isinstance(value, str) and index < len(value)
    return value[index] if known else None


def resolve(resource: Resource, observed: Observed) -> Resolved | Unresolved:
    """Id and body as they can be sent."""
    missing: set[str] = set()
    body = _filled(resource.body, observed, missing)
    arm_id = resource.id
    if isinstance(arm_id, RoleAssignmentId):
        holder, key = holder_of(arm_id, observed), holder_key(arm_id)
        if holder is None and key is not None:
            missing.add(key)
        elif holder is not None:
            arm_id = arm_id.resolve(holder)
    if missing or isinstance(arm_id, RoleAssignmentId):
        return Unresolved(tuple(sorted(missing)))
    return Resolved(arm_id, body)


def _filled(value: Any, observed: Observed, missing: set[str]) -> Any:
    """``value`` with its references filled in; the same object where it holds none."""
    match value:
        case str() | bool() | int() | float() | None:
            return value
        case Ref():
            found = output(value, observed)
            if found is None:
                missing.add(value.key)
            return found
        case Mapping():
            filled = {key: _filled(item, observed, missing) for key, item in value.items()}
            return filled if any(filled[key] is not item for key, item in value.items()) else value
        case list() | tuple():
            items = [_filled(item, observed, missing) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        case _:
            raise TypeError(f"{type(value).__name__} does not belong in a body")
