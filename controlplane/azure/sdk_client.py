"""``azure-mgmt-network`` and ``azure-mgmt-privatedns``, reduced to "send this body, give me the answer".

The SDKs' own reading of an answer is not used: they call a 202 where they expect 201 an error, fail on a Retry-After
that is a date, and keep a poller. The raw answer is caught by azure-core's response hook and read by our own rules.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import ArmClient, answer_of
from controlplane.azure.errors import lost_connection
from controlplane.azure.sdk_routes import NETWORK, PRIVATE_DNS, SdkCall

_CLASSES = {NETWORK: "NetworkManagementClient", PRIVATE_DNS: "PrivateDnsManagementClient"}


class SdkClients:
    """SDK clients over the ARM client's connection: one per subscription, and for private DNS per api-version."""

    def __init__(self, client: ArmClient) -> None:
        self._client = client
        self._made: dict[tuple[str, str, str], Any] = {}
        self._of: object = None

    async def warm_up(self) -> None:
        """Imports both SDKs off the event loop."""
        await self._client.connection()
        for package in _CLASSES:
            await asyncio.to_thread(importlib.import_module, package)

    async def put(self, call: SdkCall, api_version: str, body: bytes) -> ArmAnswer:
        """``body`` is sent as it is: the SDKs serialise models, and pass bytes on."""
        operations = await self._operations(call, api_version)
        return await self._answer(operations.begin_create_or_update, call, api_version, body)

    async def delete(self, call: SdkCall, api_version: str) -> ArmAnswer:
        operations = await self._operations(call, api_version)
        return await self._answer(operations.begin_delete, call, api_version)

    async def _answer(
        self, begin: Callable[..., Awaitable[Any]], call: SdkCall, api_version: str, *body: bytes
    ) -> ArmAnswer:
        pipeline = importlib.import_module("controlplane.azure._pipeline")
        exceptions = importlib.import_module("azure.core.exceptions")
        caught: list[Any] = []
        # Private DNS has its api-version in the client and would pass this one on to the transport.
        version = {"api_version": api_version} if call.package == NETWORK else {}
        try:
            await begin(call.group, *call.names, *body, polling=False, raw_response_hook=caught.append, **version)
        except pipeline.LOST as error:
            raise lost_connection(error) from error
        except (exceptions.HttpResponseError, ValueError):
            # The SDK's opinion of an answer that was caught; without one there is nothing to judge. ValueError is a
            # Retry-After that is a date.
            if not caught:
                raise
        try:
            return await answer_of(caught[-1].http_response)
        except pipeline.LOST as error:
            raise lost_connection(error) from error

    async def _operations(self, call: SdkCall, api_version: str) -> Any:
        connection = await self._client.connection()
        if self._of is not connection:
            self._made.clear()
            self._of = connection
        key = (call.package, call.subscription, api_version if call.package == PRIVATE_DNS else "")
        if key not in self._made:
            module = await asyncio.to_thread(importlib.import_module, call.package)
            version = {"api_version": api_version} if call.package == PRIVATE_DNS else {}
            self._made[key] = getattr(module, _CLASSES[call.package])(
                connection.credential,
                call.subscription,
                base_url=connection.endpoint,
                credential_scopes=[f"{connection.endpoint}/.default"],
                policies=[],
                pipeline=connection.pipeline,
                **version,
            )
        return getattr(self._made[key], call.operations)
