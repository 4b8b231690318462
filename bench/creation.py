"""Creating the example workspace, against the critical path that Azure's own durations leave.

P is the longest way through the blueprint when each resource takes what the simulated Azure took for it, rounded up to
the next multiple of its Retry-After: nobody who polls as told can be faster.
"""

from __future__ import annotations

import math
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.figures import Figure
from controlplane.arm import fold
from tools.demo.api import ControlPlane, token
from tools.local import ROOT, LocalStack, local_stack
from tools.to_json import to_json

#: Seconds at scale 1 (simulator: Retry-After of long operations).
RETRY_AFTER = 10.0


def measure() -> list[Figure]:
    """Scale 20 is held to its bound, scale 100 is reported. The first creation warms the processes up."""
    return [*_creation(20.0, bound=1.10), *_creation(100.0, bound=None)]


def _creation(scale: float, bound: float | None) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder), time_scale=scale) as stack:
        client = register(stack)
        cold = _run(stack, client, "bench-a")
        warm = _run(stack, client, "bench-b")
    early = cold["early"] + warm["early"]
    label = f"creation at time scale {scale:g}"
    return [
        Figure(
            f"{label}: wall / critical path",
            warm["wall"] / warm["path"],
            "×",
            bound,
            f"{warm['wall']:.2f} s / {warm['path']:.2f} s, {warm['writes']} writes, {warm['reads']} reads",
        ),
        Figure(f"{label}: the first in its process", cold["wall"] / cold["path"], "×", None, f"{cold['wall']:.2f} s"),
        Figure(f"{label}: polls before Retry-After", early, "", 0),
    ]


def register(stack: LocalStack) -> ControlPlane:
    """The example project, with room for several workspaces; returns its admin's client."""
    client = ControlPlane(stack.api_url, token(stack.directory / "azure.env", "ada", "--role", "Platform.Admin"))
    client.call("PUT", "/projects/churn", to_json(ROOT / "examples/projects/churn.yaml"))
    return client


def spec(number: int = 0) -> dict[str, Any]:
    """The example spec on the n-th /22 of its pool."""
    found = to_json(ROOT / "examples/workspaces/secure-classical.yaml")
    found["network"]["addressSpace"] = f"10.40.{4 * number}.0/22"
    return found


def control(stack: LocalStack) -> httpx.Client:
    """The simulator's own endpoints."""
    return httpx.Client(base_url=stack.azure["SIMULATOR_URL"], verify=stack.azure["SSL_CERT_FILE"], timeout=60)


def _run(stack: LocalStack, client: ControlPlane, name: str) -> dict[str, float]:
    with control(stack) as simulator:
        simulator.delete("/simulator/calls").raise_for_status()
        scale = simulator.get("/simulator/settings").json()["timeScale"]
        number = 1 if name.endswith("b") else 0
        changes = client.call("POST", f"/workspaces/{name}:plan", {"spec": spec(number)}).json()["changes"]
        operation = create(client, name, number)
        started, ended = (datetime.fromisoformat(operation[field]) for field in ("createdAt", "endedAt"))
        calls = simulator.get("/simulator/calls").json()["value"]
        took = _durations(simulator.get("/simulator/operations").json()["value"], name)
    return {
        "wall": (ended - started).total_seconds(),
        "path": critical_path(changes, {s["key"]: s["resourceId"] for s in operation["steps"]}, took, scale),
        "early": sum(bool(call.get("earlyPoll")) for call in calls),
        "writes": sum(call["method"] in ("PUT", "PATCH", "DELETE") for call in calls),
        "reads": sum(call["method"] == "GET" for call in calls),
    }


def create(client: ControlPlane, name: str, number: int = 0) -> dict[str, Any]:
    """PUT and wait; raises when it does not succeed."""
    accepted = client.call("PUT", f"/workspaces/{name}", spec(number))
    operation = client.watch(accepted, lambda _: None)
    if operation["status"] != "Succeeded":
        raise RuntimeError(f"creation {operation['status']}: {operation['error']}")
    time.sleep(0.2)
    return operation


def _durations(operations: list[dict[str, Any]], name: str) -> dict[str, float]:
    return {
        fold(one["resourceId"]): one["due"] - one["started"]
        for one in operations
        if one["verb"] == "create" and name in one["resourceId"].lower()
    }


def critical_path(
    changes: list[dict[str, Any]], ids: dict[str, str | None], took: dict[str, float], scale: float
) -> float:
    """Seconds of the longest way; ``changes`` are in dependency order."""
    step = RETRY_AFTER / scale
    ends: dict[str, float] = {}
    for change in changes:
        key = change["key"]
        seconds = took.get(fold(ids.get(key) or change["id"] or ""), 0.0)
        before = max((ends.get(other, 0.0) for other in change["dependsOn"]), default=0.0)
        # A hair below a multiple is that multiple: durations are floating-point differences of times.
        ends[key] = before + math.ceil(seconds / step - 1e-3) * step
    return max(ends.values())
