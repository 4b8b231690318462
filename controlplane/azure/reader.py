"""Reads of every provider, through the ARM client. Implements ``ports.reader.ResourceReader``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.errors import ArmError, cause, error_of, is_absence, read_error
from controlplane.azure.managed_networks import network_of, workspace_of
from controlplane.azure.retry_after import retry_after
from controlplane.errors import Fatal
from controlplane.json_types import JsonObject
from controlplane.ports.reader import OperationReading

#: A list longer than this is a nextLink that never ends.
MAX_PAGES = 1000

#: A managed network's provisioning ends with its status, ``{"status": "Active"}`` (API 2025-12-01,
#: ManagedNetworkProvisionStatus).
_TERMINAL = {
    "succeeded": "Succeeded",
    "active": "Succeeded",
    "failed": "Failed",
    "canceled": "Canceled",
    "cancelled": "Canceled",
}


class ArmReader:
    """See the protocol. ``api_version`` is pinned by the caller, per type."""

    def __init__(self, client: ArmClient) -> None:
        self._client = client

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        workspace = workspace_of(path)
        answer = await self._client.request("GET", workspace or path, api_version)
        if is_absence(answer):
            return None
        return _object(answer) if workspace is None else network_of(_object(answer))

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        if workspace_of(path) is not None:
            network = await self.get(path, api_version)
            return () if network is None else (network,)
        answer = await self._client.request("GET", path, api_version, query=query)
        if is_absence(answer):
            return ()
        items: list[JsonObject] = []
        seen = {answer.url}
        while True:
            items.extend(_values(answer, path))
            link = _object(answer).get("nextLink")
            if not link:
                return tuple(items)
            answer = await self._client.follow(link, answer.url)
            if answer.url in seen or len(seen) >= MAX_PAGES:
                raise Fatal("EndlessList", f"The pages of the list of {path} do not end.")
            seen.add(answer.url)

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        """See ``ports.reader.NewestReader``."""
        answer = await self._client.request("GET", path, api_version, query=query)
        return () if is_absence(answer) else tuple(_values(answer, path))

    async def operation(self, url: str) -> OperationReading:
        return read_operation(await self._client.follow(url))


def _values(answer: ArmAnswer, path: str) -> list[JsonObject]:
    value = _object(answer).get("value")
    if not isinstance(value, list):
        raise Fatal("UnexpectedAnswer", f"The list of {path} has no array 'value'.")
    return value


def read_operation(answer: ArmAnswer) -> OperationReading:
    """One poll of ``Azure-AsyncOperation`` or ``Location``, whichever it was: the answers tell them apart. Pure.

    Sources: ARM RPC "Asynchronous operations"; the recordings: private DNS answers 202 *with* a status document
    while it runs, storage's Location answers 200 with the resource, a resource group's 202 and 200 have no body.
    """
    match answer.status:
        case 404 | 410 if answer.status == 410 or is_absence(answer):
            return OperationReading("Gone", correlation_id=answer.correlation_id)
        case 401 | 403 | 404 | 408 | 429:
            raise error_of(answer)
        case status if status >= 500:
            raise error_of(answer)
        case status if status >= 400:
            # A Location URL reports the failure of its operation by an error status of its own.
            return _reading(answer, "Failed", read_error(answer))
        case status if status >= 300:
            raise error_of(answer)
        case status:
            body = answer.json()
            return _document(answer, body if isinstance(body, dict) else {}, running=status == 202)


def _document(answer: ArmAnswer, body: dict[str, Any], *, running: bool) -> OperationReading:
    named = body.get("status")
    if not isinstance(named, str):
        # Not a status document: nothing at all, or the resource itself. A resource that failed still says so.
        if running:
            return _reading(answer, "InProgress")
        properties = body.get("properties")
        named = properties.get("provisioningState") if isinstance(properties, dict) else None
        failed = isinstance(named, str) and _TERMINAL.get(named.lower()) in ("Failed", "Canceled")
        named = named if failed else "Failed" if isinstance(body.get("error"), dict) else "Succeeded"
    status = _TERMINAL.get(str(named).lower(), "InProgress")
    return _reading(answer, status, None if status in ("InProgress", "Succeeded") else _failure(body, status))


def _failure(body: dict[str, Any], status: str) -> ArmError:
    """The error of an operation that ended badly: under ``error``, or under ``properties.error``."""
    properties = body.get("properties")
    for holder in (body, properties if isinstance(properties, dict) else {}):
        error = holder.get("error")
        if isinstance(error, dict):
            return cause(error, f"Operation{status}")
    return cause({}, f"Operation{status}")


def _reading(answer: ArmAnswer, status: str, error: ArmError | None = None) -> OperationReading:
    wait = retry_after(answer.headers, datetime.now(UTC)) if status == "InProgress" else None
    return OperationReading(
        status,
        retry_after=wait or 0.0,
        code=error.code if error else None,
        message=error.message if error else None,
        correlation_id=answer.correlation_id,
    )


def _object(answer: ArmAnswer) -> dict[str, Any]:
    """The JSON object of a 2xx answer; raises the mapped error for any other."""
    if not answer.ok:
        raise error_of(answer)
    body = answer.json()
    if not isinstance(body, dict):
        raise Fatal("UnexpectedAnswer", f"Azure answered {answer.status} without a JSON object.")
    return body
