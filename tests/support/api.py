"""The whole API over an ASGI transport: real store, real tokens, a fake Azure, a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from controlplane.audit.model import Kind
from controlplane.audit.service import AuditDeps
from controlplane.http.app import create_app
from controlplane.http.services import HttpServices
from controlplane.objects.repository import Objects
from controlplane.operations.model import Operation, OperationStatus
from controlplane.ports.store import Store
from controlplane.projects.repository import ProjectRepository
from controlplane.settings import Settings, StoreKind
from controlplane.store import SqliteStore
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.api_fakes import FakeCatalog, FakeQueue, FakeReader
from tests.support.blueprints import let_in
from tests.support.calling import call
from tests.support.clock import FrozenClock
from tests.support.tokens import AUDIENCE, AUTHORITY, TENANT, Issuer

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUPS = {
    (project, role): f"{number:08d}-0000-0000-0000-00000000000{letter}"
    for number, project in enumerate(("churn", "fraud"), 1)
    for letter, role in (("c", "Workspace.Contributor"), ("b", "Workspace.Reader"), ("a", "Approver"))
}


def registration(project: str = "churn", **changes: Any) -> dict[str, Any]:
    """What a Platform.Admin sends."""
    return {
        "subscriptions": [SUBSCRIPTION, FakeCatalog.invisible],
        "regions": ["westeurope", "northeurope", "marseurope"],
        "department": "retail",
        "resourceGroupPrefix": f"rg-{project}-",
        "addressPools": ["10.0.0.0/8"],
        "members": {
            "contributors": [GROUPS[project, "Workspace.Contributor"]],
            "readers": [GROUPS[project, "Workspace.Reader"]],
            "approvers": [GROUPS[project, "Approver"]],
        },
        **changes,
    }


def spec(project: str = "churn", address_space: str = "10.40.0.0/22", **changes: Any) -> dict[str, Any]:
    """The smallest valid spec."""
    asked = {
        "project": project,
        "environment": "dev",
        "subscriptionId": SUBSCRIPTION,
        "location": "westeurope",
        "owners": ["00000000-0000-0000-0000-0000000000a1"],
        "network": {"addressSpace": address_space},
        **changes,
    }
    return let_in(asked)


def error(answer: httpx.Response) -> dict[str, Any]:
    """The error object; the header must say the same code."""
    found: dict[str, Any] = answer.json()["error"]
    assert answer.headers["x-ms-error-code"] == found["code"]
    return found


@dataclass
class Api:
    """One API with everything a test may look at behind it."""

    client: httpx.AsyncClient
    services: HttpServices
    reader: FakeReader
    catalog: FakeCatalog
    queue: FakeQueue
    clock: FrozenClock
    issuer: Issuer
    admin: str = field(default="")
    app: Any = None

    async def call(
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
        bearer = self.admin if token is None else token
        return await call(self.client, (method, path), body, bearer, headers or {}, **query)

    def member(self, project: str, role: str, user: str = "grace") -> str:
        """A token of somebody whose group the project lists under the role."""
        return self.issuer.token(user, groups=[GROUPS[project, role]])

    async def register(self, *projects: str) -> None:
        """Registers projects as the admin."""
        for project in projects or ("churn",):
            answer = await self.call("PUT", f"projects/{project}", registration(project))
            assert answer.status_code in (200, 201), answer.text

    async def create(self, name: str = "churn-dev", **changes: Any) -> str:
        """Creates a workspace and returns the operation's id."""
        answer = await self.call("PUT", f"workspaces/{name}", spec(**changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def finish(
        self, operation_id: str, status: OperationStatus = OperationStatus.SUCCEEDED, **record: Any
    ) -> Operation:
        """What the last tick of an operation stores."""
        repository = self.services.repository
        operation = await repository.load_operation(operation_id)
        assert operation is not None
        stored = await repository.load(operation.operation.target.partition("/")[2])
        assert stored is not None
        lease = await repository.take_lease(stored.record.name, "test", self.clock.now(), 90)
        assert lease is not None
        now = self.clock.now()
        ended = operation.operation.model_copy(update={"status": status, "ended_at": now})
        rested = stored.record.model_copy(update={"active_operation": None, "due_at": None, **record})
        after = stored.status
        if status is OperationStatus.SUCCEEDED:
            after = after.model_copy(update={"observed_generation": stored.record.generation})
        await repository.save_progress(stored, operation, lease, record=rested, status=after, changed=ended)
        await repository.release(lease)
        return ended


@asynccontextmanager
async def running_api(folder: Path, given: Store | None = None) -> AsyncIterator[Api]:
    """Yields an API on an empty store, or on the one that is given."""
    own = SqliteStore(folder / "api.db") if given is None else None
    store = given or own
    assert store is not None
    reader, catalog, queue, clock, issuer = FakeReader(), FakeCatalog(), FakeQueue(), FrozenClock(), Issuer()
    services = HttpServices(
        repository=WorkspaceRepository(store),
        projects=ProjectRepository(store),
        reader=reader,
        catalog=catalog,
        clock=clock,
        queue=queue,
        settings=settings(),
        audit=AuditDeps(store, ProjectRepository(store)),
        objects=Objects(store, Kind.RETRAINING),
        governed=Objects(store, Kind.GOVERNANCE),
    )
    app = create_app(lambda: services, issuer.fetch)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="https://cp.example.test") as client:
            api = Api(client, services, reader, catalog, queue, clock, issuer, app=app)
            api.admin = issuer.token("root", roles=["Platform.Admin"])
            yield api
    finally:
        if own is not None:
            own.close()


def settings(**changes: Any) -> Settings:
    """Settings of one tenant."""
    values: dict[str, Any] = {
        "authority_host": AUTHORITY,
        "tenant_ids": (TENANT,),
        "audience": AUDIENCE,
        "observer_client_id": "observer",
        "operator_client_id": "operator",
        "store": StoreKind.SQLITE,
        "events_function_id": "/subscriptions/s/resourceGroups/cp/providers/Microsoft.Web/sites/cp/functions/events",
        "alerts_url": "https://cp.example.test/api/alerts",
        "alerts_app_uri": f"api://{AUDIENCE}",
        "alerts_app_object_id": "00000000-0000-0000-0000-0000000000ef",
        **changes,
    }
    return Settings(**values)
