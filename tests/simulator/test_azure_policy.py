"""Azure Policy as Azure evaluates it: scopes, effects, initiatives, conditions."""

from __future__ import annotations

import pytest

from simulator.engine.hooks import Caller
from tests.simulator import estate
from tests.simulator.effects_azure_policy import (
    AUTHORIZATION,
    BUILT_IN,
    COMPUTES,
    CUSTOM,
    REGISTRY,
    SET,
    SUBSCRIPTION,
    assigned,
    assignment,
    registry,
    rule,
)
from tests.simulator.lab import GROUP, Body, Lab


@pytest.fixture
def lab() -> Lab:
    made = Lab()
    made.group()
    return made


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(GROUP, id="group"),
        pytest.param(SUBSCRIPTION, id="subscription"),
    ],
)
def test_what_is_assigned_above_holds_below(lab: Lab, scope: str) -> None:
    lab.put(assignment(scope), assigned())
    assert [
        one["name"] for one in lab.get(f"{GROUP}/{AUTHORIZATION}/policyAssignments?$filter=atScope()")["value"]
    ] == ["ours"]
    assert lab.refused("PUT", REGISTRY, registry(admin=True))["code"] == "RequestDisallowedByPolicy"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(assigned(effect=None), id="its default audits"),
        pytest.param(assigned(effect="Disabled"), id="disabled"),
        pytest.param(assigned(enforcementMode="DoNotEnforce"), id="not enforced"),
        pytest.param(assigned(notScopes=[GROUP]), id="excluded scope"),
    ],
)
def test_what_denies_nothing(lab: Lab, body: Body) -> None:
    lab.put(assignment(SUBSCRIPTION), body)
    lab.put(REGISTRY, registry(admin=True))


def test_an_initiative_hands_its_parameters_on(lab: Lab) -> None:
    member = {"policyDefinitionId": BUILT_IN, "parameters": {"effect": {"value": "[parameters('how')]"}}}
    how = {"how": {"type": "String", "defaultValue": "Audit"}}
    lab.put(SET, {"properties": {"policyDefinitions": [member], "parameters": how}})
    lab.put(assignment(), assigned(SET, None))
    lab.put(REGISTRY, registry(admin=True))
    lab.put(assignment(), assigned(SET, None, parameters={"how": {"value": "Deny"}}))
    assert lab.refused("PUT", REGISTRY, registry(admin=True))["code"] == "RequestDisallowedByPolicy"


_IS = {"field": "type", "equals": "Microsoft.ContainerRegistry/registries"}


@pytest.mark.parametrize(
    ("condition", "denied"),
    [
        pytest.param({"allOf": [_IS, {"field": "sku.name", "in": ["basic", "premium"]}]}, True, id="in, any case"),
        pytest.param({"allOf": [_IS, {"field": "sku.name", "notIn": ["Premium"]}]}, False, id="not in"),
        pytest.param({"allOf": [_IS, {"not": {"field": "location", "equals": "westeurope"}}]}, False, id="not"),
        pytest.param({"anyOf": [{"field": "name", "like": "cr*"}, {"field": "kind", "exists": True}]}, True, id="like"),
        pytest.param({"field": "tags['cost']", "exists": "false"}, True, id="no such tag"),
        pytest.param({"field": "tags.team", "equals": "Churn"}, True, id="tag"),
        pytest.param(
            {"field": "Microsoft.ContainerRegistry/registries/publicNetworkAccess", "notEquals": "Disabled"},
            True,
            id="an alias leaves properties out",
        ),
        pytest.param({"field": "Microsoft.Storage/storageAccounts/x", "equals": "y"}, False, id="another type's alias"),
    ],
)
def test_conditions(lab: Lab, condition: Body, denied: bool) -> None:
    lab.put(CUSTOM, rule(condition))
    lab.put(assignment(), assigned(CUSTOM, None))
    error = lab.outcome(lab.call("PUT", REGISTRY, {**registry(admin=False), "tags": {"team": "churn"}}))
    assert (error is not None) == denied
    assert error is None or error["code"] == "RequestDisallowedByPolicy"


def test_computes_can_be_denied_in_a_group(lab: Lab) -> None:
    """What a budget that is used up does: no new nodes."""
    lab.put(CUSTOM, rule({"allOf": [{"field": "type", "equals": COMPUTES}]}))
    lab.put(assignment(), assigned(CUSTOM, None))
    estate.dependants(lab)
    lab.put(estate.WORKSPACE, estate.WORKSPACE_BODY)
    body = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_DS3_v2"}}}
    error = lab.refused("PUT", f"{estate.WORKSPACE}/computes/cpu", {"location": "westeurope", **body})
    assert error["code"] == "RequestDisallowedByPolicy"


def test_built_in_definitions_are_everybodys_and_custom_ones_are_the_scopes(lab: Lab) -> None:
    lab.put(CUSTOM, rule({"field": "type", "equals": "x"}))
    path = f"{SUBSCRIPTION}/{AUTHORIZATION}/policyDefinitions?$filter=policyType eq 'Custom'"
    assert [one["id"] for one in lab.get(path)["value"]] == [CUSTOM]
    nobody = lab.world.seeded("observer")
    caller = Caller(nobody["id"], nobody["client_id"], "observer", "ManagedIdentity")
    assert lab.get(BUILT_IN, caller=caller)["properties"]["policyType"] == "BuiltIn"
    assert lab.call("GET", CUSTOM, caller=caller).status in (403, 404)
