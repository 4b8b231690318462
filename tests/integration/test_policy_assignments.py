"""Azure Policy against the admin account of a registry (S2-73): planned, created, judged; in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.posture import Finding
from tests.support.blueprints import example
from tests.support.illegal import waiver
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import POLICIES, an_initiative, no_admin_user, put

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-churn-churn-dev"
AUTHORIZATION = "providers/Microsoft.Authorization"
ROOT = "/providers/Microsoft.Management/managementGroups/contoso-platform"


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    running.register()
    yield running
    running.close()


def with_admin() -> dict[str, Any]:
    """The example whose registry has its admin account on, for a while."""
    return {**example(), "registry": {"adminUser": True}, "waivers": [waiver(30)]}


def policy(product: QuietProduct) -> Finding:
    (found,) = (one for one in product.validate().report.findings if one.control == "CP.ACR.Policy")
    return found


def refused(product: QuietProduct) -> str:
    """The code with which a spec that asks for the account is refused; nothing has been written by then."""
    before = len(product.azure.writes)
    with pytest.raises(Rejected) as told:
        product.put(with_admin())
    assert len(product.azure.writes) == before
    (detail,) = told.value.details
    assert detail.target == "$.registry.adminUser"
    return detail.code


def of_management_group(product: QuietProduct) -> None:
    """Definition and assignment lie above every subscription, where nobody of these has a right."""
    an_initiative(product, "deny")
    engine = product.azure.engine
    engine.delete(f"{POLICIES}/policyAssignments/ours")
    theirs = engine.get(f"{POLICIES}/policyDefinitions/theirs")
    assert theirs is not None
    moved = engine.put(f"{ROOT}/{AUTHORIZATION}/policyDefinitions/above", theirs.body)
    engine.delete(theirs.id)
    properties = {"policyDefinitionId": moved.id, "parameters": {"effect": {"value": "deny"}}}
    engine.put(f"{ROOT}/{AUTHORIZATION}/policyAssignments/above", {"properties": properties})


def of_group(product: QuietProduct) -> None:
    put(product, GROUP, {"location": "westeurope"})
    no_admin_user(product, scope=GROUP)


@pytest.mark.parametrize(
    "assign",
    [
        pytest.param(no_admin_user, id="subscription"),
        pytest.param(of_management_group, id="management group"),
        pytest.param(of_group, id="group"),
        pytest.param(lambda product: an_initiative(product, "deny"), id="an initiative of their own"),
    ],
)
def test_a_policy_against_the_account_is_found_before_anything_is_written(product: QuietProduct, assign: Any) -> None:
    assign(product)
    assert refused(product) == "PolicyForbidsAdminUser"
    # Made without the account, the registry first, the policy has nothing against it.
    assert product.create().status == "Succeeded"
    assert product.failing() == set()
    assert policy(product).status == "Pass"


def test_a_policy_that_only_audits_is_none(product: QuietProduct) -> None:
    no_admin_user(product, "Audit")
    an_initiative(product, "audit")
    assert product.create(with_admin()).status == "Succeeded"
    assert product.failing() == set()


def test_what_is_assigned_later_is_found_and_says_by_whom(product: QuietProduct) -> None:
    assert product.create(with_admin()).status == "Succeeded"
    assert policy(product).status == "Pass"
    an_initiative(product, "deny")
    found = policy(product)
    assert (found.status, found.observed, found.repair.kind) == ("Fail", "denied", "manual")
    assert "S2-73" in found.requirements
    assert str(found.read_from).lower() == f"{POLICIES}/policyAssignments/ours".lower()


def test_what_cannot_be_read_is_refused_and_unknown(product: QuietProduct) -> None:
    assert product.create(with_admin()).status == "Succeeded"
    an_initiative(product)
    azure = product.azure
    for grant in azure.engine.all_of("Microsoft.Authorization/roleAssignments"):
        if grant.properties["principalId"] == azure.world.seeded("observer")["id"]:
            azure.engine.delete(grant.id)
    with pytest.raises(Rejected):
        product.put(with_admin() | {"owners": ["00000000-0000-0000-0000-0000000000a2"]})
    assert policy(product).status == "Unknown"
