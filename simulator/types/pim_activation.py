"""Active assignments in Privileged Identity Management: whoever is eligible takes a role for a while, or is given one.

Sources: REST reference "Role Assignment Schedule Requests" and "Role Assignment Schedule Instances" 2020-10-01 (shapes;
SelfActivate, SelfDeactivate; an activation is a real role assignment, `originRoleAssignmentId`); "Configure Azure
resource role settings in PIM" (without a setting an activation ends after eight hours at most and needs a
justification). Refusals as people met them: `RoleAssignmentRequestPolicyValidationFailed` with `EligibilityRule`
(MicrosoftDocs/azure-docs#80426), with `ExpirationRule` (hashicorp/terraform-provider-azurerm#22766),
`RoleAssignmentExists` and `RoleAssignmentDoesNotExist`, `ActiveDurationTooShort` within five minutes (clients quote it,
its spelling included). Active assignments that administrators make (AdminAssign, AdminRemove): the same reference; by
the same settings they end within half a year and need a justification. MFA and approvals are not simulated.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    Resource,
    ResourceType,
)
from simulator.engine.values import stamp
from simulator.planes.authority import ASSIGNMENTS
from simulator.planes.engine_of import engine_of
from simulator.planes.extensions import scope_of
from simulator.types import pim

if TYPE_CHECKING:
    from simulator.engine.core import Engine
    from simulator.planes.authority import Rights
    from simulator.planes.directory import Directory

REQUESTS = "Microsoft.Authorization/roleAssignmentScheduleRequests"
INSTANCES = "Microsoft.Authorization/roleAssignmentScheduleInstances"
EXPIRES = "activation-ends"
LONGEST_SECONDS = 8 * 3600.0
SHORTEST_SECONDS = 300.0
LONGEST_ASSIGNED = 183 * 86400.0  # of Azure's time: a date is a date
OWN, OF_OTHERS, ENDS = (
    ("SelfActivate", "SelfDeactivate"),
    ("AdminAssign", "AdminRemove"),
    ("SelfDeactivate", "AdminRemove"),
)
_DURATION = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?)?")


def _eligibility(ctx: HookContext) -> Resource | None:
    """What entitles the caller: an eligibility of its own or of a group it is in, at the scope or above it."""
    wanted, _ = pim.triple(ctx.resource.properties)
    return cast("Rights", engine_of(ctx).authority).eligibility(ctx.caller, scope_of(ctx.resource.id), wanted)


def _active(ctx: HookContext) -> Resource | None:
    wanted = pim.triple(ctx.resource.properties)
    held = ctx.engine.extensions(scope_of(ctx.resource.id), INSTANCES)
    return next((one for one in held if pim.triple(one.properties) == wanted), None)


def _expiration(properties: JsonObject) -> JsonObject:
    found: JsonObject = (properties.get("scheduleInfo") or {}).get("expiration") or {}
    return found


def _seconds(ctx: HookContext) -> float:
    """How long it lasts at scale 1; 0 for what says no end."""
    expiration, engine = _expiration(ctx.resource.properties), engine_of(ctx)
    if expiration.get("type") == "AfterDateTime":
        try:
            until = datetime.fromisoformat(str(expiration.get("endDateTime")))
        except ValueError:
            return 0.0
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, until.timestamp() - engine.time()) * engine.scale
    found = _DURATION.fullmatch(str(expiration.get("duration") or ""))
    if found is None or expiration.get("type") != "AfterDuration":
        return 0.0
    return 86400.0 * int(found[1] or 0) + 3600.0 * int(found[2] or 0) + 60.0 * int(found[3] or 0)


def _check(ctx: HookContext) -> None:
    """Of oneself, by an eligibility; or of anybody, by whoever may assign roles. Once, and for a while."""
    properties = ctx.resource.properties
    kind = properties.get("requestType")
    if kind not in (*OWN, *OF_OTHERS):
        raise ArmError(400, "InvalidRequestType", f"The request type '{kind}' is not supported here.")
    if kind in OWN and str(properties.get("principalId")).lower() != ctx.caller.object_id.lower():
        raise ArmError(403, "InsufficientPermissions", "The requestor does not have permission to create this request.")
    if kind in OF_OTHERS:
        _check_administrator(ctx)
    held = _active(ctx)
    if kind in ENDS:
        if held is None:
            raise ArmError(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
        if engine_of(ctx).time() < float(held.private["since"]) + SHORTEST_SECONDS / engine_of(ctx).scale:
            message = "The Active duration is too short. Miniumum Required is 5 minutes."
            raise ArmError(400, "ActiveDurationTooShort", message)
        return
    if held is not None:
        raise ArmError(400, "RoleAssignmentExists", "The Role assignment already exists.")
    longest = LONGEST_SECONDS if kind in OWN else LONGEST_ASSIGNED * engine_of(ctx).scale
    failed = [] if kind in OF_OTHERS or _eligibility(ctx) is not None else ["EligibilityRule"]
    failed += [] if SHORTEST_SECONDS <= _seconds(ctx) <= longest else ["ExpirationRule"]
    failed += [] if str(properties.get("justification") or "").strip() else ["JustificationRule"]
    if failed:
        names = ",".join(f'"{one}"' for one in failed)
        message = f"The following policy rules failed: [{names}]"
        raise ArmError(400, "RoleAssignmentRequestPolicyValidationFailed", message)


def _check_administrator(ctx: HookContext) -> None:
    pim.only_without_condition(ctx)
    engine, (role, principal) = engine_of(ctx), pim.triple(ctx.resource.properties)
    if cast("Rights", engine.authority).role(role) is None:
        raise ArmError(400, "RoleDefinitionDoesNotExist", f"The role definition '{role}' does not exist.")
    if cast("Directory", engine.directory).get(principal) is None:
        raise ArmError(400, "SubjectNotFound", "The subject is not found.")


def _take_effect(ctx: HookContext) -> None:
    """A role assignment, and the instance that says since when, until when and by which eligibility."""
    engine, properties, scope = engine_of(ctx), ctx.resource.properties, scope_of(ctx.resource.id)
    now = stamp(engine.now())
    properties.update(status="Provisioned", createdOn=now, requestorId=ctx.caller.object_id, scope=scope)
    known = cast("Directory", engine.directory).get(str(properties["principalId"]))
    properties["principalType"] = known["kind"] if known else "User"
    if properties["requestType"] in ENDS:
        if (held := _active(ctx)) is not None:
            _end(engine, held)
        return
    eligible = _eligibility(ctx) if properties["requestType"] in OWN else None
    if eligible is None and properties["requestType"] in OWN:
        return  # The rules are switched off, and nothing entitles anybody.
    assignment = f"{scope}/providers/{ASSIGNMENTS}/{engine.guid('activation', ctx.resource.key)}"
    who = {name: properties[name] for name in ("scope", "roleDefinitionId", "principalId", "principalType")}
    dates = {"createdOn": now, "updatedOn": now}
    # Made by PIM's own principal, not by the person.
    engine.put(assignment, {"properties": {**who, **dates, "createdBy": "", "updatedBy": ""}})
    seconds = _seconds(ctx)
    shown = {
        **who, **_source(eligible), "originRoleAssignmentId": assignment, "status": "Provisioned", "startDateTime": now,
        "endDateTime": stamp(engine.now() + timedelta(seconds=seconds / engine.scale)), "createdOn": now,
    }  # fmt: skip
    instance = engine.put(f"{scope}/providers/{INSTANCES}/{ctx.resource.name}", {"properties": shown})
    instance.private["since"] = engine.time()
    engine.schedule(seconds, EXPIRES, instance.id, {"since": instance.private["since"]})


def _source(eligible: Resource | None) -> JsonObject:
    """What an active assignment is by."""
    if eligible is None:
        return {"assignmentType": "Assigned", "memberType": "Direct"}
    return {
        "assignmentType": "Activated",
        "memberType": "Direct" if eligible.properties.get("principalType") == "User" else "Group",
        "linkedRoleEligibilityScheduleId": eligible.properties.get("roleEligibilityScheduleId"),
        "linkedRoleEligibilityScheduleInstanceId": eligible.id,
    }


def _end(engine: Engine, instance: Resource) -> None:
    engine.delete(str(instance.properties["originRoleAssignmentId"]))
    engine.delete(instance.id)


def _expire(ctx: HookContext) -> None:
    """An activation that was ended early and taken anew has an end of its own."""
    if ctx.data.get("since") == ctx.resource.private.get("since"):
        _end(engine_of(ctx), ctx.resource)


TYPES: tuple[ResourceType, ...] = (
    replace(
        pim.REQUEST,
        name=REQUESTS,
        hooks=(
            Hook(Phase.VALIDATE, "activation-request-rules", _check),
            Hook(Phase.ACCEPTED, "activation-takes-effect", _take_effect),
        ),
    ),
    replace(
        pim.INSTANCE,
        name=INSTANCES,
        hooks=(Hook(Phase.EVENT, EXPIRES, _expire),),
    ),
)
