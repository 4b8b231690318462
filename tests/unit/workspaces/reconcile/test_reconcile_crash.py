"""The process dies at every call that changes something and at every commit, before and after the effect.

The next tick comes when the lease has run out. Afterwards everything is as after an undisturbed run.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from controlplane.audit.model import ENTRY, Kind
from controlplane.audit.proof import prove_object
from controlplane.operations.model import OperationKind, OperationStatus
from tests.support.tick_world import World, meaning
from tests.support.virtual_time import run

SCENES = ("create", "repair", "delete")


@dataclass(frozen=True)
class Result:
    """What is left in Azure, and how it went."""

    resources: dict[str, Any]
    created: dict[str, int]
    deleted: list[str]
    status: OperationStatus
    steps: list[tuple[str, str]]
    inventory: set[str]
    early_polls: int
    points: int
    told: list[str]
    """Actions of the audit's entries."""


def play(scene: str, kill_at: int | None = None, *, after: bool = False, tick_seconds: float = 60.0) -> Result:
    """Runs a scene; ``kill_at`` counts its points, whatever was done to prepare it."""
    with meaning(World(tick_seconds=tick_seconds)) as world:
        return run(_play(world, scene, kill_at, after))


async def _play(world: World, scene: str, kill_at: int | None, after: bool) -> Result:
    kind, wishes = OperationKind(scene), {}
    if scene != "create":
        await world.do(OperationKind.CREATE)
    if scene == "repair":
        world.azure.body("storageaccounts/stws")["properties"]["publicNetworkAccess"] = "Enabled"
        wishes = {"reapply": ("subnet",), "recreate": ("endpoint",)}
    operation_id = await world.ask(kind, **wishes)
    start, calls = len(world.switch.seen), len(world.azure.calls)
    world.switch.after = after
    world.switch.kill_at = None if kill_at is None else start + kill_at
    operation = await world.settle(operation_id)
    record = await world.record()
    inventory = set((await world.status()).inventory) if record is not None else set()
    return Result(
        resources=world.azure.final(),
        created=dict(world.azure.created),
        deleted=sorted(c.path for c in world.azure.calls[calls:] if c.method == "DELETE"),
        status=operation.status,
        steps=[(step.key, step.status.value) for step in operation.steps],
        inventory=inventory,
        early_polls=world.azure.early_polls,
        points=len(world.switch.seen) - start,
        told=await told(world),
    )


async def told(world: World) -> list[str]:
    """What the audit says happened to the workspace, oldest first; the chain has to be whole."""
    assert (await prove_object(world.store, None, Kind.WORKSPACES, "ws")).consistent
    page = await world.store.query(Kind.WORKSPACES, prefix=ENTRY)
    return [str(entity.value["action"]) for entity in reversed(page.entities)]


@cache
def undisturbed(scene: str) -> Result:
    return play(scene)


def agrees(result: Result, scene: str) -> None:
    """The same end; nothing made twice, nothing polled too early."""
    wanted = undisturbed(scene)
    assert result.status is OperationStatus.SUCCEEDED
    assert result.resources == wanted.resources
    assert result.created == wanted.created
    assert result.inventory == wanted.inventory
    assert result.early_polls == 0
    assert result.told == wanted.told


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_crash_at_any_point_changes_nothing_of_the_end(scene: str, after: bool) -> None:
    points = undisturbed(scene).points
    assert points > 10
    for kill_at in range(1, points + 1):
        agrees(play(scene, kill_at, after=after), scene)


@pytest.mark.parametrize("scene", SCENES)
def test_a_crash_among_short_ticks_changes_nothing_of_the_end(scene: str) -> None:
    """Ticks that leave after twelve seconds, so that most steps begin in one tick and end in another."""
    points = play(scene, tick_seconds=12.0).points
    chosen = random.Random(scene).sample(range(1, points + 1), min(points, 25))
    for kill_at in chosen:
        agrees(play(scene, kill_at, after=kill_at % 2 == 0, tick_seconds=12.0), scene)


def test_two_runs_are_the_same() -> None:
    assert play("create") == undisturbed("create")


def test_the_kill_switch_kills() -> None:
    """What the tests above rest on: a killed run takes the lease's ninety seconds longer."""

    async def wall(kill_at: int | None) -> float:
        with meaning(World()) as world:
            world.switch.kill_at = kill_at
            operation_id = await world.ask(OperationKind.CREATE)
            await world.settle(operation_id)
            return world.clock.now().timestamp()

    assert run(wall(9)) - run(wall(None)) > 60
