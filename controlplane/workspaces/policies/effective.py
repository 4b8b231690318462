"""What is assigned where a workspace stands, and what of it denies a resource. Pure.

Sources: "Azure Policy assignment structure" (``enforcementMode``, ``notScopes``, ``overrides``), "Azure Policy
initiative definition structure"; REST reference "Policy Assignments - List For Resource Group" (``atScope()``: what is
assigned at the group and above it, management groups included) and "Policy Definitions - List" (at a subscription: also
those of the management groups above it). Exemptions are not looked at: who has one and asks here is told of the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import fold, is_within, subscription_id
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Read, Unreadable
from controlplane.workspaces.policies.built_in import DEFINITIONS
from controlplane.workspaces.policies.conditions import Wanted, filled, holds, lookup

_BUILT_IN = fold("/providers/Microsoft.Authorization/")


@dataclass(frozen=True, slots=True)
class Policies:
    """What was read of Azure Policy for one resource group."""

    group: str
    assignments: tuple[JsonObject, ...] = ()
    bodies: Mapping[str, JsonObject] = field(default_factory=dict)
    """Folded id → definition or initiative."""
    unreadable: Unreadable | None = None
    """Why a part of it could not be read."""


@dataclass(frozen=True, slots=True)
class Denial:
    """``certain``: False where the rule, or what it is called with, is not understood here."""

    assignment_id: str
    name: str
    certain: bool = True


def assignments_of(scope: str) -> Read:
    """The question what is assigned at a group or a subscription, and above it."""
    path = f"{scope}/providers/{k.POLICY_ASSIGNMENT}"
    return Read(path, k.API_VERSIONS[k.POLICY_ASSIGNMENT], True, (("$filter", "atScope()"),))


def definitions_of(subscription: str, assignments: Iterable[JsonObject]) -> dict[Read, str]:
    """Read → ARM type of what has to be known of the definitions that are assigned; nothing of built-in ones but the
    initiatives: what counts of built-in definitions is known."""
    asked: dict[Read, str] = {}
    for one in assignments:
        target = str(_of(one, "policyDefinitionId") or "")
        is_set = k.POLICY_SET.lower() in fold(target)
        if not fold(target).startswith(_BUILT_IN):
            for kind in (k.POLICY_DEFINITION, k.POLICY_SET) if is_set else (k.POLICY_DEFINITION,):
                path = f"{subscription_id(subscription)}/providers/{kind}"
                asked[Read(path, k.API_VERSIONS[kind], True, (("$filter", "policyType eq 'Custom'"),))] = kind
        elif is_set:
            asked[Read(target, k.API_VERSIONS[k.POLICY_SET], False)] = k.POLICY_SET
    return asked


def denials(found: Policies, wanted: Wanted) -> tuple[Denial, ...]:
    """Who would keep Azure from taking a resource as it is wanted, and who might."""
    return tuple(denial for one in found.assignments for denial in _by(found, one, wanted))


def _by(found: Policies, assignment: JsonObject, wanted: Wanted) -> Iterator[Denial]:
    excluded = any(is_within(found.group, str(scope)) for scope in _of(assignment, "notScopes") or ())
    if excluded or _of(assignment, "enforcementMode") == "DoNotEnforce":
        return
    answers = {_answer(one, wanted) for one in _definitions(found, assignment)}
    if answers <= {False}:
        return
    name = _of(assignment, "displayName") or assignment.get("name")
    yield Denial(str(assignment["id"]), str(name), True in answers)


def _answer(asked: tuple[JsonObject | None, Mapping[str, Any], Any], wanted: Wanted) -> bool | None:
    definition, parameters, override = asked
    if definition is None:
        return None
    rule = _of(definition, "policyRule") or {}
    effect = override or filled((rule.get("then") or {}).get("effect"), parameters)
    if effect is not None and str(effect).lower() != "deny":
        return False
    found = holds(rule.get("if"), wanted, parameters)
    return found if effect is not None or found is False else None


def _definitions(found: Policies, assignment: JsonObject) -> Iterator[tuple[JsonObject | None, Mapping[str, Any], Any]]:
    """(definition, its parameters, the effect that the assignment gives it instead); no definition: not known."""
    target = fold(str(_of(assignment, "policyDefinitionId") or ""))
    given = {name: (one or {}).get("value") for name, one in (_of(assignment, "parameters") or {}).items()}
    if k.POLICY_SET.lower() not in target:
        definition = _known(found, target)
        if definition is not None or not target.startswith(_BUILT_IN):
            yield definition, _values(definition, given), _override(assignment, None)
        return
    initiative = found.bodies.get(target)
    if initiative is None:
        yield None, {}, None
        return
    outer = _values(initiative, given)
    for member in _of(initiative, "policyDefinitions") or ():
        of_member = fold(str(member.get("policyDefinitionId")))
        definition = _known(found, of_member)
        if definition is None and of_member.startswith(_BUILT_IN):
            continue
        inner = {n: filled((v or {}).get("value"), outer) for n, v in (member.get("parameters") or {}).items()}
        yield definition, _values(definition, inner), _override(assignment, member.get("policyDefinitionReferenceId"))


def _known(found: Policies, definition_id: str) -> JsonObject | None:
    return found.bodies.get(definition_id) or DEFINITIONS.get(definition_id)


def _values(definition: JsonObject | None, given: Mapping[str, Any]) -> dict[str, Any]:
    declared = _of(definition or {}, "parameters") or {}
    values = {name: (one or {}).get("defaultValue") for name, one in declared.items()}
    return {name: lookup(given, name) if _has(given, name) else default for name, default in values.items()}


def _has(given: Mapping[str, Any], name: str) -> bool:
    return name.lower() in {one.lower() for one in given}


def _override(assignment: JsonObject, reference: object) -> Any:
    """The effect that an assignment gives its definition, or one of its initiative."""
    for one in _of(assignment, "overrides") or ():
        selected = [s.get("in") or () for s in one.get("selectors") or ()]
        if one.get("kind") == "policyEffect" and all(reference in names for names in selected):
            return one.get("value")
    return None


def _of(body: JsonObject, name: str) -> Any:
    return (body.get("properties") or {}).get(name)
