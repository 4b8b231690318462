"""Custom roles and deny assignments as Azure shows them, against the simulator's engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.workspaces import service
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.access.powers import Can, Plane
from controlplane.workspaces.access.report import Explanation
from simulator.planes.denials import DENIALS
from tests.support.blueprints import example
from tests.support.own_roles import Rights, actions
from tests.support.quiet_product import ADMIN, NAME, QuietProduct

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
CUSTOM = "00000000-0000-0000-0000-00000000c057"
ASSIGNED = "00000000-0000-0000-0000-00000000a551"
AUTHORIZATION = "providers/Microsoft.Authorization"


@pytest.fixture(scope="module")
def product() -> Iterator[QuietProduct]:
    made = QuietProduct()
    made.register()
    assert made.create(example("personas")).status == "Succeeded"
    yield made
    made.close()


def ada(product: QuietProduct) -> str:
    """A stranger to this workspace."""
    return str(product.azure.world.directory.person("ada")["id"])


def holds(product: QuietProduct, **permissions: Any) -> None:
    """Ada gets a role of somebody's own making on the group."""
    definition = f"{SUBSCRIPTION}/{AUTHORIZATION}/roleDefinitions/{CUSTOM}"
    body = {"roleName": "Theirs", "assignableScopes": [SUBSCRIPTION], "permissions": [permissions]}
    assert product.owner("PUT", definition, {"properties": body}, "2022-04-01") in (200, 201)
    given = {"roleDefinitionId": definition, "principalId": ada(product), "principalType": "User"}
    assigned = f"{product.ids()['resource-group']}/{AUTHORIZATION}/roleAssignments/{ASSIGNED}"
    assert product.owner("PUT", assigned, {"properties": given}) in (200, 201)


def judged(product: QuietProduct) -> tuple[str, bool]:
    """RB-I5 of the report, and whether Ada breaks it."""
    invariants = product.run(service.get_access(product.services, ADMIN, NAME))[1].invariants
    (found,) = (one for one in invariants if one.id == "RB-I5")
    return found.status, any(ada(product) in said for said in found.violations)


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        ({"dataActions": ["Microsoft.KeyVault/vaults/*"]}, "Fail"),
        ({"dataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]}, "Pass"),
        ({"actions": ["*/read"]}, "Pass"),
    ],
    ids=["a vault's administrator", "who reads secrets", "a reader"],
)
def test_a_custom_role_in_dev_is_judged_by_its_permissions(
    product: QuietProduct, permissions: dict[str, Any], status: str
) -> None:
    holds(product, **permissions)
    assert judged(product) == (status, status == "Fail")


def test_a_custom_role_that_cannot_be_read_is_unknown(product: QuietProduct) -> None:
    holds(product, actions=["*/read"])
    rights = Rights(product)
    rights.set("observer", actions("observer") - {"Microsoft.Authorization/roleDefinitions/read"})
    try:
        found = judged(product)
    finally:
        rights.set("observer", actions("observer"))
    assert found == ("Unknown", True)


def test_an_explanation_names_a_custom_role_and_where_it_lets_in(product: QuietProduct) -> None:
    holds(product, dataActions=["Microsoft.KeyVault/vaults/secrets/getSecret/action"])
    found = {
        one.grant.role: one.planes for one in explained(product, "vault").who if one.grant.principal_id == ada(product)
    }
    assert found == {"Theirs": (Plane.DATA,)}


def explained(product: QuietProduct, resource: str, can: Can = Can.READ) -> Explanation:
    return product.run(service.explain_access(product.services, ADMIN, NAME, resource, can))


def deny(product: QuietProduct, *principals: dict[str, str], **more: Any) -> str:
    """As a deployment stack makes one."""
    group = product.ids()["resource-group"]
    arm_id = f"{group}/providers/{DENIALS}/00000000-0000-0000-0000-00000000de11"
    body = {
        "denyAssignmentName": "stack",
        "scope": group,
        "principals": list(principals),
        "excludePrincipals": [],
        "permissions": [{"actions": ["*"], "notActions": [], "dataActions": ["*"], "notDataActions": []}],
    }
    product.azure.engine.put(arm_id, {"properties": {**body, **more}})
    return arm_id


def test_whoever_is_denied_is_not_told_as_a_reader(product: QuietProduct) -> None:
    team = example("personas")["access"]["productOwners"][0]
    before = explained(product, "storage")
    assert Persona.PRODUCT_OWNERS in {one.grant.persona for one in before.who}
    assert before.denied == () and before.unreadable is None
    denial = deny(product, {"id": team, "type": "Group"})
    try:
        after = explained(product, "storage")
    finally:
        product.azure.engine.delete(denial)
    assert Persona.PRODUCT_OWNERS not in {one.grant.persona for one in after.who}
    mine = [one for one in after.denied if one.grant.principal_id == team]
    assert {(one.planes, one.by, one.certain) for one in mine} == {((Plane.MANAGEMENT,), ("stack",), True)}
    # Of everybody else nobody knows whether they are in that group.
    assert {one.certain for one in after.denied if one.grant.principal_id != team} == {False}


def test_what_denies_and_cannot_be_read_is_said(product: QuietProduct) -> None:
    rights = Rights(product)
    rights.set("observer", actions("observer") - {f"{DENIALS}/read"})
    try:
        found = explained(product, "storage")
    finally:
        rights.set("observer", actions("observer"))
    assert found.unreadable is not None
    assert "deny assignments" in found.unreadable and "AuthorizationFailed" in found.unreadable


def test_azure_refuses_what_is_denied(product: QuietProduct) -> None:
    """The simulator: a grant is worth nothing where a deny assignment stands, unless its holder is excluded."""
    observer = product.azure.world.seeded("observer")["id"]
    group, everyone = product.ids()["resource-group"], {"id": "00000000-0000-0000-0000-000000000000", "type": "x"}
    url = f"{group}?api-version=2021-04-01"
    for excluded, status in ((product.azure.world.seeded("owner")["id"], 403), (observer, 200)):
        denial = deny(product, everyone, excludePrincipals=[{"id": excluded, "type": "ServicePrincipal"}])
        answer = product.azure.call("observer", "GET", url)
        product.azure.engine.delete(denial)
        assert answer.status == status
    assert product.azure.call("observer", "GET", url).status == 200
