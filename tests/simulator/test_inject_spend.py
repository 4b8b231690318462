"""Extra spend, counted use, a workspace that nobody uses, and metrics with a hole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator import __main__ as commands
from simulator import inject_spend
from simulator.engine.hooks import ArmError
from simulator.types import metric_query
from simulator.types.machinelearning import nodes, traffic
from simulator.types.metric_table import metrics_of
from tests.simulator import estate
from tests.simulator.effects_costs import DAY, HOUR, registry, told
from tests.simulator.lab import GROUP, Lab
from tests.simulator.refusals_costs import asked


def metric(lab: Lab, name: str, hours: int, aggregation: str = "Count", of: str = estate.WORKSPACE) -> list[Any]:
    """Points of the last so many hours, None where there is no sample; [] without any time series."""
    now = lab.engine.now()
    start = now.timestamp() - hours * HOUR
    query = {
        "metricnames": name, "aggregation": aggregation, "interval": "PT1H",
        "starttime": metric_query.text(start), "endtime": metric_query.text(now.timestamp()),
    }  # fmt: skip
    question = metric_query.read(query, now)
    resource = lab.resource(of)
    found = metric_query.answer(lab.engine, resource, metrics_of(resource.type)[name.lower()], question)
    return [point.get(aggregation.lower()) for series in found["timeseries"] for point in series["data"]]


def test_extra_spend_is_shown_when_costs_are() -> None:
    lab = Lab()
    registry(lab)
    inject_spend.perform(lab.engine, {"kind": "cost", "scope": GROUP, "amount": 300, "days": 3})
    lab.advance(DAY)
    rows = told(lab, asked("Daily", "Meter"))
    extra = [row for row in rows if row["Meter"] == "Other"]
    assert sum(row["Cost"] for row in extra) == pytest.approx(300)
    assert [row["UsageDate"] for row in extra] == [20270112, 20270113, 20270114, 20270115]


def test_spend_on_a_compute_is_of_its_machines_meter_and_its_workspaces() -> None:
    lab = Lab()
    lab.group()
    workspace = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws"
    lab.engine.put(workspace, {"location": "westeurope"})
    for name, size in (("gpu", "Standard_NC24ads_A100_v4"), ("odd", "Standard_Nobody_Sells")):
        inner = {"computeType": "AmlCompute", "properties": {"vmSize": size}}
        lab.engine.put(f"{workspace}/computes/{name}", {"location": "westeurope", "properties": inner})
        wish = {"kind": "cost", "scope": f"{workspace}/computes/{name}", "amount": 30, "days": 1}
        inject_spend.perform(lab.engine, wish)
    lab.advance(DAY)
    cost: dict[str, float] = {}
    for row in told(lab, asked("None", "ResourceId", "Meter")):
        assert row["ResourceId"] == workspace.lower()
        cost[row["Meter"]] = row["Cost"]
    assert (cost["NC24ads A100 v4"], cost["Other"]) == (pytest.approx(30), pytest.approx(30))


def test_spend_of_this_moment_comes_late() -> None:
    lab = Lab()
    registry(lab)
    inject_spend.perform(lab.engine, {"kind": "cost", "scope": "rg", "amount": 300})
    seen = []
    for _ in range(6):
        lab.advance(4 * HOUR)
        seen.append(any(row["Meter"] == "Other" for row in told(lab, asked("None", "Meter"))))
    assert seen[0] is False
    assert seen[-1] is True


def test_counted_use_is_priced_by_tier() -> None:
    lab = Lab()
    lab.group()
    estate.settle(lab, estate.LOGS, estate.LOGS_BODY)
    wish = {"kind": "usage", "resource": estate.LOGS, "meter": "log-analytics.ingestion.gb", "quantity": 4.0}
    costs = [inject_spend.perform(lab.engine, wish)["cost"] for _ in range(2)]
    assert costs == [0.0, pytest.approx(3 * 2.99)]
    operations = {"kind": "usage", "resource": estate.LOGS, "meter": "key-vault.operations.10k", "quantity": 20_000}
    assert inject_spend.perform(lab.engine, operations)["cost"] == pytest.approx(0.06)


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "cost", "scope": GROUP, "amount": 0},
        {"kind": "cost", "scope": GROUP, "amount": 1, "days": -1},
        {"kind": "usage", "resource": estate.REGISTRY, "meter": "acr.premium.day", "quantity": 1},
        {"kind": "usage", "resource": estate.REGISTRY, "meter": "no.such", "quantity": 1},
        {"kind": "cost", "scope": "nowhere", "amount": 1},
    ],
)
def test_wishes_that_are_none(wish: dict[str, Any]) -> None:
    lab = Lab()
    registry(lab)
    with pytest.raises((ValueError, KeyError, ArmError)):
        inject_spend.perform(lab.engine, wish)


@pytest.fixture
def busy() -> Lab:
    """A workspace with a job on its cluster, an instance that runs and an endpoint with calls."""
    lab = Lab()
    estate.secured_workspace(lab)
    instance = {"vmSize": "Standard_DS3_v2", "subnet": {"id": estate.TRAINING}, "enableNodePublicIp": False}
    computes = estate.CLUSTER.rpartition("/")[0]
    lab.put(
        f"{computes}/ada-pc",
        {"location": "westeurope", "properties": {"computeType": "ComputeInstance", "properties": instance}},
    )
    lab.put(estate.ENDPOINT, estate.ONLINE_BODY)
    traffic.change(lab.engine, lab.resource(estate.ENDPOINT), {"requestsPerMinute": 60})
    lab.put(estate.JOB, estate.JOB_BODY)
    lab.advance(5 * 60)
    return lab


def test_no_nodes_no_samples_idle_nodes_zero_and_active_ones_a_count(busy: Lab) -> None:
    assert max(one or 0 for one in metric(busy, "Active Cores", 1, "Maximum")) == 4
    busy.advance(DAY)  # the job has ended, and its node has left
    cluster = busy.resource(estate.CLUSTER)
    nodes.inner(cluster)["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] = "PT6H"
    nodes.request_nodes(busy.engine, cluster, 1)
    busy.advance(5 * HOUR)
    idle = metric(busy, "Active Cores", 12, "Maximum")
    assert (idle[0], idle[-2]) == (None, 0.0)
    assert metric(busy, "Idle Cores", 12, "Maximum")[-2] == 4
    busy.advance(2 * DAY)
    assert metric(busy, "Active Cores", 24, "Maximum") == []
    assert metric(busy, "Quota Utilization Percentage", 24, "Maximum") == [0.0] * 25


def test_a_workspace_that_nobody_uses(busy: Lab) -> None:
    inject_spend.perform(busy.engine, {"kind": "idle", "workspace": estate.WORKSPACE, "days": 45})
    cluster = nodes.inner(busy.resource(estate.CLUSTER))
    assert (cluster["currentNodeCount"], cluster["allocationState"]) == (0, "Steady")
    assert nodes.inner(busy.resource(estate.CLUSTER.rpartition("/")[0] + "/ada-pc"))["state"] == "Stopped"
    assert busy.get(estate.JOB)["properties"]["status"] in ("Completed", "Canceled")
    assert busy.get(estate.WORKSPACE)["systemData"]["createdAt"].startswith("2026-12-01")
    assert busy.get(estate.JOB)["systemData"]["createdAt"].startswith("2026-12-01")
    assert metric(busy, "Active Cores", 24 * 40) == []
    assert metric(busy, "Started Runs", 24 * 40) == []
    busy.advance(DAY)
    assert nodes.inner(busy.resource(estate.CLUSTER))["currentNodeCount"] == 0


def test_what_is_excepted_goes_on(busy: Lab) -> None:
    wish = {"kind": "idle", "workspace": estate.WORKSPACE, "except": ["instances", "endpoints"]}
    inject_spend.perform(busy.engine, wish)
    assert nodes.inner(busy.resource(estate.CLUSTER.rpartition("/")[0] + "/ada-pc"))["state"] == "Running"
    assert busy.resource(estate.ENDPOINT).private["traffic"]["requestsPerMinute"] == 60
    with pytest.raises(ValueError, match="everything"):
        inject_spend.perform(busy.engine, {**wish, "except": ["everything"]})


def test_a_hole_in_the_metrics() -> None:
    lab = Lab()
    estate.secured_workspace(lab, cluster=False)
    lab.advance(DAY)
    inject_spend.perform(lab.engine, {"kind": "metrics-gap", "resource": estate.WORKSPACE, "hours": 5, "agoHours": 2})
    points = metric(lab, "Quota Utilization Percentage", 10)
    assert len(points) == 11
    assert points.count(None) in (4, 5)


def test_runs_are_counted_when_they_end(busy: Lab) -> None:
    busy.advance(HOUR)
    assert sum(one or 0 for one in metric(busy, "Completed Runs", 3)) == 1
    assert metric(busy, "Failed Runs", 3) == []


def test_commands_say_what_the_injections_take(busy: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line in this process, on this lab's Azure."""
    monkeypatch.setattr(commands, "_post", lambda _, __, wish: inject_spend.perform(busy.engine, wish))

    def inject(line: str) -> str:
        ended = CliRunner().invoke(commands.app, ["inject", *line.split()])
        assert ended.exit_code == 0, ended.output
        return ended.output.strip()

    assert inject(f"cost --scope {GROUP} --amount 12 --days 2 --ago-days 3") == GROUP
    assert [row["Cost"] for row in told(busy, asked("None", "Meter")) if row["Meter"] == "Other"] == [12]
    used = inject(f"usage --resource {estate.VAULT} --meter key-vault.operations.10k --quantity 20000")
    assert json.loads(used)["cost"] == pytest.approx(0.06)
    assert inject(f"metrics-gap --resource {estate.WORKSPACE} --hours 2") == estate.WORKSPACE
    assert inject(f"idle --workspace {estate.WORKSPACE} --days 30 --except endpoints --except instances")
    assert busy.get(estate.WORKSPACE)["systemData"]["createdAt"].startswith("2026-12-16")
    assert busy.resource(estate.ENDPOINT).private["traffic"]["requestsPerMinute"] == 60


def test_an_endpoint_that_nobody_calls_says_so(busy: Lab) -> None:
    """Requests have samples of calls only, connections of every hour since the endpoint was made."""
    inject_spend.perform(busy.engine, {"kind": "idle", "workspace": estate.WORKSPACE})
    busy.advance(2 * DAY)
    found = {
        name: metric(busy, name, 24, "Maximum", estate.ENDPOINT) for name in ("RequestsPerMinute", "ConnectionsActive")
    }
    assert found == {"RequestsPerMinute": [], "ConnectionsActive": [0.0] * 25}
    assert metric(busy, "ConnectionsActive", 24 * 5, "Maximum", estate.ENDPOINT)[0] is None
