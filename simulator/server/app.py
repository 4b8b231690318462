"""The ASGI application: one entry for every plane, no framework, so that a GET costs well under a millisecond."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from simulator.engine import dispatch
from simulator.engine.hooks import ArmError, Caller
from simulator.engine.messages import Request, Response, error_response
from simulator.faults import Effect, Faults
from simulator.planes import (
    entra,
    graph,
    inference,
    log_queries,
    metadata,
    metrics,
    resource_graph,
    retail_prices,
    topics,
)
from simulator.planes.clock import Clock
from simulator.planes.world import World
from simulator.recorder import Answered, Recorder, body_of, retry_after
from simulator.server import control
from simulator.server.alerting import Alerter
from simulator.server.delivery import VALIDATE, Deliverer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DEFECT = "Encountered internal server error: a defect of the simulator, see its log."
NOBODY = Caller("", None, "", "")
WRITES = frozenset({"PUT", "PATCH", "POST", "DELETE"})


@dataclass
class Simulator:
    """What one process holds: the world, and what watches and disturbs it."""

    world: World
    recorder: Recorder
    faults: Faults
    on_environment: Callable[[], None] = lambda: None
    grid: Deliverer = field(init=False)
    alerting: Alerter = field(init=False)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.grid = Deliverer(self.world, self.faults)
        self.alerting = Alerter(self.world, self.faults)

    def dues(self) -> tuple[float | None, ...]:
        """When something comes due by itself: in ARM, of what is on its way, of alert rules."""
        world = self.world
        return world.engine.next_due(), self.grid.next_due(), world.alerts.next_due(), self.alerting.next_due()

    def disturb(self, rules: Any) -> None:
        """Take fault rules in place of those there are; raises ValueError. Reads that lag need what was there."""
        self.faults.replace(rules)
        self.world.store.remember(self.faults.longest_lag(), lambda: self.world.engine.clock())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request, arrived = await _request(scope, receive), time.time()
        if request.path.startswith("/simulator"):
            response = control.handle(self, request, str((scope.get("client") or ("",))[0]))
            await _answer(send, response, {})
            return
        effect = self.faults.effect(request.method, request.path, lambda wanted: self._is_of(request, wanted))
        if effect.delay:
            await self._delayed(effect.delay)
        plane, response = self._served(request, effect)
        dropped = effect.drop is not None
        who, method, path = request.caller.object_id, request.method, request.path
        self._record(plane, request, Answered(who, method, path, response, arrived, told=not dropped), effect)
        self.world.look()
        self.world.store.flush()
        self.grid.work()
        self.alerting.work()
        if dropped:
            await _cut(send)
            return
        await _answer(send, response, _identifiers(request))

    async def _delayed(self, seconds: float) -> None:
        """So long, or until other rules take the place of those that asked for it."""
        rules, end = self.faults.rules, time.monotonic() + seconds
        while self.faults.rules is rules and (left := end - time.monotonic()) > 0:  # noqa: ASYNC110 - they are data
            await asyncio.sleep(min(left, 0.05))

    def _served(self, request: Request, effect: Effect) -> tuple[str, Response]:
        """Handle a call, unless a fault keeps it from being handled."""
        if effect.drop == "before":
            request.caller = self._quietly(request)
            return "fault", Response(0, None, content_type=None)
        if effect.answer is not None and not effect.answer_after:
            request.caller = self._quietly(request)
            now = self.world.engine.now().timestamp()
            self.world.engine.arm_traffic.note(request.path, request.method, effect.answer.status, now)
            return "fault", self._told(request, effect.answer)
        request.failure = effect.failure
        if effect.lag is not None:
            request.lag = effect.lag / self.world.engine.scale
        try:
            plane, response = self.handle(request)
        except Exception:  # (the server's edge: a defect of the simulator must look like one and be seen)
            logging.getLogger("simulator").exception("%s %s failed", request.method, request.path)
            plane, response = "arm", error_response(ArmError(500, "InternalServerError", DEFECT))
        if plane == "arm":
            now = self.world.engine.now().timestamp()
            self.world.engine.arm_traffic.note(request.path, request.method, response.status, now)
        if effect.token_seconds is not None and isinstance(response.body, dict) and "access_token" in response.body:
            self.world.tokens.cut_short(response.body["access_token"], effect.token_seconds)
        return plane, (effect.answer if effect.answer is not None and effect.drop is None else response)

    def _told(self, request: Request, answer: Response) -> Response:
        """Whoever polls and is told to wait, waits."""
        polled = self.world.engine.operations.at(request.path, request.query) if request.method == "GET" else None
        if polled is not None:
            answer.operation, answer.retry_after = polled[0].id, retry_after(answer.headers)
        return answer

    def _is_of(self, request: Request, wanted: str) -> bool:
        """Whether a call is one of a seeded principal, by name, or of an object id."""
        known = self.world.store.kv.get(f"seeded:{wanted}", wanted)
        return self._quietly(request).object_id == str(known)

    def handle(self, request: Request) -> tuple[str, Response]:
        """(plane, answer) of one call."""
        self.world.engine.settle()
        if found := metadata.handle(self.world.base, request):
            return "metadata", found
        if found := retail_prices.handle(request):
            return "prices", found
        if found := entra.handle(self.world, request):
            return "entra", found
        if found := graph.handle(self.world, request):
            return "graph", found
        if request.method == "GET" and request.path == VALIDATE:
            return "eventgrid", self.grid.validated(request)
        if found := inference.handle(self.world, request):
            return "inference", found
        if found := metrics.handle(self.world, request):
            return "metrics", found
        if found := resource_graph.handle(self.world, request):
            return "graph", found
        if found := topics.handle(self.world, request):
            return "eventgrid", found
        if found := log_queries.handle(self.world, request):
            return "logs", found
        return "arm", self._arm(request)

    def _arm(self, request: Request) -> Response:
        world = self.world
        try:
            request.caller = world.tokens.caller(request.headers.get("authorization", ""))
            parts = request.path.split("/", 3)
            subscription = parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else None
            limits = world.buckets.take(subscription, request.caller.object_id, request.method)
        except ArmError as error:
            return error_response(error)
        response = dispatch.handle(world.engine, request)
        response.headers.update(limits)
        return response

    def _quietly(self, request: Request) -> Caller:
        """The caller for the record when the call itself is not handled."""
        try:
            return self.world.tokens.caller(request.headers.get("authorization", ""))
        except ArmError:
            return NOBODY

    def _record(self, plane: str, request: Request, answered: Answered, effect: Effect) -> None:
        caller, response = request.caller, answered.response
        call = {
            "time": time.time(),
            "plane": plane,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "apiVersion": request.api_version,
            "status": response.status,
            "principal": caller.object_id,
            "clientId": caller.client_id,
            "early_poll": self.recorder.early(answered),
            "early_write": self.recorder.early_write(answered),
            "early_question": self.recorder.early_question(answered),
            "requestBody": body_of(request.body) if request.method in WRITES and plane in ("arm", "fault") else None,
            "operation": response.operation,
            "correlationId": request.headers.get("x-ms-correlation-request-id"),
        }
        if effect.names:
            call["faults"] = list(effect.names)
        if effect.drop:
            call["dropped"] = effect.drop
        if response.status >= 400 and isinstance(response.body, dict):
            call["error"] = response.body.get("error", response.body)
        self.recorder.add(call)


async def _request(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    chunks = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    base = f"https://{headers.get('host', 'localhost')}"
    return Request(scope["method"], scope["path"], query, headers, b"".join(chunks), base, NOBODY)


def _identifiers(request: Request) -> dict[str, str]:
    """The headers by which a call is found again."""
    unique = str(uuid.uuid4())
    correlation = request.headers.get("x-ms-correlation-request-id") or unique
    found = {
        "x-ms-request-id": unique,
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"LOCALHOST:{unique}",
    }
    if request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        found["x-ms-client-request-id"] = request.headers.get("x-ms-client-request-id", "")
    return found


async def _answer(send: Send, response: Response, more: dict[str, str]) -> None:
    body = response.encoded()
    headers = {"cache-control": "no-cache", "pragma": "no-cache", "x-content-type-options": "nosniff"}
    headers |= {"strict-transport-security": "max-age=31536000; includeSubDomains", **more, **response.headers}
    if response.content_type is not None:
        headers["content-type"] = response.content_type
    if response.status != 204:
        headers["content-length"] = str(len(body))
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _cut(send: Send) -> None:
    """Cut the connection without an answer: uvicorn's `send` belongs to the request's cycle, which knows its
    transport. The loop then needs a moment to tell the cycle that the client is gone."""
    cycle = getattr(send, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise ConnectionAbortedError("dropped by a fault rule")
    transport.abort()
    for _ in range(50):
        if getattr(cycle, "disconnected", True):
            return
        await asyncio.sleep(0)
