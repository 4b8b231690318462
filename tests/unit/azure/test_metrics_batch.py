"""metrics:getBatch: what is sent is what azure-monitor-querymetrics sends, what is read is what it reads of the same
bytes, and what it does not say (a metric that failed, one that is not there) is unknown and never without samples."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.arm import fold
from controlplane.azure.metrics import AzureMetrics
from controlplane.azure.metrics_answer import NOT_ANSWERED, read
from controlplane.azure.monitor import Hosts, MonitorClients
from controlplane.errors import ControlPlaneError, Fatal, Rejected, Throttled, Transient
from controlplane.governance.expiry.clues import CONTROL, CORES, cores
from controlplane.governance.expiry.look import span_of
from controlplane.governance.expiry.model import Verdict
from controlplane.ports.metrics import Answers, MetricsQuestion, Point
from tests.unit.azure.conftest import CLIENT_ID
from tests.unit.azure.server import CUT, LOST, Answer, FakeArm

SAMPLES = Path(__file__).parents[2] / "data/samples"
NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
SPLIT, WORKSPACES = (f"SYNTHESIZED-metrics-getBatch.{one}.json" for one in ("split", "workspaces"))
NAMES = {SPLIT: ("Ingress", "Egress"), WORKSPACES: (CORES, CONTROL)}


def sample(name: str = WORKSPACES) -> Any:
    return json.loads((SAMPLES / name).read_text())


def ids_of(body: Any) -> list[str]:
    return [one["resourceid"] for one in body["values"]]


BUSY, QUIET = (fold(one) for one in ids_of(sample()))


def question(name: str = WORKSPACES) -> MetricsQuestion:
    kind = sample(name)["values"][0]["namespace"]
    return MetricsQuestion(kind, NAMES[name], NOON - timedelta(hours=3), NOON, timedelta(hours=1))


@pytest.fixture
async def clients(arm: FakeArm) -> AsyncIterator[MonitorClients]:
    hosts = Hosts(f"{arm.endpoint}/metrics/{{region}}", "https://metrics.example", "https://logs", "https://logs")
    made = MonitorClients(hosts, CLIENT_ID)
    yield made
    await made.close()


def answered(arm: FakeArm, *answers: Answer, ids: list[str] | None = None) -> None:
    subscription = (ids or ids_of(sample()))[0].split("/")[2]
    arm.on("POST", f"/metrics/westeurope/subscriptions/{subscription}/metrics:getBatch", *answers)


async def asked(clients: MonitorClients, name: str = WORKSPACES) -> Answers:
    return await AzureMetrics(clients).batch("westeurope", ids_of(sample(name)), question(name))


async def sdks(clients: MonitorClients, name: str) -> dict[str, dict[str, tuple[Point, ...]]]:
    """The same question asked by azure-monitor-querymetrics, and its own reading of the answer."""
    client, wanted = await clients.metrics("westeurope"), question(name)
    found = await client.query_resources(
        resource_ids=ids_of(sample(name)),
        metric_namespace=wanted.namespace,
        metric_names=list(wanted.names),
        timespan=(wanted.begin, wanted.end),
        granularity=wanted.grain,
        aggregations=["Average", "Maximum", "Total", "Count"],
    )
    measured: dict[str, dict[str, tuple[Point, ...]]] = {}
    for one in found:
        for metric in one.metrics:
            points = [
                Point(point.average, point.maximum, point.total, point.count)
                for series in metric.timeseries
                for point in series.data
                if point.average is not None or point.total is not None
            ]
            held = measured.setdefault(fold(metric.id.partition("/providers/Microsoft.Insights")[0]), {})
            held |= {metric.name: tuple(points)} if points else {}
    return measured


@pytest.mark.parametrize("name", [SPLIT, WORKSPACES])
async def test_it_asks_and_reads_as_azures_client_does(arm: FakeArm, clients: MonitorClients, name: str) -> None:
    answered(arm, Answer(200, sample(name)), ids=ids_of(sample(name)))
    found, theirs = await asked(clients, name), await sdks(clients, name)
    assert (found.measured, found.unknown) == (theirs, {})
    mine, other = arm.calls
    assert (mine.method, mine.json) == (other.method, other.json)
    urls = [urlsplit(one.target) for one in (mine, other)]
    asked_for = [parse_qs(one.query, strict_parsing=True) for one in urls]
    times = [{key: datetime.fromisoformat(one.pop(key)[0]) for key in ("starttime", "endtime")} for one in asked_for]
    assert (urls[0].path, asked_for[0]) == (urls[1].path, asked_for[1])
    # The definition has milliseconds, the client sends microseconds.
    assert all(abs(times[0][key] - times[1][key]) < timedelta(milliseconds=1) for key in times[0])
    same = ("accept", "content-type", "authorization")
    assert [mine.headers[one] for one in same] == [other.headers[one] for one in same]


async def test_an_answer_that_is_a_json_text_is_read_as_the_client_does(arm: FakeArm, clients: MonitorClients) -> None:
    text = Answer(200, json.dumps(json.dumps(sample())), {"Content-Type": "application/json"})
    answered(arm, text)
    assert (await asked(clients)).measured == await sdks(clients, WORKSPACES)


def changed(metric: int = 0, **to: Any) -> Any:
    """The sample with a metric of the first workspace changed."""
    body = sample()
    body["values"][0]["value"][metric] |= to
    return body


def without(key: str, *, metric: int = 0) -> Any:
    body = sample()
    del body["values"][0]["value"][metric][key]
    return body


def points(*data: Any) -> Any:
    return changed(timeseries=[{"metadatavalues": [], "data": list(data)}])


def entries(*keep: int) -> Any:
    values = sample()["values"]
    return {"values": [values[one] for one in keep]}


ODD = {
    "the metric failed": (changed(errorCode="Timeout", errorMessage="Took too long."), "Timeout: Took too long."),
    "it failed without words": (changed(errorCode="InternalError", timeseries=[]), "InternalError: Azure gave no"),
    "it has no time series": (without("timeseries"), "it has no timeseries"),
    "its time series are no list": (changed(timeseries=None), "it has no timeseries"),
    "a time series has no data": (changed(timeseries=[{"metadatavalues": []}]), "it has no data"),
    "a point is a number": (points(4), "a point of it"),
    "a figure is a text": (points({"average": "0"}), "is no number"),
    "a figure is a boolean": (points({"average": False}), "is no number"),
    "a figure is not a number": (points({"average": float("nan")}), "is no number"),
    "a figure is infinite": (points({"average": 0, "total": float("inf")}), "is no number"),
    "it has no name": (without("name"), f"{CORES}: not answered"),
    "it has no id": (without("id"), "another resource"),
    "its id is of the other workspace": (changed(id=sample()["values"][1]["value"][0]["id"]), "another resource"),
    "it is there twice": (changed(metric=1, name={"value": CORES.upper()}), "answered twice"),
    "its workspace is not there": (entries(1), NOT_ANSWERED),
    "its workspace has no metrics": ({"values": [sample()["values"][0] | {"value": []}, *entries(1)["values"]]}, CORES),
    "its workspace has none at all": (
        {"values": [sample()["values"][0] | {"value": None}, *entries(1)["values"]]},
        "not",
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_said_is_unknown_with_the_reason_and_of_one_workspace_alone(odd: str) -> None:
    body, why = ODD[odd]
    found, well = read(body, ids_of(sample()), NAMES[WORKSPACES]), read(sample(), ids_of(sample()), NAMES[WORKSPACES])
    assert why in found.unknown[BUSY]
    assert found.whole(BUSY) is None
    assert CORES not in found.measured.get(BUSY, {})
    assert (found.whole(QUIET), QUIET in found.unknown) == (well.whole(QUIET), False)


def test_a_metric_that_failed_leaves_what_the_others_say() -> None:
    found = read(ODD["the metric failed"][0], ids_of(sample()), NAMES[WORKSPACES])
    assert list(found.measured[BUSY]) == [CONTROL]


def test_nobody_is_idle_of_whom_active_cores_failed() -> None:
    """An empty series counts where its call succeeded (S3-106); that of a metric that failed is empty, too."""
    now = NOON.replace(minute=30)
    span = span_of("P7D", now)
    body = sample()
    quiet = body["values"][1]["value"]
    quiet[1]["timeseries"] = [{"data": [{"average": 1.0, "total": 60.0, "count": 60.0}] * span.points}]
    seen = read(body, ids_of(body), NAMES[WORKSPACES])
    assert cores(seen.measured[QUIET], span, "m", seen.unknown.get(QUIET)).verdict is Verdict.IDLE
    quiet[0] |= {"errorCode": "Timeout", "errorMessage": "Took too long."}
    seen = read(body, ids_of(body), NAMES[WORKSPACES])
    clue = cores(seen.measured[QUIET], span, "m", seen.unknown.get(QUIET))
    assert (clue.verdict, clue.observed) == (Verdict.UNKNOWN, f"{CORES}: Timeout: Took too long.")


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inside:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("junk", ["x", 7, [], {}, True], ids=repr)
def test_junk_anywhere_is_unknown_or_changes_nothing(junk: Any) -> None:
    """Whatever stands where something else belongs: no other workspace is touched, and none of its own metrics lose
    their samples in silence. An empty list of time series, or of points, is no junk: it says that there was nothing."""
    whole, names = sample(), NAMES[WORKSPACES]
    well = read(whole, ids_of(whole), names)
    for path in places(whole):
        body = copy.deepcopy(whole)
        holder = body
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = junk
        if len(path) < 3 or (path[-1] in ("average", "maximum", "total", "count") and junk == 7):
            continue
        if (junk == [] and path[-1] in ("timeseries", "data")) or (junk == {} and path[-2] == "data"):
            continue
        found = read(body, ids_of(whole), names)
        for place, one in enumerate((BUSY, QUIET)):
            assert found.whole(one) in ((None, well.whole(one)) if place == path[1] else (well.whole(one),)), path


@pytest.mark.parametrize("body", [None, [], {}, {"values": None}, {"value": []}, "no json", 7], ids=repr)
def test_what_is_no_answer_of_this_call_is_an_error(body: Any) -> None:
    with pytest.raises(Fatal, match="UnexpectedAnswer"):
        read(body, [BUSY], (CORES,))


def test_what_nobody_asked_for_is_left_out() -> None:
    found = read(sample(), [ids_of(sample())[1]], (CONTROL,))
    assert list(found.measured) == [QUIET] and found.unknown == {}
    assert list(found.measured[QUIET]) == [CONTROL]


ERRORS: dict[str, tuple[Answer, type[ControlPlaneError], float | None]] = {
    "too many": (Answer(429, {"error": {"code": "ThrottledError"}}, {"Retry-After": "17"}), Throttled, 17.0),
    "away": (Answer(503, "<html>", {"Retry-After": "5"}), Transient, 5.0),
    "lost": (Answer(LOST), Transient, 0.0),
    "cut": (Answer(CUT), Transient, 0.0),
    "refused": (Answer(403, {"error": {"code": "AuthorizationFailed", "message": "No."}}), Rejected, None),
    "elsewhere": (Answer(307, None, {"Location": "https://elsewhere.example/"}), Fatal, None),
    "no json": (Answer(200, "<html>"), Transient, 0.0),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_a_refusal_is_the_same_as_everywhere_and_is_sent_once(
    arm: FakeArm, clients: MonitorClients, case: str
) -> None:
    answer, kind, wait = ERRORS[case]
    answered(arm, answer)
    with pytest.raises(kind) as refused:
        await asked(clients)
    assert type(refused.value) is kind
    assert getattr(refused.value, "retry_after", None) == wait
    assert len(arm.calls) == 1


@pytest.mark.parametrize("grain", [timedelta(minutes=7), timedelta(0)])
async def test_what_azure_does_not_take_is_not_asked(arm: FakeArm, clients: MonitorClients, grain: timedelta) -> None:
    odd = MetricsQuestion("a/b", (CORES,), NOON - timedelta(days=1), NOON, grain)
    with pytest.raises(Fatal, match="UnexpectedQuestion"):
        await AzureMetrics(clients).batch("westeurope", [BUSY], odd)
    with pytest.raises(Fatal, match="TooManyResources"):
        await AzureMetrics(clients).batch("westeurope", [f"{BUSY}{one}" for one in range(51)], question())
    assert arm.calls == []
