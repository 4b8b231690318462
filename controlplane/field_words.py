"""What is wrong with a field, in words for whoever wrote it: pydantic speaks of Python, callers of this API write JSON.

Pure. Values are never repeated: a field that is wrong may hold what should not have been sent at all.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

#: Field errors that have a code of their own; every other is ``InvalidValue``.
CODES = {"extra_forbidden": "UnknownField", "missing": "MissingField"}
_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_SHAPES = {
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "Input should be a JSON object"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "Input should be a JSON array"),
}
_LONGEST_NAME = 64
"""Nobody's slip of the pen is longer, and names are compared letter by letter."""


def code_of(item: ErrorDetails) -> str:
    return CODES.get(item["type"], "InvalidValue")


def words_of(item: ErrorDetails, model: type[BaseModel], *, helpful: bool = True) -> str:
    """Without a full stop. ``helpful=False`` looks nothing up: for bodies with thousands of errors."""
    kind, place = item["type"], item["loc"]
    if kind in _SHAPES:
        return _SHAPES[kind]
    if kind == "too_short" and (least := item.get("ctx", {}).get("min_length")) is not None:
        return f"Input should have at least {least} item{'s' if least != 1 else ''}"
    if not helpful:
        return item["msg"]
    if kind == "extra_forbidden":
        return f"There is no such field{_meant(str(place[-1]), _names(_holder(place[:-1], model)))}"
    if kind == "string_pattern_mismatch":
        pattern = item.get("ctx", {}).get("pattern")
        shape = "Input should be a GUID, such as an object id of Entra ID" if pattern == _GUID else item["msg"]
        field = _field(place, model)
        return f"{shape} ({field.description.rstrip('.')})" if field is not None and field.description else shape
    return item["msg"]


def _meant(name: str, names: Sequence[str]) -> str:
    folded = {one.casefold(): one for one in names}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7) if len(name) <= _LONGEST_NAME else []
    if near:
        return f"; did you mean {folded[near[0]]}?"
    return f"; there {'are' if len(names) > 1 else 'is'} {', '.join(names)}" if names else ""


def _names(model: type[BaseModel] | None) -> tuple[str, ...]:
    fields = {} if model is None else model.model_fields
    return tuple(field.alias or name for name, field in fields.items())


def _field(place: Sequence[int | str], model: type[BaseModel]) -> FieldInfo | None:
    """The field at a place, or the one whose list holds the item there."""
    named = [index for index, part in enumerate(place) if isinstance(part, str)]
    if not named:
        return None
    holder = _holder(place[: named[-1]], model)
    fields = {} if holder is None else holder.model_fields
    return next((field for name, field in fields.items() if place[named[-1]] in (field.alias, name)), None)


def _holder(place: Sequence[int | str], model: type[BaseModel]) -> type[BaseModel] | None:
    """The model at a place; None where there is none, or more than one may be meant."""
    found: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int) or found is None:
            continue
        field = next((one for name, one in found.model_fields.items() if part in (one.alias, name)), None)
        inside = set() if field is None else set(_models(field.annotation))
        found = inside.pop() if len(inside) == 1 else None
    return found


def _models(annotation: object) -> tuple[type[BaseModel], ...]:
    """The models in ``Model``, ``Model | None``, ``tuple[Model, ...]`` and what they are made of."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return (annotation,) if issubclass(annotation, BaseModel) else ()
    return tuple(model for part in typing.get_args(annotation) for model in _models(part))
