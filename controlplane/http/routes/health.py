"""``/api/health``: whether the process runs, and whether what it needs is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.errors import ControlPlaneError
from controlplane.http import models
from controlplane.http.docs import ok, unavailable
from controlplane.http.requests import Anyone
from controlplane.http.services import HttpServices

router = APIRouter(prefix="/api/health", tags=["Health"])
_CHECK_SECONDS = 10.0
#: A read that every identity with any role may do, and that finds nothing out about anybody.
_SUBSCRIPTIONS, _API_VERSION = "/subscriptions", "2022-12-01"


@router.get("/live", operation_id="Health_Live", responses=ok(models.Liveness), summary="The process answers")
async def live() -> JSONResponse:
    """Needs no token and touches nothing."""
    return JSONResponse({"status": "Alive"})


@router.get(
    "/ready",
    operation_id="Health_Ready",
    responses={**ok(models.Readiness), **unavailable(models.Readiness)},
    summary="What the process needs is there",
)
async def ready(anyone: Anyone) -> JSONResponse:
    """Needs a valid token of any role: it names what does not work. 503 when something does not."""
    dependencies = await _dependencies(anyone.services)
    good = all(item["status"] == "Ready" for item in dependencies)
    body = {"status": "Ready" if good else "NotReady", "dependencies": dependencies}
    return JSONResponse(body, 200 if good else 503)


async def _dependencies(services: HttpServices) -> list[dict[str, Any]]:
    return list(
        await asyncio.gather(
            _check("store", services.projects.load("readiness")),
            _check("azure", services.reader.list(_SUBSCRIPTIONS, _API_VERSION)),
        )
    )


async def _check(name: str, question: Awaitable[object]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await question
    except ControlPlaneError as error:
        return {"name": name, "status": "NotReady", "code": error.code, "message": error.message}
    except TimeoutError:
        message = f"No answer in {_CHECK_SECONDS:g} s."
        return {"name": name, "status": "NotReady", "code": "Timeout", "message": message}
    return {"name": name, "status": "Ready", "code": None, "message": None}
