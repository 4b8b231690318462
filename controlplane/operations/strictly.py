"""Reading what people send: a text is no number, 1 is no yes. Pure."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from controlplane.json_types import JsonObject

M = TypeVar("M", bound=BaseModel)


def read_strictly(model: type[M], data: JsonObject) -> M:
    """``data`` as JSON has it: dates and durations are texts there, lists are tuples, and nothing else is turned into
    what it is not. Raises pydantic's ``ValidationError``."""
    return model.model_validate_json(to_json(data), strict=True)
