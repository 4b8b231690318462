"""Several hosts and long lives: ten creations at once on two hosts, and memory over 200 creations and deletions.

The store is Azurite, as in Azure it is a storage account; the simulator throttles as Azure does, except where memory is
measured, which has no clock. Memory is the resident size of the worker processes, read from outside.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from bench.creation import control, create, register, spec
from bench.figures import Figure
from tools.demo.api import ControlPlane, token
from tools.local import LocalStack, local_stack

#: Azure's own durations outweigh this machine's work at this scale.
SCALE, AT_ONCE, HOSTS = 10.0, 10, 2
#: Time is not measured here.
FAST_SCALE, LIVES, LANES = 2000.0, 200, 5
#: Lives until everything that is loaded once is loaded, and between two looks.
WARM_UP, STEP = 40, 10
#: KB per operation that still count as flat: 20 MB over all of them.
FLAT = 50.0
_MB = 1024 * 1024


def measure() -> list[Figure]:
    """Ten at once against one alone on the same hosts, then many lives on one host."""
    return [*_at_once(), *_lives()]


def _at_once() -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder), time_scale=SCALE, hosts=HOSTS, store="azure") as stack,
    ):
        register(stack)
        clients = [_client(stack, number) for number in range(AT_ONCE)]
        _finish(clients[:HOSTS], [f"warm-{number}" for number in range(HOSTS)], 0)  # the first ones load what they need
        alone = _wall(_finish(clients[:1], ["alone"], HOSTS))
        together = _wall(_finish(clients, [f"bench-{number}" for number in range(AT_ONCE)], HOSTS + 1))
        sizes = {group: max(_sizes(stack, group)) for group in ("ticks", "http")}
    label = f"{AT_ONCE} creations at once on {HOSTS} hosts"
    return [
        Figure(
            f"{label}, time scale {SCALE:g}: wall / that of one",
            together / alone,
            "×",
            1.3,
            f"{together:.2f} s / {alone:.2f} s, on Azurite",
        ),
        Figure(f"{label}: memory of a ticks process", sizes["ticks"] / _MB, "MB", 450),
        Figure(f"{label}: memory of an HTTP process", sizes["http"] / _MB, "MB", 120),
    ]


def _lives() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder), time_scale=FAST_SCALE) as stack:
        register(stack)
        with control(stack) as simulator:
            simulator.patch("/simulator/settings", json={"throttling": False}).raise_for_status()
        looks: dict[str, list[tuple[int, int]]] = {"ticks": [], "http": []}
        started = time.monotonic()
        for first in range(0, LIVES, STEP):
            _step(stack, first)
            for group, found in looks.items():
                found.append((2 * (first + STEP), max(_sizes(stack, group))))
        minutes = (time.monotonic() - started) / 60
    figures = []
    for group, bound in (("ticks", 450.0), ("http", 120.0)):
        kept = [look for look in looks[group] if look[0] > 2 * WARM_UP]
        largest, slope = max(size for _, size in looks[group]) / _MB, _slope(kept) / 1024
        figures += [
            Figure(f"{LIVES} creations and deletions: memory of the {group} process", largest, "MB", bound),
            Figure(
                f"{LIVES} creations and deletions: memory of the {group} process grows by",
                slope,
                "KB/operation",
                FLAT,
                f"operations {kept[0][0]} to {kept[-1][0]}: {kept[0][1] / _MB:.1f} to {kept[-1][1] / _MB:.1f} MB, "
                f"{minutes:.1f} min in all",
            ),
        ]
    return figures


def _step(stack: LocalStack, first: int) -> None:
    with ThreadPoolExecutor(LANES) as lanes:
        list(lanes.map(lambda lane: _live(stack, first, lane), range(LANES)))


def _live(stack: LocalStack, first: int, lane: int) -> None:
    """Creates and deletes this lane's share of a step, one after the other."""
    client = _client(stack, 0)
    for number in range(first + lane, first + STEP, LANES):
        name = f"life-{number:03d}"
        create(client, name, lane)
        operation = client.watch(client.call("DELETE", f"/workspaces/{name}"), lambda _: None)
        if operation["status"] != "Succeeded":
            raise RuntimeError(f"deletion {operation['status']}: {operation['error']}")


def _client(stack: LocalStack, number: int) -> ControlPlane:
    """One of the hosts in turn."""
    url = stack.hosts[number % len(stack.hosts)][0]
    return ControlPlane(url, token(stack.directory / "azure.env", "ada", "--role", "Platform.Admin"))


def _finish(clients: Sequence[ControlPlane], names: Sequence[str], pool: int) -> list[dict[str, Any]]:
    """Creates all at once, from the ``pool``-th part of the addresses on, and waits for all."""
    accepted = [
        client.call("PUT", f"/workspaces/{name}", spec(pool + number))
        for number, (client, name) in enumerate(zip(clients, names, strict=True))
    ]
    ended = [client.watch(answer, lambda _: None) for client, answer in zip(clients, accepted, strict=True)]
    if bad := [one["error"] for one in ended if one["status"] != "Succeeded"]:
        raise RuntimeError(f"{len(bad)} creations failed, the first with {bad[0]}")
    return ended


def _wall(operations: Sequence[dict[str, Any]]) -> float:
    """Seconds from the first that was accepted to the last that ended."""
    started = min(datetime.fromisoformat(one["createdAt"]) for one in operations)
    return (max(datetime.fromisoformat(one["endedAt"]) for one in operations) - started).total_seconds()


def _sizes(stack: LocalStack, group: str) -> list[int]:
    """Resident bytes of the hosts' workers of one group."""
    workers = [worker for _, pid in stack.hosts for worker in psutil.Process(pid).children()]
    return [worker.memory_info().rss for worker in workers if _is_of(worker.cmdline(), group)]


def _is_of(command: Sequence[str], group: str) -> bool:
    return "--worker" in command and command[command.index("--worker") + 1] == group


def _slope(looks: Sequence[tuple[int, int]]) -> float:
    """Bytes per operation, by least squares."""
    mean_x = sum(x for x, _ in looks) / len(looks)
    mean_y = sum(y for _, y in looks) / len(looks)
    spread = sum((x - mean_x) ** 2 for x, _ in looks)
    return sum((x - mean_x) * (y - mean_y) for x, y in looks) / spread
