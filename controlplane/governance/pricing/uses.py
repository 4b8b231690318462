"""The words in which a resource says what it uses: meters and quantities, nothing, or that nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from controlplane.arm import fold
from controlplane.governance.pricing.usage import ASSUMPTIONS, Range
from controlplane.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of a bill: wanted or found, its body is in the same words."""

    key: str
    type: str
    body: JsonObject
    region: str
    ours: bool = True
    """Not somebody else's, whose bill it stays."""
    far: str = ""
    """Region of what it leads to, where that is known and another one."""
    unread: str = ""
    """Why nobody knows what it is: Azure did not show it."""


@dataclass(frozen=True)
class Scene:
    """All of a bill, for those that are billed by what stands beside them."""

    items: tuple[Item, ...]

    @cached_property
    def types(self) -> Mapping[str, tuple[Item, ...]]:
        """By folded type."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(fold(item.type), []).append(item)
        return {kind: tuple(items) for kind, items in found.items()}

    def of(self, kind: str) -> tuple[Item, ...]:
        return self.types.get(fold(kind), ())


@dataclass(frozen=True, slots=True)
class Use:
    """``quantity`` in the meter's unit. ``times``: what is multiplied after the tiers, where tiers count things and the
    price is for an hour of each."""

    meter: str
    quantity: Range
    assumptions: tuple[str, ...] = ()
    times: Decimal = Decimal(1)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Free:
    """Nobody bills it; ``reason`` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No meter is known: the sum is not the whole. ``uses``: what is known all the same."""

    reason: str
    uses: tuple[Use, ...] = field(default=())


Found = tuple[Use, ...] | Free | Unpriced
Rule = Callable[[Item, Scene], Found]


def fixed(meter: str, quantity: Decimal | int, note: str = "") -> Use:
    """What no use changes."""
    return Use(meter, Range.of(quantity), note=note)


def assumed(meter: str, name: str, factor: Decimal | int = 1, note: str = "") -> Use:
    """As much as is assumed under that name."""
    return Use(meter, ASSUMPTIONS[name].range.times(factor), (name,), note=note)
