"""An archive and its way back, with the process dying at every commit and every write, before and after its effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from controlplane.audit.model import Kind
from controlplane.audit.proof import prove_object
from controlplane.governance.expiry.archive import Archive, ArchiveState
from tests.support.expiry_world import ID, ExpiryWorld, meaning
from tests.support.kill_switch import Killed
from tests.support.virtual_time import run


@dataclass(frozen=True)
class Result:
    """What is left in Azure in the archive, after it, and what the last archive says."""

    archived: dict[str, Any]
    restored: dict[str, Any]
    states: tuple[str, str]
    record: tuple[bool, str | None]
    points: tuple[str, ...]


def served(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Everything in Azure, without what differs from one making to the next."""
    return {arm_id: {"properties": one.get("properties"), "sku": one.get("sku")} for arm_id, one in found.items()}


async def asked(made: ExpiryWorld, state: ArchiveState) -> None:
    """A person who got no answer asks again."""
    try:
        await made.wish(state)
    except Killed:
        made.world.switch.revive()
        await made.wish(state)


async def play(kill_at: int | None = None, *, after: bool = False) -> Result:
    made = ExpiryWorld()
    switch = made.world.switch
    with meaning(made):
        await made.begin()
        made.endpoint()
        made.instance("Stopped", vmSize="Standard_DS3_v2", createdBy={"userId": "ada", "userOrgId": "t"})
        start = len(switch.seen)
        switch.kill_at, switch.after = (None if kill_at is None else start + kill_at), after
        await asked(made, ArchiveState.STORING)
        await made.settle()
        archived, first = served(made.world.azure.final()), (await made.archive()).state
        await asked(made, ArchiveState.REFILLING)
        await made.settle()
        found = await made.objects.require(Archive, ID)
        record = await made.record()
        assert (await prove_object(made.world.store, None, Kind.GOVERNANCE, ID)).consistent
        return Result(
            archived,
            served(made.world.azure.final()),
            (first, found.value.state),
            (record.archived, record.active_operation),
            tuple(switch.seen[start:]),
        )


@cache
def undisturbed() -> Result:
    return run(play())


def test_an_archive_takes_what_costs_and_gives_it_back() -> None:
    found = undisturbed()
    assert found.states == ("archived", "restored")
    gone = {one for one in found.restored if one not in found.archived}
    assert {one.rpartition("/")[2] for one in gone} >= {"churn", "blue", "green", "cpu", "ada"}
    kept = {one for one in found.archived if "onlineendpoints" not in one and "/computes/" not in one}
    assert any("storageaccounts" in one for one in kept) and any("registries" in one for one in kept)
    (endpoint,) = (body for one, body in found.restored.items() if one.endswith("/onlineendpoints/churn"))
    assert endpoint["properties"]["traffic"] == {"blue": 90, "green": 10}
    (blue,) = (body for one, body in found.restored.items() if one.endswith("/deployments/blue"))
    assert (blue["sku"]["capacity"], blue["properties"]["model"]) == (2, "azureml:churn:1")
    (ada,) = (body for one, body in found.restored.items() if one.endswith("/computes/ada"))
    inner = ada["properties"]["properties"]
    assert inner["state"] == "Stopped"
    assert inner["personalComputeInstanceSettings"] == {"assignedUser": {"objectId": "ada", "tenantId": "t"}}
    assert found.record == (False, None)


def changes(label: str) -> bool:
    """Whether a point changes more than a lease, an operation's progress or a hint that may be lost."""
    rows = label.removeprefix("commit ").split(",")
    return label != "send" and not all(one.startswith(("l!", "o!")) for one in rows)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_point_changes_nothing_of_the_end(after: bool) -> None:
    wanted = undisturbed()
    assert len(wanted.points) > 100
    # What changes something: before and after its effect; of the others each eighth.
    chosen = [at for at, label in enumerate(wanted.points, 1) if changes(label) or at % 16 == 8 * after]
    assert 40 < len(chosen) < 70
    for kill_at in chosen:
        found = run(play(kill_at, after=after))
        assert replace(found, points=()) == replace(wanted, points=()), f"killed at {kill_at}"
