"""Whether what the process needs is there; asked of the dependencies once in a few seconds, however often of us."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import monotonic
from typing import Any

from controlplane.errors import ControlPlaneError
from controlplane.http.services import HttpServices

#: How long an answer holds. Load balancers ask every few seconds, from several places.
KEPT_SECONDS = 5.0
_CHECK_SECONDS = 10.0
#: A read that every identity with any role may do, and that finds nothing out about anybody.
_SUBSCRIPTIONS, _API_VERSION = "/subscriptions", "2022-12-01"


class Readiness:
    """Remembers the last answer; callers that come while it is being found out wait for the same one."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._known: list[dict[str, Any]] = []
        self._until = 0.0

    async def dependencies(self, services: HttpServices) -> list[dict[str, Any]]:
        """``models.health.DependencyBody`` of each."""
        async with self._lock:
            if monotonic() >= self._until:
                self._known = await _dependencies(services)
                self._until = monotonic() + KEPT_SECONDS
            return self._known


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
