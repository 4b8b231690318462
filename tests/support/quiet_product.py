"""The product against the simulator's engine in one process and in virtual time: no socket, no token, no waiting.

The domain, the reader's and the writer's rules and the engine are the real ones; only sockets and tokens are left out,
so that a whole creation takes a second or two of work and a run with one rule of the simulator switched off is cheap.

    product = QuietProduct()
    product.register()
    assert product.finish(product.put()).status == "Succeeded"
    product.owner("DELETE", arm_id)                # what another principal does
    assert product.failing() == {...}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

from controlplane.arm import type_of
from controlplane.azure.activity import AzureActivityLog
from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.catalog import AzureCatalog
from controlplane.azure.hosts import absolute
from controlplane.azure.reader import ArmReader
from controlplane.azure.writer import accepted, delete_plainly, put_plainly
from controlplane.json_types import JsonObject
from controlplane.operations.model import Operation
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.writer import Accepted
from controlplane.projects import service as projects
from controlplane.projects.access import Caller as Person
from controlplane.projects.access import Permission
from controlplane.projects.repository import ProjectRepository
from controlplane.workspaces import kinds as k
from controlplane.workspaces import service
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.reconcile import TickDeps, tick
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.service import Outcome, Request
from controlplane.workspaces.services.deps import ServiceDeps, blueprint_of
from controlplane.workspaces.services.look import Judged, Planned
from simulator.engine import dispatch
from simulator.engine.hooks import Caller
from simulator.engine.messages import Request as ArmRequest
from simulator.engine.messages import Response
from simulator.planes.world import Config
from tests.simulator.lab import QuietWorld
from tests.support.blueprints import ROOT, example
from tests.support.memory_store import MemoryQueue, MemoryStore
from tests.support.virtual_time import START, VirtualClock, VirtualLoop

T = TypeVar("T")
BASE = "https://localhost:8443"
NAME = "churn-dev"
ADMIN = Person("tenant", "ada", frozenset({"Platform.Admin"}))
#: Virtual time; every operation has a deadline of its own before that.
PATIENCE = timedelta(hours=12)
#: Of Microsoft.Network's types that the product itself does not use.
OTHERS_VERSION = "2024-05-01"


class QuietAzure:
    """One world whose clock is the event loop's."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.world = QuietWorld(Config(base=BASE, scale=1.0))
        self.engine = self.world.engine
        self.engine.clock = lambda: START.timestamp() + loop.time()
        self._callers = {name: self._seeded(name) for name in ("owner", "observer", "operator")}
        self.writes: list[tuple[str, str, str]] = []
        """Who, method and path of every call that may change something."""

    def _seeded(self, name: str) -> Caller:
        found = self.world.seeded(name)
        kind = "Application" if name == "owner" else "ManagedIdentity"
        return Caller(found["id"], found["client_id"], name, kind)

    def add_caller(self, name: str, caller: Caller) -> None:
        """Somebody else who calls Azure."""
        self._callers[name] = caller

    def call(
        self, who: str, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Response:
        """One call with the query in the URL."""
        parts = urlsplit(url)
        if method in ("PUT", "PATCH", "DELETE"):
            self.writes.append((who, method, parts.path))
        raw = b"" if body is None else json.dumps(body).encode()
        self.engine.settle()
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = ArmRequest(method, unquote(parts.path), query, headers or {}, raw, BASE, self._callers[who])
        return dispatch.handle(self.engine, request)


class QuietClient:
    """Stands where ``controlplane.azure.arm_client.ArmClient`` stands."""

    endpoint = BASE

    def __init__(self, azure: QuietAzure, who: str) -> None:
        self._azure, self._who = azure, who

    async def request(
        self,
        method: str,
        path: str,
        api_version: str,
        *,
        body: JsonObject | None = None,
        query: Sequence[tuple[str, str]] = (),
    ) -> ArmAnswer:
        url = ArmClient(BASE, "").url(path, api_version, query)
        return self._answer(self._azure.call(self._who, method, url, body), url)

    async def follow(self, link: str, base: str | None = None) -> ArmAnswer:
        url = absolute(link, base or BASE, BASE)
        return self._answer(self._azure.call(self._who, "GET", url), url)

    def _answer(self, response: Response, url: str) -> ArmAnswer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return ArmAnswer(response.status, headers, response.encoded(), url)


class QuietWriter:
    """``controlplane.ports.writer.ResourceWriter`` without the SDKs."""

    def __init__(self, client: QuietClient) -> None:
        self._client = client

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        return await put_plainly(cast(ArmClient, self._client), arm_id, api_version, body)

    async def patch(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        return accepted(await self._client.request("PATCH", arm_id, api_version, body=body), BASE)

    async def act(self, arm_id: str, action: str, api_version: str, body: JsonObject | None = None) -> Accepted:
        return accepted(await self._client.request("POST", f"{arm_id}/{action}", api_version, body=body), BASE)

    async def delete(self, arm_id: str, api_version: str) -> Accepted | None:
        return await delete_plainly(cast(ArmClient, self._client), arm_id, api_version)


class QuietProduct:
    """Synchronous for tests: virtual time passes only inside a call."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.azure = QuietAzure(cast(VirtualLoop, self._runner.get_loop()))
        self.store, clock = MemoryStore(), VirtualClock()
        self.repository, queue = WorkspaceRepository(self.store), MemoryQueue()
        observer, operator = QuietClient(self.azure, "observer"), QuietClient(self.azure, "operator")
        tenant, cloud = self.azure.engine.tenant_id, "AzureCloud"
        self.services = ServiceDeps(
            repository=self.repository,
            projects=ProjectRepository(self.store),
            reader=ArmReader(cast(ArmClient, observer)),
            catalog=AzureCatalog(cast(ArmClient, observer)),
            queue=queue,
            clock=clock,
            tenant_id=tenant,
            cloud=cloud,
            activity=AzureActivityLog(ArmReader(cast(ArmClient, observer))),
            own_apps=frozenset(self.azure.world.seeded(name)["client_id"] for name in ("observer", "operator")),
        )
        self.deps = TickDeps(
            repository=self.repository,
            reader=ArmReader(cast(ArmClient, operator)),
            writer=QuietWriter(operator),
            clock=clock,
            queue=queue,
            tenant_id=tenant,
            cloud=cloud,
            owner="test",
            lease_seconds=90.0,
            tick_seconds=60.0,
            max_parallel=16,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On the virtual loop."""
        return self._runner.run(work)

    def close(self) -> None:
        """Ends the virtual loop."""
        self._runner.close()

    def advance(self, seconds: float) -> None:
        """Lets time pass, and Azure do what comes due."""
        self.run(asyncio.sleep(seconds))
        self.azure.engine.settle()

    # -- the product -----------------------------------------------------------------------------------------------

    def register(self, **changes: Any) -> None:
        """The example's registration."""
        data = yaml.safe_load((ROOT / "examples" / "projects" / "churn.yaml").read_text())
        deps = projects.ProjectDeps(self.services.projects, self.repository, self.services.clock)
        self.run(projects.put_project(deps, ADMIN, "churn", {**data, **changes}, Preconditions()))

    def _ask(self, permission: Permission, *, consent: bool = False, name: str = NAME) -> Request:
        return Request(ADMIN, permission, name, Preconditions(), consent)

    def put(self, spec: Mapping[str, Any] | None = None, *, consent: bool = False, name: str = NAME) -> Outcome:
        """PUT of a spec; the example's unless one is given."""
        ask = self._ask(Permission.WORKSPACES_PUT, consent=consent, name=name)
        return self.run(service.put_workspace(self.services, ask, dict(spec or example())))

    def delete(self, name: str = NAME) -> Operation:
        """DELETE to its end."""
        outcome = self.run(service.delete_workspace(self.services, self._ask(Permission.WORKSPACES_DELETE, name=name)))
        assert outcome is not None
        return self.finish(outcome, name)

    def repair(self, name: str = NAME) -> Operation:
        """``:repair`` to its end."""
        ask = self._ask(Permission.WORKSPACES_REPAIR, name=name)
        return self.finish(self.run(service.repair_workspace(self.services, ask)), name)

    def create(self, spec: Mapping[str, Any] | None = None, name: str = NAME) -> Operation:
        """PUT to its end."""
        return self.finish(self.put(spec, name=name), name)

    def finish(self, outcome: Outcome, name: str = NAME) -> Operation:
        """Ticks until the operation has ended."""
        assert outcome.operation is not None
        return self.run(self._until_ended(outcome.operation.id, name))

    async def _until_ended(self, operation_id: str, name: str) -> Operation:
        clock = self.services.clock
        deadline = clock.now() + PATIENCE
        while True:
            await tick(name, self.deps)
            found = await self.repository.load_operation(operation_id)
            assert found is not None
            if found.operation.status.is_terminal:
                return found.operation
            assert clock.now() < deadline, [s.key for s in found.operation.steps if s.status == "Running"]
            stored = await self.repository.load(name)
            due = stored.record.due_at if stored else None
            await clock.sleep(max(0.01, (due - clock.now()).total_seconds()) if due else 1.0)

    def validate(self, name: str = NAME) -> Judged:
        """The posture now."""
        return self.run(service.validate_workspace(self.services, ADMIN, name))

    def failing(self, name: str = NAME) -> set[str]:
        """Logical keys of failing findings; nothing may be unknown."""
        findings = self.validate(name).report.findings
        assert [f.id for f in findings if f.status == "Unknown"] == []
        return {f.key for f in findings if f.status == "Fail"}

    def grant(self) -> frozenset[str]:
        """What the operator is given because Azure refused it; here nothing."""
        return frozenset()

    def plan(self, spec: Mapping[str, Any] | None = None, name: str = NAME) -> Planned:
        """``:plan``."""
        ask = self._ask(Permission.WORKSPACES_PLAN, name=name)
        return self.run(service.plan_workspace(self.services, ask, dict(spec) if spec else None))

    # -- what is behind --------------------------------------------------------------------------------------------

    def ids(self, name: str = NAME) -> dict[str, str]:
        """Logical key → ARM id of everything that this workspace owns."""
        stored = self.run(self.repository.load(name))
        assert stored is not None
        return {key: owned.resource_id for key, owned in stored.status.inventory.items()}

    def blueprint(self, name: str = NAME) -> Blueprint:
        """What the stored workspace means in Azure."""
        stored = self.run(self.repository.load(name))
        assert stored is not None
        return blueprint_of(self.services, stored.record)

    def owner(self, method: str, arm_id: str, body: Any = None, version: str | None = None) -> int:
        """Somebody else with all rights: the call and the end of what it starts; its status."""
        known = {name.lower(): pinned for name, pinned in k.API_VERSIONS.items()}
        chosen = version or known.get(type_of(arm_id).lower(), OTHERS_VERSION)
        how = "&underlyingResourceAction=Delete" if method == "DELETE" and "/computes/" in arm_id else ""
        response = self.azure.call("owner", method, f"{arm_id}?api-version={chosen}{how}", body)
        self.settle()
        return response.status

    def settle(self) -> None:
        """Until Azure is at work on nothing."""
        engine = self.azure.engine
        while any(operation.status == "InProgress" for operation in engine.operations.all()):
            self.advance(5.0)

    def body(self, arm_id: str, version: str | None = None) -> dict[str, Any] | None:
        """As a GET shows it; None on 404."""
        known = {name.lower(): pinned for name, pinned in k.API_VERSIONS.items()}
        chosen = version or known.get(type_of(arm_id).lower(), OTHERS_VERSION)
        response = self.azure.call("owner", "GET", f"{arm_id}?api-version={chosen}")
        # A copy: the engine answers with what it stores.
        return json.loads(response.encoded()) if response.status == 200 else None
