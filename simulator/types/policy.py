"""Azure Policy's definitions, initiatives and assignments as resources; what they do to writes: `planes.policies`.

Sources: REST reference "Policy Definitions", "Policy Set Definitions", "Policy Assignments" 2023-04-01 (PUT answers
201, DELETE 200 with what was; lists show what holds at the scope, above it and below it; `atScope()`, `atExactScope()`,
`policyType eq`). Refusals as people met them: `PolicyParameterValueNotAllowed` (Azure/Azure-Landing-Zones#442),
`MissingPolicyParameter`, `PolicyDefinitionNotFound` and `InvalidPolicyRule` (public deployment logs). Built-in
definitions are those that this product speaks of, as Azure/azure-policy publishes them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    ListContext,
    Phase,
    Required,
    Resource,
    ResourceType,
)
from simulator.planes.authority import above
from simulator.planes.extensions import WRITTEN, scope_of
from simulator.planes.policies import ASSIGNMENTS, DEFINITIONS, EFFECTS, SETS, unknown_part

if TYPE_CHECKING:
    from simulator.engine.core import Engine

NO_ADMIN_USER = "dc921057-6b28-4fbe-9b83-f7bec05db6c2"
"""Container registries should have local admin account disabled: Container Registry/
ACR_AdminAccountDisabled_AuditDeny.json, version 1.0.1."""
NOT_ALLOWED_TYPES = "6c112d4e-5bc7-47ae-a041-ea2d9dccd749"
"""Not allowed resource types: General/InvalidResourceTypes_Deny.json, version 2.0.0; without its second condition, that
the resource has a type, which all have."""
BUILT_IN: dict[str, JsonObject] = {
    NOT_ALLOWED_TYPES: {
        "displayName": "Not allowed resource types",
        "policyType": "BuiltIn",
        "mode": "All",
        "description": "Restrict which resource types can be deployed in your environment.",
        "metadata": {"version": "2.0.0", "category": "General"},
        "parameters": {
            "listOfResourceTypesNotAllowed": {
                "type": "Array",
                "metadata": {"displayName": "Not allowed resource types", "strongType": "resourceTypes"},
            },
            "effect": {
                "type": "String",
                "defaultValue": "Deny",
                "allowedValues": ["Audit", "Deny", "Disabled"],
                "metadata": {"displayName": "Effect", "description": "Enable or disable the execution of the policy"},
            },
        },
        "policyRule": {
            "if": {"field": "type", "in": "[parameters('listOfResourceTypesNotAllowed')]"},
            "then": {"effect": "[parameters('effect')]"},
        },
    },
    NO_ADMIN_USER: {
        "displayName": "Container registries should have local admin account disabled.",
        "policyType": "BuiltIn",
        "mode": "Indexed",
        "description": "Disable admin account for your registry so that it is not accessible by local admin.",
        "metadata": {"version": "1.0.1", "category": "Container Registry"},
        "parameters": {
            "effect": {
                "type": "String",
                "defaultValue": "Audit",
                "allowedValues": ["Audit", "Deny", "Disabled"],
                "metadata": {"displayName": "Effect", "description": "Enable or disable the execution of the policy"},
            }
        },
        "policyRule": {
            "if": {
                "allOf": [
                    {"field": "type", "equals": "Microsoft.ContainerRegistry/registries"},
                    {"field": "Microsoft.ContainerRegistry/registries/adminUserEnabled", "equals": True},
                ]
            },
            "then": {"effect": "[parameters('effect')]"},
        },
    },
}
_TYPE = re.compile(r"policyType\s+-?eq\s+'?(\w+)'?", re.IGNORECASE)


def _rule(ctx: HookContext) -> None:
    """A rule of which every word is known: one that is not would be obeyed in Azure and not here."""
    rule = ctx.resource.properties.get("policyRule") or {}
    effect = str((rule.get("then") or {}).get("effect", ""))
    word = unknown_part(rule.get("if"))
    if word is None and effect.lower() not in EFFECTS and not effect.lower().startswith("[parameters("):
        word = "effect"
    if word is not None:
        raise ArmError(
            400,
            "InvalidPolicyRule",
            f"Failed to parse policy rule: 'Could not find member '{word}' on object of type "
            f"'LeafExpressionDefinition'. Path '{word}'.'.",
        )


def _assignable(ctx: HookContext) -> None:
    """The definition exists, and its parameters have values that it allows."""
    properties = ctx.resource.properties
    wanted = str(properties.get("policyDefinitionId"))
    found = ctx.engine.get(wanted)
    if found is None or found.type not in (DEFINITIONS, SETS):
        raise ArmError(404, "PolicyDefinitionNotFound", f"The policy definition '{wanted}' could not be found.")
    given = {name.lower(): one for name, one in (properties.get("parameters") or {}).items()}
    declared: JsonObject = found.properties.get("parameters") or {}
    missing = [name for name, one in declared.items() if name.lower() not in given and "defaultValue" not in one]
    if missing:
        raise ArmError(
            400,
            "MissingPolicyParameter",
            f"The policy assignment '{ctx.resource.name}' is missing the parameter(s) '{', '.join(missing)}' as "
            f"defined in the policy definition '{found.name}'. The policy assignment must either define values for "
            "the parameters or the policy definition must have default values for them.",
        )
    for name, one in declared.items():
        allowed, value = one.get("allowedValues"), (given.get(name.lower()) or {}).get("value")
        if allowed and name.lower() in given and value not in allowed:
            raise ArmError(
                400,
                "PolicyParameterValueNotAllowed",
                f"The value '{value}' is not allowed for policy parameter '{name}' in policy definition "
                f"'{found.name}'. The allowed values are '{', '.join(map(str, allowed))}'.",
            )


def _members_exist(ctx: HookContext) -> None:
    for member in ctx.resource.properties.get("policyDefinitions") or ():
        wanted = str(member.get("policyDefinitionId"))
        if ctx.engine.get(wanted) is None:
            raise ArmError(404, "PolicyDefinitionNotFound", f"The policy definition '{wanted}' could not be found.")


def _scoped(ctx: HookContext) -> JsonObject:
    return {"properties": {"scope": scope_of(ctx.resource.id)}}


def _listed(ctx: ListContext) -> list[Resource]:
    """What holds at the scope, and of assignments what is made below it, too."""
    engine, scope, text = cast("Engine", ctx.engine), ctx.scope.rstrip("/").lower(), ctx.query.get("$filter", "")
    kind, found = _TYPE.search(text), []
    for one in engine.all_of(ctx.type.name):
        at = scope_of(one.id).lower()
        here = at == scope if "atexactscope()" in text.lower() else above(engine, at, scope)
        below = ctx.type.name == ASSIGNMENTS and not text and at.startswith(scope + "/")
        if (here or below) and (kind is None or one.properties.get("policyType", "").lower() == kind[1].lower()):
            found.append(one)
    return found


def _required(leaf: str) -> Required:
    message = f"The request content was not valid: the property '{leaf}' is required."
    return Required(f"properties.{leaf}", "InvalidRequestContent", message)


_CUSTOM: JsonObject = {"properties": {"policyType": "Custom", "metadata": {}, "parameters": {}}}

TYPES: tuple[ResourceType, ...] = (
    replace(
        WRITTEN,
        name=DEFINITIONS,
        required=(_required("policyRule"),),
        lister=_listed,
        defaults={"properties": {**_CUSTOM["properties"], "mode": "Indexed"}},
        hooks=(Hook(Phase.VALIDATE, "policy-rule-is-understood", _rule),),
    ),
    replace(
        WRITTEN,
        name=SETS,
        required=(_required("policyDefinitions"),),
        lister=_listed,
        defaults=_CUSTOM,
        hooks=(Hook(Phase.VALIDATE, "policy-set-members-exist", _members_exist),),
    ),
    replace(
        WRITTEN,
        name=ASSIGNMENTS,
        required=(_required("policyDefinitionId"),),
        lister=_listed,
        location="optional",
        top_level=("identity",),
        defaults={"properties": {"enforcementMode": "Default", "notScopes": [], "parameters": {}, "metadata": {}}},
        computed=_scoped,
        hooks=(Hook(Phase.VALIDATE, "policy-can-be-assigned", _assignable),),
    ),
)
