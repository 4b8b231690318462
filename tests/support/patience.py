"""Which writes were sent although their sender had read that it shall wait: judged where they are sent from.

Nobody at the other end can tell them from writes that were on their way when the 429 was answered: between the moment
in which a call goes ahead and its bytes are a token, a handshake, an SDK that is imported first, and on a busy machine
seconds. Here nothing is guessed. A call begins where the product lets it through, and what had been read until then is
what it knows; what it reads itself, it knows from then on. So no allowance is made, and a second try of the same call
counts.

    patience.watch(patch)                            # everything that azure-core sends from this process
    writer = GatedWriter(patience.of(ArmWriter(…)), gates)
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from azure.core.pipeline.transport import AioHttpTransport

from controlplane.json_types import JsonObject
from controlplane.ports.writer import Accepted, ResourceWriter
from simulator.recorder import WRITES, retry_after, subscription_of

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """One call of the product: how much it knows, and what it was told itself."""

    knows: int
    told: list[Wait] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a 429 asked for. ``who`` shares a connection, and so an identity."""

    who: int
    subscription: str
    until: float


class Patience:
    """``early`` says what was sent too early, as method and path."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.early: list[str] = []
        self._clock = clock
        self._read: list[Wait] = []
        """In the order in which whoever sends could know of them."""
        self._call: ContextVar[Call | None] = ContextVar("call", default=None)

    def forget(self) -> None:
        """Another Azure, and a product that knows nothing of the last one."""
        self.early.clear()
        self._read.clear()

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Looks at every request that azure-core's transport sends."""
        real = AioHttpTransport.send

        async def send(transport: Any, request: Any, **more: Any) -> Any:
            path = urlsplit(request.url).path
            return await self.sent(id(transport), request.method, path, lambda: real(transport, request, **more))

        patch.setattr(AioHttpTransport, "send", send)

    def of(self, writer: ResourceWriter) -> ResourceWriter:
        """What begins a call wherever the product begins one."""
        return _Watched(writer, self)

    async def begun(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs one call; what it was told is known to others when it has ended, for then the product has read it."""
        call = Call(len(self._read))
        token = self._call.set(call)
        try:
            return await work()
        finally:
            self._call.reset(token)
            self._read.extend(call.told)

    async def sent(self, who: int, method: str, path: str, send: Callable[[], Awaitable[T]]) -> T:
        """Judges one request, and keeps what its answer (with ``status_code`` and ``headers``) asks for."""
        subscription = subscription_of(path)
        if method not in WRITES or subscription is None:
            return await send()
        call = self._call.get() or Call(len(self._read))
        now = self._clock()
        known = (*self._read[: call.knows], *call.told)
        if any((one.who, one.subscription) == (who, subscription) and now < one.until for one in known):
            self.early.append(f"{method} {path}")
        answer = await send()
        if (seconds := _asked_to_wait(answer)) is not None:
            wait = Wait(who, subscription, self._clock() + seconds)
            (call.told if self._call.get() is call else self._read).append(wait)
        return answer


def _asked_to_wait(answer: Any) -> float | None:
    headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
    return retry_after(headers) if answer.status_code == 429 else None


class _Watched:
    """``ResourceWriter``; each of its methods is one call."""

    def __init__(self, writer: ResourceWriter, patience: Patience) -> None:
        self._writer, self._patience = writer, patience

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        return await self._patience.begun(lambda: self._writer.put(arm_id, api_version, body))

    async def patch(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        return await self._patience.begun(lambda: self._writer.patch(arm_id, api_version, body))

    async def act(self, arm_id: str, action: str, api_version: str, body: JsonObject | None = None) -> Accepted:
        return await self._patience.begun(lambda: self._writer.act(arm_id, action, api_version, body))

    async def delete(self, arm_id: str, api_version: str) -> Accepted | None:
        return await self._patience.begun(lambda: self._writer.delete(arm_id, api_version))
