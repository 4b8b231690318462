"""A TLS proxy before the simulator's ARM that counts calls and, at one of them, kills the caller.

It is HTTP/1.1 with Content-Length on both sides and nothing else: what the product sends and the simulator answers.
The Host header goes through unchanged, so that operation URLs lead back to the proxy. It stands before the identity
endpoint too, uncounted: a token is asked for the proxy and has to be given for the simulator.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.support.waiting import PATIENCE_SECONDS

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_T = TypeVar("_T")
TOKENS = "GET /msi/token?"


@dataclass
class Watched:
    """The calls of one process. ``kill`` is called once, at call ``kill_at`` (from 1): when it has come and was not
    forwarded, or, with ``after``, when its answer is there and was not passed on. From then on nothing is."""

    kill: Callable[[], None] = lambda: None
    kill_at: int | None = None
    after: bool = False
    calls: list[str] = field(default_factory=list)
    """``METHOD path`` in the order they came."""
    killed_at: str | None = None
    inflight: int = 0

    @property
    def dead(self) -> bool:
        return self.killed_at is not None

    def strike(self, call: str) -> None:
        self.killed_at = call
        self.kill()

    def settle(self) -> None:
        """Returns when the simulator has answered everything that a dead process had sent."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.inflight:
            if time.monotonic() > deadline:
                raise TimeoutError("the simulator does not answer")
            time.sleep(0.005)


class ArmProxy:
    """Runs in a thread with a loop of its own; ``watched`` is whose calls new connections are."""

    def __init__(self, simulator_url: str, certificates: Path) -> None:
        parts = urlsplit(simulator_url)
        self._simulator_url = simulator_url
        self._upstream = (parts.hostname or "localhost", parts.port or 443)
        self._server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server_tls.load_cert_chain(certificates / "simulator-server.pem")
        self._client_tls = ssl.create_default_context(cafile=str(certificates / "simulator-ca.pem"))
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="arm-proxy", daemon=True)
        self._thread.start()
        self.watched = Watched()
        self._server = self._call(self._start())

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        return f"https://127.0.0.1:{port}"

    def close(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._server_tls)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Transports close their sockets in the turns after this one.
        await asyncio.sleep(0.05)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        audiences = (self.url.encode(), self._simulator_url.encode())
        link = _Link(self.watched, self._upstream, self._client_tls, audiences)
        try:
            await link.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The caller is dead, or the proxy ends.
            pass
        finally:
            link.close()
            writer.transport.abort()


class _Link:
    """One connection of a caller and the one behind it."""

    def __init__(
        self, watched: Watched, upstream: tuple[str, int], tls: ssl.SSLContext, audiences: tuple[bytes, bytes]
    ) -> None:
        self._watched = watched
        self._upstream = upstream
        self._tls = tls
        self._audiences = audiences
        self._out: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        if self._out is not None:
            self._out[1].transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watched = self._watched
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            body = await reader.readexactly(_length(head))
            if watched.dead:
                return
            call = b" ".join(head.split(b" ", 2)[:2]).decode()
            if call.startswith(TOKENS):
                line, rest = head.split(b"\r\n", 1)
                line = line.replace(b"%3A", b":").replace(b"%2F", b"/").replace(*self._audiences)
                writer.write(await self._forward(line + b"\r\n" + rest))
                continue
            watched.calls.append(call)
            mine = len(watched.calls) == watched.kill_at
            if mine and not watched.after:
                watched.strike(call)
                return
            answer = await self._forward(head + body)
            if mine:
                watched.strike(call)
            if watched.dead:
                return
            writer.write(answer)
            with suppress(ConnectionError):
                await writer.drain()

    async def _forward(self, message: bytes) -> bytes:
        self._watched.inflight += 1
        try:
            if self._out is None:
                host, port = self._upstream
                self._out = await asyncio.open_connection(host, port, ssl=self._tls)
            reader, writer = self._out
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            empty = head.split(b" ", 2)[1] in (b"204", b"304") or message.startswith(b"HEAD ")
            return head + (b"" if empty else await reader.readexactly(_length(head)))
        finally:
            self._watched.inflight -= 1


def _length(head: bytes) -> int:
    if _CHUNKED.search(head):
        raise AssertionError("chunked bodies do not pass this proxy")
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0
