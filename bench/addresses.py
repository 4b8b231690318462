"""Fifty workspaces created at once with ``addressSpace: auto`` from one pool, by three hosts, under faults.

The pool has room for exactly as many. One call in ten to the simulated ARM goes wrong in one of the ways of the chaos
run. Then all are deleted, and nothing of the pool may be left taken.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx

from bench.creation import control
from bench.figures import Figure
from tests.support.chaos_rules import rules
from tools.demo.api import ControlPlane, Refused, token
from tools.local import LocalStack, local_stack
from tools.to_json import to_json

WORKSPACES, HOSTS, SCALE, SEED = 50, 3, 2000.0, 1
#: 32 + 16 + 2 ranges of a /22.
POOLS = ("10.40.0.0/17", "10.41.0.0/18", "10.42.0.0/21")
ROOT = Path(__file__).resolve().parent.parent
#: Of one workspace, faults included; ticks of others take their turns.
PATIENCE_SECONDS = 1800.0


def measure() -> list[Figure]:
    """Overlaps, failures, ranges that are still taken after all are gone."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder), time_scale=SCALE, hosts=HOSTS, store="azure") as stack,
    ):
        bearer = token(stack.directory / "azure.env", "ada", "--role", "Platform.Admin")
        clients = [ControlPlane(url, bearer) for url, _ in stack.hosts]
        _register(clients[0])
        with control(stack) as simulator:
            simulator.patch("/simulator/settings", json={"throttling": False}).raise_for_status()
            simulator.put("/simulator/faults", json={"rules": rules(SEED)}).raise_for_status()
        names = [f"team-{number:02d}" for number in range(WORKSPACES)]
        started = time.monotonic()
        failed = _all(clients, names, _created)
        minutes = (time.monotonic() - started) / 60
        networks = [IPv4Network(_status(clients[0], name)["addressSpace"]) for name in names]
        overlaps = sum(one.overlaps(other) for one, other in combinations(networks, 2))
        _all(clients, names, _deleted)
        leaked = WORKSPACES - _free(stack, clients[0])
    label = f"{WORKSPACES} workspaces at once from one pool, {HOSTS} hosts, under faults"
    return [
        Figure(f"{label}: overlapping ranges", overlaps, "", 0),
        Figure(f"{label}: failures", failed, "", 0, f"{minutes:.1f} min in all, on Azurite, time scale {SCALE:g}"),
        Figure(f"{label}: ranges still taken after their deletion", leaked, "", 0),
    ]


def _register(client: ControlPlane) -> None:
    project = to_json(ROOT / "examples/projects/churn.yaml")
    limits = {"maxWorkspaces": WORKSPACES, "maxNodes": 50}
    client.call("PUT", "/projects/churn", {**project, "addressPools": list(POOLS), "limits": limits})


def _all(clients: Sequence[ControlPlane], names: Sequence[str], work: Callable[[ControlPlane, str], bool]) -> int:
    """All at once, from the hosts in turn; how many failed."""
    with ThreadPoolExecutor(len(names)) as lanes:
        done = lanes.map(lambda place: work(clients[place % len(clients)], names[place]), range(len(names)))
        return sum(not one for one in done)


def _created(client: ControlPlane, name: str) -> bool:
    return _sent(client, "PUT", name, to_json(ROOT / "examples/workspaces/auto-addresses.yaml"))


def _deleted(client: ControlPlane, name: str) -> bool:
    """A deletion that a fault ended is asked for again, as its answer says."""
    return any(_sent(client, "DELETE", name, None) for _ in range(3))


def _sent(client: ControlPlane, method: str, name: str, body: Any) -> bool:
    """Whether the request was accepted and its operation succeeded. What has no answer of the API is asked again, and
    so is what an earlier try, whose answer was lost, has begun."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            accepted = client.call(method, f"/workspaces/{name}", body)
        except Refused as error:
            if not str(error).startswith(("429", "503", "409 AnotherOperationInProgress")):
                return False
        except (httpx.TransportError, ValueError):
            pass  # the host's own answer, or none
        else:
            if "Operation-Location" not in accepted.headers:
                return True
            return bool(client.watch(accepted, lambda _: None, PATIENCE_SECONDS)["status"] == "Succeeded")
        time.sleep(0.5)
    return False


def _status(client: ControlPlane, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", f"/workspaces/{name}").json()["status"]
    return found


def _free(stack: LocalStack, client: ControlPlane) -> int:
    """How many ranges the pool gives now: accepted, no more; what is left runs until the stack ends."""
    with control(stack) as simulator:
        simulator.put("/simulator/faults", json={"rules": []}).raise_for_status()
    body = to_json(ROOT / "examples/workspaces/auto-addresses.yaml")
    for number in range(WORKSPACES):
        try:
            client.call("PUT", f"/workspaces/again-{number:02d}", body)
        except Refused:
            return number
    return WORKSPACES
