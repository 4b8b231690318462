"""Cost Management's answers: columns by name, pages by POST of the same body, numbers as they are written."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.costs import AzureCosts
from controlplane.errors import Fatal, Rejected, Throttled
from controlplane.json_types import JsonObject
from controlplane.ports.costs import CostQuestion

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
ASKED = CostQuestion(date(2026, 11, 1), date(2026, 11, 3), ("ResourceGroup",))
COLUMNS = ("Cost", "UsageDate", "ResourceGroup", "Currency")
PREFIX = "x-ms-ratelimit-microsoft.costmanagement"


def page(rows: list[list[Any]], link: Any = None, columns: tuple[str, ...] = COLUMNS) -> JsonObject:
    named = [{"name": one, "type": "String"} for one in columns]
    return {"properties": {"nextLink": link, "columns": named, "rows": rows}}


class Arm:
    """Answers in order; notes what was asked."""

    endpoint = "https://management.azure.com"

    def __init__(self, *answers: JsonObject | int, headers: dict[str, str] | None = None) -> None:
        self.answers, self.headers = list(answers), headers or {}
        self.asked: list[tuple[str, str, JsonObject]] = []

    async def request(self, method: str, path: str, api_version: str, *, body: JsonObject) -> ArmAnswer:
        return self._answer(method, path, body)

    async def follow_post(self, link: str, body: JsonObject, base: str) -> ArmAnswer:
        return self._answer("POST", link, body)

    def _answer(self, method: str, path: str, body: JsonObject) -> ArmAnswer:
        self.asked.append((method, path, body))
        found = self.answers.pop(0)
        if isinstance(found, int):
            error = {"error": {"code": str(found), "message": "Too many requests. Please retry."}}
            content = b"" if found == 204 else json.dumps(error).encode()
            return ArmAnswer(found, self.headers, content, self.endpoint)
        return ArmAnswer(200, {}, json.dumps(found).encode(), f"{self.endpoint}{path}")


def costs(arm: Arm) -> AzureCosts:
    return AzureCosts(arm)  # type: ignore[arg-type]


async def test_pages_are_posted_with_the_same_body_and_columns_go_by_name() -> None:
    link = f"{Arm.endpoint}/next?$skiptoken=AQ"
    turned = ("ResourceGroup", "Currency", "UsageDate", "Cost")
    arm = Arm(page([[1.25, 20261101, "RG-A", "USD"]], link), page([["rg-b", "USD", 20261102, 2]], columns=turned))
    found = await costs(arm).query(SUBSCRIPTION, ASKED)
    assert [(one.day, one.keys["ResourceGroup"], one.cost) for one in found.rows] == [
        (date(2026, 11, 1), "rg-a", Decimal("1.25")), (date(2026, 11, 2), "rg-b", Decimal(2)),
    ]  # fmt: skip
    assert (found.currency, found.calls) == ("USD", 2)
    (_, first, body), (method, second, again) = arm.asked
    assert first == f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CostManagement/query"
    assert (method, second, again) == ("POST", link, body)
    assert body["timePeriod"] == {"from": "2026-11-01T00:00:00+00:00", "to": "2026-11-03T23:59:59+00:00"}


async def test_no_rows_have_no_currency() -> None:
    found = await costs(Arm(page([]))).query(SUBSCRIPTION, ASKED)
    assert (found.rows, found.currency) == ((), None)


async def test_pages_that_lead_in_a_circle_end() -> None:
    link = f"{Arm.endpoint}/next"
    with pytest.raises(Fatal, match="do not end"):
        await costs(Arm(*[page([], link)] * 3)).query(SUBSCRIPTION, ASKED)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="no properties"),
        pytest.param(page([[1, 20261101]], columns=("Cost", "UsageDate")), id="no currency"),
        pytest.param(page([["much", 20261101, "rg", "USD"]]), id="no number"),
        pytest.param(page([["NaN", 20261101, "rg", "USD"]]), id="not a number"),
        pytest.param(page([[float("inf"), 20261101, "rg", "USD"]]), id="without end"),
        pytest.param(page([[1, 20261301, "rg", "USD"]]), id="no day"),
        pytest.param(page([[1, 20261101, "rg"]]), id="short row"),
        pytest.param(page([[1, 20261101, "a", "USD"], [1, 20261101, "b", "EUR"]]), id="two currencies"),
    ],
)
async def test_what_cannot_be_read_is_an_error_and_not_nothing(answer: JsonObject) -> None:
    with pytest.raises(Fatal):
        await costs(Arm(answer)).query(SUBSCRIPTION, ASKED)


async def test_the_longest_wait_is_waited() -> None:
    headers = {
        f"{PREFIX}-entity-retry-after": "12", f"{PREFIX}-qpu-retry-after": "55", f"{PREFIX}-tenant-retry-after": "3",
        "retry-after": "10", f"{PREFIX}-qpu-remaining": "QueriesPerHour:900",
    }  # fmt: skip
    with pytest.raises(Throttled) as refused:
        await costs(Arm(429, headers=headers)).query(SUBSCRIPTION, ASKED)
    assert refused.value.retry_after == 55.0


async def test_a_forecast_is_a_sum_and_too_little_history_is_none() -> None:
    columns = ("Cost", "UsageDate", "CostStatus", "Currency")
    rows = [[10.5, 20261101, "Actual", "USD"], [4, 20261102, "Forecast", "USD"]]
    arm = Arm(page(rows, columns=columns), 204)
    first = await costs(arm).forecast(f"/subscriptions/{SUBSCRIPTION}", date(2026, 11, 1), date(2026, 11, 30))
    assert first is not None
    assert (first.amount, first.currency) == (Decimal("14.5"), "USD")
    assert await costs(arm).forecast("/subscriptions/x", date(2026, 11, 1), date(2026, 11, 30)) is None


async def test_a_refusal_is_one() -> None:
    with pytest.raises(Rejected):
        await costs(Arm(403)).query(SUBSCRIPTION, ASKED)
