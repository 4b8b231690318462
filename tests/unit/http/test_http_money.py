"""Figures of money on the wire: at most six places, exact where they have fewer; amounts as they were sent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from controlplane.http.money import priced
from controlplane.operations.model import Model
from tests.support.api import Api, error


class Body(Model):
    figure: Decimal | None
    parts: dict[str, tuple[Decimal, ...]]
    amount: float


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        ("2762.969898545454545454545454", "2762.969899"),
        ("0.0000001", "0.000000"),
        ("12.50", "12.50"),
        ("1E+3", "1000"),
        ("123456789012345678901", "123456789012345678901"),
        ("-0.1234567", "-0.123457"),
    ],
)
def test_a_figure_has_six_places_at_most(figure: str, shown: str) -> None:
    body = Body(figure=Decimal(figure), parts={"2026-11-01": (Decimal(figure),)}, amount=1000.0)
    assert priced(body) == {"figure": shown, "parts": {"2026-11-01": [shown]}, "amount": 1000}


@pytest.mark.parametrize("amount", [2000, 2000.5])
async def test_an_amount_comes_back_as_it_was_sent(api: Api, amount: float) -> None:
    await api.register()
    rule = {"monthly": {"amount": amount, "currency": "USD"}, "tiers": [{"at": 50}, {"at": 100}]}
    made = await api.call("PUT", "projects/churn/budget", rule)
    assert made.status_code == 201, made.text
    assert f'"amount":{amount},' in made.text


@pytest.mark.parametrize(
    ("recipients", "target"), [([], "$.recipients"), (["nobody"], "$.recipients[0]")], ids=["none", "a wrong one"]
)
async def test_one_fault_of_a_list_is_one_detail(api: Api, recipients: list[str], target: str) -> None:
    await api.register()
    rule = {"monthly": {"amount": 1, "currency": "USD"}, "tiers": [{"at": 50}, {"at": 100}], "recipients": recipients}
    answer = await api.call("PUT", "projects/churn/budget", rule)
    assert answer.status_code == 400
    assert [one["target"] for one in error(answer)["details"]] == [target]
    assert "Tuple" not in answer.text
