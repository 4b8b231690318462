"""Event Grid with a webhook on loopback: handshakes, filters, repetitions, dead letters, and events that go astray."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from controlplane.clocks import UrlClock
from simulator.engine.hooks import Resource
from simulator.engine.outbox import Event
from simulator.planes import eventgrid as rules
from tests.simulator import estate
from tests.simulator.effects_workspaces import with_endpoint
from tests.simulator.lab import Lab
from tests.support.receiver import Receiver, receiver
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS, until

V = {"api-version": "2025-02-15"}
ML = "Microsoft.MachineLearningServices"
WORKSPACE = estate.WORKSPACE
RUN = f"{ML}.RunCompleted"
WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"


class Azure:
    """The simulator, with a resource group that stands for the source of events."""

    def __init__(self, simulator: RunningSimulator) -> None:  # noqa: F811
        self.simulator = simulator
        self.group = f"{simulator.subscription}/resourceGroups/events"
        bearer = {"authorization": f"Bearer {simulator.arm_token()}"}
        self.http = httpx.Client(
            base_url=simulator.url, verify=simulator.context(), headers=bearer, timeout=PATIENCE_SECONDS
        )
        self.http.put(self.group, params={"api-version": "2021-04-01"}, json={"location": "westeurope"})

    def subscribe(self, url: str, name: str = "mine", **properties: Any) -> dict[str, Any]:
        """PUT and the end of its operation: its status as the poll shows it."""
        destination = {"endpointType": "WebHook", "properties": {"endpointUrl": url, **properties.pop("to", {})}}
        wanted = {**properties, "destination": destination}
        path = f"{self.group}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"
        answer = self.http.put(path, params=V, json={"properties": wanted})
        assert answer.status_code == 201, answer.text
        assert answer.json()["properties"]["provisioningState"] == "Creating"
        return self.ended(answer.headers["azure-asyncoperation"])

    def ended(self, url: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.http.get(url).json()
            return found if found["status"] != "InProgress" else None

        return until(look, says=lambda: "the handshake does not end")

    def get(self, name: str = "mine") -> httpx.Response:
        return self.http.get(f"{self.group}/providers/Microsoft.EventGrid/eventSubscriptions/{name}", params=V)

    def emit(self, subject: str = "runs/1", event_type: str = WRITTEN, **data: Any) -> None:
        self.simulator.inject(kind="event", topic=self.group, eventType=event_type, subject=subject, data=data)

    def seen(self, result: str, count: int) -> list[dict[str, Any]]:
        """Deliveries that ended so, when there are so many."""

        def look() -> list[dict[str, Any]] | None:
            listed = self.simulator.control("GET", "eventgrid")["deliveries"]
            found = [one for one in listed if one["result"] == result]
            return found if len(found) >= count else None

        return until(look)


@pytest.fixture
def azure(simulator: RunningSimulator) -> Iterator[Azure]:  # noqa: F811
    made = Azure(simulator)
    yield made
    made.http.close()


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


# -- handshakes --------------------------------------------------------------------------------------------------------


def test_an_endpoint_that_answers_the_code_gets_its_events(azure: Azure, hook: Receiver) -> None:
    assert azure.subscribe(hook.url)["status"] == "Succeeded"
    (asked,) = hook.handshakes
    event = asked["body"][0]
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert event["topic"] == azure.group
    azure.emit(runId="1")
    (found,) = hook.wait(1)
    assert (found["topic"], found["eventType"], found["data"]) == (azure.group, WRITTEN, {"runId": "1"})
    headers = hook.deliveries[0]["headers"]
    assert (headers["aeg-event-type"], headers["aeg-subscription-name"]) == ("Notification", "MINE")
    assert headers["aeg-delivery-count"] == "1"


@pytest.mark.parametrize(
    ("consent", "why"),
    {403: "response code Forbidden", 202: "response code Accepted", 500: "response code InternalServerError"}.items(),
)
def test_an_endpoint_that_refuses_gets_no_subscription(azure: Azure, consent: int, why: str) -> None:
    with receiver(consent=consent) as hook:
        ended = azure.subscribe(hook.url)
        assert (ended["status"], ended["error"]["code"]) == ("Failed", "URL validation")
        assert why in ended["error"]["message"] and "secret" not in ended["error"]["message"]
        assert azure.get().status_code == 404


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://127.0.0.1:9/hook", "http://10.1.2.3/hook"])
def test_what_cannot_be_reached_does_not_consent(azure: Azure, url: str) -> None:
    ended = azure.subscribe(url)
    assert ended["error"]["code"] == "URL validation"
    assert "response code Unknown" in ended["error"]["message"]


def test_consent_may_come_by_the_validation_url(azure: Azure) -> None:
    with receiver(consent="silent") as hook:
        assert azure.subscribe(hook.url)["status"] == "Succeeded"
        assert azure.get().json()["properties"]["provisioningState"] == "AwaitingManualAction"
        azure.emit("runs/early")
        url = hook.handshakes[0]["body"][0]["data"]["validationUrl"]
        with httpx.Client(verify=azure.simulator.context(), timeout=PATIENCE_SECONDS) as bare:
            assert bare.get(f"{url}x").status_code == 400
            assert bare.get(url).status_code == 200
        assert azure.get().json()["properties"]["provisioningState"] == "Succeeded"
        azure.emit("runs/later")
        assert [one["subject"] for one in hook.wait(1)] == ["runs/later"]


def test_cloud_events_come_one_by_one_after_their_own_handshake(azure: Azure, hook: Receiver) -> None:
    assert azure.subscribe(hook.url, eventDeliverySchema="CloudEventSchemaV1_0")["status"] == "Succeeded"
    assert hook.handshakes[0]["headers"]["webhook-request-origin"] == "eventgrid.azure.net"
    azure.emit("runs/1")
    (found,) = hook.wait(1)
    assert (found["specversion"], found["source"], found["type"]) == ("1.0", azure.group, WRITTEN)
    assert isinstance(hook.deliveries[0]["body"], dict)
    assert hook.deliveries[0]["headers"]["content-type"].startswith("application/cloudevents+json")


def test_an_entra_protected_endpoint_gets_event_grid_s_token(azure: Azure, hook: Receiver) -> None:
    audience = azure.simulator.env["API_CLIENT_ID"]
    azure.subscribe(hook.url, to={"azureActiveDirectoryApplicationIdOrUri": audience})
    azure.emit()
    hook.wait(1)
    for one in (*hook.handshakes, *hook.deliveries):
        token = one["headers"]["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["aud"], claims["azp"]) == (audience, "4962773b-9cdb-44cf-a8bf-237846a00ab7")
        assert claims["roles"] == ["AzureEventGridSecureWebhookSubscriber"]


# -- deliveries --------------------------------------------------------------------------------------------------------


def test_a_delivery_is_repeated_until_it_is_taken(azure: Azure) -> None:
    azure.simulator.settings(timeScale=500)  # an event lives for minutes then, and its repetitions come in moments
    with receiver(statuses=deque([500, 404, 503])) as hook:
        azure.subscribe(hook.url)
        azure.emit()
        events = hook.wait(4)
    assert len({one["id"] for one in events}) == 1
    assert [one["headers"]["aeg-delivery-count"] for one in hook.deliveries] == ["1", "2", "3", "4"]
    azure.seen("Delivered", 1)


@pytest.mark.parametrize("status", sorted(rules.HOPELESS))
def test_what_is_hopeless_is_a_dead_letter_at_once(azure: Azure, status: int) -> None:
    container = {"endpointType": "StorageBlob", "properties": {"resourceId": "/x", "blobContainerName": "dead"}}
    with receiver(statuses=deque([status])) as hook:
        azure.subscribe(hook.url, deadLetterDestination=container)
        azure.emit(runId="1")
        azure.seen("DeadLettered", 1)
        assert len(hook.deliveries) == 1
    (letter,) = azure.simulator.control("GET", "eventgrid")["deadLetters"]
    assert letter["event"]["deadLetterReason"] == f"UndeliverableDueToHttp{rules.outcome(status)}"
    assert (letter["event"]["deliveryAttempts"], letter["event"]["data"]) == (1, {"runId": "1"})


def test_attempts_are_counted_and_without_a_destination_the_event_is_dropped(azure: Azure) -> None:
    azure.simulator.settings(timeScale=500)
    with receiver(statuses=deque([500] * 9)) as hook:
        azure.subscribe(hook.url, retryPolicy={"maxDeliveryAttempts": 3, "eventTimeToLiveInMinutes": 1440})
        azure.emit()
        (dropped,) = azure.seen("Dropped", 1)
        assert (dropped["attempt"], len(hook.deliveries)) == (3, 3)
    assert azure.simulator.control("GET", "eventgrid")["deadLetters"] == []


def test_a_system_topic_s_subscription_gets_the_events_of_its_source(azure: Azure, hook: Receiver) -> None:
    topic = f"{azure.group}/providers/Microsoft.EventGrid/systemTopics/t"
    body = {"location": "westeurope", "properties": {"source": azure.group, "topicType": "Microsoft.Resources.Groups"}}
    assert (
        azure.ended(azure.http.put(topic, params=V, json=body).headers["azure-asyncoperation"])["status"] == "Succeeded"
    )
    wanted = {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": hook.url}}}
    answer = azure.http.put(f"{topic}/eventSubscriptions/s", params=V, json={"properties": wanted})
    assert azure.ended(answer.headers["azure-asyncoperation"])["status"] == "Succeeded"
    azure.emit("runs/7")
    assert [one["subject"] for one in hook.wait(1)] == ["runs/7"]


# -- events that go astray ---------------------------------------------------------------------------------------------


def test_events_are_lost_doubled_reordered_and_late(azure: Azure, hook: Receiver) -> None:
    azure.subscribe(hook.url)
    azure.simulator.settings(timeScale=0.1)  # for ten minutes an event is held back, to be overtaken
    azure.simulator.faults(
        [
            {"event": "lose", "path": "runs/lost$"},
            {"event": "double", "path": "runs/twice$"},
            {"event": "reorder", "path": "runs/second$", "eventType": "WriteSuccess"},
            {"event": "delay", "delay": 3600, "path": "runs/late$"},
        ]
    )
    for name in ("late", "lost", "twice", "second", "first"):
        azure.emit(f"runs/{name}")
    hook.wait(4)
    azure.simulator.control("PUT", "clock", json={"advanceSeconds": 3600, "azure": True})
    names = [one["subject"].removeprefix("runs/") for one in hook.wait(5)]
    assert sorted(names) == ["first", "late", "second", "twice", "twice"]
    assert names.index("first") < names.index("second") and names[-1] == "late"
    assert [one["subject"] for one in azure.seen("Lost", 1)] == ["runs/lost"]
    ids = [one["id"] for one in hook.events() if one["subject"] == "runs/twice"]
    assert ids[0] == ids[1]


def test_an_event_that_none_overtakes_comes_all_the_same(azure: Azure, hook: Receiver) -> None:
    azure.subscribe(hook.url)
    azure.simulator.faults([{"event": "reorder"}])
    azure.emit("runs/alone")
    assert [one["subject"] for one in hook.wait(1)] == ["runs/alone"]


# -- filters -----------------------------------------------------------------------------------------------------------

EVENT = Event(
    "1", WORKSPACE, RUN, "experiments/A/runs/B", {"runTags": {"team": "Churn"}, "n": 3, "ok": True}, datetime.now(UTC)
)
FILTERS: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, True),
    "its type": ({"includedEventTypes": [RUN.upper()]}, True),
    "another type": ({"includedEventTypes": [f"{ML}.ModelRegistered"]}, False),
    "how its subject begins": ({"subjectBeginsWith": "EXPERIMENTS/", "subjectEndsWith": "/b"}, True),
    "case, where it counts": ({"subjectBeginsWith": "EXPERIMENTS/", "isSubjectCaseSensitive": True}, False),
    "in": ({"operatorType": "StringIn", "key": "data.RunTags.team", "values": ["x", "churn"]}, True),
    "not in": ({"operatorType": "StringNotIn", "key": "data.runTags.team", "values": ["churn"]}, False),
    "contains": ({"operatorType": "StringContains", "key": "subject", "values": ["/runs/"]}, True),
    "contains not": ({"operatorType": "StringNotContains", "key": "data.none", "values": ["x"]}, True),
    "begins": ({"operatorType": "StringBeginsWith", "key": "data.runTags.team", "values": ["ch"]}, True),
    "ends": ({"operatorType": "StringEndsWith", "key": "data.runTags.team", "values": ["ch"]}, False),
    "greater": ({"operatorType": "NumberGreaterThan", "key": "data.n", "value": 2}, True),
    "less": ({"operatorType": "NumberLessThan", "key": "data.n", "value": 3}, False),
    "a number of": ({"operatorType": "NumberIn", "key": "data.n", "values": [1, 3]}, True),
    "true": ({"operatorType": "BoolEquals", "key": "data.ok", "value": True}, True),
    "absent": ({"operatorType": "IsNullOrUndefined", "key": "data.none"}, True),
    "present": ({"operatorType": "IsNotNull", "key": "data.none"}, False),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters(name: str) -> None:
    wanted, passes = FILTERS[name]
    found = {"advancedFilters": [wanted]} if "operatorType" in wanted else wanted
    mine = Resource("/x", "t", "n", {"properties": {"filter": found}})
    assert rules.wants(mine, WORKSPACE, EVENT) is passes
    assert not rules.wants(mine, WORKSPACE + "2", EVENT)


# -- what is published -------------------------------------------------------------------------------------------------


def test_jobs_tell_of_their_lives() -> None:
    lab = Lab()
    with_endpoint(lab)
    lab.put(estate.CLUSTER, estate.cluster_body())
    lab.put(estate.JOB, estate.JOB_BODY)
    lab.advance(3600)
    told = [(one.type.rpartition(".")[2], one.data.get("runStatus")) for one in lab.engine.outbox.events]
    assert told == [
        ("RunStatusChanged", "queued"),
        ("RunStatusChanged", "preparing"),
        ("RunStatusChanged", "running"),
        ("RunStatusChanged", "completed"),
        ("RunCompleted", None),
    ]
    last = lab.engine.outbox.events[-1]
    assert last.topic == estate.WORKSPACE
    assert last.subject == f"experiments/{last.data['experimentId']}/runs/train-1"


# -- the product's clock -----------------------------------------------------------------------------------------------


def test_the_clock_is_set_and_moved_on(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("SSL_CERT_FILE", simulator.env["SSL_CERT_FILE"])
    clock = UrlClock(f"{simulator.url}/simulator/clock", refresh_seconds=0)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=5)
    simulator.control("PUT", "clock", json={"now": "2027-01-01T00:00:00Z", "speed": 0})
    simulator.control("PUT", "clock", json={"advanceSeconds": 86400})
    assert simulator.control("GET", "clock")["now"] == "2027-01-02T00:00:00Z"
    clock = UrlClock(f"{simulator.url}/simulator/clock")
    assert abs(clock.now() - datetime(2027, 1, 2, tzinfo=UTC)) < timedelta(minutes=5)
    for wrong in ({}, {"now": "2027-01-01T00:00:00"}, {"speed": -1}, {"tomorrow": True}):
        with pytest.raises(httpx.HTTPStatusError):
            simulator.control("PUT", "clock", json=wrong)
