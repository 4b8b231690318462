"""Bodies with figures of money: strings of six places at most, and amounts as they were sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from controlplane.http.things import plain
from controlplane.operations.model import Model

_MOST_PLACES = 6
_PLACES = Decimal(1).scaleb(-_MOST_PLACES)


def priced(found: Model) -> dict[str, Any]:
    """As ``plain``; what is stored keeps every place."""
    shown: dict[str, Any] = _shown(plain(found), found.model_dump(by_alias=True))
    return shown


def _shown(wire: Any, value: Any) -> Any:
    """``wire``: ``value`` as JSON has it, member by member."""
    match value:
        case dict():
            return {key: _shown(one, inner) for (key, one), inner in zip(wire.items(), value.values(), strict=True)}
        case list() | tuple():
            return [_shown(one, inner) for one, inner in zip(wire, value, strict=True)]
        case Decimal() if value.is_finite():
            rounded = value.quantize(_PLACES) if -int(value.as_tuple().exponent) > _MOST_PLACES else value
            return f"{rounded:f}"
        case float() if value.is_integer():
            return int(value)
        case _:
            return wire
