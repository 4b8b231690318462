"""What was spent, asked of the simulator's Cost Management with the operator's own rights; what runs, seen live."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from controlplane.arm import fold
from controlplane.azure import _prices
from controlplane.azure.prices import AzureRetailPrices
from controlplane.errors import Throttled
from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs.model import LIVE_EVERY
from controlplane.governance.costs.rows import question
from controlplane.governance.expiry.model import Expiry
from controlplane.governance.expiry.storing import made
from controlplane.governance.sweeps.model import IdleBatch
from controlplane.objects.repository import put
from controlplane.objects.tick import tick_object
from tests.support.api import running_api, spec
from tests.support.real_costs import RealCosts, real_costs
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401
from tests.support.waiting import PATIENCE_SECONDS

DAY, DAYS = 86400.0, timedelta(days=1)
CLUSTER = {"name": "cpu", "vmSize": "Standard_DS3_v2", "maxNodeCount": 50}


@pytest.fixture(autouse=True)
def environment(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])
    monkeypatch.setattr(_prices, "SECONDS", PATIENCE_SECONDS)


@pytest.fixture
async def world(simulator: RunningSimulator) -> AsyncIterator[RealCosts]:
    async with real_costs(simulator) as made:
        # Noon of the tenth: no month turns while a test goes on.
        month = (made.clock.now().replace(day=28) + timedelta(days=5)).replace(day=10, hour=12)
        made.advance((month - made.clock.now()).total_seconds())
        yield made


async def total(world: RealCosts) -> Decimal:
    """What the subscription has cost this month, as the simulator tells it now."""
    assert world.deps.costs is not None
    found = await world.deps.costs.query("00000000-0000-0000-0000-000000000001", question(world.clock.now()))
    return sum((one.cost for one in found.rows), Decimal(0))


async def test_the_rows_of_each_workspace_arrive_page_by_page(world: RealCosts, simulator: RunningSimulator) -> None:
    simulator.settings(costPageSize=2)
    spaces = await world.add("busy", "calm")
    world.stand(spaces[:1], clusters=[{**CLUSTER, "nodes": 4}])
    world.stand(spaces[1:])
    world.advance(4 * DAY)
    await world.collect()
    busy, calm, scope = await world.spent("busy"), await world.spent("calm"), await world.scope()
    assert scope.calls > 2, "it followed no link"
    assert (sum(busy.days.values()), scope.others) == (scope.total, Decimal(0))
    whole = [busy.days[day] for day in sorted(busy.days) if busy.through and day <= busy.through.isoformat()]
    # Four nodes of 0.293 an hour, and the cluster's load balancer; the first day began when it was made.
    assert whole[-1] > 4 * 24 * Decimal("0.293")
    assert (set(calm.days.values()), calm.unknown) == ({Decimal(0)}, None)
    assert scope.forecast_reason == "Azure has too little history for a forecast."


async def test_the_tenants_quota_is_met_and_the_wait_is_the_longest(
    world: RealCosts, simulator: RunningSimulator
) -> None:
    simulator.settings(throttling=True, timeScale=0.01)  # long windows: 20 slow calls are within one
    with pytest.raises(Throttled) as refused:
        for _ in range(20):
            await total(world)
    assert 0 < refused.value.retry_after <= 6000
    with pytest.raises(Throttled, match="Azure asked to send no costs"):
        await total(world)  # the gate is the tenant's: nothing was sent


async def test_a_crossing_of_today_is_seen_within_ten_minutes(world: RealCosts, simulator: RunningSimulator) -> None:
    """Azure's own rows are hours late; the truth here is what the simulator will bill, asked without that delay."""
    (space,) = await world.add("ws")
    world.stand([space], clusters=[{**CLUSTER, "nodes": 0}])
    await world.collect()
    await world.budget(monthly={"amount": 20, "currency": "USD"})
    await world.look()
    world.advance(70.0)
    world.stand([space], clusters=[{**CLUSTER, "nodes": 20}])
    simulator.hooks({"cost-comes-late": False})
    before, begun = await total(world), world.clock.now()
    while True:
        world.advance(LIVE_EVERY.total_seconds())
        await world.look()
        budget = (await world.objects.require(Budget, "workspace.ws")).value
        if budget.due_at is not None and budget.due_at <= world.clock.now():
            break
        assert world.clock.now() < begun + timedelta(hours=4)
    spent = await total(world)
    rate = (spent - before) / Decimal((world.clock.now() - begun).total_seconds())
    lag = timedelta(seconds=float((spent - Decimal(10)) / rate))
    assert timedelta(0) <= lag <= timedelta(minutes=10), lag
    await tick_object(Budget.KIND, "workspace.ws", world.machines)
    (crossed,) = (await world.objects.require(Budget, "workspace.ws")).value.crossings
    assert (crossed.tier, crossed.seen_by) == (0, "live")


async def test_what_is_billed_in_another_currency_is_priced_in_it(
    world: RealCosts, simulator: RunningSimulator
) -> None:
    simulator.settings(currency="EUR")
    (space,) = await world.add("ws")
    world.stand([space], clusters=[{**CLUSTER, "vmSize": "Standard_D4s_v3", "nodes": 2}])
    await world.budget(monthly={"amount": 100, "currency": "EUR"})
    world.advance(2 * DAY)
    await world.collect()
    prices = AzureRetailPrices(simulator.env["PRICES_ENDPOINT"], world.clock)
    world.with_prices(prices)
    try:
        await world.look()
        world.advance(LIVE_EVERY.total_seconds())
        await world.look()
    finally:
        await prices.close()
    spend = await world.spent()
    assert spend.live is not None
    assert (spend.currency, spend.live.currency) == ("EUR", "EUR")
    (burning,) = spend.live.burning
    # Two nodes at 0.24 USD, which the list has at 0.2109 EUR.
    assert (burning.hourly, burning.currency, burning.uncertain) == (Decimal("0.4218"), "EUR", None)
    assert spend.live.amount == (Decimal("0.4218") * 240 / 3600).quantize(Decimal("0.000001"))


async def test_what_is_billed_in_another_currency_is_not_added(world: RealCosts, simulator: RunningSimulator) -> None:
    simulator.settings(currency="EUR")
    (space,) = await world.add("ws")
    world.stand([space], clusters=[{**CLUSTER, "nodes": 1}])
    await world.budget()
    world.advance(2 * DAY)
    await world.collect()
    await world.look()
    spend = await world.spent()
    assert spend.currency == "EUR"
    assert spend.live is not None and "Azure bills in EUR" in str(spend.live.incomplete)
    assert spend.live.amount == 0


async def test_what_was_injected_is_an_anomaly_with_its_cause(
    world: RealCosts, simulator: RunningSimulator, tmp_path: Path
) -> None:
    """Ten a day, and ninety more on one that a cluster cost: by Azure's rows, computes and jobs, told by REST."""
    spaces = await world.add("spiked", "fresh", spec=spec())
    world.stand(spaces, ageDays=60, clusters=[{**CLUSTER, "nodes": 0}, {"name": "gpu", "vmSize": "Standard_NC6s_v3"}])
    cluster = f"{spaces[0].workspace_id}/computes/cpu"
    wanted = {"jobType": "Command", "command": "python train.py", "environmentId": "azureml:e:1", "computeId": cluster}
    path = f"{spaces[0].workspace_id}/jobs/train-7?api-version=2024-04-01"
    async with simulator.arm() as arm:
        job = (await arm.put(path, json={"properties": wanted})).raise_for_status().json()
    anomalous = world.clock.now().date()
    world.advance(2.6 * DAY)
    group = spaces[0].workspace_id.partition("/providers/")[0]
    simulator.inject(kind="cost", scope=group, amount=120, days=12)
    simulator.inject(kind="cost", scope=cluster, amount=90, days=0.4, agoDays=2.2)
    simulator.inject(kind="cost", scope=spaces[1].workspace_id, amount=500, days=0.4, agoDays=2.2)
    await world.collect()
    async with running_api(tmp_path, world.store) as api:
        told = (await api.call("GET", "workspaces/spiked/costs")).json()
        new = (await api.call("GET", "workspaces/fresh/costs")).json()
    (one,) = told["anomalies"]
    assert (one["day"], one["resource"], one["meter"]) == (anomalous.isoformat(), fold(cluster), "ds3 v2")
    assert (one["jobs"], one["who"], one["unknown"]) == (["train-7"], [job["systemData"]["createdBy"]], None)
    assert Decimal(one["usual"]) == pytest.approx(Decimal(10), abs=Decimal("0.5"))
    assert Decimal(one["rise"]) == pytest.approx(Decimal(90), abs=Decimal(1))
    assert told["anomaliesReason"] is None
    # What began to cost that day is no anomaly: nobody knows what is usual for it.
    assert new["anomalies"] == []
    assert new["anomaliesReason"].startswith("Too little history: 2 of 7 whole days")
    (note,) = await world.notifications()
    assert "train-7" in note.text and "cpu rose by" in note.text


async def test_the_nightly_pass_finds_who_has_no_node(world: RealCosts) -> None:
    """Graph's list and Active Cores as Azure's own clients tell them."""
    rule = {"idleAfter": "P7D", "grace": "P7D", "action": "archive"}
    spec = {**world.record("busy").spec, "expiry": rule}
    busy, idle = await world.add("busy", "idle", spec=spec)
    world.stand([busy], ageDays=60, clusters=[{**CLUSTER, "nodes": 2, "days": 30}])
    world.stand([idle], ageDays=60, clusters=[{**CLUSTER, "nodes": 0}])
    for space in (busy, idle):
        expiry = made(space.record, world.clock.now(), "t/ada")
        await world.objects.commit(put(None, expiry.model_copy(update={"due_at": world.clock.now() + DAYS})))
    await world.sweep()
    (batch,) = (await world.objects.page(IdleBatch)).values
    assert (list(batch.in_use), batch.candidates, batch.unknown, batch.why) == (["busy"], 1, 0, None)
    due = {one.workspace: one.due_at for one in (await world.objects.page(Expiry)).values}
    assert due["idle"] == batch.asked_at
    assert due["busy"] is not None and due["busy"] > world.clock.now()
