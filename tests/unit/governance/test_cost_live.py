"""What runs is counted between two looks, as little as it can have been; a crossing wakes its budget."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from controlplane.errors import Transient
from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs.model import LIVE_EVERY, Spend
from controlplane.governance.costs.view import view_of
from controlplane.governance.pricing.nodes import node_price
from controlplane.governance.pricing.table import snapshot
from controlplane.ports.inventory import Found
from controlplane.retraining.known import Known
from tests.support.cost_world import CostWorld

SIZE = "Standard_DS3_v2"
DEPLOYMENT = "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments"
STEP = LIVE_EVERY.total_seconds()


def hourly(size: str = SIZE) -> Decimal:
    price = node_price(snapshot(), size, "westeurope")
    assert price is not None
    return price.hour


@pytest.fixture
async def world() -> CostWorld:
    made = CostWorld()
    made.space = (await made.add("ws"))[0]  # type: ignore[attr-defined]
    await made.budget()
    return made


def space(world: CostWorld) -> Known:
    found: Known = world.space  # type: ignore[attr-defined]
    return found


async def hour(world: CostWorld) -> Decimal:
    """An hour of looks; what it added."""
    before = (await world.spent()).live
    for _ in range(15):
        world.clock.advance(STEP)
        await world.look()
    after = (await world.spent()).live
    assert before is not None and after is not None
    return after.amount - before.amount


async def test_nodes_cost_their_price_for_the_time_between_looks(world: CostWorld) -> None:
    world.cluster(space(world), "cpu", 3)
    await world.look()
    assert (await hour(world)).quantize(Decimal("0.0001")) == 3 * hourly()


async def test_a_price_that_is_not_sure_says_so(world: CostWorld) -> None:
    world.cluster(space(world), "guessed", 1)
    world.cluster(space(world), "known", 1, "Standard_D4s_v3")
    await world.look()
    live = (await world.spent()).live
    assert live is not None
    told = {one.what: one.uncertain for one in live.burning}
    assert told["Standard_D4s_v3"] is None
    assert str(told[SIZE]).startswith("Price of eastus")


async def test_what_came_counts_from_when_azure_says_and_what_went_not_at_all(world: CostWorld) -> None:
    world.cluster(space(world), "cpu", 0)
    await world.look()
    world.clock.advance(STEP / 2)
    world.cluster(space(world), "cpu", 10)
    world.clock.advance(STEP / 2)
    await world.look()
    live = (await world.spent()).live
    assert live is not None
    assert live.amount == (10 * hourly() * Decimal(STEP) / 2 / 3600).quantize(Decimal("0.000001"))
    world.clock.advance(STEP)
    world.cluster(space(world), "cpu", 0)
    await world.look()
    after = (await world.spent()).live
    assert after is not None and after.amount == live.amount and after.burning == ()


async def test_instances_and_deployments_count_too(world: CostWorld) -> None:
    here = space(world).workspace_id
    inner = {"vmSize": SIZE, "state": "Running"}
    world.azure.plant(f"{here}/computes/ada", properties={"computeType": "ComputeInstance", "properties": inner})
    world.monitor.found = [Found(f"{here}/onlineEndpoints/ep/deployments/blue", DEPLOYMENT, "westeurope", SIZE, 2)]
    await world.look()
    assert (await hour(world)).quantize(Decimal("0.0001")) == 3 * hourly()
    live = (await world.spent()).live
    assert live is not None and live.incomplete is not None
    assert "Nobody watched what ran before" in live.incomplete


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        pytest.param({"vmSize": "Standard_Nobody_Knows", "currentNodeCount": 2}, "has no price", id="no price"),
        pytest.param({"vmSize": SIZE, "currentNodeCount": None}, "what runs in it is not known", id="no count"),
    ],
)
async def test_what_cannot_be_known_is_incomplete_and_not_nothing(
    world: CostWorld, plant: dict[str, object], words: str
) -> None:
    size = str(plant["vmSize"])
    world.cluster(space(world), "cpu", 1, size)
    body = world.azure.body("/computes/cpu")
    body["properties"]["properties"].update(plant)
    await world.look()
    live = (await world.spent()).live
    assert live is not None and words in str(live.incomplete)


async def test_a_read_that_fails_is_a_gap_that_is_told(world: CostWorld) -> None:
    world.cluster(space(world), "cpu", 3)
    await world.look()
    world.monitor.inventory_errors.append(Transient("ServiceUnavailable", "Of theirs.", retry_after=1.0))
    world.clock.advance(STEP)
    await world.look()
    live = (await world.spent()).live
    assert live is not None and "What serves was not read: ServiceUnavailable" in str(live.incomplete)
    # One question is about all subscriptions: Azure's words may name others', and readers of this one see these.
    assert "Of theirs" not in str(live.incomplete)
    world.clock.advance(2 * 3600)
    await world.look()
    after = (await world.spent()).live
    assert after is not None and after.amount == live.amount
    assert f"Nobody watched what ran before {world.clock.now():%F %R}" in str(after.incomplete)


async def test_a_day_that_azure_shows_takes_the_place_of_what_was_seen(world: CostWorld) -> None:
    world.cluster(space(world), "cpu", 3)
    await world.look()
    ran = await hour(world)
    world.costs.spend(date(2026, 11, 16), "rg-ws", "0.10")
    world.clock.advance(3600)
    await world.collect()
    spend = await world.spent()
    view = view_of([spend], ["ws"], world.clock.now())
    # Azure has a part of that day: what is more counts.
    assert (view.actual, view.seen) == (Decimal("0.10"), ran)
    world.costs.spend(date(2026, 11, 16), "rg-ws", "50")
    world.clock.advance(48 * 3600)
    await world.collect()
    await world.look()
    view = view_of([await world.spent()], ["ws"], world.clock.now())
    assert view.seen == Decimal("50.10")


async def test_a_crossing_is_seen_within_ten_minutes(world: CostWorld) -> None:
    """Fifty dollars are half of the budget; a node costs what the table says."""
    await world.look()
    begun = world.clock.now() + timedelta(minutes=3)
    world.clock.advance(180)
    world.cluster(space(world), "cpu", 100)
    crossed = begun + timedelta(hours=float(Decimal(50) / (100 * hourly())))
    seen = None
    while seen is None:
        world.clock.advance(STEP)
        await world.look()
        stored = await world.objects.require(Budget, "workspace.ws")
        if stored.value.due_at is not None and stored.value.due_at <= world.clock.now():
            seen = world.clock.now()
        assert world.clock.now() < crossed + timedelta(hours=1)
    assert timedelta(0) <= seen - crossed <= timedelta(minutes=10)


async def test_without_a_budget_nobody_looks() -> None:
    world = CostWorld()
    found = (await world.add("ws"))[0]
    world.cluster(found, "cpu", 3)
    await world.look()
    assert world.monitor.inventories == 0
    assert (await world.objects.ids("sp!")) == ()


async def test_the_budget_of_a_project_watches_its_workspaces() -> None:
    world = CostWorld()
    found = (await world.add("one", "two"))[0]
    await world.budget("project.churn")
    world.cluster(found, "cpu", 1)
    await world.look()
    spent = (await world.objects.page(Spend)).values
    assert sorted(one.workspace for one in spent if one.live is not None) == ["one", "two"]
