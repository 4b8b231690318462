"""The product in this process against a running simulator: the real API, store, adapters and ticks.

    with running_product(folder, time_scale=1000) as product:
        operation = product.finish(product.put(example()))     # PUT, then ticks until the operation ends
        assert product.validate()["isClean"]
        product.owner.put(arm_id, body)                        # what another principal does, through ARM

Everything is synchronous for the tests: the product's own event loop runs while a call of this module does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml

from controlplane.arm import type_of
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.catalog import AzureCatalog
from controlplane.azure.gates import GatedReader, GatedWriter, Gates
from controlplane.azure.reader import ArmReader
from controlplane.azure.writer import ArmWriter
from controlplane.clocks import SystemClock
from controlplane.http.app import create_app
from controlplane.http.services import HttpServices
from controlplane.operations.model import Operation
from controlplane.ports.store import Store
from controlplane.projects.repository import ProjectRepository
from controlplane.settings import Settings, StoreKind
from controlplane.store import SqliteStore
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.kinds import API_VERSIONS
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.reconcile import TickDeps, tick
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.spec import parse_spec
from tests.support.api_fakes import FakeQueue
from tests.support.blueprints import ROOT, example
from tests.support.calling import call
from tests.support.patience import Patience
from tests.support.simulator import RunningSimulator, start_simulator
from tests.support.waiting import PATIENCE_SECONDS, until

T = TypeVar("T")
NAME = "churn-dev"
#: What tells a process where Azure is, and nothing else does.
_CLIENT_NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")

#: An empty store (for SQLite, at this path), and what closes it.
MakeStore = Callable[[Path], tuple[Store, Callable[[], Coroutine[Any, Any, None]]]]


def sqlite_store(path: Path) -> tuple[Store, Callable[[], Coroutine[Any, Any, None]]]:
    """The store of most tests."""
    store = SqliteStore(path)

    async def close() -> None:
        store.close()

    return store, close


class Owner:
    """Somebody else with all rights, at ARM's front door."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self._simulator = simulator
        bearer = {"authorization": f"Bearer {simulator.arm_token('owner')}"}
        self._http = httpx.Client(
            base_url=simulator.url, verify=simulator.context(), headers=bearer, timeout=PATIENCE_SECONDS
        )

    def call(
        self, method: str, arm_id: str, body: Any = None, *, version: str | None = None, query: Any = None
    ) -> httpx.Response:
        """One call, under the API version that the product uses for the type."""
        known = {name.lower(): pinned for name, pinned in API_VERSIONS.items()}
        chosen = version or known[type_of(arm_id).lower()]
        return self._http.request(method, arm_id, params={"api-version": chosen, **(query or {})}, json=body)

    def get(self, arm_id: str, version: str | None = None) -> dict[str, Any] | None:
        """The body, or None on 404."""
        answer = self.call("GET", arm_id, version=version)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def put(self, arm_id: str, body: Any, version: str | None = None) -> httpx.Response:
        """A PUT, and the end of what it starts; the answer as it came, refusals too."""
        return self._settled(self.call("PUT", arm_id, body, version=version))

    def delete(self, arm_id: str, version: str | None = None) -> httpx.Response:
        """As :meth:`put`. A compute's DELETE says what becomes of the machine."""
        how = {"underlyingResourceAction": "Delete"} if "/computes/" in arm_id else None
        return self._settled(self.call("DELETE", arm_id, version=version, query=how))

    def settle(self) -> None:
        """Returns when Azure is at work on nothing."""
        until(lambda: not self._simulator.settings()["runningOperations"], every=0.01)

    def _settled(self, answer: httpx.Response) -> httpx.Response:
        self.settle()
        return answer

    def close(self) -> None:
        self._http.close()


@dataclass
class Product:
    """``store`` may be replaced by :meth:`reset`; everything else lives as long as the simulator."""

    simulator: RunningSimulator
    folder: Path
    runner: asyncio.Runner
    owner: Owner
    settings: Settings
    observer: ArmClient
    operator: ArmClient
    make_store: MakeStore
    patience: Patience
    store: Store = field(init=False)
    services: HttpServices = field(init=False)
    deps: TickDeps = field(init=False)
    admin: str = field(init=False)
    _client: httpx.AsyncClient = field(init=False)
    _close_store: Callable[[], Coroutine[Any, Any, None]] = field(init=False)
    _stores: int = 0

    def __post_init__(self) -> None:
        self._open()

    def _open(self) -> None:
        self._stores += 1
        self.store, self._close_store = self.make_store(self.folder / f"store-{self._stores}.db")
        repository, queue, clock = WorkspaceRepository(self.store), FakeQueue(), SystemClock()
        seeing = Gates(self.store, self.settings.observer_client_id, clock)
        acting = Gates(self.store, self.settings.operator_client_id, clock)
        reader = GatedReader(ArmReader(self.observer), seeing)
        self.services = HttpServices(
            repository=repository,
            projects=ProjectRepository(self.store),
            reader=reader,
            catalog=AzureCatalog(self.observer, gated=lambda inner: GatedReader(inner, seeing)),
            clock=clock,
            queue=queue,
            settings=self.settings,
            durations=self.store,
        )
        self.deps = TickDeps(
            repository=repository,
            reader=GatedReader(ArmReader(self.operator), acting),
            writer=GatedWriter(self.patience.of(ArmWriter(self.operator)), acting),
            clock=clock,
            queue=queue,
            tenant_id=self.settings.tenant_ids[0],
            cloud=self.settings.cloud,
            owner="test",
            lease_seconds=self.settings.lease_seconds,
            tick_seconds=self.settings.tick_seconds,
            max_parallel=self.settings.max_parallel_calls,
            durations=self.store,
        )
        transport = httpx.ASGITransport(create_app(lambda: self.services))
        self._client = httpx.AsyncClient(transport=transport, base_url="https://api.example.test")
        self.admin = self.simulator.token(roles=["Platform.Admin"], user="ada")

    def reset(self) -> None:
        """An empty Azure, an empty store, the project registered."""
        self._shut()
        self.simulator.reset()
        self.simulator.settings(throttling=False)
        self.patience.forget()
        self._open()
        self.register()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On the product's own event loop."""
        return self.runner.run(work)

    # -- the API -----------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> httpx.Response:
        """As a Platform.Admin unless a token is given; ``""`` sends none."""
        return self.run(self.send(method, path, body, token=token, headers=headers, **query))

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> httpx.Response:
        """:meth:`call` for what runs on the loop already."""
        bearer = self.admin if token is None else token
        return await call(self._client, (method, path), body, bearer, headers or {}, **query)

    def register(self, project: str = "churn", **changes: Any) -> None:
        """The example's registration."""
        text = (ROOT / "examples" / "projects" / "churn.yaml").read_text()
        answer = self.call("PUT", f"projects/{project}", {**yaml.safe_load(text), **changes})
        assert answer.status_code in (200, 201), answer.text

    def put(
        self, spec: Mapping[str, Any] | None = None, name: str = NAME, *, allow_destructive: bool = False
    ) -> httpx.Response:
        """PUT of a spec; the example's unless one is given."""
        consent = "true" if allow_destructive else "false"
        return self.call("PUT", f"workspaces/{name}", spec or example(), allowDestructive=consent)

    def validate(self, name: str = NAME) -> dict[str, Any]:
        """The answer of ``:validate``."""
        answer = self.call("POST", f"workspaces/{name}:validate")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def failing(self, name: str = NAME) -> list[dict[str, Any]]:
        """Failing findings of ``:validate``; nothing may be unknown."""
        findings = self.validate(name)["findings"]
        assert [f for f in findings if f["status"] == "Unknown"] == []
        return [f for f in findings if f["status"] == "Fail"]

    def plan(self, spec: Mapping[str, Any] | None = None, name: str = NAME) -> dict[str, Any]:
        """The answer of ``:plan``."""
        answer = self.call("POST", f"workspaces/{name}:plan", {"spec": spec} if spec else None)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    # -- the ticks ---------------------------------------------------------------------------------------------------

    def finish(self, accepted: httpx.Response, name: str = NAME) -> Operation:
        """Ticks until the operation of an accepted request has ended."""
        assert accepted.status_code in (201, 202), accepted.text
        return self.run(self.until_ended(str(accepted.json()["id"]), name))

    async def until_ended(self, operation_id: str, name: str = NAME) -> Operation:
        """What the queue and the timer do: a tick whenever the workspace is due."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            await tick(name, self.deps)
            operation = await self.operation(operation_id)
            if operation.status.is_terminal:
                return operation
            if time.monotonic() > deadline:
                moving = [(s.key, s.status, s.waiting_for) for s in operation.steps if s.status == "Running"]
                raise TimeoutError(f"{operation.kind} {operation.status}: {moving}")
            stored = await self.services.repository.load(name)
            due = stored.record.due_at if stored else None
            await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) if due else 0.01)

    async def operation(self, operation_id: str) -> Operation:
        """As stored."""
        found = await self.services.repository.load_operation(operation_id)
        assert found is not None
        return found.operation

    def repair(self, name: str = NAME) -> Operation:
        """``:repair`` to its end."""
        return self.finish(self.call("POST", f"workspaces/{name}:repair"), name)

    def another_ticker(self, owner: str) -> TickDeps:
        """A second process' view of the same store and Azure."""
        return replace(self.deps, owner=owner)

    # -- what is behind ----------------------------------------------------------------------------------------------

    def record(self, name: str = NAME) -> WorkspaceRecord:
        """As stored."""
        stored = self.run(self.services.repository.load(name))
        assert stored is not None
        return stored.record

    def blueprint(self, name: str = NAME) -> Blueprint:
        """What the stored workspace means in Azure."""
        record = self.record(name)
        context = CompileContext(name, record.incarnation, record.resource_group, self.settings.tenant_ids[0])
        return compile_blueprint(parse_spec(record.spec), context)

    def ids(self, name: str = NAME) -> dict[str, str]:
        """Logical key → ARM id of everything that this workspace owns."""
        stored = self.run(self.services.repository.load(name))
        assert stored is not None
        return {key: owned.resource_id for key, owned in stored.status.inventory.items()}

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls that the product sent to change Azure, whatever came of them."""
        operator = self.simulator.settings()["principals"]["operator"]
        calls = self.simulator.calls(plane="arm", since=since)
        mine = [call for call in calls if call["principal"] == operator]
        return [call for call in mine if call["method"] in ("PUT", "PATCH", "DELETE", "POST")]

    def close(self) -> None:
        self._shut()
        self.owner.close()
        self.run(self.observer.close())
        self.run(self.operator.close())

    def _shut(self) -> None:
        self.run(self._client.aclose())
        self.run(self._close_store())


@contextmanager
def running_product(
    folder: Path, *, time_scale: float = 1000, make_store: MakeStore = sqlite_store
) -> Iterator[Product]:
    """A simulator of its own and the product in front of it, with the project registered."""
    with (
        start_simulator(folder, time_scale=time_scale) as simulator,
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner() as runner,
    ):
        for name in _CLIENT_NAMES:
            patch.setenv(name, simulator.env[name])
        simulator.settings(throttling=False)
        settings = settings_of(simulator)
        endpoint = settings.arm_endpoint
        observer = ArmClient(endpoint, settings.observer_client_id)
        operator = ArmClient(endpoint, settings.operator_client_id)
        patience = Patience()
        patience.watch(patch)
        owner = Owner(simulator)
        product = Product(simulator, folder, runner, owner, settings, observer, operator, make_store, patience)
        try:
            product.register()
            yield product
        finally:
            product.close()


def settings_of(simulator: RunningSimulator) -> Settings:
    """The function app's settings for this Azure."""
    env = simulator.env
    return Settings(
        arm_endpoint=env["ARM_ENDPOINT"],
        authority_host=env["AZURE_AUTHORITY_HOST"],
        tenant_ids=(env["AZURE_TENANT_ID"],),
        audience=env["API_CLIENT_ID"],
        observer_client_id=env["OBSERVER_CLIENT_ID"],
        operator_client_id=env["OPERATOR_CLIENT_ID"],
        store=StoreKind.SQLITE,
    )
