"""Mixed load on the API: how much it takes, against an empty route, and a minute at 80 % of that without an error.

One HTTP process with 1,000 workspaces stored. The mix is what a portal asks for: mostly single workspaces and
operations, some lists, and specs that are put again as they are. The empty route is one that checks the token and does
no more. The client writes raw HTTP/1.1 over connections that stay open: a client library would take more of the
machine than the server does.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.creation import register, spec
from bench.figures import Figure, percentile
from bench.reading import fill, operation_id
from tools.demo.api import API_VERSION, token
from tools.local import LocalStack, local_stack

WORKSPACES = 1_000
CONNECTIONS = 8
#: Callers; each brings a token of its own, as the people behind a portal do.
CALLERS = 20
_SATURATION_SECONDS = 6.0
_LOAD_SECONDS = 60.0
_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as bytes, and the statuses that are no error."""

    kind: str
    content: bytes
    good: frozenset[int] = frozenset({200})


@dataclass
class Tally:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def rate(self, duration: float) -> float:
        return len(self.seconds) / duration


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder), time_scale=100) as stack:
        register(stack)
        asyncio.run(fill(Path(folder) / "store.db", WORKSPACES))
        return asyncio.run(_measure(stack))


async def _measure(stack: LocalStack) -> list[Figure]:
    env = stack.directory / "azure.env"
    tokens = [token(env, f"caller-{number}", "--role", "Platform.Admin") for number in range(CALLERS)]
    chance = random.Random(7)
    empty = [_get("empty", "/api/health/ready", bearer) for bearer in tokens]
    bare = [_get("bare", "/api/health/live", bearer) for bearer in tokens]
    mixed = [_mixed(chance, chance.choice(tokens)) for _ in range(2_000)]
    host, port = urlsplit(stack.api_url).hostname or "", urlsplit(stack.api_url).port or 0
    for asks in (empty, mixed):  # a first second that nobody counts
        await _closed(host, port, asks, 1.0)
    # In turns, so that what else the machine does falls on both.
    rates: dict[str, list[float]] = {"empty": [], "mixed": [], "bare": []}
    for _ in range(3):
        for name, asks in (("empty", empty), ("mixed", mixed), ("bare", bare)):
            tally = await _closed(host, port, asks, _SATURATION_SECONDS / 3)
            rates[name].append(tally.rate(_SATURATION_SECONDS / 3))
    saturation, floor = sum(rates["mixed"]) / 3, sum(rates["empty"]) / 3
    load = await paced(host, port, mixed, saturation * _SHARE, _LOAD_SECONDS)
    served = load.rate(_LOAD_SECONDS)
    kinds = "; ".join(sorted(set(load.errors))[:3])
    return [
        Figure(
            "empty route's saturation / the mix's",
            floor / saturation,
            "×",
            2,
            f"{saturation:.0f} requests/s of the mix, {floor:.0f} of a route that checks the token and nothing else, "
            f"{sum(rates['bare']) / 3:.0f} of one that checks nothing",
        ),
        Figure(
            f"errors in {_LOAD_SECONDS:.0f} s of mixed load at {_SHARE:.0%} of its saturation",
            len(load.errors),
            "",
            0,
            f"{served:.0f} requests/s, p99 {percentile(load.seconds, 0.99) * 1000:.0f} ms {kinds}".rstrip(),
        ),
    ]


def _mixed(chance: random.Random, bearer: str) -> Ask:
    name = f"ws-{chance.randrange(WORKSPACES):05d}"
    match chance.random():
        case draw if draw < 0.78:
            return _get("workspace", f"/api/workspaces/{name}", bearer)
        case draw if draw < 0.90:
            return _get("operation", f"/api/operations/{operation_id(chance.randrange(WORKSPACES))}", bearer)
        case draw if draw < 0.94:
            return _get("list", "/api/workspaces?maxpagesize=10", bearer)
        case draw if draw < 0.99:
            return _get("project", "/api/projects/churn", bearer)
        case _:
            return _put("put", f"/api/workspaces/{name}", bearer, json.dumps(spec()).encode())


def _get(kind: str, path: str, bearer: str, good: frozenset[int] = frozenset({200})) -> Ask:
    return Ask(kind, _head("GET", path, bearer) + b"\r\n", good)


def _put(kind: str, path: str, bearer: str, body: bytes) -> Ask:
    head = (
        _head("PUT", path, bearer) + f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    )
    return Ask(kind, head + body)


def _head(method: str, path: str, bearer: str) -> bytes:
    separator = "&" if "?" in path else "?"
    line = f"{method} {path}{separator}api-version={API_VERSION} HTTP/1.1\r\n"
    return f"{line}host: localhost\r\nauthorization: Bearer {bearer}\r\n".encode()


class Line:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Line:
        return cls(*await asyncio.open_connection(host, port))

    async def send(self, ask: Ask, tally: Tally, since: float) -> None:
        """``since`` is when the request was due: waiting for a free connection counts."""
        self._writer.write(ask.content)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 : lowered.find(b"\r\n", at)]) if at >= 0 else 0
        body = await self._reader.readexactly(length)
        tally.seconds.append(time.perf_counter() - since)
        if status not in ask.good:
            tally.errors.append(f"{ask.kind} {status} {body[:80].decode(errors='replace')}")

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def _closed(host: str, port: int, asks: Sequence[Ask], seconds: float) -> Tally:
    """As much as it takes: each connection asks again as soon as it has its answer."""
    tally, end = Tally(), time.perf_counter() + seconds

    async def caller(number: int) -> None:
        line = await Line.open(host, port)
        while (now := time.perf_counter()) < end:
            await line.send(asks[number % len(asks)], tally, now)
            number += CONNECTIONS
        await line.close()

    await asyncio.gather(*(caller(number) for number in range(CONNECTIONS)))
    return tally


async def paced(host: str, port: int, asks: Sequence[Ask], rate: float, seconds: float) -> Tally:
    """So many a second, whether or not the last one was answered."""
    tally, started = Tally(), time.perf_counter()
    total = int(rate * seconds)
    turns = iter(range(total))

    async def caller() -> None:
        line = await Line.open(host, port)
        for number in turns:
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await line.send(asks[number % len(asks)], tally, due)
        await line.close()

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS * 4)))
    return tally
