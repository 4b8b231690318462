"""What Event Grid's hooks cause, one function a hook."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.effects_network import Effect, effect
from tests.simulator.estate import WORKSPACE
from tests.simulator.lab import GROUP, Lab, provider

ON_GROUP = f"{GROUP}/providers/Microsoft.EventGrid/eventSubscriptions/mine"


@effect("event-subscription-rules")
def webhooks_only(lab: Lab) -> None:
    lab.group()
    queue = {"properties": {"destination": {"endpointType": "StorageQueue", "properties": {"queueName": "q"}}}}
    assert lab.refused("PUT", ON_GROUP, queue)["code"] == "InvalidRequest"


@effect("event-subscription-handshake")
def an_endpoint_that_does_not_consent(lab: Lab) -> None:
    lab.group()
    lab.consents = False
    error = lab.refused("PUT", ON_GROUP, estate.EVENTS_BODY)
    assert error["code"] == "URL validation"
    assert error["message"].startswith("Webhook validation handshake failed for http://localhost:7071/hook. ")
    assert not lab.exists(ON_GROUP)


@effect("event-subscription-url-hidden")
def the_url_may_hold_a_secret(lab: Lab) -> None:
    lab.group()
    shown = lab.put(ON_GROUP, estate.EVENTS_BODY)["properties"]["destination"]["properties"]
    assert shown == {"endpointUrl": None, "endpointBaseUrl": "http://localhost:7071/hook"}
    assert lab.call("POST", f"{ON_GROUP}/getFullUrl").body == {"endpointUrl": "http://localhost:7071/hook?code=s"}


@effect("system-topic-source")
def topics_are_about_something(lab: Lab) -> None:
    lab.group()
    body = {"location": estate.LOCATION, "properties": {"source": WORKSPACE, "topicType": "Microsoft.X.Y"}}
    path = provider("Microsoft.EventGrid/systemTopics", "events")
    assert lab.refused("PUT", path, body)["code"] == "InvalidRequest"


TABLE: tuple[Effect, ...] = (webhooks_only, an_endpoint_that_does_not_consent, the_url_may_hold_a_secret)
