"""The product asks the simulator's price list: prices that it publishes are exact, the others fall back and say so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane.azure import _prices
from controlplane.azure.prices import AzureRetailPrices
from controlplane.clocks import SystemClock
from controlplane.governance.pricing.asking import table_for
from controlplane.governance.pricing.estimate import estimate, wanted
from controlplane.governance.pricing.table import PriceTable
from tests.support.bills import bill_of, items_of
from tests.support.blueprints import compiled_example
from tests.support.simulator import RunningSimulator, start_simulator
from tests.support.waiting import PATIENCE_SECONDS

LIVE_NOWHERE = {"ml.compute.load-balancer.day"}  # no meter of the API: what Microsoft writes is "around 0.33 a day"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    with start_simulator(tmp_path_factory.mktemp("prices")) as simulator:
        yield simulator


async def table_of(
    running: RunningSimulator, name: str, prices: AzureRetailPrices, currency: str = "USD"
) -> PriceTable:
    return await table_for(wanted(items_of(compiled_example(name))), prices, currency)


async def test_the_bill_is_the_same_and_its_prices_are_the_lists_own(
    running: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", running.env["SSL_CERT_FILE"])
    monkeypatch.setattr(_prices, "SECONDS", PATIENCE_SECONDS)
    prices = AzureRetailPrices(running.env["PRICES_ENDPOINT"], SystemClock())
    try:
        table = await table_of(running, "hub-vpn", prices)
        calls = len(running.calls(plane="prices"))
        assert await table_of(running, "hub-vpn", prices) == table
        assert len(running.calls(plane="prices")) == calls  # an answer is kept
    finally:
        await prices.close()
    assert table.notes == ()
    found = estimate(items_of(compiled_example("hub-vpn")), table)
    assert found.total == bill_of("hub-vpn").total  # the same rows, by another way
    charges = {charge.use.meter: charge for line in found.lines for charge in line.charges}
    assert {"private-endpoint.hour", "nat-gateway.hour", "vm.d2s-v3.linux.hour", "storage.blob.hot-lrs.gb-month"} <= {
        meter for meter, charge in charges.items() if charge.live
    }
    assert not {meter for meter, charge in charges.items() if charge.live} & LIVE_NOWHERE
    assert not charges["vm.ds3-v2.linux.hour"].live  # not sold in that region, as far as the list knows


async def test_a_bill_in_another_currency_is_the_lists_own(
    running: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", running.env["SSL_CERT_FILE"])
    monkeypatch.setattr(_prices, "SECONDS", PATIENCE_SECONDS)
    prices = AzureRetailPrices(running.env["PRICES_ENDPOINT"], SystemClock())
    try:
        table = await table_of(running, "secure-classical", prices, "EUR")
        unknown = await table_of(running, "secure-classical", prices, "XYZ")
        again = await table_of(running, "secure-classical", prices)
    finally:
        await prices.close()
    items = items_of(compiled_example("secure-classical"))
    euros, dollars = estimate(items, table), bill_of("secure-classical").total
    assert (euros.currency, euros.incomplete) == ("EUR", ())
    assert table.rate is not None
    assert float(euros.total.expected) == pytest.approx(float(dollars.expected * table.rate.amount), rel=0.005)
    # Who does not know a currency says nothing of others.
    assert (unknown.currency, again.notes) == ("USD", ())
    assert "all prices are in USD" in unknown.notes[-1]
    assert estimate(items, unknown).total == estimate(items, again).total == dollars


async def test_a_list_that_is_away_costs_nobody_the_plan(
    running: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", running.env["SSL_CERT_FILE"])
    monkeypatch.setattr(_prices, "SECONDS", PATIENCE_SECONDS)
    running.faults([{"path": "/api/retail/prices", "status": 503, "code": "ServiceUnavailable", "message": "Away."}])
    prices = AzureRetailPrices(running.env["PRICES_ENDPOINT"], SystemClock())
    try:
        table = await table_of(running, "secure-classical", prices)
    finally:
        await prices.close()
        running.faults([])
    assert table.notes == ("The price list answered 503. Prices are those of the table.",)
    assert estimate(items_of(compiled_example("secure-classical")), table).total == bill_of("secure-classical").total
