"""Bad events and alerts at the host's own door: what the platform answers, what the product answers, and that nothing
comes of them. Not JSON at the webhook is the extension's own 500 (tests/unit/funchost), before any function is called.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from controlplane.audit.model import Kind
from controlplane.objects.repository import Objects
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.breach import BREACH_TAG, MAX_CHARACTERS
from controlplane.store.sqlite_store import SqliteStore
from tests.support.waiting import PATIENCE_SECONDS
from tests.unit.retraining.test_samples import MESSAGE, load
from tools.demo.api import API_VERSION, token
from tools.local import controlplane_environment, start_functions, start_simulator, stop

pytestmark = pytest.mark.slow
HOOK = "/runtime/webhooks/EventGrid"
NOTIFICATION = {"aeg-event-type": "Notification"}


class Door:
    """A host whose product manages nothing yet."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        keys = json.loads((directory / "keys.json").read_text())
        self.key = str(keys["systemKeys"]["eventgrid_extension"])
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)
        self.admin = token(directory / "azure.env", "ada", "--role", "Platform.Admin")

    def deliver(
        self, content: Any, function: str = "events", kind: str = "Notification", **query: str
    ) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        params = {"functionName": function, "code": self.key, **query}
        return self.http.post(HOOK, content=body, headers={"aeg-event-type": kind}, params=params)

    def alert(self, content: bytes, bearer: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
        return self.http.post("/api/alerts", content=content, headers=headers, params={"api-version": API_VERSION})

    def stored(self) -> int:
        """Signals and runs."""

        async def count() -> int:
            store = SqliteStore(self.directory / "store.db")
            objects = Objects(store, Kind.RETRAINING)
            pages = [await objects.page(Signal), await objects.page(Run)]
            store.close()
            return sum(len(page.values) for page in pages)

        return asyncio.run(count())


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    directory = tmp_path_factory.mktemp("door")
    simulator, azure = start_simulator(directory)
    try:
        settings = controlplane_environment(azure, directory)
        functions, url = start_functions(directory, settings, "--state", str(directory))
        try:
            made = Door(directory, url)
            yield made
            made.http.close()
        finally:
            stop(functions)
    finally:
        stop(simulator)


def event(**data: Any) -> dict[str, Any]:
    found: dict[str, Any] = load("SYNTHESIZED-eventgrid-RunStatusChanged.modelmonitor-breach")
    found["eventTime"] = datetime.now(UTC).isoformat()
    found["data"] |= data
    return found


def breach(text: str) -> dict[str, Any]:
    return event(runTags={BREACH_TAG: text})


def nested(depth: int) -> Any:
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


EVENTS: dict[str, Any] = {
    "of a workspace that is not ours": [event()],
    "none": [],
    "of another provider": [load("eventgrid-deadletter.eventgridschema")],
    "without anything": [{}],
    "a CloudEvent without anything": {"specversion": "1.0"},
    "without data": [{**event(), "data": None}],
    "with data that is a text": [{**event(), "data": "runId"}],
    "with a topic that is a path": [{**event(), "topic": "/subscriptions/../../providers/x"}],
    "with a run that is a path": [event(runId="../../x")],
    "of half characters": [{**event(runId="\ud800"), "id": "\ud800"}],
    "of two mebibytes": [event(runTags={"x": "y" * (2 << 20)})],
    "nested": [event(runTags={BREACH_TAG: nested(200)})],
    "a breach longer than the cap": [breach(MESSAGE + "'" * MAX_CHARACTERS)],
    "a breach of quotes": [breach(MESSAGE.split("['")[0] + "['" + "\\'" * (MAX_CHARACTERS // 2))],
    "a breach that would be code": [breach(MESSAGE.replace('{"metric_value"', '__import__("os").abort() or {"a"'))],
    "a breach of braces": [breach(MESSAGE.split("['")[0] + "['" + "{" * MAX_CHARACTERS)],
}


@pytest.mark.parametrize("name", EVENTS)
def test_events_are_taken_and_left_alone(door: Door, name: str) -> None:
    assert door.deliver(EVENTS[name]).status_code == 202
    assert door.stored() == 0


@pytest.mark.parametrize("kind", ["SubscriptionValidation", "Notification"])
def test_an_unknown_function_has_no_webhook(door: Door, kind: str) -> None:
    answer = door.deliver([load("eventgrid-SubscriptionValidationEvent")], "nothing", kind)
    assert (answer.status_code, answer.text) == (404, "cannot find function: 'nothing'")


def test_the_subscription_of_the_product_is_validated(door: Door) -> None:
    answer = door.deliver([load("eventgrid-SubscriptionValidationEvent")], kind="SubscriptionValidation")
    assert (answer.status_code, answer.json()) == (200, load("eventgrid-SubscriptionValidationResponse"))


@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_the_extensions_key_nobody_delivers(door: Door, key: str) -> None:
    assert door.deliver([event()], code=key).status_code == 401
    assert door.stored() == 0


def test_a_validation_that_comes_as_an_event_is_none(door: Door) -> None:
    """Its URL is not called, and its code not answered."""
    answer = door.deliver([load("eventgrid-SubscriptionValidationEvent")])
    assert (answer.status_code, answer.content) == (202, b"")


def test_alerts_at_the_hosts_door(door: Door) -> None:
    body = json.dumps(load("alert-metric-static.fired")).encode()
    assert door.alert(body, door.admin).status_code == 403, "an administrator sends no alerts"
    assert door.alert(body, "forged").status_code == 401
    head, payload, signature = door.admin.split(".")
    assert door.alert(body, f"{head}.{payload}.{signature[:-4]}AAAA").status_code == 401
    assert door.alert(b'{"data": "' + b"x" * (2 << 20) + b'"}', door.admin).status_code == 413
    assert door.http.post("/api/alerts", content=body).status_code == 401
    assert door.stored() == 0
