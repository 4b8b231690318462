"""What does not change is worked out once, and answered as if it had been worked out interval by interval."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from simulator import fleet
from simulator.engine.hooks import EngineApi, Resource
from simulator.types import metric_query
from simulator.types.machinelearning import nodes, telling, traffic
from simulator.types.metric_query import GAPS, GRAINS, Question
from simulator.types.metric_table import DEPLOYMENT, ENDPOINT, WORKSPACE, Metric, Samples, Series, metrics_of
from tests.simulator.lab import GROUP, Lab

SEED, SPACES, QUESTIONS, HOUR = 6, 8, 6, 3600.0


def arm_id(number: int) -> str:
    return f"{GROUP}/providers/{WORKSPACE}/w{number}"


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Each is more restless than the one before; on the first two nothing happened. Some are younger than what is
    asked about, some have gaps."""
    found, chance = Lab(), random.Random(SEED)
    endpoint = {"endpoints": [{"name": "churn"}]}
    busy = [{"name": "cpu", "nodes": 0}, {"name": "gpu", "nodes": 2, "days": 3}]
    spaces = [
        {"id": arm_id(one), "ageDays": 60 if one < 2 else chance.choice((60, 0.2, 0.05)), "clusters": busy, **endpoint}
        for one in range(SPACES)
    ]
    fleet.grow(found.world, {"workspaces": spaces})
    now = found.engine.time()
    for number in range(SPACES):
        blue = {"properties": {"dataCollector": {"collections": {"request": {}}}}, "sku": {"capacity": 2}}
        found.engine.put(f"{arm_id(number)}/onlineEndpoints/churn/deployments/blue", blue)
        called = found.resource(f"{arm_id(number)}/onlineEndpoints/churn")
        called.private[traffic.HISTORY] = [[now - 30 * HOUR, {"requestsPerMinute": 40 * (number % 2)}]]
        if number >= 2:
            _unrest(found, chance, number, called)
    return found


def _unrest(lab: Lab, chance: random.Random, number: int, endpoint: Resource) -> None:
    def moments(most: int) -> list[float]:
        whole = [lab.engine.time() - HOUR * chance.choice((chance.uniform(0, 14), chance.randint(0, 14)))]
        more = [lab.engine.time() - HOUR * chance.uniform(0, 14) for _ in range(chance.randint(0, most))]
        return sorted(whole + more)

    cluster = lab.resource(f"{arm_id(number)}/computes/cpu")
    rows = [[when, chance.randint(0, 3), chance.randint(0, 2), 0, chance.randint(0, 1)] for when in moments(number)]
    cluster.private[nodes.HISTORY] = rows
    states = [
        [when, {"requestsPerMinute": chance.choice((0, 30)), "errorShare": chance.choice((0, 0.1)), "latencyMs": 70.1}]
        for when in moments(number)
    ]
    endpoint.private[traffic.HISTORY] = states
    job = lab.engine.put(f"{arm_id(number)}/jobs/run", {"properties": {"jobType": "Command"}})
    job.private[telling.MOMENTS] = {one: moments(0)[0] for one in ("Running", "Completed", "Failed")}
    if number % 3 == 0:
        for one in (endpoint, lab.resource(arm_id(number))):
            one.private[GAPS] = [[lab.engine.time() - 6 * HOUR, lab.engine.time() - 2 * HOUR]]


def questions(lab: Lab, kind: str) -> Iterator[Question]:
    chance, now = random.Random(f"{SEED}{kind}"), lab.engine.now()
    for number in range(QUESTIONS):
        ended = now.timestamp() - chance.choice((0.0, HOUR * chance.random(), HOUR))
        begun = ended - HOUR * chance.choice((0.3, 2.0, 12.0))
        query = {
            "starttime": datetime.fromtimestamp(begun, UTC).isoformat(),
            "endtime": datetime.fromtimestamp(ended, UTC).isoformat(),
            "interval": GRAINS[number % 5],
            "metricnames": "any",
            "aggregation": "Average,Maximum,Minimum,Total,Count",
        }
        yield metric_query.read(query, now)


def never(begin: float, end: float) -> bool:
    return False


def each_interval(metric: Metric) -> Metric:
    """The same, of which nothing is known to be still."""
    return replace(metric, series=lambda engine, one: (replace(s, steady=never) for s in metric.series(engine, one)))


@pytest.mark.parametrize(("kind", "tail"), [(WORKSPACE, ""), (ENDPOINT, "/onlineEndpoints/churn"),
                                            (DEPLOYMENT, "/onlineEndpoints/churn/deployments/blue")])  # fmt: skip
def test_an_answer_is_the_same_to_the_byte(lab: Lab, kind: str, tail: str) -> None:
    measured = 0
    for question in questions(lab, kind):
        for number in range(SPACES):
            resource = lab.resource(f"{arm_id(number)}{tail}")
            for metric in metrics_of(kind).values():
                quick = metric_query.answer(lab.engine, resource, metric, question)
                slow = metric_query.answer(lab.engine, resource, each_interval(metric), question)
                assert json.dumps(quick) == json.dumps(slow), (resource.id, metric.name, question)
                measured += bool(quick["timeseries"])
    assert measured > QUESTIONS * SPACES


def still(lab: Lab, number: int, name: str) -> bool:
    resource = lab.resource(arm_id(number))
    end = lab.engine.time()
    series: list[Series] = list(metrics_of(WORKSPACE)[name.lower()].series(lab.engine, resource))
    assert series
    return all(one.steady(end - 14 * HOUR, end + 1) for one in series)


@pytest.mark.parametrize("name", ["Active Cores", "Quota Utilization Percentage"])
def test_what_nothing_happened_on_is_still_and_the_others_are_not(lab: Lab, name: str) -> None:
    assert [still(lab, number, name) for number in range(SPACES)] == [True, True] + [False] * (SPACES - 2)


def test_what_is_still_is_worked_out_once_for_each_length_of_interval(lab: Lab) -> None:
    """Days of hours, of which the last is not a whole one."""
    worked: list[tuple[float, float]] = []
    known = metrics_of(WORKSPACE)["quota utilization percentage"]

    def counted(engine: EngineApi, resource: Resource) -> Iterator[Series]:
        for one in known.series(engine, resource):

            def samples(begin: float, end: float, step: float, each: Samples = one.samples) -> list[float]:
                worked.append((begin, end))
                return each(begin, end, step)

            yield replace(one, samples=samples)

    now = lab.engine.now().timestamp()
    query = {"starttime": datetime.fromtimestamp(now - 48 * HOUR, UTC).isoformat(), "interval": "PT1H",
             "endtime": datetime.fromtimestamp(now - 60.0, UTC).isoformat(), "metricnames": known.name}  # fmt: skip
    question = metric_query.read(query, lab.engine.now())
    found = metric_query.answer(lab.engine, lab.resource(arm_id(0)), replace(known, series=counted), question)
    (series,) = found["timeseries"]
    assert len(series["data"]) >= 48
    assert len(worked) <= 2
