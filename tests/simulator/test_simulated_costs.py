"""Usage and cost rows: what existed, for how long, at which price; how they are asked for."""

from __future__ import annotations

import csv
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulator.billing import prices
from simulator.billing.meters import MAP, machine
from simulator.billing.query import read as query_of
from simulator.billing.query import table
from simulator.engine.hooks import Caller
from simulator.engine.messages import Response
from simulator.planes import price_book
from simulator.planes.skus import SIZES
from simulator.planes.world import Config
from simulator.recorder import Answered, Recorder
from simulator.types import ALL_TYPES
from simulator.types.machinelearning import nodes
from tests.simulator import estate
from tests.simulator.effects_costs import DAY, FORECAST, HOUR, QUERY, registry, told, total
from tests.simulator.lab import GROUP, ZERO, Body, Lab, QuietWorld, provider
from tests.simulator.refusals_costs import asked

ONE = "00000000-0000-0000-0000-000000000001"
SUBSCRIPTION_QUERY = f"/subscriptions/{ZERO}/providers/Microsoft.CostManagement/query"
MACHINE, BALANCER = (
    prices.price(meter, "westeurope").name for meter in (machine("Standard_DS3_v2"), "ml.compute.load-balancer.day")
)
ADDRESS_BODY: Body = {
    "location": estate.LOCATION, "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"},
}  # fmt: skip


@pytest.fixture
def lab() -> Lab:
    found = Lab()
    found.switch(cost_comes_late=False)
    return found


def costs(lab: Lab, body: Body, path: str = QUERY) -> list[tuple[Any, ...]]:
    """Rows, costs rounded to the hundredth of a cent, without their currency."""
    return [(round(row.pop("Cost"), 4), *list(row.values())[:-1]) for row in told(lab, body, path)]


# -- prices ------------------------------------------------------------------------------------------------------------


def test_every_meter_of_the_map_and_every_size_has_a_price() -> None:
    for size, *_ in SIZES:
        dedicated = machine(size)
        spare = dedicated.replace(".hour", ".low-priority.hour")
        assert 0 < prices.price(spare, "westeurope").at(0) < prices.price(dedicated, "westeurope").at(0), size
    for meter in ("firewall.basic.hour", "acr.basic.day", "acr.standard.day", "acr.premium.day", "disk.p10-lrs.month"):
        assert prices.price(meter, "westeurope").timed, meter
    types = {one.name.lower() for one in ALL_TYPES}
    assert set(MAP) <= types, sorted(set(MAP) - types)


def test_guessed_sizes_are_those_that_the_book_has_no_row_of() -> None:
    with prices.FILE.open(encoding="utf-8", newline="") as lines:
        guessed = {row["meter_key"] for row in csv.DictReader(lines)}
    assert guessed.isdisjoint({one.key for one in price_book.prices()})


def test_tiers_are_summed_and_the_free_one_is_free() -> None:
    logs = prices.price("log-analytics.ingestion.gb", "westeurope")
    assert logs.of(3, 0) == 0
    assert logs.of(10, 0) == pytest.approx(5 * 2.99)
    assert logs.of(10, 4) == pytest.approx(9 * 2.99)
    assert prices.price("private-dns.zone.month", "westeurope").at(24) == 0.5
    assert prices.price("private-dns.zone.month", "westeurope").at(25) == 0.1


# -- what exists and how long ------------------------------------------------------------------------------------------


def test_hours_by_hand(lab: Lab) -> None:
    """An address from 8:00 to 20:00 of the first day and none after; a registry for three days."""
    lab.group()
    address = provider("Microsoft.Network/publicIPAddresses", "ip")
    lab.put(address, ADDRESS_BODY)
    since = lab.moment
    lab.advance(12 * HOUR)
    lab.delete(address)
    hours = (lab.moment - since) / HOUR
    lab.advance(2 * DAY)
    assert costs(lab, asked("Daily", "Meter")) == [
        (round(hours * 0.005, 4), 20270115, "Standard IPv4 Static Public IP"),
    ]  # fmt: skip


def test_a_whole_month_of_a_zone_costs_what_the_list_says(lab: Lab) -> None:
    """Whatever its days: January's half, then February's 28."""
    lab.group()
    lab.put(provider("Microsoft.Network/privateDnsZones", "privatelink.api.azureml.ms"), {"location": "global"})
    lab.advance(60 * DAY)
    months = {month: cost for cost, month in costs(lab, asked("Monthly"))}
    assert months["2027-02-01T00:00:00"] == 0.5
    assert 0.2 < months["2027-01-01T00:00:00"] < 0.28


def test_the_twenty_sixth_zone_is_cheaper(lab: Lab) -> None:
    lab.group()
    for number in range(26):
        lab.put(provider("Microsoft.Network/privateDnsZones", f"z{number:02d}.example.org"), {"location": "global"})
    lab.advance(60 * DAY)
    found = dict(
        sorted((zone[-16:], cost) for cost, _, zone in costs(lab, asked("Monthly", "ResourceId")) if "02" in _)
    )
    assert list(found.values()) == [0.5] * 25 + [0.1]


def test_nodes_by_time(lab: Lab) -> None:
    """Two nodes for five hours, none before and after."""
    estate.secured_workspace(lab)
    lab.advance(HOUR)
    before = _of_machines(lab)
    cluster = lab.resource(estate.CLUSTER)
    nodes.inner(cluster)["scaleSettings"] |= {"nodeIdleTimeBeforeScaleDown": "PT5H"}
    nodes.request_nodes(lab.engine, cluster, 2)
    lab.advance(DAY)
    (row,) = _of_machines(lab)
    assert before == []
    # Arrival to departure: five idle hours and the time that leaving takes.
    assert 2 * 5 * 0.293 <= row["Cost"] <= 2 * 5.2 * 0.293
    assert (row["ResourceId"], row["Meter"]) == (estate.WORKSPACE.lower(), MACHINE)


def _of_machines(lab: Lab) -> list[dict[str, Any]]:
    return [row for row in told(lab, asked("None", "ResourceId", "Meter")) if row["Meter"] == MACHINE]


def test_a_deployment_costs_by_its_instances_and_says_which_it_is(lab: Lab) -> None:
    estate.secured_workspace(lab, cluster=False)
    lab.put(estate.ENDPOINT, estate.ONLINE_BODY)
    lab.put(f"{estate.ENDPOINT}/deployments/blue", estate.DEPLOYMENT_BODY)
    lab.advance(10 * HOUR)
    grouped = asked("None", tags=("azuremlendpoint", "azuremldeployment"))
    row = next(row for row in told(lab, grouped, QUERY) if row["TagValue"])
    assert row["TagKey"] == "azuremldeployment"
    assert row["TagValue"] == "blue"
    assert row["Cost"] == pytest.approx(2 * 10 * 0.293, rel=0.01)


def test_an_instance_pays_its_disk_and_its_balancer_while_it_is_stopped(lab: Lab) -> None:
    estate.secured_workspace(lab, cluster=False)
    instance = estate.CLUSTER.rpartition("/")[0] + "/ada-pc"
    state = {"vmSize": "Standard_DS3_v2", "subnet": {"id": estate.TRAINING}, "enableNodePublicIp": False}
    body = {"location": estate.LOCATION, "properties": {"computeType": "ComputeInstance", "properties": state}}
    lab.put(instance, body)
    lab.advance(2 * HOUR)
    lab.call("POST", f"{instance}/stop")
    lab.advance(22 * HOUR)
    found = {row["Meter"]: row["Cost"] for row in told(lab, asked("None", "Meter"))}
    assert found[MACHINE] == pytest.approx(2 * 0.293, rel=0.05)
    assert found[BALANCER] == pytest.approx(0.33, rel=0.01)
    assert found["P10 LRS Disk"] == pytest.approx(19.71 / 31, rel=0.01)


# -- questions ---------------------------------------------------------------------------------------------------------


def test_columns_are_named_and_groups_can_be_tags(lab: Lab) -> None:
    registry(lab)
    lab.advance(2 * DAY)
    answer = lab.call("POST", QUERY, asked("Daily", "ServiceName", tags=("project",))).body
    names = [(one["name"], one["type"]) for one in answer["properties"]["columns"]]
    assert names == [
        ("Cost", "Number"), ("UsageDate", "Number"), ("ServiceName", "String"), ("TagKey", "String"),
        ("TagValue", "String"), ("Currency", "String"),
    ]  # fmt: skip
    assert [row[1:] for row in answer["properties"]["rows"]] == [
        [day, "Container Registry", "project", "churn", "USD"] for day in (20270115, 20270116, 20270117)
    ]  # fmt: skip


def test_filters_by_group_and_tag(lab: Lab) -> None:
    registry(lab)
    other = lab.group("other")
    lab.put(provider("Microsoft.Network/publicIPAddresses", "ip", group=other), ADDRESS_BODY)
    lab.advance(DAY)
    group = {"dimensions": {"name": "ResourceGroupName", "operator": "In", "values": ["OTHER"]}}
    churn = {"tags": {"name": "Project", "operator": "In", "values": ["churn", "fraud"]}}
    wanted: list[tuple[Body | None, float]] = [
        (None, 1.6666 + 0.12),
        (group, 0.12),
        (churn, 1.6666),
        ({"or": [group, churn]}, 1.7866),
        ({"and": [group, churn]}, 0.0),
    ]
    for given, cost in wanted:
        body = asked("None", **({"filter": given} if given else {}))
        assert sum(row["Cost"] for row in told(lab, body, SUBSCRIPTION_QUERY)) == pytest.approx(cost, rel=0.01), given


def test_tags_are_those_of_the_time(lab: Lab) -> None:
    registry(lab)
    lab.advance(DAY)
    lab.put(estate.REGISTRY, {**estate.REGISTRY_BODY, "tags": {"project": "fraud"}})
    lab.advance(3 * DAY)
    found = {row["TagValue"]: row["Cost"] for row in told(lab, asked("None", tags=("project",)))}
    assert found["fraud"] / found["churn"] == pytest.approx(3, rel=0.01)


def test_pages_are_posted_for_with_the_same_body(lab: Lab) -> None:
    registry(lab)
    lab.engine.store.set("cost_page_size", 3)
    lab.advance(7 * DAY)
    rows: list[Any] = []
    link, pages = QUERY, 0
    while link:
        answer = lab.call("POST", link.removeprefix("https://localhost:8443"), asked("Daily")).body["properties"]
        rows, pages, link = rows + answer["rows"], pages + 1, answer["nextLink"]
    assert (len(rows), pages) == (8, 3)
    assert len({row[1] for row in rows}) == 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "Guess"}, "Invalid type"),
        ({"timeframe": "Yesterday"}, "Invalid timeframe"),
        ({"timePeriod": {"from": "2027-02-01"}}, "timePeriod"),
        ({"timePeriod": {"from": "2025-01-01", "to": "2027-02-01"}}, "cannot exceed 1 year(s)"),
        ({"filter": {"and": []}}, "at least 2 items"),
        ({"filter": {"dimensions": {"name": "Meter", "operator": "Like", "values": ["x"]}}}, "operator 'In'"),
        ({"dataset": {"granularity": "Hourly", "aggregation": {}}}, "granularity"),
        ({"dataset": {"granularity": "Daily", "aggregation": {}}}, "aggregations"),
    ],
)
def test_questions_that_cannot_be_answered(lab: Lab, changes: Body, words: str) -> None:
    lab.group()
    error = lab.refused("POST", QUERY, asked(**changes))
    assert error["code"] == "BadRequest"
    assert words in error["message"]


def test_a_dimension_that_there_is_not(lab: Lab) -> None:
    lab.group()
    message = lab.refused("POST", QUERY, asked("None", "Customer"))["message"]
    assert message.startswith("Invalid query definition: Invalid dataset grouping: 'Customer'; valid values: 'Resour")


def test_the_longest_of_the_retry_headers_is_the_one_to_wait_for(lab: Lab) -> None:
    """Two units a question: six in ten seconds of the tenant, and eight in a minute of one scope."""
    registry(lab)
    answers = [lab.call("POST", QUERY, asked()) for _ in range(7)]
    assert [one.status for one in answers] == [200] * 6 + [429]
    prefix = "x-ms-ratelimit-microsoft.costmanagement"
    assert answers[0].headers[f"{prefix}-qpu-remaining"] == "QueriesPerHour:598,QueriesPerMin:58,QueriesPer10Sec:10"
    assert answers[6].headers == {f"{prefix}-qpu-retry-after": "10"}
    assert answers[6].body["error"] == {"code": "429", "message": "Too many requests. Please retry."}
    lab.advance(10)
    again = [lab.call("POST", QUERY, asked()) for _ in range(3)]
    assert [one.status for one in again] == [200, 200, 429]
    assert again[2].headers == {f"{prefix}-entity-retry-after": "50"}


def test_who_asks_before_the_longest_wait_is_over_is_noted() -> None:
    recorder, told = Recorder(), "x-ms-ratelimit-microsoft.costmanagement"

    def asks(path: str, status: int = 200, who: str = "me", ago: float = 0.0, **headers: str) -> bool:
        answer = Response(status, None, {f"{told}-{name}-retry-after": value for name, value in headers.items()})
        return recorder.early_question(Answered(who, "POST", path, answer, time.time() - ago))

    other = QUERY.replace("/rg/", "/other/")
    assert asks(QUERY, 429, entity="50") is False
    assert [asks(QUERY), asks(other), asks(QUERY, who="you"), asks(GROUP)] == [True, False, False, False]
    assert asks(other, 429, qpu="10", tenant="40") is False
    assert [asks(other), asks(SUBSCRIPTION_QUERY), asks(SUBSCRIPTION_QUERY, who="you")] == [True, True, False]
    recorder.forget()
    assert asks(QUERY) is False


# -- forecasts ---------------------------------------------------------------------------------------------------------


def test_too_little_history_is_no_content(lab: Lab) -> None:
    registry(lab)
    lab.advance(20 * DAY)
    assert lab.call("POST", FORECAST, asked("Daily")).status == 204


def test_a_forecast_goes_on_with_the_mean_of_four_weeks(lab: Lab) -> None:
    registry(lab)
    lab.advance(35 * DAY)
    rows = told(lab, {**asked("Daily"), "includeActualCost": True}, FORECAST)
    assert [row["CostStatus"] for row in rows].count("Forecast") == 11  # 18 to 28 February
    assert {round(row["Cost"], 4) for row in rows if row["CostStatus"] == "Forecast"} == {1.6666}
    assert [row["UsageDate"] for row in rows] == sorted(row["UsageDate"] for row in rows)
    past = {**asked(), "timePeriod": {"from": "2027-01-01", "to": "2027-01-31"}}
    assert "CantForecastOnThePast" in lab.refused("POST", FORECAST, past)["message"]


def test_usage_is_complete_a_day_later_and_never_shrinks() -> None:
    lab = Lab()
    registry(lab)
    seen = []
    for _ in range(12):
        lab.advance(4 * HOUR)
        seen.append(total(lab))
    assert seen == sorted(seen)
    assert seen[-1] >= 1.6666 * (48 - 24) / 24
    assert seen[1] <= 1.6666 / 24 * 0.1


def test_who_may_not_read_costs_is_refused() -> None:
    lab = Lab()
    lab.group()
    nobody = lab.world.directory.person("nobody")
    caller = Caller(nobody["id"], None, "nobody@contoso.com", "User")
    error = lab.refused("POST", f"{GROUP}/providers/Microsoft.CostManagement/query", asked(), caller=caller)
    assert error["code"] in ("AuthorizationFailed", "SubscriptionNotFound")


def test_what_is_used_goes_on_over_a_restart(tmp_path: Path) -> None:
    config = Config(base="https://localhost:8443", state=str(tmp_path / "azure.db"), scale=1.0)
    group, start = f"/subscriptions/{ONE}/resourceGroups/rg", 1_800_000_000.0
    query = query_of(asked("None"), datetime.fromtimestamp(start + 3 * DAY, UTC))
    for moment in (start, start + 2 * DAY):
        with closing(QuietWorld(config)) as world:
            world.engine.clock = lambda moment=moment: moment  # type: ignore[misc]
            world.engine.switches.turn({"cost-comes-late": False})
            if moment == start:
                world.engine.put(group, {"location": "westeurope"})
                name = f"{group}/providers/Microsoft.ContainerRegistry/registries/r"
                world.engine.put(name, {"location": "westeurope", "sku": {"name": "Premium"}, "properties": {}})
            _, rows = table(world.engine, group, query)
    assert rows[0][0] == pytest.approx(2 * 1.6666)
