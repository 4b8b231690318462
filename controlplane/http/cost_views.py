"""Domain → JSON of what a plan costs. Amounts become floats here and nowhere before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from controlplane.governance.pricing.estimate import Charge, Estimate, Line
from controlplane.governance.pricing.suggest import suggested
from controlplane.governance.pricing.table import VERSION, Price
from controlplane.governance.pricing.usage import Assumption, Range
from controlplane.workspaces.services.costs import Costs


def costs(found: Costs) -> dict[str, Any]:
    """``models.costs.CostBody``."""
    before, after = found.before, found.after
    gaps = list(_gaps(before, after))
    assumed = {one.name: one for one in (*after.assumptions, *before.assumptions)}
    budget = suggested("budget", after)
    uncertain = {charge.use.meter: charge for charge in (*before.uncertain, *after.uncertain)}
    return {
        "currency": after.currency,
        "billingCurrency": found.billed_in,
        "before": money(before.total, after.currency),
        "after": money(after.total, after.currency),
        "difference": money(after.total - before.total, after.currency),
        "suggestedBudget": None if budget is None else {"amount": float(budget), "currency": after.currency},
        "isComplete": not gaps,
        "incomplete": gaps,
        "uncertain": [{"meter": meter, "reason": _why(charge)} for meter, charge in sorted(uncertain.items())],
        "assumptions": [_assumption(one) for one in assumed.values()],
        "prices": _prices(before, after),
        "lines": list(_lines(before, after)),
    }


def declared(found: Estimate, billed_in: str | None) -> dict[str, Any]:
    """``models.costs.EstimateBody``."""
    budget = suggested("budget", found)
    return {
        "currency": found.currency,
        "billingCurrency": billed_in,
        "monthly": money(found.total, found.currency),
        "suggestedBudget": None if budget is None else {"amount": float(budget), "currency": found.currency},
        "isComplete": not found.incomplete,
        "incomplete": [{"key": one.key, "type": one.type, "reason": one.reason} for one in found.incomplete],
        "uncertain": [{"meter": charge.use.meter, "reason": _why(charge)} for charge in found.uncertain],
        "prices": _prices(found, found),
    }


def money(amounts: Range, currency: str) -> dict[str, Any]:
    """``models.costs.MoneyRange``."""
    return {name: {"amount": float(amount), "currency": currency} for name, amount in _named(amounts)}


def _named(amounts: Range) -> Iterator[tuple[str, Decimal]]:
    yield from (("low", amounts.low), ("expected", amounts.expected), ("high", amounts.high))


def _gaps(before: Estimate, after: Estimate) -> Iterator[dict[str, Any]]:
    old, new = ({line.key: line for line in one.incomplete} for one in (before, after))
    for key in dict.fromkeys((*new, *old)):
        line = new.get(key) or old[key]
        of = [name for name, lines in (("before", old), ("after", new)) if key in lines]
        yield {"key": key, "type": line.type, "reason": line.reason, "of": of}


def _why(charge: Charge) -> str:
    if charge.remark:
        return charge.remark
    return f"The price table marks it as uncertain: {'; '.join(dict.fromkeys(row.source for row in charge.rows))}"


def _assumption(one: Assumption) -> dict[str, Any]:
    amounts = {name: float(amount) for name, amount in _named(one.range)}
    return {"name": one.name, "unit": one.unit, **amounts, "text": one.text}


def _prices(before: Estimate, after: Estimate) -> dict[str, Any]:
    live = {charge.live for one in (before, after) for line in one.lines for charge in line.charges}
    origin = "mixed" if len(live) == 2 else "retailPrices" if live == {True} else "snapshot"
    return {
        "origin": origin,
        "asOf": after.table.as_of,
        "snapshot": VERSION,
        "notes": list(after.table.notes),
    }


def _lines(before: Estimate, after: Estimate) -> Iterator[dict[str, Any]]:
    old, new = ({line.key: line for line in one.lines} for one in (before, after))
    for key in dict.fromkeys((*new, *old)):
        line, was = new.get(key), old.get(key)
        shown = line or was
        if shown is not None:
            yield _line(shown, was, line, after.currency)


def _line(shown: Line, was: Line | None, line: Line | None, currency: str) -> dict[str, Any]:
    charges = [] if line is None else [_charge(charge, currency) for charge in line.charges]
    return {
        "key": shown.key,
        "type": shown.type,
        "status": "removed" if line is None else line.status.value,
        "before": None if was is None else money(was.amount, currency),
        "after": None if line is None else money(line.amount, currency),
        "reason": shown.reason or None,
        "charges": charges,
    }


def _charge(charge: Charge, currency: str) -> dict[str, Any]:
    quantity = {name: float(round(amount, 4)) for name, amount in _named(charge.use.quantity.times(charge.use.times))}
    return {
        "meter": charge.use.meter,
        "unit": charge.rows[0].unit,
        "quantity": quantity,
        "amount": money(charge.amount, currency),
        "prices": [_tier(row) for row in charge.rows],
        "confidence": charge.confidence.value,
        "note": charge.use.note or None,
        "remark": charge.remark or None,
        "assumptions": list(charge.use.assumptions),
    }


def _tier(row: Price) -> dict[str, Any]:
    return {
        "above": float(row.tier),
        "price": float(row.amount),
        "region": row.region,
        "asOf": row.seen,
        "source": row.source,
        "confidence": row.confidence.value,
    }
