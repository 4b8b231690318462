"""A price list that answers from the price table, in as many currencies as it has rates of; four digits in others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from controlplane.governance.pricing.table import Price, snapshot
from controlplane.ports.prices import PriceAnswers, PriceQuestion, PriceRow

DIGITS = Decimal("0.0001")


@dataclass
class ListedPrices:
    """``rates``: of a dollar. A currency that is not there is not answered, with a note. ``silent``: meters that it has
    no price of."""

    rates: dict[str, Decimal] = field(default_factory=lambda: {"USD": Decimal(1), "EUR": Decimal("0.9")})
    silent: frozenset[str] = frozenset()
    asked: list[tuple[PriceQuestion, str]] = field(default_factory=list)

    async def ask(self, questions: Sequence[PriceQuestion], currency: str) -> PriceAnswers:
        self.asked += ((one, currency) for one in questions)
        if currency not in self.rates:
            return PriceAnswers(notes=("The price list answered 400. Prices are those of the table.",))
        found = {one: tuple(self._rows(one, self.rates[currency])) for one in questions}
        return PriceAnswers(found, "2026-11-22T12:00:00+00:00")

    def _rows(self, question: PriceQuestion, rate: Decimal) -> list[PriceRow]:
        rows = (row for rows in snapshot().rows.values() for row in rows)
        return [
            PriceRow(
                row.product, row.sku, row.meter, row.region, row.unit, row.tier, _rounded(row.amount, rate), row.seen
            )
            for row in rows
            if row.is_published and row.key not in self.silent and _is_meant(question, row)
        ]


def _rounded(amount: Decimal, rate: Decimal) -> Decimal:
    return amount if rate == 1 else (amount * rate).quantize(DIGITS)


def _is_meant(question: PriceQuestion, row: Price) -> bool:
    if question.region != row.region or question.service != row.service:
        return False
    if question.size:
        return f"standard_{row.sku.lower().replace(' ', '_')}" == question.size.lower()
    return (question.product, question.sku, question.meter) == (row.product, row.sku, row.meter)
