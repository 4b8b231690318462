"""A second reconcile of a workspace that nobody touched: what it costs Azure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.creation import control, create, register
from bench.figures import Figure
from controlplane.arm import type_of
from tools.local import local_stack

_ZONE = "Microsoft.Network/privateDnsZones"
_ENDPOINT = "Microsoft.Network/privateEndpoints"
_DIAGNOSTIC = "Microsoft.Insights/diagnosticSettings"
_NAME = "bench-a"


def measure() -> list[Figure]:
    """A repair of a clean workspace is a reconcile with nothing to do; the operator's calls are counted."""
    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder), time_scale=100) as stack:
        client = register(stack)
        created = create(client, _NAME)
        with control(stack) as simulator:
            operator = simulator.get("/simulator/settings").json()["principals"]["operator"]
            simulator.delete("/simulator/calls").raise_for_status()
            repaired = client.watch(client.call("POST", f"/workspaces/{_NAME}:repair"), lambda _: None)
            calls = simulator.get("/simulator/calls").json()["value"]
    if repaired["status"] != "Succeeded":
        raise RuntimeError(f"repair {repaired['status']}: {repaired['error']}")
    mine = [call for call in calls if call["principal"] == operator]
    writes = sum(call["method"] != "GET" for call in mine)
    bound, why = _bound(step["resourceId"] for step in created["steps"])
    return [
        Figure("second reconcile: writes", writes, "", 0),
        Figure("second reconcile: reads", sum(call["method"] == "GET" for call in mine), "", bound, why),
    ]


def _bound(ids: Iterable[Any]) -> tuple[int, str]:
    types = [type_of(arm_id) for arm_id in ids if arm_id]
    zones, endpoints, diagnostics = (types.count(kind) for kind in (_ZONE, _ENDPOINT, _DIAGNOSTIC))
    kinds = len(set(types))
    total = kinds + 2 * zones + endpoints + diagnostics
    return total, f"{kinds} types + 2 × {zones} zones + {endpoints} endpoints + {diagnostics} diagnostic settings"
