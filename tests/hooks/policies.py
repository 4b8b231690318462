"""Azure Policy: what of it the product sees, and what it keeps others from doing to a workspace."""

from __future__ import annotations

from typing import Any

from tests.hooks.scenarios import noticed, spec, succeeded, tries
from tests.support.illegal import waiver
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import NO_ADMIN_USER, POLICIES, an_initiative, no_admin_user

_RULE = {"if": {"field": "type", "matches": "Microsoft.ContainerRegistry/registries"}, "then": {"effect": "deny"}}


def with_admin(product: QuietProduct) -> None:
    """A workspace whose registry has its admin account on, which is what policy may be against."""
    succeeded(product.create(spec(registry={"adminUser": True}, waivers=[waiver(30)])))


def judged(product: QuietProduct) -> str:
    """What the product says of the policies that it sees."""
    (found,) = (one for one in product.validate().report.findings if one.control == "CP.ACR.Policy")
    return str(found.status.value)


def assign(product: QuietProduct, definition: str, **parameters: Any) -> int:
    properties = {"policyDefinitionId": definition, "parameters": {k: {"value": v} for k, v in parameters.items()}}
    return product.owner("PUT", f"{POLICIES}/policyAssignments/theirs", {"properties": properties})


@noticed("policy-denies-writes")
def nobody_switches_the_account_on_where_policy_denies_it(product: QuietProduct) -> None:
    no_admin_user(product)
    tries(product, "registry", adminUserEnabled=True)
    assert product.failing() == set()


@noticed("policy-can-be-assigned", world="empty")
def an_effect_that_the_definition_does_not_allow_is_not_assigned(product: QuietProduct) -> None:
    with_admin(product)
    assign(product, NO_ADMIN_USER, effect="deny")
    assert judged(product) == "Pass"


@noticed("policy-rule-is-understood", world="empty")
def a_rule_with_a_word_of_nobodys_is_no_definition(product: QuietProduct) -> None:
    with_admin(product)
    definition = f"{POLICIES}/policyDefinitions/theirs"
    product.owner("PUT", definition, {"properties": {"mode": "All", "policyRule": _RULE}})
    assign(product, definition)
    assert judged(product) == "Pass"


@noticed("policy-set-members-exist", world="empty")
def an_initiative_of_nothing_is_none(product: QuietProduct) -> None:
    with_admin(product)
    an_initiative(product)
    gone = {"policyDefinitionId": f"{POLICIES}/policyDefinitions/gone"}
    initiative = f"{POLICIES}/policySetDefinitions/ours"
    product.owner("PUT", initiative, {"properties": {"policyDefinitions": [gone]}})
    assert judged(product) == "Pass"
