"""How operations on workspaces, and on what belongs to them, are told of. Source: see workspaces.py."""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine.declaration import Body, HookContext, Lro, Style

LOCATION = "/subscriptions/{s}/providers/Microsoft.MachineLearningServices/locations/{l}"


def write(status: int, state: str, seconds: float | Callable[[HookContext], float]) -> Lro:
    return Lro(
        Style.BOTH,
        status,
        Body.EMPTY,
        state=state,
        seconds=seconds,
        operation_url=LOCATION + "/workspaceOperationsStatus/{guid}",
        location_url=LOCATION + "/workspaceOperationResults/{guid}",
    )
