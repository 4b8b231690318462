"""The API, and what it needs."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from controlplane.bootstrap.foundations import anchor, clock, governed, objects, queue, settings, store
from controlplane.bootstrap.once import once
from controlplane.bootstrap.outside import directory, gates_of, observer, prices

if TYPE_CHECKING:
    from fastapi import FastAPI

    from controlplane.http.services import HttpServices


@once
def http_services() -> HttpServices:
    """What the API needs; nothing in it can write to Azure."""
    from controlplane.audit.service import AuditDeps
    from controlplane.azure.activity import AzureActivityLog
    from controlplane.azure.catalog import AzureCatalog
    from controlplane.azure.gates import GatedReader
    from controlplane.azure.reader import ArmReader
    from controlplane.http.services import HttpServices
    from controlplane.projects.repository import ProjectRepository
    from controlplane.workspaces.repository import WorkspaceRepository

    gates, projects = gates_of(settings().observer_client_id), ProjectRepository(store())
    reader = GatedReader(ArmReader(observer()), gates)
    return HttpServices(
        repository=WorkspaceRepository(store()),
        projects=projects,
        reader=reader,
        catalog=AzureCatalog(observer(), gated=lambda inner: GatedReader(inner, gates)),
        clock=clock(),
        queue=queue(),
        settings=settings(),
        durations=store(),
        audit=AuditDeps(store(), projects, anchor()),
        directory=directory(),
        objects=objects(),
        governed=governed(),
        activity=AzureActivityLog(reader),
        prices=prices(),
    )


@once
def http_app() -> FastAPI:
    """The API."""
    from controlplane.http.app import create_app

    app = create_app(http_services)
    # What was imported stays for ever: the collector need not look through it again while requests wait.
    gc.collect()
    gc.freeze()
    return app
