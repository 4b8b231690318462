"""The tick: it begins what a spec declares, tells before it happens, archives in one commit, and is made due early."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.audit.model import ENTRY, Kind
from controlplane.audit.proof import prove_object
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.model import Decided, Expiry, Rule, Stage, Verdict
from controlplane.governance.expiry.storing import due_now
from controlplane.objects.tick import tick_object
from controlplane.operations.model import OperationKind
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import RoleAssignmentId
from tests.support.expiry_world import DAY, ID, ExpiryWorld, meaning
from tests.support.kill_switch import Killed
from tests.support.tick_world import GROUP, SUBSCRIPTION, resource
from tests.support.virtual_time import run

PEOPLE = str(uuid.uuid5(uuid.NAMESPACE_URL, "people"))
READER = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7"
RULE = {"idleAfter": "P30D", "grace": "P3D", "action": "archive"}


def play(scene: Callable[[ExpiryWorld], Coroutine[Any, Any, None]], **world: Any) -> ExpiryWorld:
    made = ExpiryWorld(**{"rule": RULE, **world})

    async def begin() -> None:
        with meaning(made):
            await made.begin()
            await scene(made)

    run(begin())
    return made


async def days(world: ExpiryWorld, count: int) -> Expiry:
    for _ in range(count):
        await asyncio.sleep(DAY.total_seconds())
        await world.look()
    return await world.expiry()


async def to_grace(world: ExpiryWorld) -> None:
    await world.look()
    assert (await days(world, 9)).stage is Stage.ASKED
    await world.change(consent=Decided(by="t/owner", at=world.now, reason="It has ended."))
    assert (await days(world, 1)).stage is Stage.GRACE


def test_a_workspace_that_nobody_uses_is_archived_and_restored() -> None:
    async def scene(world: ExpiryWorld) -> None:
        world.endpoint()
        await to_grace(world)
        assert (await days(world, 3)).stage is Stage.ARCHIVING
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED
        assert (await days(world, 1)).stage is Stage.ARCHIVED
        assert (await world.record()).archived
        await world.wish(ArchiveState.REFILLING)
        await world.settle()
        assert (await days(world, 1)).stage is Stage.ACTIVE
        assert world.world.azure.body("/onlineendpoints/churn")["properties"]["traffic"] == {"blue": 90, "green": 10}
        assert await world.told() == [
            f"ControlPlane.Expiry.{one}"
            for one in ("Warned", "Asked", "Grace", "Archiving", "Archived", "Active")
        ]  # fmt: skip
        assert (await prove_object(world.world.store, None, Kind.GOVERNANCE, ID)).consistent
        page = await world.world.store.query(Kind.GOVERNANCE, prefix=ENTRY)
        stages = [one.value["details"].get("to") for one in reversed(page.entities)]
        assert [one for one in stages if one] == ["warned", "asked", "grace", "archiving", "archived", "active"]

    play(scene)


def test_what_comes_back_has_its_whole_period_again() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await to_grace(world)
        await days(world, 3)
        await world.settle()
        assert (await days(world, 1)).stage is Stage.ARCHIVED
        await world.wish(ArchiveState.REFILLING)
        # Whichever looks first: the expiry at a workspace on its way, or the archive that is through.
        assert (await world.look()).stage is Stage.ACTIVE
        await world.settle()
        back_at = (await world.archive()).changed_at
        found = await days(world, 29)
        assert found.stage is Stage.ACTIVE and found.evidence is not None
        assert [one.observed for one in found.evidence.clues if one.verdict is Verdict.BUSY] == [
            f"Not archived any more since {back_at:%Y-%m-%dT%H:%MZ}."
        ]
        assert (await days(world, 2)).stage is Stage.WARNED

    play(scene)


def test_what_wakes_up_in_the_last_moment_is_left_alone() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await to_grace(world)
        assert (await days(world, 3)).stage is Stage.ARCHIVING
        world.metrics.values[fold(arm_id)] = {"RequestsPerMinute": 3.0}
        await world.settle()
        assert (await world.archive()).state is ArchiveState.RESTORED
        assert fold(arm_id) in world.world.azure.resources
        assert (await world.look()).stage is Stage.ACTIVE
        assert not (await world.record()).archived

    play(scene)


def test_what_cannot_be_read_in_the_last_moment_waits() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await to_grace(world)
        await days(world, 3)
        world.metrics.away = True
        for _ in range(5):
            await tick_object(Archive.KIND, ID, world.machines)
            await asyncio.sleep(3600)
        archive = await world.archive()
        assert archive.state is ArchiveState.STORING
        assert archive.problem is not None and archive.problem.code == "IdlenessUnknown"
        assert fold(arm_id) in world.world.azure.resources

    play(scene)


def test_nothing_happens_untold_and_a_crash_tells_once() -> None:
    async def killed(world: ExpiryWorld, at: int, after: bool) -> None:
        switch = world.world.switch
        await world.look()
        assert (await days(world, 6)).stage is Stage.WARNED
        await asyncio.sleep(DAY.total_seconds())
        switch.kill_at, switch.after = len(switch.seen) + at, after
        for _ in range(2):
            try:
                await world.look()
            except Killed:
                switch.revive()
                await asyncio.sleep(120)
        assert (await world.expiry()).stage is Stage.ASKED
        assert (await world.told()).count("ControlPlane.Expiry.Asked") == 1

    for at in range(1, 7):
        for after in (False, True):
            play(lambda world, at=at, after=after: killed(world, at, after))  # type: ignore[misc]


def test_production_is_told_and_left() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        found = await days(world, 40)
        assert (found.stage, found.next_at) == (Stage.WARNED, None)
        assert await world.told() == ["ControlPlane.Expiry.Warned"]

    play(scene, environment="prod", rule={"idleAfter": "P30D"})


def test_a_sweep_makes_it_look_early_and_a_hint_that_comes_early_costs_nothing() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        calls = world.metrics.calls
        await tick_object(Expiry.KIND, ID, world.machines)
        assert world.metrics.calls == calls
        assert await due_now(world.objects, world.world.queue, "ws", world.now)
        await tick_object(Expiry.KIND, ID, world.machines)
        assert world.metrics.calls > calls
        assert not await due_now(world.objects, world.world.queue, "nobody", world.now)

    play(scene)


def test_without_a_rule_there_is_no_expiry() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await tick_object(Expiry.KIND, ID, world.machines)
        assert await world.objects.get(Expiry, ID) is None

    play(scene, rule=None)


def test_it_goes_with_its_workspace() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        await world.wish(ArchiveState.STORING)
        await world.settle()
        await world.world.do(OperationKind.DELETE)
        await world.change()
        await tick_object(Expiry.KIND, ID, world.machines)
        found = await world.objects.require(Archive, ID)
        await tick_object(Archive.KIND, found.value.id, world.machines)
        assert await world.objects.get(Expiry, ID) is None
        assert await world.objects.get(Archive, ID) is None

    play(scene)


def test_access_ends_with_the_project_and_comes_back_with_a_later_end() -> None:
    """S3-70, by date: told a fortnight before; nothing else of the workspace is touched."""

    async def scene(world: ExpiryWorld) -> None:
        resources = world.world.azure.resources

        def roles() -> list[str]:
            return [one for one, body in resources.items() if body["properties"].get("principalId") == PEOPLE]

        assert len(roles()) == 1
        await world.look()
        await days(world, 10)
        assert "people's roles here end with it" in (await world.expiry()).reasons[0]
        before = set(resources)
        assert len(roles()) == 1
        await days(world, 10)
        await world.settle_workspace()
        assert roles() == []
        assert len(before - set(resources)) == 1
        assert (await world.record()).access_ended
        await world.register("2027-12-31")
        await days(world, 1)
        await world.settle_workspace()
        assert len(roles()) == 1

    made = ExpiryWorld(rule=None, project_end="2026-11-20")
    people = {"properties": {"roleDefinitionId": READER, "principalId": PEOPLE, "principalType": "Group"}}
    grant = RoleAssignmentId(GROUP, READER.rpartition("/")[2], PEOPLE)
    role = resource("role/people", k.ROLE_ASSIGNMENT, grant, ("resource-group",), body=people)
    made.world.resources = (*made.world.resources, role)
    made.world.azure._born["people"] = 0.0  # a group that Entra ID knows

    async def begin() -> None:
        with meaning(made):
            await made.begin()
            await scene(made)

    run(begin())


def test_what_becomes_production_on_the_way_is_not_archived() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await world.wish(ArchiveState.STORING)
        stored = await world.world.repository.load("ws")
        assert stored is not None
        spec = {**stored.record.spec, "environment": "prod"}
        await world.world.repository.save_record(stored, stored.record.model_copy(update={"spec": spec}))
        await tick_object(Archive.KIND, ID, world.machines)
        archive = await world.archive()
        assert archive.problem is not None and archive.problem.code == "ProductionNotArchived"
        assert fold(arm_id) in world.world.azure.resources

    play(scene, rule=None)


def test_the_end_of_an_operation_and_each_look_at_rest_let_an_expiry_begin() -> None:
    async def scene(world: ExpiryWorld) -> None:
        hint = {"kind": "expiry", "name": ID}
        assert hint in [message for message, _ in world.world.queue.sent]
        world.world.queue.sent.clear()
        await asyncio.sleep(8 * 3600)
        await world.world.tick()
        assert hint in [message for message, _ in world.world.queue.sent]

    play(scene)


@pytest.mark.parametrize("declared", [True, False], ids=["in the spec", "beside it"])
def test_a_rule_ends_with_its_workspace_and_the_audit_keeps_it(declared: bool) -> None:
    """One that takes the name begins with none."""

    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        if not declared:
            await world.change(rule=Rule.model_validate(RULE))
        stored = await world.world.repository.load("ws")
        assert stored is not None
        spec = {name: value for name, value in stored.record.spec.items() if name != "expiry"}
        again = stored.record.model_copy(update={"incarnation": stored.record.incarnation + 1, "spec": spec})
        await world.world.repository.save_record(stored, again)
        await tick_object(Expiry.KIND, ID, world.machines)
        assert await world.objects.get(Expiry, ID) is None
        page = await world.world.store.query(Kind.GOVERNANCE, prefix=ENTRY)
        last = max((one.value for one in page.entities), key=lambda entry: entry["sequence"])
        assert last["details"]["change"] == "ended"
        assert {name: value for name, value in last["details"]["rule"].items() if value is not None} == RULE

    play(scene)
