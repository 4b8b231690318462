"""The list prices of a cloud, as the Azure Retail Prices API tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PriceQuestion:
    """One meter of one region; what is empty is not asked for."""

    service: str
    region: str
    product: str = ""
    sku: str = ""
    meter: str = ""
    size: str = ""
    """ARM name of a machine's size, in any case."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One row of an answer: one tier of one meter."""

    product: str
    sku: str
    meter: str
    region: str
    unit: str
    tier: Decimal
    amount: Decimal
    since: str
    """Day from which on it holds, as ISO date."""


@dataclass(frozen=True, slots=True)
class PriceAnswers:
    """``rows``: of the questions that were answered, possibly none. ``as_of``: when the oldest of them was asked, in
    ISO 8601. ``notes``: why others were not, in words for people."""

    rows: Mapping[PriceQuestion, tuple[PriceRow, ...]] = field(default_factory=dict)
    as_of: str = ""
    notes: tuple[str, ...] = ()


class RetailPrices(Protocol):
    """Raises nothing: what a plan costs is no reason to refuse the plan."""

    async def ask(self, questions: Sequence[PriceQuestion], currency: str) -> PriceAnswers:
        """Each question once; answers are kept for a day."""
        ...
