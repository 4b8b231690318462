"""The way back out of the last stage: until the archiver has begun, and not a moment longer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from controlplane.errors import Conflict, ControlPlaneError, Rejected
from controlplane.governance.deps import Archiver
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.ending import ROLE, begins
from controlplane.governance.expiry.model import Decided, Exemption, Expiry, Extension, Rule, Stage
from controlplane.governance.parts import parts
from controlplane.objects.repository import put
from controlplane.operations.model import ConditionStatus, OperationKind
from controlplane.workspaces.archiving import begin
from tests.support.expiry_lines import Line, fresh
from tests.support.expiry_world import ID, ExpiryWorld, meaning
from tests.support.fake_azure import FakeAzure
from tests.support.tick_world import GROUP
from tests.support.virtual_time import run

DEFINITION = "/providers/Microsoft.Authorization/roleDefinitions/r-1"
DELETES = {"idleAfter": "P30D", "grace": "P1D", "action": "delete", "retention": "P2D"}


@dataclass
class Elevated:
    """The archiver's own eyes: an assignment that ends, on that group."""

    azure: FakeAzure
    held: bool = True
    role: str = DEFINITION

    async def list(self, path: str, *_: Any) -> tuple[dict[str, Any], ...]:
        held = {"scope": GROUP, "endDateTime": "2099-01-01T00:00:00Z", "roleDefinitionId": self.role}
        return ({"properties": held},) if self.held else ()


@dataclass
class Defined:
    """An Azure that has the archiver's role; it lies in no group."""

    azure: Any
    definition: str = DEFINITION

    def __getattr__(self, name: str) -> Any:
        return getattr(self.azure, name)

    async def list(self, path: str, version: str, query: tuple[tuple[str, str], ...] = ()) -> Any:
        if not path.endswith("/roleDefinitions"):
            return await self.azure.list(path, version)
        assert query == (("$filter", f"roleName eq '{ROLE}'"),)
        return ({"id": self.definition, "properties": {"roleName": ROLE}},) if self.definition else ()


@dataclass
class Ending:
    """A workspace in its last stage, with an archiver."""

    world: ExpiryWorld
    eyes: Elevated = field(init=False)

    def __post_init__(self) -> None:
        azure = self.world.world.azure
        self.eyes = Elevated(azure)
        self.see(Archiver("archiver", self.eyes, azure))  # type: ignore[arg-type]

    def see(self, archiver: Archiver, definition: str = DEFINITION) -> None:
        """``definition``: of the archiver's role; empty: there is none."""
        reader: Any = Defined(self.world.world.azure, definition)
        self.world.deps = replace(self.world.deps, archiver=archiver, reader=reader)
        self.world.machines = replace(self.world.machines, parts=parts(self.world.deps))

    async def begin(self, **more: Any) -> None:
        """As months of ticks would have left it."""
        world = self.world
        azure = world.world.azure
        await world.wish(ArchiveState.STORING)
        await world.settle()
        consent = Decided(by="t/owner", at=world.now, reason="It has ended.")
        expiry = fresh(Rule.model_validate(DELETES), world.now, due_at=world.now, stage=Stage.DELETING)
        expiry = expiry.model_copy(update={"consent": consent, "ruled": expiry.rule, "environment": "dev", **more})
        await world.objects.commit(put(None, expiry))
        for one in [each for each in azure.resources if each.startswith(world.workspace.lower())]:
            del azure.resources[one]

    @property
    def group_stands(self) -> bool:
        return any(one == GROUP.lower() for one in self.world.world.azure.final())


def play(scene: Callable[[Ending], Any]) -> None:
    made = ExpiryWorld(rule=None)

    async def begin() -> None:
        with meaning(made):
            await made.begin()
            await scene(Ending(made))

    run(begin())


def test_what_begins_is_stored_before_and_looked_at_once_more() -> None:
    async def scene(ending: Ending) -> None:
        await ending.begin()
        expiry = await ending.world.look()
        assert begins(expiry) and expiry.deletion_begun_at is not None
        assert expiry.due_at is not None and expiry.due_at <= ending.world.now and ending.group_stands
        ending.eyes.held = False  # the assignment has ended in between
        expiry = await ending.world.look()
        assert expiry.conditions[0].reason == "PendingElevation"
        assert (expiry.deletion_begun_at, ending.group_stands) == (None, True)
        ending.eyes.held = True
        await ending.world.look()
        expiry = await ending.world.look()
        assert expiry.conditions[0].reason == "Deleting"
        await asyncio.sleep(3600)
        assert not ending.group_stands

    play(scene)


@pytest.mark.parametrize("error", [Conflict("ScopeLocked", "It is locked."), Rejected("AuthorizationFailed", "No.")])
def test_a_deletion_that_azure_refuses_has_not_begun(error: ControlPlaneError) -> None:
    """Nobody deletes the group: an owner may have it back."""

    async def scene(ending: Ending) -> None:
        await ending.begin()
        assert (await ending.world.look()).deletion_begun_at is not None
        ending.world.world.azure.fail("DELETE", GROUP, lambda: error)
        expiry = await ending.world.look()
        assert (expiry.stage, expiry.deletion_begun_at, ending.group_stands) == (Stage.DELETING, None, True)
        (told,) = expiry.conditions
        assert (told.status, told.reason) == (ConditionStatus.FALSE, error.code) and error.message in told.message
        await ending.world.wish(ArchiveState.REFILLING)
        assert (await ending.world.look()).stage is Stage.ACTIVE

    play(scene)


def test_a_refusal_because_another_request_deletes_it_takes_nothing_back() -> None:
    async def scene(ending: Ending) -> None:
        await ending.begin()
        begun = (await ending.world.look()).deletion_begun_at
        azure = ending.world.world.azure

        def elsewhere() -> ControlPlaneError:
            azure.resources[GROUP.lower()]["properties"] = {"provisioningState": "Deleting"}
            return Conflict("ResourceGroupBeingDeleted", "It is being deleted.")

        azure.fail("DELETE", GROUP, elsewhere)
        expiry = await ending.world.look()
        assert (expiry.deletion_begun_at, expiry.conditions[0].reason) == (begun, "Deleting")

    play(scene)


def test_no_operation_but_the_deletion_counts_as_one() -> None:
    async def scene(ending: Ending) -> None:
        await ending.begin()
        assert (await ending.world.look()).deletion_begun_at is not None
        space = await ending.world.world.repository.load("ws")
        assert space is not None
        await begin(ending.world.world.repository, space, OperationKind.RENEW_ACCESS, "controlplane", ending.world.now)
        expiry = await ending.world.look()
        assert (expiry.deletion_begun_at, expiry.conditions[0].reason) == (None, "OperationRunning")
        await ending.world.settle_workspace()
        assert begins(await ending.world.look())

    play(scene)


def test_the_archiver_begins_with_no_other_role_than_its_own() -> None:
    async def scene(ending: Ending) -> None:
        ending.eyes.role = "/providers/Microsoft.Authorization/roleDefinitions/reader"
        await ending.begin()
        expiry = await ending.world.look()
        assert (expiry.conditions[0].reason, expiry.deletion_begun_at) == ("PendingElevation", None)
        assert "another role" in expiry.conditions[0].message

    play(scene)


def test_the_request_for_an_elevation_is_whole_and_says_what_it_lacks() -> None:
    async def scene(ending: Ending) -> None:
        ending.eyes.held = False
        archiver = ending.world.deps.archiver
        assert archiver is not None
        ending.see(archiver, definition="")
        await ending.begin()
        message = (await ending.world.look()).conditions[0].message
        assert "CONTROLPLANE_ARCHIVER_OBJECT_ID is not set" in message and "has no role" in message
        definition = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/r-1"
        ending.see(replace(archiver, object_id="o-1", endpoint="https://arm.example"), definition)
        requests = []
        for _ in range(2):
            await asyncio.sleep(900)
            message = (await ending.world.look()).conditions[0].message
            assert "To be filled in" not in message
            requests.append(message.partition("Request: ")[2].split(" ", 2))
        (method, url, body), (_, other, _) = requests
        assert method == "PUT" and url.startswith(f"https://arm.example{GROUP}/providers/Microsoft.Authorization/")
        assert url != other  # Azure takes no name twice
        properties = json.loads(body)["properties"]
        assert (properties["principalId"], properties["requestType"]) == ("o-1", "AdminAssign")
        assert properties["roleDefinitionId"] == definition and properties["justification"]
        assert set(properties["scheduleInfo"]) == {"startDateTime", "expiration"}

    play(scene)


def test_a_restore_before_the_archiver_takes_the_deletion_back() -> None:
    async def scene(ending: Ending) -> None:
        ending.eyes.held = False
        await ending.begin()
        assert (await ending.world.look()).conditions[0].reason == "PendingElevation"
        await ending.world.wish(ArchiveState.REFILLING)
        ending.eyes.held = True  # too late
        expiry = await ending.world.look()
        assert (expiry.stage, expiry.conditions, expiry.consent) == (Stage.ACTIVE, (), None)
        await ending.world.settle()
        assert (await ending.world.archive()).state is ArchiveState.RESTORED
        assert ending.group_stands and not (await ending.world.record()).archived

    play(scene)


def test_what_has_begun_is_not_taken_back_by_a_row() -> None:
    """The request is refused then (``test_expiry_requests``); a tick that finds one all the same goes on."""

    async def scene(ending: Ending) -> None:
        await ending.begin(deletion_begun_at=ending.world.now)
        stored = await ending.world.objects.require(Archive, ID)
        await ending.world.objects.commit(put(stored, stored.value.model_copy(update={"state": ArchiveState.RESTORED})))
        assert (await ending.world.look()).stage is Stage.DELETING

    play(scene)


@pytest.mark.parametrize("kind", ["extension", "exemption"])
def test_an_owner_keeps_an_archive_longer(kind: str) -> None:
    """In the archive and in the last stage; afterwards the retention begins anew."""
    line = Line(Rule.model_validate(DELETES))
    line.days(8)
    line.say_yes()
    line.days(3)
    assert line.expiry.stage is Stage.ARCHIVED
    until = (line.now + timedelta(days=20)).date()
    line.expiry = granted(line.expiry, kind, until)
    line.days(19)
    assert line.expiry.stage is Stage.ARCHIVED
    assert line.days(2) is Stage.DELETING
    line.expiry = granted(line.expiry, kind, (line.now + timedelta(days=10)).date())
    assert line.look() is Stage.ARCHIVED
    assert line.expiry.next_at is not None and line.expiry.next_at > line.now + timedelta(days=9)
    line.days(10)
    assert line.expiry.stage is Stage.ARCHIVED
    assert line.days(1) is Stage.DELETING


def test_a_deletion_that_has_begun_is_not_held() -> None:
    line = Line(Rule.model_validate(DELETES))
    line.expiry = line.expiry.model_copy(update={"stage": Stage.DELETING, "deletion_begun_at": line.now})
    line.expiry = granted(line.expiry, "extension", (line.now + timedelta(days=10)).date())
    line.archived = True
    assert line.look() is Stage.DELETING


def test_a_rule_that_deletes_no_more_deletes_nothing() -> None:
    line = Line(Rule.model_validate({**DELETES, "action": "archive", "retention": None}))
    line.expiry = line.expiry.model_copy(update={"stage": Stage.DELETING})
    line.archived = True
    assert line.look() is Stage.ARCHIVED


def granted(expiry: Expiry, kind: str, until: date) -> Expiry:
    of = {"extension": Extension, "exemption": Exemption}[kind]
    said = of(by="t/owner", at=expiry.since, reason="Keep it.", until=until)
    return expiry.model_copy(update={kind: said})


@pytest.mark.parametrize(
    ("status", "before", "used"),
    [
        ("Running", timedelta(days=9), True),
        ("Completed", timedelta(0), True),
        ("Completed", timedelta(days=9), False),
    ],
)
def test_jobs_in_an_archive_are_use_of_it(status: str, before: timedelta, used: bool) -> None:
    """Serverless ones: they take no compute, and an archive denies none."""

    async def scene(ending: Ending) -> None:
        await ending.begin()
        await asyncio.sleep(3600)
        world = ending.world
        world.job("tuning", status, world.now - before)
        expiry = await world.look()
        told = expiry.conditions[0]
        assert (told.reason == "InUseAgain", "jobs/tuning" in told.message) == (used, used), told
        assert (expiry.deletion_begun_at is None) is used

    play(scene)


def test_a_job_that_begins_in_the_last_moment_keeps_the_group() -> None:
    async def scene(ending: Ending) -> None:
        await ending.begin()
        assert begins(await ending.world.look())
        ending.world.job("late", "Queued", ending.world.now)
        expiry = await ending.world.look()
        assert (expiry.conditions[0].reason, expiry.deletion_begun_at) == ("InUseAgain", None)
        assert ending.group_stands

    play(scene)


def test_a_job_that_does_not_say_when_it_began_may_have_begun_in_the_archive() -> None:
    async def scene(ending: Ending) -> None:
        await ending.begin()
        world = ending.world
        world.world.azure.plant(f"{world.workspace}/jobs/odd", properties={"status": "Completed"})
        assert (await world.look()).conditions[0].reason == "InUseAgain"

    play(scene)
