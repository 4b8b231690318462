"""Writes of every provider. Implements ``ports.writer.ResourceWriter``.

Networks and private DNS go through their SDKs, the rest through the ARM client; both send the same bytes through
the same pipeline, and both answers are read here by the same rules. Nothing waits for a long operation, and no
poller is kept: its URL is.
"""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.arm import type_of
from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import ArmClient, encode
from controlplane.azure.errors import error_of, is_absence
from controlplane.azure.hosts import absolute
from controlplane.azure.instances import TYPE as COMPUTE
from controlplane.azure.instances import is_instance, set_idle_time
from controlplane.azure.managed_networks import build, is_network
from controlplane.azure.retry_after import retry_after
from controlplane.azure.sdk_client import SdkClients
from controlplane.azure.sdk_routes import route
from controlplane.computes import is_machine
from controlplane.json_types import JsonObject
from controlplane.ports.writer import Accepted


class ArmWriter:
    """See the protocol."""

    def __init__(self, client: ArmClient) -> None:
        self._client = client
        self._sdks = SdkClients(client)

    async def warm_up(self) -> None:
        """Imports both SDKs off the event loop (seconds, 300 MB), so that the first tick does not wait for it."""
        await self._sdks.warm_up()

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        call = route(arm_id)
        if call is None:
            return await put_plainly(self._client, arm_id, api_version, body)
        return accepted(await self._sdks.put(call, api_version, encode(body)), self._client.endpoint)

    async def patch(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        return accepted(await self._client.request("PATCH", arm_id, api_version, body=body), self._client.endpoint)

    async def act(self, arm_id: str, action: str, api_version: str, body: JsonObject | None = None) -> Accepted:
        answer = await self._client.request("POST", f"{arm_id}/{action}", api_version, body=body)
        return accepted(answer, self._client.endpoint)

    async def delete(self, arm_id: str, api_version: str) -> Accepted | None:
        call = route(arm_id)
        if call is None:
            return await delete_plainly(self._client, arm_id, api_version)
        return _gone_or(await self._sdks.delete(call, api_version), self._client.endpoint)


async def put_plainly(client: ArmClient, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
    """Create or replace what no SDK writes; a managed network is built by an action of its workspace, and the idle time
    of a compute instance that is there is set by one."""
    if is_network(arm_id):
        answer = await build(client, arm_id, api_version, body)
    else:
        if is_instance(arm_id, body):
            await set_idle_time(client, arm_id, api_version, body)
        answer = await client.request("PUT", arm_id, api_version, body=body)
    return accepted(answer, client.endpoint)


async def delete_plainly(client: ArmClient, arm_id: str, api_version: str) -> Accepted | None:
    """Delete what no SDK deletes. "The managed virtual network is deleted when the workspace is deleted": not before,
    and by nobody."""
    if is_network(arm_id):
        return None
    query: tuple[tuple[str, str], ...] = ()
    if type_of(arm_id).lower() == COMPUTE.lower():
        found = await client.request("GET", arm_id, api_version)
        if is_absence(found):
            return None
        if not found.ok:
            raise error_of(found)
        # Required in the API definition (Compute_Delete).
        query = (("underlyingResourceAction", "Delete" if is_machine(found.object() or {}) else "Detach"),)
    return _gone_or(await client.request("DELETE", arm_id, api_version, query=query), client.endpoint)


def _gone_or(answer: ArmAnswer, endpoint: str) -> Accepted | None:
    return None if answer.status == 204 or is_absence(answer) else accepted(answer, endpoint)


def accepted(answer: ArmAnswer, endpoint: str) -> Accepted:
    """What a 2xx answer to a write says; raises the mapped error for any other. Pure.

    Source: ARM RPC "Asynchronous operations" (Azure-AsyncOperation before Location). Location counts with 202 only:
    with 201 it is the new resource's own address (user-assigned identities, Log Analytics), which answers 200 long
    before the resource is there.
    """
    if not answer.ok:
        raise error_of(answer)
    link = answer.headers.get("azure-asyncoperation")
    if link is None and answer.status == 202:
        link = answer.headers.get("location")
    return Accepted(
        status=answer.status,
        body=answer.object(),
        operation_url=absolute(link, answer.url, endpoint) if link else None,
        retry_after=retry_after(answer.headers, datetime.now(UTC)) or 0.0,
        correlation_id=answer.correlation_id,
    )
