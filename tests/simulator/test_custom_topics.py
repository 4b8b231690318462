"""Custom topics: who may publish, what is refused, and what comes out at a subscription."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.support.monitored import Monitored, token
from tests.support.receiver import Receiver, receiver
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS

SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"
CLOUD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "decision-1",
    "source": "/projects/churn",
    "type": "ControlPlane.Retraining.Decided",
    "time": "2026-11-22T09:00:00Z",
    "data": {"model": "churn"},
}
PLAIN: dict[str, Any] = {
    "id": "1", "subject": "models/churn", "eventType": "Decided", "eventTime": "2026-11-22T09:00:00Z",
    "data": {"model": "churn"}, "dataVersion": "1",
}  # fmt: skip


class Topic:
    """One topic and its subscription, made through ARM."""

    def __init__(self, running: RunningSimulator, schema: str, url: str) -> None:
        self.azure = Monitored(running)
        self.azure.put(self.azure.group, {"location": "westeurope"})
        self.id = f"{self.azure.group}/providers/Microsoft.EventGrid/topics/notices"
        body = {"location": "westeurope", "properties": {"inputSchema": schema}}
        self.endpoint = str(self.azure.put(self.id, body)["properties"]["endpoint"])
        wanted = {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url}}}
        subscription = f"{self.id}/providers/Microsoft.EventGrid/eventSubscriptions/mine"
        shown = self.azure.put(subscription, {"properties": wanted})
        self.delivered_as = shown["properties"]["eventDeliverySchema"]
        self.keys = self.azure.call("POST", f"{self.id}/listKeys").json()

    def publish(self, body: Any, media: str = "application/json", **headers: str) -> httpx.Response:
        """With the first key, unless headers say who it is."""
        who = headers or {"aeg-sas-key": self.keys["key1"]}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with httpx.Client(verify=self.azure.running.context(), timeout=PATIENCE_SECONDS) as http:
            return http.post(
                self.endpoint, params={"api-version": "2018-01-01"}, content=raw, headers={**who, "content-type": media}
            )


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def cloud(simulator: RunningSimulator, hook: Receiver) -> Iterator[Topic]:  # noqa: F811
    made = Topic(simulator, "CloudEventSchemaV1_0", hook.url)
    yield made
    made.azure.http.close()


@pytest.fixture
def plain(simulator: RunningSimulator, hook: Receiver) -> Iterator[Topic]:  # noqa: F811
    made = Topic(simulator, "EventGridSchema", hook.url)
    yield made
    made.azure.http.close()


def test_cloud_events_come_out_as_they_went_in(cloud: Topic, hook: Receiver) -> None:
    assert cloud.endpoint.endswith("/eventgrid/topics/westeurope/notices/api/events")
    answer = cloud.publish(CLOUD, "application/cloudevents+json; charset=utf-8")
    assert (answer.status_code, answer.content) == (200, b"")
    (came,) = hook.wait(1)
    assert datetime.fromisoformat(came.pop("time")) == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert came == {**{name: value for name, value in CLOUD.items() if name != "time"}, "subject": ""}
    assert cloud.delivered_as == "CloudEventSchemaV1_0"
    many = [{**CLOUD, "id": str(number)} for number in range(3)]
    assert cloud.publish(many, "application/cloudevents-batch+json").status_code == 200
    assert sorted(one["id"] for one in hook.wait(4)) == ["0", "1", "2", "decision-1"]


def test_event_grid_s_own_schema_gets_its_topic(plain: Topic, hook: Receiver) -> None:
    assert plain.publish([PLAIN]).status_code == 200
    (came,) = hook.wait(1)
    assert (came["topic"], came["eventType"], came["data"]) == (plain.id, "Decided", {"model": "churn"})


def test_whose_role_says_so_publishes_with_a_token(cloud: Topic, hook: Receiver) -> None:
    running = cloud.azure.running
    bearer = {"authorization": f"Bearer {token(running, 'operator', 'https://eventgrid.azure.net')}"}
    refused = cloud.publish(CLOUD, "application/cloudevents+json", **bearer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "Unauthorized")
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{SENDER}"
    granted = {"roleDefinitionId": role, "principalId": running.settings()["principals"]["operator"]}
    path = f"{cloud.id}/providers/Microsoft.Authorization/roleAssignments/7d9b1b4e-7f55-4bb0-9c35-5d0c2f6e0a04"
    answer = cloud.azure.http.put(path, params={"api-version": "2022-04-01"}, json={"properties": granted})
    assert answer.status_code == 201, answer.text
    assert cloud.publish(CLOUD, "application/cloudevents+json", **bearer).status_code == 200
    hook.wait(1)
    other = {"authorization": f"Bearer {token(running, 'operator', 'https://management.azure.com')}"}
    wrong = cloud.publish(CLOUD, "application/cloudevents+json", **other)
    assert wrong.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"


def test_a_key_that_was_made_anew_is_no_key_any_more(cloud: Topic) -> None:
    old = cloud.keys["key1"]
    new = cloud.azure.call("POST", f"{cloud.id}/regenerateKey", {"keyName": "key1"}).json()
    assert new["key1"] != old and new["key2"] == cloud.keys["key2"]
    for key, status in ((old, 401), (new["key1"], 200), (new["key2"], 200), ("guess", 401), ("", 401)):
        assert cloud.publish(CLOUD, "application/cloudevents+json", **{"aeg-sas-key": key}).status_code == status
    body = {"location": "westeurope", "properties": {"inputSchema": "CloudEventSchemaV1_0", "disableLocalAuth": True}}
    cloud.azure.put(cloud.id, body)
    refused = cloud.publish(CLOUD, "application/cloudevents+json", **{"aeg-sas-key": new["key1"]})
    assert refused.status_code == 401


REFUSED: dict[str, tuple[Any, str, int]] = {
    "an array where one is meant": ([CLOUD], "application/cloudevents+json", 400),
    "one where an array is meant": (CLOUD, "application/cloudevents-batch+json", 400),
    "another content type": (CLOUD, "application/json", 400),
    "no JSON": (b"{", "application/cloudevents+json", 400),
    "no source": ({**CLOUD, "source": None}, "application/cloudevents+json", 400),
    "another version": ({**CLOUD, "specversion": "0.3"}, "application/cloudevents+json", 400),
    "no time of day": ({**CLOUD, "time": "yesterday"}, "application/cloudevents+json", 400),
    "too much": ({**CLOUD, "data": "x" * 1_100_000}, "application/cloudevents+json", 413),
}


def test_what_is_refused(cloud: Topic) -> None:
    for name, (body, media, status) in REFUSED.items():
        assert cloud.publish(body, media).status_code == status, name
    gone = httpx.post(
        cloud.endpoint.replace("notices", "others"),
        json=CLOUD,
        verify=cloud.azure.running.context(),
        timeout=PATIENCE_SECONDS,
    )
    assert gone.status_code == 404


def test_event_grid_s_schema_is_not_made_of_cloud_events(cloud: Topic) -> None:
    wanted = {
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "http://127.0.0.1:9/x"}},
        "eventDeliverySchema": "EventGridSchema",
    }
    path = f"{cloud.id}/providers/Microsoft.EventGrid/eventSubscriptions/other"
    assert cloud.azure.refused("PUT", path, {"properties": wanted})["code"] == "InvalidRequest"
