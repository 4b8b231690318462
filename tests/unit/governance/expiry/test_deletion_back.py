"""The way back out of the last stage: until the archiver has begun, and not a moment longer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from controlplane.governance.deps import Archiver
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.ending import ROLE, begins
from controlplane.governance.expiry.model import Decided, Exemption, Expiry, Extension, Rule, Stage
from controlplane.governance.parts import parts
from controlplane.objects.repository import put
from tests.support.expiry_lines import Line, fresh
from tests.support.expiry_world import ID, ExpiryWorld, meaning
from tests.support.fake_azure import FakeAzure
from tests.support.tick_world import GROUP
from tests.support.virtual_time import run

DELETES = {"idleAfter": "P30D", "grace": "P1D", "action": "delete", "retention": "P2D"}


@dataclass
class Elevated:
    """The archiver's own eyes: an assignment that ends, on that group."""

    azure: FakeAzure
    held: bool = True
    ends: str = "2099-01-01T00:00:00Z"

    async def list(self, path: str, *_: Any) -> tuple[dict[str, Any], ...]:
        return ({"properties": {"scope": GROUP, "endDateTime": self.ends}},) if self.held else ()


@dataclass
class Ending:
    """A workspace in its last stage, with an archiver."""

    world: ExpiryWorld
    eyes: Elevated = field(init=False)

    def __post_init__(self) -> None:
        azure = self.world.world.azure
        self.eyes = Elevated(azure)
        archiver = Archiver("archiver", self.eyes, azure)  # type: ignore[arg-type]
        self.world.deps = replace(self.world.deps, archiver=archiver)
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


@dataclass
class Defined:
    """An Azure that has the archiver's role; it lies in no group."""

    azure: Any
    definition: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.azure, name)

    async def list(self, path: str, version: str, query: tuple[tuple[str, str], ...] = ()) -> Any:
        if not path.endswith("/roleDefinitions"):
            return await self.azure.list(path, version)
        assert query == (("$filter", f"roleName eq '{ROLE}'"),)
        return ({"id": self.definition, "properties": {"roleName": ROLE}},)


def test_the_request_for_an_elevation_is_whole_and_says_what_it_lacks() -> None:
    async def scene(ending: Ending) -> None:
        ending.eyes.held = False
        await ending.begin()
        message = (await ending.world.look()).conditions[0].message
        assert "CONTROLPLANE_ARCHIVER_OBJECT_ID is not set" in message and "has no role" in message
        definition = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/r-1"
        archiver = ending.world.deps.archiver
        assert archiver is not None
        named = replace(archiver, object_id="o-1", endpoint="https://arm.example")
        reader: Any = Defined(ending.world.deps.reader, definition)
        ending.world.deps = replace(ending.world.deps, archiver=named, reader=reader)
        ending.world.machines = replace(ending.world.machines, parts=parts(ending.world.deps))
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
