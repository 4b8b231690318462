"""Cost Management's queries and forecasts. Implements ``ports.costs.CostReader``.

Sources: Microsoft.CostManagement 2025-03-01 (columns are told by name and in no certain order; ``UsageDate`` is a
number, 20261122; two groups at most; ``nextLink`` is POSTed with the body of the question, which the SDK does not do:
Azure/azure-sdk-for-python#33429; a forecast without history is 204).
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from controlplane.arm import subscription_id
from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.errors import error_of
from controlplane.errors import Fatal
from controlplane.json_types import JsonObject
from controlplane.ports.costs import CostQuestion, CostRow, Costs, Forecasted

VERSION = "2025-03-01"
MAX_PAGES = 200
_COST = "Cost"


class AzureCosts:
    """See the protocol."""

    def __init__(self, client: ArmClient) -> None:
        self._client = client

    async def query(self, subscription: str, question: CostQuestion) -> Costs:
        path = f"{subscription_id(subscription)}/providers/Microsoft.CostManagement/query"
        body = _query(question)
        answer = await self._client.request("POST", path, VERSION, body=body)
        rows: list[CostRow] = []
        currencies: set[str] = set()
        seen: set[str] = set()
        for calls in range(1, MAX_PAGES + 1):
            table = _table(answer)
            rows += [_row(one, question.by) for one in table]
            currencies |= {str(one["currency"]) for one in table}
            link = _properties(answer).get("nextLink")
            if not link:
                return Costs(tuple(rows), _one(currencies), calls)
            if link in seen:
                break
            seen.add(link)
            answer = await self._client.follow_post(link, body, answer.url)
        raise Fatal("EndlessList", "The pages of Cost Management do not end.")

    async def forecast(self, scope: str, begin: date, end: date) -> Forecasted | None:
        path = f"{scope}/providers/Microsoft.CostManagement/forecast"
        dataset = {"granularity": "Daily", "aggregation": _SUM}
        wanted = {"includeActualCost": True, "includeFreshPartialCost": False}
        body = {**_span(begin, end), "dataset": dataset, **wanted}
        answer = await self._client.request("POST", path, VERSION, body=body)
        if answer.status == 204:
            return None
        table = _table(answer)
        currency = _one({str(one["currency"]) for one in table})
        if currency is None:
            return None
        return Forecasted(sum((_amount(one[_COST.lower()]) for one in table), Decimal(0)), currency)


_SUM = {"totalCost": {"name": _COST, "function": "Sum"}}


def _span(begin: date, end: date) -> JsonObject:
    period = {"from": f"{begin}T00:00:00+00:00", "to": f"{end}T23:59:59+00:00"}
    return {"type": "ActualCost", "timeframe": "Custom", "timePeriod": period}


def _query(question: CostQuestion) -> JsonObject:
    grouping = [{"type": "Dimension", "name": one} for one in question.by]
    dataset: dict[str, Any] = {"granularity": "Daily", "aggregation": _SUM, "grouping": grouping}
    if question.groups:
        named = {"name": "ResourceGroup", "operator": "In", "values": list(question.groups)}
        dataset["filter"] = {"dimensions": named}
    return {**_span(question.begin, question.end), "dataset": dataset}


def _properties(answer: ArmAnswer) -> dict[str, Any]:
    """Numbers as they are written: a cost is no float."""
    if not answer.ok:
        raise error_of(answer)
    try:
        body = json.loads(answer.content, parse_float=Decimal)
    except ValueError as error:
        raise Fatal("UnexpectedAnswer", "Cost Management answered something that is not JSON.") from error
    found = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        raise Fatal("UnexpectedAnswer", "Cost Management answered no properties.")
    return found


def _table(answer: ArmAnswer) -> list[dict[str, Any]]:
    """Rows by folded column name."""
    found = _properties(answer)
    columns, rows = found.get("columns"), found.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise Fatal("UnexpectedAnswer", "Cost Management answered no columns and rows.")
    names = [str(one.get("name")).lower() for one in columns]
    missing = {"cost", "usagedate", "currency"} - set(names)
    if missing:
        raise Fatal("UnexpectedAnswer", f"Cost Management answered without {', '.join(sorted(missing))}.")
    try:
        return [dict(zip(names, one, strict=True)) for one in rows]
    except (TypeError, ValueError) as error:
        raise Fatal("UnexpectedAnswer", "Cost Management answered a row that is no row of its columns.") from error


def _row(row: dict[str, Any], by: tuple[str, ...]) -> CostRow:
    keys = {name: str(row.get(name.lower()) or "").lower() for name in by}
    text = str(row["usagedate"])
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError as error:
        raise Fatal("UnexpectedAnswer", "Cost Management answered a day that is none.") from error
    return CostRow(day, keys, _amount(row["cost"]))


def _amount(value: object) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise Fatal("UnexpectedAnswer", "Cost Management answered a cost that is no number.") from error
    if not found.is_finite():
        raise Fatal("UnexpectedAnswer", "Cost Management answered a cost that is no number.")
    return round(found, 6)


def _one(currencies: set[str]) -> str | None:
    if len(currencies) > 1:
        # "Cost" is in the billing currency, which a subscription has one of at a time.
        raise Fatal("UnexpectedAnswer", f"Costs in {', '.join(sorted(currencies))} are not added.")
    return next(iter(currencies), None)
