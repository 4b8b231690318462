"""Roles taken by PIM: shown as taken until when, by which row, and left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from controlplane.errors import Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.reader import OperationReading, ResourceReader
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.access.powers import Can
from controlplane.workspaces.access.report import AccessReport
from controlplane.workspaces.service import Request
from simulator.engine.hooks import Caller
from tests.hooks.eligibility import SUPPORT
from tests.hooks.eligibility import asked as eligibility
from tests.support.blueprints import example
from tests.support.quiet_product import ADMIN, NAME, QuietProduct

PROVIDER = "providers/Microsoft.Authorization"


def activation(person: str, hours: int = 2, kind: str = "SelfActivate") -> dict[str, Any]:
    body = eligibility(person, kind)
    body["properties"]["justification"] = "incident 42"
    body["properties"]["scheduleInfo"]["expiration"]["duration"] = f"PT{hours}H"
    return body


class Support:
    """Platform support's group is eligible on the vault, as the matrix says; Sam is in it."""

    def __init__(self, product: QuietProduct) -> None:
        self.product, self.vault = product, product.ids()["vault"]
        self.sam = product.azure.world.directory.person("sam")["id"]
        product.azure.add_caller("sam", Caller(self.sam, None, "sam@contoso.com", "User", (SUPPORT,)))

    def eligible_on(self, scope: str, number: int = 1) -> None:
        path = f"{scope}/{PROVIDER}/roleEligibilityScheduleRequests/00000000-0000-0000-0000-{number:012d}"
        assert self.product.owner("PUT", path, eligibility(SUPPORT)) == 201

    def takes(self, scope: str, hours: int = 2) -> None:
        path = f"{scope}/{PROVIDER}/roleAssignmentScheduleRequests/00000000-0000-0000-0000-0000000000aa"
        answer = self.product.azure.call("sam", "PUT", f"{path}?api-version=2020-10-01", activation(self.sam, hours))
        assert answer.status == 201, answer.body

    def has(self) -> list[str]:
        """Names of the role assignments of Sam in Azure."""
        every = self.product.azure.engine.all_of("Microsoft.Authorization/roleAssignments")
        return [one.name for one in every if one.properties["principalId"] == self.sam]


@pytest.fixture
def support() -> Iterator[Support]:
    product = QuietProduct()
    product.register()
    assert product.create(example("personas")).status == "Succeeded"
    yield Support(product)
    product.close()


class Refusing:
    """A reader that may not see activations."""

    def __init__(self, reader: ResourceReader) -> None:
        self._reader = reader

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        return await self._reader.get(path, api_version)

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        if path.endswith("roleAssignmentScheduleInstances"):
            raise Rejected("AuthorizationFailed", "no right")
        return await self._reader.list(path, api_version, query)

    async def operation(self, url: str) -> OperationReading:
        return await self._reader.operation(url)


def access(product: QuietProduct) -> AccessReport:
    return product.run(service.get_access(product.services, ADMIN, NAME))[1]


def reconcile(product: QuietProduct) -> str:
    ask = Request(ADMIN, Permission.ACCESS_RECONCILE, NAME, Preconditions(), True)
    return product.finish(product.run(service.reconcile_access(product.services, ask))).status


def test_what_support_took_is_shown_until_when_and_by_which_row(support: Support) -> None:
    support.eligible_on(support.vault)
    support.takes(support.vault)
    report = access(support.product)
    (held,) = (one for one in report.effective if one.principal_id == support.sam)
    assert (held.row, held.persona, held.eligible) == ("RB-D07", Persona.PLATFORM_SUPPORT, False)
    assert isinstance(held.activated_until, datetime)
    hours = (held.activated_until - support.product.run(_now(support.product))).total_seconds() / 3600
    assert 1.9 < hours <= 2.0
    assert support.sam not in {one.principal_id for one in (*report.drift.direct_grants, *report.drift.extra)}
    explained = support.product.run(
        service.explain_access(support.product.services, ADMIN, NAME, "vault", Can.ADMINISTER)
    )
    (reader,) = (one for one in explained.who if one.grant.principal_id == support.sam)
    assert (reader.grant.row, reader.grant.activated_until) == ("RB-D07", held.activated_until)


async def _now(product: QuietProduct) -> datetime:
    return product.services.clock.now()


def test_it_is_no_finding_and_reconcile_leaves_it_until_it_ends(support: Support) -> None:
    support.eligible_on(support.vault)
    before = support.product.failing()
    support.takes(support.vault, hours=8)
    assert support.product.failing() == before
    assert reconcile(support.product) == "Succeeded"
    assert len(support.has()) == 1
    support.product.advance(8 * 3600)
    assert support.has() == []
    assert support.sam not in {one.principal_id for one in access(support.product).effective}


def test_a_role_taken_beyond_the_matrix_is_shown_and_not_taken_away(support: Support) -> None:
    """Support is eligible on the whole group, which no row has: the eligibility is an administrator's to end."""
    group = support.product.ids()["resource-group"]
    support.eligible_on(group)
    support.takes(group)
    drift = access(support.product).drift
    (extra,) = (one for one in drift.extra if one.principal_id == support.sam)
    assert (extra.row, extra.persona) == (None, Persona.PLATFORM_SUPPORT)
    assert extra.activated_until is not None
    assert support.sam not in {one.principal_id for one in drift.direct_grants}
    assert reconcile(support.product) == "Succeeded"
    assert len(support.has()) == 1


def test_without_personas_reconcile_leaves_it_too() -> None:
    product = QuietProduct()
    product.register()
    assert product.create(example()).status == "Succeeded"
    support = Support(product)
    support.eligible_on(support.vault)
    support.takes(support.vault)
    assert support.sam not in {one.principal_id for one in access(product).drift.direct_grants}
    assert reconcile(product) == "Succeeded"
    assert len(support.has()) == 1
    product.close()


def test_where_activations_cannot_be_read_nothing_is_taken_away(support: Support) -> None:
    support.eligible_on(support.vault)
    support.takes(support.vault)
    product = support.product
    product.services = replace(product.services, reader=Refusing(product.services.reader))
    assert access(product).unreadable == "AuthorizationFailed: no right"
    with pytest.raises(Transient, match="taken by PIM") as refused:
        reconcile(product)
    assert refused.value.code == "ResourceUnreadable"
    assert len(support.has()) == 1
