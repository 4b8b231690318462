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


def mfe(kind: str, status: int, state: str, seconds: float | Callable[[HookContext], float]) -> Lro:
    """Of what stands in a workspace; ``kind`` is the two letters before the operation's id."""
    return Lro(
        Style.BOTH,
        status,
        Body.EMPTY if status == 202 else Body.RESOURCE,
        state=state,
        seconds=seconds,
        operation_url=f"{LOCATION}/mfeOperationsStatus/{kind}:{{guid}}",
        location_url=f"{LOCATION}/mfeOperationResults/{kind}:{{guid}}",
    )
