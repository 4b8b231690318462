"""test_refusals.py's cases for Azure Policy; its own rules are test_azure_policy.py's."""

from __future__ import annotations

from tests.simulator import effects_azure_policy as policy
from tests.simulator.lab import Body
from tests.simulator.refusals import IGNORED, Case

_WHY = IGNORED + "{} is readOnly in the API definition"
_RULE = policy.rule({"field": "type", "equals": policy.COMPUTES}, "audit")
_SET: Body = {"properties": {"policyDefinitions": [{"policyDefinitionId": policy.BUILT_IN}]}}


def _required(leaf: str) -> tuple[str, str]:
    return "InvalidRequestContent", f"the property '{leaf}' is required"


CASES: dict[str, Case] = {
    "Microsoft.Authorization/policyDefinitions": Case(
        policy.CUSTOM,
        _RULE,
        "properties.policyRule",
        _required("policyRule"),
        ("type", "Microsoft.Authorization/others"),
        _WHY.format("type"),
    ),
    "Microsoft.Authorization/policySetDefinitions": Case(
        policy.SET,
        _SET,
        "properties.policyDefinitions",
        _required("policyDefinitions"),
        ("type", "Microsoft.Authorization/others"),
        _WHY.format("type"),
    ),
    "Microsoft.Authorization/policyAssignments": Case(
        policy.assignment(),
        policy.assigned(effect="Audit"),
        "properties.policyDefinitionId",
        _required("policyDefinitionId"),
        ("properties.scope", "/subscriptions/another"),
        _WHY.format("scope"),
    ),
}
