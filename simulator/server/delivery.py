"""Event Grid at work: handshakes with endpoints, deliveries, repetitions, dead letters.

It speaks to loopback URLs only: everything else fails its handshake, as an endpoint that nobody can reach does. What is
under way lives in memory; a restart forgets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from simulator.engine.finishing import finish
from simulator.engine.hooks import JsonObject, Resource
from simulator.engine.messages import Request, Response
from simulator.engine.outbox import Event
from simulator.engine.values import digits
from simulator.faults import Faults
from simulator.planes import eventgrid as rules
from simulator.planes.world import World
from simulator.types._shared import dig
from simulator.types.eventgrid import OF_TOPIC, SUBSCRIPTION, URL

VALIDATE = "/eventgrid/validate"
AGENT = "4962773b-9cdb-44cf-a8bf-237846a00ab7"  # Microsoft.EventGrid's application id in every tenant
ROLE = "AzureEventGridSecureWebhookSubscriber"  # the role that its secure-delivery page has the tenant assign to it
REMEMBERED = 10_000
HELD_SECONDS = 60.0  # at scale 1, and at least one real second: an event that waits for another one to overtake it


@dataclass
class Delivery:
    """One event on its way to one subscription."""

    subscription: str
    event: Event
    tries: list[tuple[datetime, int | None]] = field(default_factory=list)
    overtaken: list[Delivery] = field(default_factory=list)
    """What was held back, and is on its way when the endpoint has answered this one."""


class Deliverer:
    """`work` is called by the server's ticker; everything it starts runs on the same loop."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world, self._faults = world, faults
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._held: dict[str, list[Delivery]] = {}
        self._held_until: dict[str, float] = {}
        self._count = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tokens: dict[str, str] = {}
        self._client: httpx.AsyncClient | None = None
        self.deliveries: list[JsonObject] = []
        self.dead: list[JsonObject] = []

    # What the server calls.

    def work(self) -> None:
        """Take what the engine has to say, and start what is due."""
        outbox, now = self._world.engine.outbox, self._world.engine.clock()
        while outbox.handshakes:
            self._start(self._handshake(outbox.handshakes.popleft()))
        while outbox.events:
            self._publish(outbox.events.popleft(), now)
        for key in [key for key, until in self._held_until.items() if until <= now]:
            for one in self._released(key):
                self._push(now, one)
        while self._waiting and self._waiting[0][0] <= now:
            self._start(self._deliver(heapq.heappop(self._waiting)[2]))

    def next_due(self) -> float | None:
        dues = [*self._held_until.values(), *(due for due, _, _ in self._waiting[:1])]
        return min(dues, default=None)

    def forget(self) -> None:
        """Nothing is under way, nothing was: after a reset."""
        for task in self._tasks:
            task.cancel()
        for held in (self._waiting, self._held, self._held_until, self._tokens, self.deliveries, self.dead):
            held.clear()

    async def close(self) -> None:
        self.forget()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def listed(self) -> JsonObject:
        """What `GET /simulator/eventgrid` answers."""
        waiting = [{"due": due, "subscription": one.subscription, "id": one.event.id} for due, _, one in self._waiting]
        under_way = len(self._tasks)
        return {"deliveries": self.deliveries, "deadLetters": self.dead, "waiting": waiting, "underWay": under_way}

    # Events.

    def _publish(self, event: Event, now: float) -> None:
        for subscription, source in self._subscriptions():
            if not rules.wants(subscription, source, event):
                continue
            effect = self._faults.event(event.type, f"{event.topic}/{event.subject}")
            if effect.lose:
                self._note(Delivery(subscription.id, event), None, "Lost", effect.names)
                continue
            sent = [Delivery(subscription.id, event) for _ in range(2 if effect.double else 1)]
            if effect.reorder:
                self._held.setdefault(subscription.key, []).extend(sent)
                until = now + max(1.0, HELD_SECONDS / self._world.engine.scale)
                self._held_until.setdefault(subscription.key, until)
                continue
            for one in sent:
                self._push(now + effect.delay, one)
            sent[-1].overtaken = self._released(subscription.key)

    def _released(self, key: str) -> list[Delivery]:
        """What was held back of a subscription's events; it is not any more."""
        self._held_until.pop(key, None)
        return self._held.pop(key, [])

    def _subscriptions(self) -> list[tuple[Resource, str]]:
        """Those that take events, with the id of what they are about."""
        engine = self._world.engine
        found = [(one, one.id.rpartition("/providers/")[0]) for one in engine.all_of(SUBSCRIPTION)]
        for one in engine.all_of(OF_TOPIC):
            topic = engine.get(one.id.rpartition("/eventSubscriptions/")[0])
            found.append((one, str(dig(topic.body, "properties.source", "")) if topic is not None else ""))
        return [(one, source) for one, source in found if one.private.get("validated")]

    def _push(self, due: float, delivery: Delivery) -> None:
        heapq.heappush(self._waiting, (due, next(self._count), delivery))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        await self._try(delivery)
        overtaken, delivery.overtaken = delivery.overtaken, []
        for one in overtaken:
            self._start(self._deliver(one))

    async def _try(self, delivery: Delivery) -> None:
        subscription = self._world.engine.get(delivery.subscription)
        if subscription is None:
            return
        body, media = rules.body_of(delivery.event, cloud=rules.is_cloud(subscription))
        headers = rules.headers_of(subscription, "Notification", len(delivery.tries) + 1)
        answer = await self._send("POST", subscription, headers | {"content-type": media}, body)
        status = answer.status_code if answer is not None else None
        delivery.tries.append((datetime.now(UTC), status))
        if status in rules.DELIVERED:
            self._note(delivery, status, "Delivered")
        elif (reason := self._reason_to_stop(subscription, delivery, status)) is not None:
            self._give_up(subscription, delivery, reason)
        else:
            engine = self._world.engine
            draw = int(
                digits(engine.seed, delivery.event.id, str(len(delivery.tries)), length=4, alphabet="01234567"), 8
            )
            self._push(engine.clock() + rules.delay(len(delivery.tries), draw / 4096) / engine.scale, delivery)
            self._note(delivery, status, "Retried")

    def _reason_to_stop(self, subscription: Resource, delivery: Delivery, status: int | None) -> str | None:
        """Why an event is not sent again, as dead letters say it."""
        policy = subscription.properties.get("retryPolicy") or {}
        if status in rules.HOPELESS:
            return f"UndeliverableDueToHttp{rules.outcome(status)}"
        if len(delivery.tries) >= int(policy.get("maxDeliveryAttempts", 30)):
            return "MaxDeliveryAttemptsExceeded"
        life = float(policy.get("eventTimeToLiveInMinutes", 1440)) * 60 / self._world.engine.scale
        if self._world.engine.clock() - delivery.event.time.timestamp() > life:
            return "TimeToLiveExceeded"
        return None

    def _give_up(self, subscription: Resource, delivery: Delivery, reason: str) -> None:
        kept = bool(subscription.properties.get("deadLetterDestination"))
        if kept:
            letter = rules.dead_letter(delivery.event, reason, delivery.tries)
            self.dead.append({"subscription": delivery.subscription, "event": letter})
        self._note(delivery, delivery.tries[-1][1], "DeadLettered" if kept else "Dropped")

    def _note(self, delivery: Delivery, status: int | None, result: str, names: tuple[str, ...] = ()) -> None:
        event = delivery.event
        entry = {
            "subscription": delivery.subscription, "id": event.id, "eventType": event.type, "subject": event.subject,
            "attempt": len(delivery.tries), "status": status, "result": result,
        }  # fmt: skip
        self.deliveries.append({**entry, "faults": list(names)} if names else entry)
        del self.deliveries[:-REMEMBERED]

    # Handshakes.

    async def _handshake(self, subscription_id: str) -> None:
        """Ask the endpoint, and end the subscription's operation with what it says."""
        engine = self._world.engine
        subscription = engine.get(subscription_id)
        if subscription is None:
            return
        operation = engine.operations.running_on(subscription)
        code = engine.guid("validation", subscription.key, str(engine.count(f"validation:{subscription.key}")))
        said = await (
            self._options(subscription, code) if rules.is_cloud(subscription) else self._ask(subscription, code)
        )
        if engine is not self._world.engine or engine.get(subscription_id) is not subscription:
            return
        subscription.private.update(validated=said is None, handshake=said, code=code, waits=said == "", manual=None)
        if said == "":
            subscription.private["manual"] = "AwaitingManualAction"
        if operation is not None and operation.status == "InProgress":
            finish(engine, operation)
        engine.store.flush()

    async def _ask(self, subscription: Resource, code: str) -> str | None:
        """None: it consented. "": it answered 200, and consent may come by the validation URL. Else why not."""
        base, token = self._world.base, self._world.engine.digits("validation-token", code, length=32)
        topic = str(subscription.properties.get("topic"))
        data = {"validationCode": code, "validationUrl": f"{base}{VALIDATE}?id={code}&token={token}"}
        event = Event(code, topic, "Microsoft.EventGrid.SubscriptionValidationEvent", "", data, datetime.now(UTC), "2")
        headers = rules.headers_of(subscription, "SubscriptionValidation", 1)
        answer = await self._send("POST", subscription, headers, [rules.plain(event)])
        if answer is None:
            return "Http POST request failed with response code Unknown"
        if answer.status_code != 200:
            return f"Http POST request failed with response code {rules.outcome(answer.status_code)}"
        said: Any = None
        with contextlib.suppress(ValueError):
            said = answer.json()
        given = said.get("validationResponse") if isinstance(said, dict) else None
        if given is None:
            return ""
        return None if given == code else "Http POST response has another validation code"

    async def _options(self, subscription: Resource, code: str) -> str | None:
        """CloudEvents' abuse protection (cloudevents/spec, http-webhook, section 4)."""
        token = self._world.engine.digits("validation-token", code, length=32)
        callback = f"{self._world.base}{VALIDATE}?id={code}&token={token}"
        headers = {**rules.HEADERS, "webhook-request-callback": callback, "webhook-request-rate": "120"}
        answer = await self._send("OPTIONS", subscription, headers, None)
        if answer is None or answer.status_code != 200:
            status = rules.outcome(answer.status_code) if answer is not None else "Unknown"
            return f"Http OPTIONS request failed with response code {status}"
        allowed = answer.headers.get("webhook-allowed-origin")
        return None if allowed in ("*", rules.HEADERS["webhook-request-origin"]) else ""

    def validated(self, request: Request) -> Response:
        """GET of a validation URL: whoever knows it consents for the endpoint."""
        code, token = request.query.get("id", ""), request.query.get("token", "")
        wanted = self._world.engine.digits("validation-token", code, length=32)
        for kind in (SUBSCRIPTION, OF_TOPIC):
            for one in self._world.engine.all_of(kind):
                if one.private.get("code") == code and token == wanted and one.private.get("manual"):
                    one.private.update(validated=True, manual=None)
                    self._world.engine.save(one)
                    return Response(200, "Webhook successfully validated as a subscription endpoint.")
        return Response(400, {"error": {"code": "BadRequest", "message": "The validation URL is not valid."}})

    # The wire.

    async def _send(
        self, method: str, subscription: Resource, headers: dict[str, str], body: Any
    ) -> httpx.Response | None:
        """None when there was no answer, or when the URL leads away from this machine."""
        url = str(subscription.private.get(URL))
        if not rules.is_loopback(url):
            return None
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=rules.ANSWER_SECONDS, trust_env=False)
        try:
            return await self._client.request(method, url, headers=headers | self._bearer(subscription), json=body)
        except httpx.HTTPError:
            return None

    def _bearer(self, subscription: Resource) -> dict[str, str]:
        """With Entra-protected delivery, a token of Event Grid's own application for the endpoint's."""
        properties = dig(subscription.properties, "destination.properties", {})
        audience = properties.get("azureActiveDirectoryApplicationIdOrUri")
        if not audience:
            return {}
        if audience not in self._tokens:
            oid = self._world.engine.guid("principal", "eventgrid")
            principal = {"id": oid, "client_id": AGENT, "app_roles": [ROLE]}
            self._tokens[audience] = str(self._world.issue(principal, str(audience))["access_token"])
        return {"authorization": f"Bearer {self._tokens[audience]}"}
