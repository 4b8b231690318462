"""Azure Policy at the moment of a write: which assignments hold at a scope, and whether one denies what would be.

Sources: "Azure Policy definition structure" (conditions, logical operators, fields, `mode`), "Azure Policy assignment
structure" (`enforcementMode`, `notScopes`, `parameters`), "Azure Policy definitions deny effect" (403), and for the
words of the refusal hashicorp/terraform-provider-azurerm threads and "Enforce job execution on Azure Automation Hybrid
Runbook Worker", which prints the whole answer. Not simulated: exemptions, overrides, `count`, array aliases, the
effects that change or deploy something.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from simulator.engine.hooks import ArmError, HookContext, JsonObject, Resource
from simulator.planes.authority import above
from simulator.planes.extensions import scope_of

if TYPE_CHECKING:
    from simulator.engine.core import Engine

ASSIGNMENTS = "Microsoft.Authorization/policyAssignments"
DEFINITIONS = "Microsoft.Authorization/policyDefinitions"
SETS = "Microsoft.Authorization/policySetDefinitions"
EFFECTS = frozenset({"deny", "audit", "disabled"})
_PARAMETER = re.compile(r"\[\s*parameters\('([^']+)'\)\s*\]", re.IGNORECASE)
_TAG = re.compile(r"tags\[?[.']+([^'\]]+)'?\]?", re.IGNORECASE)
_ABSENT: Any = object()


def _plain(value: Any) -> str:
    """Comparisons of strings look past case, and `true` is `"true"`."""
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value).lower()


def _like(value: Any, pattern: Any) -> bool:
    text = _plain(pattern).replace("[", "[[]").replace("?", "[?]")
    return value is not _ABSENT and fnmatch.fnmatchcase(_plain(value), text)


def _within(value: Any, values: Any) -> bool:
    return value is not _ABSENT and _plain(value) in {_plain(one) for one in values}


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, wanted: value is not _ABSENT and _plain(value) == _plain(wanted),
    "notequals": lambda value, wanted: value is _ABSENT or _plain(value) != _plain(wanted),
    "in": _within,
    "notin": lambda value, wanted: not _within(value, wanted),
    "like": _like,
    "notlike": lambda value, wanted: not _like(value, wanted),
    "exists": lambda value, wanted: (value is not _ABSENT) == (_plain(wanted) == "true"),
}


@dataclass(frozen=True)
class Policy:
    """One definition with the parameters that an assignment gives it. `chain`: assignment, definition and, of an
    initiative, the set."""

    chain: Mapping[str, Resource]
    parameters: Mapping[str, Any]

    @property
    def definition(self) -> JsonObject:
        return self.chain["policyDefinition"].properties

    @property
    def effect(self) -> str:
        return str(filled(self.definition["policyRule"]["then"]["effect"], self.parameters)).lower()

    def hits(self, ctx: HookContext) -> bool:
        return holds(self.definition["policyRule"]["if"], ctx.resource, self.parameters)


def filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    """With the parameters that it names put in."""
    if isinstance(value, list):
        return [filled(one, parameters) for one in value]
    if isinstance(value, str) and (found := _PARAMETER.fullmatch(value)):
        return next((one for name, one in parameters.items() if name.lower() == found[1].lower()), _ABSENT)
    return value


def values_of(definition: JsonObject, given: JsonObject) -> dict[str, Any]:
    """A definition's parameters: what is given, else its defaults; one without either is missing."""
    lowered = {name.lower(): one for name, one in given.items()}
    found = {}
    for name, declared in (definition.get("parameters") or {}).items():
        if name.lower() in lowered:
            found[name] = (lowered[name.lower()] or {}).get("value")
        elif "defaultValue" in declared:
            found[name] = declared["defaultValue"]
    return found


def holds(condition: JsonObject, resource: Resource, parameters: Mapping[str, Any]) -> bool:
    """Whether an `if` is true of a resource as it would be stored."""
    lowered = {name.lower(): value for name, value in condition.items()}
    if "allof" in lowered:
        return all(holds(one, resource, parameters) for one in lowered["allof"])
    if "anyof" in lowered:
        return any(holds(one, resource, parameters) for one in lowered["anyof"])
    if "not" in lowered:
        return not holds(lowered["not"], resource, parameters)
    value = field_of(str(filled(lowered["field"], parameters)), resource)
    operator = next(name for name in lowered if name in _OPERATORS)
    return _OPERATORS[operator](value, filled(lowered[operator], parameters))


def field_of(name: str, resource: Resource) -> Any:
    """A field's value: of every resource, a tag, or a property alias of its type."""
    body: JsonObject = {**resource.body, "name": resource.name, "type": resource.type, "id": resource.id}
    if tag := _TAG.fullmatch(name):
        return {key.lower(): one for key, one in (body.get("tags") or {}).items()}.get(tag[1].lower(), _ABSENT)
    path = name
    if "/" in name:
        if not name.lower().startswith(resource.type.lower() + "/"):
            return _ABSENT
        path = name[len(resource.type) + 1 :]
    # An alias leaves `properties` out; computes have what they are in a second one.
    tops = (("properties", "properties"), ("properties",), ()) if "/" in name else ((),)
    for top in tops:
        value: Any = body
        for part in (*top, *path.split(".")):
            value = _get(value, part)
        if value is not _ABSENT and value is not None:
            return value
    return _ABSENT


def _get(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return _ABSENT
    return next((one for key, one in value.items() if key.lower() == name.lower()), _ABSENT)


def assigned(engine: Engine, at: str) -> Iterator[Resource]:
    """Assignments that hold at an id: made there or above, and not excluding it."""
    place = at.lower()
    for one in engine.all_of(ASSIGNMENTS):
        excluded = [str(scope).lower().rstrip("/") for scope in one.properties.get("notScopes") or ()]
        if above(engine, scope_of(one.id).lower(), place) and not any(above(engine, out, place) for out in excluded):
            yield one


def policies(engine: Engine, assignment: Resource) -> Iterator[Policy]:
    """The definitions of an assignment: one, or those of an initiative."""
    target = engine.get(str(assignment.properties["policyDefinitionId"]))
    if target is None:
        return
    given = assignment.properties.get("parameters") or {}
    chain = {"policyAssignment": assignment}
    if target.type.lower() == DEFINITIONS.lower():
        yield Policy({**chain, "policyDefinition": target}, values_of(target.properties, given))
        return
    outer = values_of(target.properties, given)
    for member in target.properties.get("policyDefinitions") or ():
        definition = engine.get(str(member["policyDefinitionId"]))
        if definition is not None:
            inner = {k: {"value": filled(v.get("value"), outer)} for k, v in (member.get("parameters") or {}).items()}
            more = {"policyDefinition": definition, "policySetDefinition": target}
            yield Policy({**chain, **more}, values_of(definition.properties, inner))


def deny(ctx: HookContext) -> None:
    """Refuses a write that an enforced policy denies."""
    engine = cast("Engine", ctx.engine)
    if ctx.caller.service or not engine.store.of_type(ASSIGNMENTS):
        return
    rtype = engine.registry.type(ctx.resource.type)
    indexed = rtype.tags and rtype.location != "none"
    hit = []
    for assignment in assigned(engine, ctx.resource.id):
        if assignment.properties.get("enforcementMode") == "DoNotEnforce":
            continue
        for policy in policies(engine, assignment):
            everywhere = str(policy.definition.get("mode", "Indexed")).lower() == "all"
            if (everywhere or indexed) and policy.effect == "deny" and policy.hits(ctx):
                hit.append(policy)
    if hit:
        raise _refusal(ctx.resource.name, hit)


def _refusal(name: str, hit: list[Policy]) -> ArmError:
    named = [
        {kind: {"name": one.properties.get("displayName") or one.name, "id": one.id} for kind, one in p.chain.items()}
        for p in hit
    ]
    identifiers = json.dumps(named, separators=(",", ":"))
    return ArmError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.",
        target=name,
        headers={"x-ms-failure-cause": "gateway"},
        info=tuple({"type": "PolicyViolation", "info": _violation(policy)} for policy in hit),
    )


def _violation(policy: Policy) -> JsonObject:
    assignment, definition = policy.chain["policyAssignment"], policy.chain["policyDefinition"]
    return {
        "policyDefinitionDisplayName": definition.properties.get("displayName"),
        "policyDefinitionId": definition.id,
        "policyDefinitionName": definition.name,
        "policyDefinitionEffect": "Deny",
        "policyAssignmentId": assignment.id,
        "policyAssignmentName": assignment.name,
        "policyAssignmentDisplayName": assignment.properties.get("displayName"),
        "policyAssignmentScope": scope_of(assignment.id),
        "policyAssignmentParameters": assignment.properties.get("parameters") or {},
    }


def unknown_part(condition: Any) -> str | None:
    """The first word of an `if` that is not understood; None when all of it is."""
    if not isinstance(condition, dict) or not condition:
        return "if"
    lowered = {name.lower(): value for name, value in condition.items()}
    for group in ("allof", "anyof"):
        if group in lowered:
            below = lowered[group] if isinstance(lowered[group], list) else [None]
            return next((word for one in below if (word := unknown_part(one)) is not None), None)
    if "not" in lowered:
        return unknown_part(lowered["not"])
    for name in map(str, condition):
        if name.lower() not in _OPERATORS and name.lower() != "field":
            return name
    said = str(lowered.get("field", "[*]"))
    return "field" if "[*]" in said or len(lowered) != 2 else None
