"""The FastAPI app. Built on the first request; nothing relies on lifespan, which the host does not promise."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from controlplane.http import docs_page, errors, openapi
from controlplane.http.edge import Edge
from controlplane.http.keys import Fetch, KeySource, fetch_json
from controlplane.http.pace import Pace
from controlplane.http.readiness import Readiness
from controlplane.http.routes import (
    access,
    alerts,
    audit,
    budgets,
    catalog,
    expiry,
    fleet,
    health,
    jobs,
    labeling,
    monitors,
    notifications,
    operations,
    policies,
    projects,
    promotions,
    remediation,
    retrainings,
    signals,
    tasks,
    templates,
    topology,
    workspaces,
)
from controlplane.http.services import HttpServices
from controlplane.http.tokens import TokenValidator

_DOCUMENT = "/api/openapi.json"


class Api:
    """What requests share: the services, and the validator with its cache of keys, both made when first needed."""

    def __init__(self, services: Callable[[], HttpServices], fetch: Fetch) -> None:
        self.services = services
        self._fetch = fetch
        self._validator: TokenValidator | None = None
        self._pace: Pace | None = None
        self.readiness = Readiness()

    def validator(self) -> TokenValidator:
        """One for the life of the process."""
        if self._validator is None:
            settings = self.services().settings
            self._validator = TokenValidator(settings, KeySource(settings.authority_host, self._fetch))
        return self._validator

    def pace(self) -> Pace:
        """One for the life of the process."""
        if self._pace is None:
            settings = self.services().settings
            self._pace = Pace(settings.requests_per_second, settings.request_burst, time.monotonic)
        return self._pace


def create_app(services: Callable[[], HttpServices], fetch: Fetch = fetch_json) -> FastAPI:
    """``services`` is called on the first request that needs them. ``fetch`` reads Entra ID's public documents."""
    app = FastAPI(
        title=openapi.TITLE,
        openapi_url=_DOCUMENT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.api = Api(services, fetch)
    # What portals ask for most comes first: a path is held against one route after the other.
    for module in (
        workspaces,
        operations,
        jobs,
        projects,
        topology,
        templates,
        access,
        policies,
        monitors,
        labeling,
        expiry,
        retrainings,
        promotions,
        tasks,
        remediation,
        budgets,
        fleet,
        notifications,
        signals,
        alerts,
        catalog,
        audit,
        health,
    ):
        app.include_router(module.router)
    docs_page.install(app, _DOCUMENT)
    errors.install(app)
    app.add_middleware(Edge)
    document: dict[str, Any] = {}

    def cached() -> dict[str, Any]:
        if not document:
            document.update(openapi.build(app))
        return document

    app.openapi = cached  # type: ignore[method-assign]
    return app
