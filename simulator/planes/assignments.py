"""Role assignments and role definitions as resources."""

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
    Lro,
    Phase,
    Preconditions,
    Required,
    Resource,
    Style,
)
from simulator.engine.values import stamp
from simulator.planes.authority import ASSIGNMENTS, DEFINITIONS, above
from simulator.planes.conditions import Facts
from simulator.planes.engine_of import engine_of
from simulator.planes.extensions import WRITTEN, scope_of
from simulator.planes.roles import BUILT_IN, Role

if TYPE_CHECKING:
    from simulator.engine.core import Engine
    from simulator.planes.authority import Rights
    from simulator.planes.directory import Directory

GUID_NAME = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _rights(engine: Engine) -> Rights:
    return cast("Rights", engine.authority)


def _directory(engine: Engine) -> Directory:
    return cast("Directory", engine.directory)


def _facts(properties: JsonObject) -> Facts:
    guid = str(properties.get("roleDefinitionId", "")).rpartition("/")[2].lower()
    return Facts(guid, str(properties.get("principalId", "")), str(properties.get("principalType") or ""))


def _check_known(ctx: HookContext) -> None:
    """Role and name must exist and be well-formed, and an assignment cannot be changed into another one."""
    properties = ctx.resource.properties
    if not GUID_NAME.fullmatch(ctx.resource.name):
        text = f"The role assignment ID '{ctx.resource.name}' is not valid. The role assignment ID must be a GUID."
        raise ArmError(400, "InvalidRoleAssignmentId", text)
    definition = str(properties.get("roleDefinitionId"))
    if _rights(engine_of(ctx)).role(definition) is None:
        guid = definition.rpartition("/")[2].replace("-", "")
        raise ArmError(
            400, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{guid}' does not exist."
        )
    if ctx.previous is not None and _differs(ctx.previous["properties"], properties):
        text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise ArmError(400, "RoleAssignmentUpdateNotPermitted", text)


def _differs(before: JsonObject, after: JsonObject) -> bool:
    one, two = _facts(before), _facts(after)
    return (one.role_guid, one.principal_id) != (two.role_guid, two.principal_id)


def _refuse_same_triple(ctx: HookContext) -> None:
    """The same (scope, role, principal) under another name."""
    wanted = _facts(ctx.resource.properties)
    for other in ctx.engine.extensions(scope_of(ctx.resource.id), ASSIGNMENTS):
        found = _facts(other.properties)
        if other.key != ctx.resource.key and (found.role_guid, found.principal_id) == (
            wanted.role_guid,
            wanted.principal_id,
        ):
            raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")


def _refuse_unknown_principal(ctx: HookContext) -> None:
    """A principal that the directory does not know, or (without principalType) that has not replicated yet."""
    properties = ctx.resource.properties
    directory, principal = _directory(engine_of(ctx)), str(properties.get("principalId", ""))
    known = directory.get(principal)
    strict = bool(engine_of(ctx).store.kv.get("strict_replication"))
    said = bool(ctx.request.get("properties", {}).get("principalType")) and not strict
    if known is None or (not said and not directory.replicated(principal)):
        raise ArmError(
            400,
            "PrincipalNotFound",
            f"Principal {principal.replace('-', '')} does not exist in the directory {ctx.engine.tenant_id}. "
            "Check that you have the correct principal ID. If you are creating this principal and then "
            "immediately assigning a role, this error might be related to a replication delay. In this case, set the "
            "role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See "
            "https://aka.ms/docs-principaltype",
        )
    given = properties.get("principalType")
    if given and given != known["kind"]:
        raise ArmError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal.replace('-', '')}' has type '{known['kind']}' , which is different from "
            f"specified PrinciaplType '{given}'.",
        )
    properties["principalType"] = known["kind"]


def _enforce_condition(ctx: HookContext) -> None:
    """Conditions on the caller's own assignments limit which roles the caller may grant or take away."""
    permission = f"{ASSIGNMENTS}/{'delete' if ctx.method == 'DELETE' else 'write'}"
    if not _rights(engine_of(ctx)).may_assign(ctx.caller, permission, ctx.resource.id, _facts(ctx.resource.properties)):
        caller = ctx.caller
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{caller.name}' with object id '{caller.object_id}' does not have authorization to perform "
            f"action '{permission}' over scope '{ctx.resource.id}' or the scope is invalid. If access was recently "
            "granted, please refresh your credentials.",
        )


def _dated(ctx: HookContext) -> None:
    now = stamp(ctx.engine.now())
    properties = ctx.resource.properties
    if ctx.creating:
        properties.update(createdOn=now, createdBy=ctx.caller.object_id)
    properties.update(updatedOn=now, updatedBy=ctx.caller.object_id)


def _computed(ctx: HookContext) -> JsonObject:
    now = stamp(ctx.engine.now())
    return {
        "properties": {
            "scope": scope_of(ctx.resource.id) or "/",
            "createdOn": now, "updatedOn": now, "createdBy": ctx.caller.object_id, "updatedBy": ctx.caller.object_id,
        }
    }  # fmt: skip


def _list_assignments(ctx: ListContext) -> list[Resource]:
    """Assignments at the scope, above it and below it; `$filter`: atScope() leaves those below out,
    `principalId eq`, `assignedTo('...')` (groups of a person are not followed)."""
    scope = ctx.scope.rstrip("/").lower()
    text = ctx.query.get("$filter", "")
    wanted = re.search(r"principalId\s+eq\s+'?([0-9a-fA-F-]{36})'?|assignedTo\('([0-9a-fA-F-]{36})'\)", text)
    principal = (wanted[1] or wanted[2]).lower() if wanted else None
    found = []
    for one in ctx.engine.all_of(ASSIGNMENTS):
        at = scope_of(one.id).lower()
        holds_here = above(engine_of(ctx), at, scope)
        below = at.startswith(scope + "/")
        if (holds_here or (below and "atScope()" not in text)) and principal in (
            None,
            one.properties.get("principalId"),
        ):
            found.append(_seen_from(ctx.scope, one))
    return found


def _seen_from(scope: str, one: Resource) -> Resource:
    """Inherited from a management group, its role is the subscription's all the same (Azure/azure-cli#27509)."""
    seen = _as_seen_from(scope, one.properties["roleDefinitionId"])
    return replace(one, body={**one.body, "properties": {**one.properties, "roleDefinitionId": seen}})


def _as_seen_from(scope: str, definition_id: str) -> str:
    """Asked for in a subscription, a definition's id is that subscription's: what assignments there refer to, and
    what the Azure CLI joins them by (its documented answers show it)."""
    parts = scope.split("/")
    if len(parts) < 3 or parts[1].lower() != "subscriptions":
        return definition_id
    return f"/subscriptions/{parts[2]}/providers/{DEFINITIONS}/{definition_id.rpartition('/')[2]}"


_INVALID = "InvalidCreateRoleAssignmentRequest"
_NOT_VALID = "The request to create role assignment '{name}' is not valid. "

ROLE_ASSIGNMENT = replace(
    WRITTEN,
    name=ASSIGNMENTS,
    update=Lro(Style.SYNC, 200),
    required=(
        Required("properties.roleDefinitionId", _INVALID, _NOT_VALID + "Role definition ID is required."),
        Required("properties.principalId", _INVALID, _NOT_VALID + "Principal ID is required."),
    ),
    defaults={
        "properties": {
            "principalType": None, "condition": None, "conditionVersion": None,
            "delegatedManagedIdentityResourceId": None, "description": None,
        }
    },
    computed=_computed,
    null_at_first=("createdBy",),  # recorded: the 201 says null, every GET says who it was
    lister=_list_assignments,
    hooks=(
        Hook(Phase.VALIDATE, "role-assignment-known-role", _check_known),
        Hook(Phase.VALIDATE, "role-assignment-condition", _enforce_condition),
        Hook(Phase.DELETING, "role-assignment-condition", _enforce_condition),
        Hook(Phase.VALIDATE, "role-assignment-exists", _refuse_same_triple),
        Hook(Phase.VALIDATE, "principal-must-have-replicated", _refuse_unknown_principal),
        Hook(Phase.ACCEPTED, "role-assignment-dates", _dated),
    ),
)  # fmt: skip


def definition_body(role: Role) -> JsonObject:
    permissions = {
        "actions": list(role.actions), "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions), "notDataActions": list(role.not_data_actions),
    }  # fmt: skip
    return {
        "properties": {
            "roleName": role.name, "type": "BuiltInRole", "description": role.description, "assignableScopes": ["/"],
            "permissions": [permissions], "createdOn": "2015-02-02T21:55:09.8806423Z",
            "updatedOn": "2023-12-01T00:00:00.0000000Z", "createdBy": None, "updatedBy": None,
        }
    }  # fmt: skip


def _built_ins_stay(ctx: HookContext) -> None:
    name = ctx.resource.name.lower()
    if any(role.guid == name for role in BUILT_IN):
        raise ArmError(
            403, "CannotModifyBuiltInRole", f"The role definition '{name}' is built in and cannot be changed."
        )


def _list_definitions(ctx: ListContext) -> list[Resource]:
    """Built-in roles at any scope, custom ones where they are assignable; `$filter=roleName eq '...'` or type."""
    text = ctx.query.get("$filter", "")
    name = re.search(r"roleName\s+eq\s+'([^']*)'", text)
    kind = re.search(r"type\s+eq\s+'([^']*)'", text)
    found = []
    for one in ctx.engine.all_of(DEFINITIONS):
        properties = one.properties
        if name and properties.get("roleName", "").lower() != name[1].lower():
            continue
        if kind and properties.get("type", "").lower() != kind[1].lower():
            continue
        scopes = [scope.rstrip("/").lower() for scope in properties.get("assignableScopes", ["/"])]
        if any(ctx.scope.lower().startswith(scope) for scope in scopes):
            found.append(replace(one, id=_as_seen_from(ctx.scope, one.id)))
    return found


ROLE_DEFINITION = replace(
    WRITTEN,
    name=DEFINITIONS,
    preconditions=Preconditions.HONOUR,
    required=(
        Required("properties.roleName", "RoleDefinitionNameMissing", "The role definition name is missing."),
        Required(
            "properties.permissions", "RoleDefinitionPermissionsMissing", "The role definition has no permissions."
        ),
    ),
    defaults={"properties": {"type": "CustomRole", "description": ""}},
    lister=_list_definitions,
    hooks=(
        Hook(Phase.VALIDATE, "built-in-roles-stay", _built_ins_stay),
        Hook(Phase.DELETING, "built-in-roles-stay", _built_ins_stay),
    ),
)
TYPES = (ROLE_ASSIGNMENT, ROLE_DEFINITION)
