"""Who did what, which of it no row allows, and who never did anything (S3-69)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.azure.activity import event_of
from controlplane.errors import Rejected
from controlplane.ports.activity import LONGEST, Event
from controlplane.workspaces import service
from controlplane.workspaces.access.activity import ActivityView, ActorView, Who
from controlplane.workspaces.access.personas import Persona
from simulator.engine.hooks import Caller
from tests.support.blueprints import example
from tests.support.quiet_product import ADMIN, NAME, QuietProduct

PERSONAS: dict[str, list[str]] = example("personas")["access"]
LEADS, SCIENTISTS = PERSONAS["projectLeads"][0], PERSONAS["dataScientists"][0]


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    made = QuietProduct()
    made.register()
    assert made.create(example("personas")).status == "Succeeded"
    yield made
    made.close()


class People:
    """Entra ID: who is in which group."""

    def __init__(self, members: dict[str, set[str]] | None) -> None:
        self._members = members

    async def names(self, ids: tuple[str, ...]) -> dict[str, str] | None:
        return {one: f"name of {one}" for one in ids}

    async def members(self, groups: tuple[str, ...]) -> dict[str, frozenset[str]] | None:
        if self._members is None:
            return None
        return {group: frozenset(self._members.get(group, ())) for group in groups}


def seen(product: QuietProduct, days: int = 30) -> ActivityView:
    report = product.run(service.get_access(product.services, ADMIN, NAME, days))[1]
    assert report.activity is not None
    return report.activity


def actor(found: ActivityView, principal: str) -> ActorView:
    assert found.actors is not None
    return next(one for one in found.actors if one.principal_id == principal)


def person(product: QuietProduct, name: str, *groups: str, role: str = "") -> str:
    """Somebody who calls Azure, with the groups that the token says."""
    who: str = product.azure.world.directory.person(name)["id"]
    product.azure.add_caller(name, Caller(who, "cli", f"{name}@contoso.com", "User", groups))
    if role:
        product.azure.engine.grant(product.ids()["resource-group"], role, who)
    return who


def tags(product: QuietProduct, who: str, key: str) -> int:
    """Somebody changes a tag of something."""
    arm_id = product.ids()[key]
    versions = {"registry": "2025-11-01", "nsg": "2024-05-01"}
    url = f"{arm_id}?api-version={versions.get(key.partition('/')[0], '2024-05-01')}"
    body = dict(product.azure.call("owner", "GET", url).body)
    body = {name: value for name, value in body.items() if name in ("location", "sku", "properties", "kind")}
    answer = product.azure.call(who, "PUT", url, {**body, "tags": {"by": who}})
    product.settle()
    return answer.status


CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


def test_who_did_which_write_when_and_by_which_row(product: QuietProduct) -> None:
    lead = person(product, "lea", LEADS)
    assert tags(product, "lea", "registry") in (200, 201, 202)
    view = seen(product)
    found = actor(view, lead)
    assert (found.who, found.persona, found.gap) == (Who.PERSONA, Persona.PROJECT_LEADS, False)
    assert (found.caller, found.app_id, found.succeeded) == ("lea@contoso.com", "cli", 1)
    (write,) = found.writes
    assert (write.action, write.row) == ("Microsoft.ContainerRegistry/registries/write", "RB-D05")
    assert write.resource == product.ids()["registry"]
    assert write.status == "Succeeded"
    assert timedelta() <= view.until - write.at < timedelta(hours=1)


def test_activity_s3_69(product: QuietProduct) -> None:
    """S3-69: a stranger's write is a gap; the control plane's own is none."""
    stranger = person(product, "eve", "some-group", role=CONTRIBUTOR)
    assert tags(product, "eve", "registry") in (200, 201, 202)
    found = seen(product)
    eve = actor(found, stranger)
    assert (eve.who, eve.persona, eve.gap, eve.writes[0].row) == (Who.STRANGER, None, True, None)
    assert found.gaps is not None
    assert stranger in found.gaps
    operator = product.azure.world.seeded("operator")["id"]
    ours = actor(found, operator)
    assert (ours.who, ours.gap) == (Who.CONTROL_PLANE, False)
    assert ours.succeeded > 50
    assert len(ours.writes) == 100 or ours.succeeded + ours.failed == len(ours.writes)
    assert operator not in found.gaps


def test_a_refused_write_is_told_and_is_no_gap(product: QuietProduct) -> None:
    reader = person(product, "rob", PERSONAS["businessStakeholders"][0])
    assert product.azure.call("rob", "DELETE", f"{product.ids()['registry']}?api-version=2025-11-01").status == 403
    found = actor(seen(product), reader)
    assert (found.who, found.gap, found.succeeded, found.failed) == (Who.PERSONA, False, 0, 1)


def test_what_a_persona_changed_beyond_its_row_is_a_gap(product: QuietProduct) -> None:
    """A model tester reads the registry; a grant that somebody made by hand let him change it, and is no row."""
    tester = person(product, "tom", PERSONAS["modelTesters"][0], role=CONTRIBUTOR)
    assert tags(product, "tom", "registry") in (200, 201, 202)
    found = actor(seen(product), tester)
    assert (found.who, found.persona, found.gap) == (Who.PERSONA, Persona.MODEL_TESTERS, True)


def test_without_groups_and_directory_a_persons_gap_is_unknown(product: QuietProduct) -> None:
    someone = person(product, "uma", role=CONTRIBUTOR)
    assert tags(product, "uma", "registry") in (200, 201, 202)
    unknown = actor(seen(product), someone)
    assert (unknown.who, unknown.gap) == (Who.UNKNOWN, None)
    product.services = replace(product.services, directory=People({LEADS: {someone}}))
    known = actor(seen(product), someone)
    assert (known.who, known.persona, known.gap) == (Who.PERSONA, Persona.PROJECT_LEADS, False)
    assert known.display_name == f"name of {someone}"


def test_who_may_change_something_and_never_did(product: QuietProduct) -> None:
    lead = person(product, "lea", LEADS)
    tags(product, "lea", "registry")
    found = seen(product).idle
    assert found is not None
    by_principal = {one.principal_id: one for one in found}
    assert LEADS not in by_principal  # somebody of the group was seen
    assert (by_principal[SCIENTISTS].row, by_principal[SCIENTISTS].acted) == ("RB-D01", None)
    assert by_principal[PERSONAS["cicdProcesses"][0]].acted is False
    assert PERSONAS["dataGovernance"][0] not in by_principal  # reads only, and is never in the log
    product.services = replace(product.services, directory=People({LEADS: {lead, "p-2"}, SCIENTISTS: {"p-3"}}))
    told = {one.principal_id: one for one in seen(product).idle or ()}
    assert lead not in told
    assert (told["p-2"].group_id, told["p-2"].acted) == (LEADS, False)
    assert told["p-3"].persona is Persona.DATA_SCIENTISTS


def test_what_was_done_before_the_days_that_were_asked_for_is_not_told(product: QuietProduct) -> None:
    lead = person(product, "lea", LEADS)
    tags(product, "lea", "registry")
    product.advance(3 * 86400)
    assert actor(seen(product, 7), lead).succeeded == 1
    found = seen(product, 2)
    assert found.actors is not None
    assert lead not in {one.principal_id for one in found.actors}
    ninety = seen(product, 90)
    assert ninety.unreadable is None
    assert ninety.until - ninety.since == LONGEST


class Silent:
    """A log that may not be read."""

    async def writes(self, subscription: str, group: str, since: datetime, until: datetime) -> tuple[Event, ...]:
        raise Rejected("AuthorizationFailed", "no right")


@pytest.mark.parametrize("log", [None, Silent()])
def test_an_unreadable_log_is_unknown_and_never_nobody(product: QuietProduct, log: Any) -> None:
    product.services = replace(product.services, activity=log)
    found = seen(product)
    assert found.unreadable is not None
    assert found.actors is found.gaps is found.idle is None
    assert product.run(service.get_access(product.services, ADMIN, NAME))[1].activity is None


def test_events_as_azure_writes_them() -> None:
    """The sample of the REST reference, shortened; and an event that nobody caused."""
    sample: dict[str, Any] = {
        "authorization": {"action": "microsoft.support/supporttickets/write", "role": "Subscription Admin"},
        "caller": "admin@contoso.com",
        "claims": {
            "http://schemas.microsoft.com/identity/claims/objectidentifier": "2468ADF0-8211-44E3-95FF-85137AF64708",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "admin@contoso.com",
            "appid": "C44B4083-3BB0-49C1-B47D-974E53CBDF3C",
            "groups": "cacfe77c-e058-4712-83aa-f9b08849fd60, 7F71D11D-4C41-4B23-99D2-D32CE7AA621C",
        },
        "correlationId": "1e121103-0ba6-4300-ac9d-952bb5d0c80f",
        "eventTimestamp": "2015-01-21T22:14:26.9792776Z",
        "resourceId": "/subscriptions/s/resourceGroups/g",
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
    }
    found = event_of(sample)
    assert found is not None
    assert found.principal == "2468adf0-8211-44e3-95ff-85137af64708"
    assert found.app == "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
    assert found.groups == {"cacfe77c-e058-4712-83aa-f9b08849fd60", "7f71d11d-4c41-4b23-99d2-d32ce7aa621c"}
    assert (found.is_app, found.at.microsecond) == (False, 979277)
    by_app = event_of({**sample, "caller": "b2bf6bd1-0000-0000-0000-000000000000", "claims": {}})
    assert by_app is not None
    assert (by_app.is_app, by_app.principal) == (True, "b2bf6bd1-0000-0000-0000-000000000000")
    assert event_of({**sample, "category": {"value": "Policy"}}) is None
