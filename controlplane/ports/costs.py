"""What was spent in a subscription, as Cost Management tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CostQuestion:
    """Of whole days (UTC), both included. ``by``: one or two dimensions. ``groups``: only these resource groups; none:
    all of the subscription."""

    begin: date
    end: date
    by: tuple[str, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CostRow:
    """``keys``: dimension → value, in lower case."""

    day: date
    keys: Mapping[str, str]
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Costs:
    """``currency`` is None where there is no row; ``calls``: how many pages it took."""

    rows: tuple[CostRow, ...]
    currency: str | None
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Forecasted:
    """To the last day of the question, with what is spent already."""

    amount: Decimal
    currency: str


class CostReader(Protocol):
    """Raises ``Throttled`` (with the longest wait that Azure names), ``Transient``, ``Rejected``, ``Fatal``."""

    async def query(self, subscription: str, question: CostQuestion) -> Costs:
        """Every page."""
        ...

    async def forecast(self, scope: str, begin: date, end: date) -> Forecasted | None:
        """Of a subscription or resource group, by ARM id; None: Azure has too little history."""
        ...
