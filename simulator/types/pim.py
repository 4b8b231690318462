"""Privileged Identity Management of Azure roles: who may take a role for a while without holding it.

Sources: REST reference "Role Eligibility Schedule Requests" and "Role Eligibility Schedule Instances" 2020-10-01
(shapes, AdminAssign and AdminRemove); "Configure Azure resource role settings in PIM" (without a setting an eligible
assignment must expire, after a year at most). Refusals as people met them:
`RoleAssignmentRequestPolicyValidationFailed` with `ExpirationRule` (hashicorp/terraform-provider-azurerm#22766),
`RoleAssignmentExists` (hashicorp/terraform-provider-azuread#1306), 400 for whoever may assign roles under a condition
only (hashicorp/terraform-provider-azurerm#28067). What that 400 says is not in the report: the sentence is ours.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
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
from simulator.engine.values import stamp
from simulator.planes.authority import ASSIGNMENTS, above
from simulator.planes.engine_of import engine_of
from simulator.planes.extensions import READ, WRITTEN, scope_of

if TYPE_CHECKING:
    from simulator.planes.authority import Rights
    from simulator.planes.directory import Directory

REQUESTS = "Microsoft.Authorization/roleEligibilityScheduleRequests"
INSTANCES = "Microsoft.Authorization/roleEligibilityScheduleInstances"
_DAYS = re.compile(r"P(\d+)D")
_PRINCIPAL = re.compile(r"principalid\s+eq\s+'?([0-9a-f-]{36})'?|assignedto\('([0-9a-f-]{36})'\)")
LONGEST_DAYS = 365


def triple(properties: JsonObject) -> tuple[str, str]:
    return str(properties.get("roleDefinitionId", "")).rpartition("/")[2].lower(), str(properties.get("principalId"))


def _existing(ctx: HookContext) -> Resource | None:
    wanted = triple(ctx.resource.properties)
    held = ctx.engine.extensions(scope_of(ctx.resource.id), INSTANCES)
    return next((one for one in held if triple(one.properties) == wanted), None)


def _check(ctx: HookContext) -> None:
    """Role and principal must exist, the eligibility must not (or must, to be removed), and it has to end."""
    properties, engine = ctx.resource.properties, engine_of(ctx)
    role, principal = triple(properties)
    if cast("Rights", engine.authority).role(role) is None:
        raise ArmError(400, "RoleDefinitionDoesNotExist", f"The role definition '{role}' does not exist.")
    if cast("Directory", engine.directory).get(principal) is None:
        raise ArmError(400, "SubjectNotFound", "The subject is not found.")
    removes = properties.get("requestType") == "AdminRemove"
    if removes and _existing(ctx) is None:
        raise ArmError(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
    if not removes and _existing(ctx) is not None:
        raise ArmError(400, "RoleAssignmentExists", "The Role assignment already exists.")
    if not removes and not _ends(properties):
        message = 'The following policy rules failed: ["ExpirationRule"]'
        raise ArmError(400, "RoleAssignmentRequestPolicyValidationFailed", message)


def _ends(properties: JsonObject) -> bool:
    expiration = (properties.get("scheduleInfo") or {}).get("expiration") or {}
    days = _DAYS.fullmatch(str(expiration.get("duration") or ""))
    return expiration.get("type") == "AfterDuration" and days is not None and int(days[1]) <= LONGEST_DAYS


def _end(ctx: HookContext) -> str | None:
    expiration = (ctx.resource.properties.get("scheduleInfo") or {}).get("expiration") or {}
    days = _DAYS.fullmatch(str(expiration.get("duration") or ""))
    return stamp(ctx.engine.now() + timedelta(days=int(days[1]))) if days else None


def only_without_condition(ctx: HookContext) -> None:
    """A right to assign roles that is limited by a condition does not reach PIM."""
    rights, caller = cast("Rights", engine_of(ctx).authority), ctx.caller
    if not caller.service and not rights.may_freely(caller, f"{ASSIGNMENTS}/write", ctx.resource.id):
        text = "The requestor does not have permission to create this request: role assignments under a condition."
        raise ArmError(400, "InsufficientPermissions", text)


def _take_effect(ctx: HookContext) -> None:
    properties = ctx.resource.properties
    properties.update(status="Provisioned", createdOn=stamp(ctx.engine.now()), requestorId=ctx.caller.object_id)
    properties["scope"] = scope_of(ctx.resource.id)
    known = cast("Directory", engine_of(ctx).directory).get(str(properties.get("principalId")))
    properties["principalType"] = known["kind"] if known else None
    if properties.get("requestType") == "AdminRemove":
        if (held := _existing(ctx)) is not None:
            ctx.engine.delete(held.id)
        return
    shown = {name: properties[name] for name in ("scope", "roleDefinitionId", "principalId", "principalType")}
    schedule = f"{properties['scope']}/providers/Microsoft.Authorization/roleEligibilitySchedules/{ctx.resource.name}"
    more = {"status": "Provisioned", "memberType": "Direct", "roleEligibilityScheduleId": schedule}
    dates = {"startDateTime": properties["createdOn"], "endDateTime": _end(ctx), "createdOn": properties["createdOn"]}
    instance = f"{properties['scope']}/providers/{INSTANCES}/{ctx.resource.name}"
    ctx.engine.put(instance, {"properties": {**shown, **more, **dates}})


def listed(ctx: ListContext) -> list[Resource]:
    """At the scope, above it and below it. `$filter`, as the reference says: `atScope()` leaves those below out,
    `principalId eq`, `assignedTo('...')` (groups are not followed) and `asTarget()` are of one principal."""
    engine, scope = engine_of(ctx), ctx.scope.rstrip("/").lower()
    text = ctx.query.get("$filter", "").lower()
    wanted = _PRINCIPAL.search(text)
    principal = (wanted[1] or wanted[2]) if wanted else ctx.caller.object_id if "astarget()" in text else None
    found = []
    for one in engine.all_of(ctx.type.name):
        at = scope_of(one.id).lower()
        here = above(engine, at, scope) or ("atscope()" not in text and at.startswith(scope + "/"))
        if here and principal in (None, one.properties.get("principalId")):
            found.append(one)
    return found


def _required(leaf: str) -> Required:
    return Required(f"properties.{leaf}", "InvalidRequestBody", f"The request body is not valid: {leaf} is required.")


_KEYS = ("properties", "name", "id", "type")
#: What both kinds of requests, and both kinds of what they make, have in common.
REQUEST = replace(
    WRITTEN,
    keys=_KEYS,
    methods=frozenset({"GET", "PUT", "LIST"}),
    required=(_required("roleDefinitionId"), _required("principalId"), _required("requestType")),
    lister=listed,
)
INSTANCE = replace(READ, keys=_KEYS, lister=listed)

TYPES: tuple[ResourceType, ...] = (
    replace(
        REQUEST,
        name=REQUESTS,
        hooks=(
            Hook(Phase.VALIDATE, "eligibility-not-under-a-condition", only_without_condition),
            Hook(Phase.VALIDATE, "eligibility-request-rules", _check),
            Hook(Phase.ACCEPTED, "eligibility-takes-effect", _take_effect),
        ),
    ),
    replace(
        INSTANCE,
        name=INSTANCES,
    ),
)
