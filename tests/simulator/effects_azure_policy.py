"""What Azure Policy does to definitions, assignments and writes: passes with the hook on, fails with it off."""

from __future__ import annotations

from typing import Any

from simulator.types.policy import NO_ADMIN_USER
from tests.simulator.effects_network import EFFECTS, effect
from tests.simulator.lab import GROUP, ZERO, Body, Lab, provider

SUBSCRIPTION = f"/subscriptions/{ZERO}"
AUTHORIZATION = "providers/Microsoft.Authorization"
BUILT_IN = f"/{AUTHORIZATION}/policyDefinitions/{NO_ADMIN_USER}"
CUSTOM = f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions/no-computes"
SET = f"{SUBSCRIPTION}/{AUTHORIZATION}/policySetDefinitions/registries"
REGISTRY = provider("Microsoft.ContainerRegistry/registries", "crours1")
COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"


def assignment(scope: str = GROUP, name: str = "ours") -> str:
    return f"{scope}/{AUTHORIZATION}/policyAssignments/{name}"


def assigned(definition: str = BUILT_IN, effect: str | None = "Deny", **properties: Any) -> Body:
    given = {"parameters": {"effect": {"value": effect}}} if effect else {}
    return {"properties": {"policyDefinitionId": definition, "displayName": "Ours", **given, **properties}}


def registry(admin: bool) -> Body:
    return {"location": "westeurope", "sku": {"name": "Premium"}, "properties": {"adminUserEnabled": admin}}


def rule(condition: Body, effect: str = "deny", **properties: Any) -> Body:
    return {"properties": {"mode": "All", "policyRule": {"if": condition, "then": {"effect": effect}}, **properties}}


@effect("policy-denies-writes")
def a_write_that_a_policy_denies_is_refused_in_azures_words(lab: Lab) -> None:
    lab.group()
    lab.put(assignment(), assigned())
    answer = lab.call("PUT", REGISTRY, registry(admin=True))
    assert answer.status == 403
    error = answer.body["error"]
    assert (error["code"], error["target"]) == ("RequestDisallowedByPolicy", "crours1")
    named = f'"policyAssignment":{{"name":"Ours","id":"{assignment()}"}}'
    assert error["message"].startswith("Resource 'crours1' was disallowed by policy. Policy identifiers: '[{" + named)
    (violation,) = error["additionalInfo"]
    assert violation["info"]["policyDefinitionId"] == BUILT_IN
    assert violation["info"]["policyAssignmentScope"] == GROUP
    lab.put(REGISTRY, registry(admin=False))
    assert lab.refused("PATCH", REGISTRY, {"properties": {"adminUserEnabled": True}})["code"] == error["code"]
    lab.delete(assignment())
    lab.put(REGISTRY, registry(admin=True))


@effect("policy-can-be-assigned")
def a_definition_that_exists_is_assigned_with_values_that_it_allows(lab: Lab) -> None:
    lab.group()
    gone = lab.refused("PUT", assignment(), assigned(f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions/gone"))
    assert gone["code"] == "PolicyDefinitionNotFound"
    wrong = lab.refused("PUT", assignment(), assigned(effect="deny"))
    assert wrong["code"] == "PolicyParameterValueNotAllowed"
    assert wrong["message"].endswith("The allowed values are 'Audit, Deny, Disabled'.")
    lab.put(CUSTOM, rule({"field": "type", "in": "[parameters('types')]"}, parameters={"types": {"type": "Array"}}))
    assert lab.refused("PUT", assignment(), assigned(CUSTOM, None))["code"] == "MissingPolicyParameter"


@effect("policy-rule-is-understood")
def a_rule_with_a_word_that_is_not_known_is_refused(lab: Lab) -> None:
    for condition in ({"field": "type", "matches": "x"}, {"count": {}, "equals": 1}, {}, {"field": "type"}):
        assert lab.refused("PUT", CUSTOM, rule(condition))["code"] == "InvalidPolicyRule"
    assert lab.refused("PUT", CUSTOM, rule({"field": "type", "equals": "x"}, "modify"))["code"] == "InvalidPolicyRule"


@effect("policy-set-members-exist")
def an_initiative_names_definitions_that_exist(lab: Lab) -> None:
    gone = {"policyDefinitionId": f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions/gone"}
    body = {"properties": {"policyDefinitions": [gone]}}
    assert lab.refused("PUT", SET, body)["code"] == "PolicyDefinitionNotFound"


TABLE = EFFECTS
