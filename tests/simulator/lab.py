"""The simulator's engine in this process, with a clock that tests advance: no server, no sleeping."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from simulator.engine import dispatch, values
from simulator.engine.core import Engine
from simulator.engine.hooks import Caller, Resource
from simulator.engine.messages import Request, Response
from simulator.planes import subscriptions
from simulator.planes.authority import Rights
from simulator.planes.directory import Directory
from simulator.planes.world import Config, World

Body = dict[str, Any]

ZERO = "00000000-0000-0000-0000-000000000000"
GROUP = f"/subscriptions/{ZERO}/resourceGroups/rg"
#: Long enough for any operation but not for soft delete.
LONG = 600.0

API = {
    "microsoft.network/privatednszones": "2024-06-01",
    "microsoft.network": "2024-05-01",
    "microsoft.storage": "2023-05-01",
    "microsoft.keyvault": "2023-07-01",
    "microsoft.containerregistry": "2023-07-01",
    "microsoft.operationalinsights": "2023-09-01",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.insights/actiongroups": "2023-01-01",
    "microsoft.insights/metricalerts": "2018-03-01",
    "microsoft.insights/scheduledqueryrules": "2023-12-01",
    "microsoft.insights/activitylogalerts": "2020-10-01",
    "microsoft.insights/workbooks": "2023-06-01",
    "microsoft.insights": "2021-05-01-preview",
    "microsoft.alertsmanagement": "2021-04-01",
    "microsoft.managedidentity": "2023-01-31",
    "microsoft.compute": "2023-10-02",
    "microsoft.machinelearningservices": "2024-10-01",
    "microsoft.authorization": "2022-04-01",
    "microsoft.eventgrid": "2025-02-15",
    "microsoft.consumption": "2024-08-01",
    "microsoft.costmanagement": "2025-03-01",
}


def version_of(path: str) -> str:
    _, found, tail = path.lower().rpartition("/providers/")
    if not found:
        return "2021-04-01"
    return next(version for prefix, version in API.items() if tail.startswith(prefix))


class QuietWorld(World):
    """A world without tokens: calls come in with their caller. Signing keys would take most of a test's time."""

    def _compose(self, seed: str, scale: float) -> None:
        self.engine = Engine(self.registry, self.store, seed=seed, scale=scale, tenant_id=values.guid(seed, "tenant"))
        self.engine.locations = subscriptions.NAMES
        self.directory = Directory(self.engine)
        self.engine.directory = self.directory
        self.rights = Rights(self.engine)
        self.engine.authority = self.rights


class Lab:
    """One world, one clock, one caller (Owner)."""

    def __init__(self) -> None:
        self.moment = 1_800_000_000.0
        self.consents = True  # what the endpoints of event subscriptions say when they are asked
        self.world = QuietWorld(Config(base="https://localhost:8443", scale=1.0))
        self.world.engine.clock = lambda: self.moment
        self.engine = self.world.engine
        owner = self.world.seeded("owner")
        self.caller = Caller(owner["id"], owner["client_id"], "owner", "Application")
        known = self.world.store.kv["world"]
        known["subscriptions"].append({"id": ZERO, "name": "Recorded", "owner_only": True})
        self.world.store.set("world", known)
        self.engine.grant(f"/subscriptions/{ZERO}", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", owner["id"])

    # Time.

    def advance(self, seconds: float) -> None:
        """Move the clock on, running everything that comes due on the way."""
        end = self.moment + seconds
        while self.engine.outbox.handshakes:
            self.resource(self.engine.outbox.handshakes.popleft()).private["validated"] = self.consents
        while (due := self.engine.next_due()) is not None and due <= end:
            self.moment = max(self.moment, due)
            self.engine.settle()
        self.moment = end
        self.engine.settle()

    # Calls.

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        api: str | None = None,
        headers: dict[str, str] | None = None,
        caller: Caller | None = None,
        lag: float | None = None,
    ) -> Response:
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query))
        if "api-version" not in query:
            query["api-version"] = api or version_of(parts.path)
        raw = b"" if body is None else json.dumps(body).encode()
        self.engine.settle()
        who = caller or self.caller
        request = Request(method, parts.path, query, headers or {}, raw, "https://localhost:8443", who, lag=lag)
        return dispatch.handle(self.engine, request)

    def get(self, path: str, **options: Any) -> Body:
        response = self.call("GET", path, **options)
        assert response.status == 200, (response.status, response.body)
        found: Body = response.body
        return found

    def put(self, path: str, body: Body, **options: Any) -> Body:
        """PUT and wait until the operation ended; the resource as a GET shows it. Fails when Azure would refuse."""
        response = self.call("PUT", path, body, **options)
        assert response.status in (200, 201, 202), (response.status, response.body)
        failed = self.outcome(response)
        assert failed is None, failed
        return self.get(path)

    def outcome(self, response: Response) -> Body | None:
        """Wait for a long operation; its error, or None when it succeeded. A refused call: its error."""
        if response.status >= 400:
            found: Body = response.body.get("error", response.body)
            return found
        operation = self.engine.operations.get(response.operation)
        if operation is None:
            return None
        self.advance(max(0.0, operation.due - self.moment))
        if operation.status == "InProgress":
            raise AssertionError(f"still running: {operation}")
        return operation.error

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Body:
        """The error that a call ends with, at once or when its operation fails."""
        error = self.outcome(self.call(method, path, body, **options))
        assert error is not None, f"{method} {path} was accepted"
        return error

    def delete(self, path: str, **options: Any) -> None:
        response = self.call("DELETE", path, **options)
        assert response.status in (200, 202), (response.status, response.body)
        assert self.outcome(response) is None

    def resource(self, path: str) -> Resource:
        found = self.engine.get(path)
        assert found is not None, f"{path} does not exist"
        return found

    def exists(self, path: str) -> bool:
        found = self.engine.get(path)
        return found is not None and not found.hidden

    def group(self, name: str = "rg", location: str = "westeurope") -> str:
        path = f"/subscriptions/{ZERO}/resourceGroups/{name}"
        self.put(path, {"location": location})
        return path

    def switch(self, **hooks: bool) -> None:
        self.engine.switches.turn({name.replace("_", "-"): on for name, on in hooks.items()})


def provider(kind: str, *names: str, group: str = GROUP) -> str:
    """`provider("Microsoft.Network/virtualNetworks/subnets", "vnet", "snet")`: the id."""
    namespace, *types = kind.split("/")
    pairs = "/".join(f"{one}/{name}" for one, name in zip(types, names, strict=True))
    return f"{group}/providers/{namespace}/{pairs}"
