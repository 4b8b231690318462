"""Activation in Privileged Identity Management: whoever is eligible takes the role for a while.

Sources: REST reference "Role Assignment Schedule Requests" and "Role Assignment Schedule Instances" 2020-10-01 (shapes;
SelfActivate, SelfDeactivate; an activation is a real role assignment, `originRoleAssignmentId`); "Configure Azure
resource role settings in PIM" (without a setting an activation ends after eight hours at most and needs a
justification). Refusals as people met them: `RoleAssignmentRequestPolicyValidationFailed` with `EligibilityRule`
(MicrosoftDocs/azure-docs#80426), with `ExpirationRule` (hashicorp/terraform-provider-azurerm#22766),
`RoleAssignmentExists` and `RoleAssignmentDoesNotExist`, `ActiveDurationTooShort` within five minutes (clients quote it,
its spelling included). MFA, approvals and requests of administrators are not simulated.
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

REQUESTS = "Microsoft.Authorization/roleAssignmentScheduleRequests"
INSTANCES = "Microsoft.Authorization/roleAssignmentScheduleInstances"
EXPIRES = "activation-ends"
LONGEST_SECONDS = 8 * 3600.0
SHORTEST_SECONDS = 300.0
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?")


def _eligibility(ctx: HookContext) -> Resource | None:
    """What entitles the caller: an eligibility of its own or of a group it is in, at the scope or above it."""
    wanted, _ = pim.triple(ctx.resource.properties)
    return cast("Rights", engine_of(ctx).authority).eligibility(ctx.caller, scope_of(ctx.resource.id), wanted)


def _active(ctx: HookContext) -> Resource | None:
    wanted = pim.triple(ctx.resource.properties)
    held = ctx.engine.extensions(scope_of(ctx.resource.id), INSTANCES)
    return next((one for one in held if pim.triple(one.properties) == wanted), None)


def _seconds(properties: JsonObject) -> float:
    """0 for what is no duration."""
    expiration = (properties.get("scheduleInfo") or {}).get("expiration") or {}
    found = _DURATION.fullmatch(str(expiration.get("duration") or ""))
    if found is None or expiration.get("type") != "AfterDuration":
        return 0.0
    return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2] or 0)


def _check(ctx: HookContext) -> None:
    """Of oneself only, by an eligibility, once, and for a while."""
    properties = ctx.resource.properties
    kind = properties.get("requestType")
    if kind not in ("SelfActivate", "SelfDeactivate"):
        raise ArmError(400, "InvalidRequestType", f"The request type '{kind}' is not supported here.")
    if str(properties.get("principalId")).lower() != ctx.caller.object_id.lower():
        raise ArmError(403, "InsufficientPermissions", "The requestor does not have permission to create this request.")
    held = _active(ctx)
    if kind == "SelfDeactivate":
        if held is None:
            raise ArmError(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
        if engine_of(ctx).time() < float(held.private["since"]) + SHORTEST_SECONDS / engine_of(ctx).scale:
            message = "The Active duration is too short. Miniumum Required is 5 minutes."
            raise ArmError(400, "ActiveDurationTooShort", message)
        return
    if held is not None:
        raise ArmError(400, "RoleAssignmentExists", "The Role assignment already exists.")
    failed = [] if _eligibility(ctx) is not None else ["EligibilityRule"]
    failed += [] if SHORTEST_SECONDS <= _seconds(properties) <= LONGEST_SECONDS else ["ExpirationRule"]
    failed += [] if str(properties.get("justification") or "").strip() else ["JustificationRule"]
    if failed:
        names = ",".join(f'"{one}"' for one in failed)
        message = f"The following policy rules failed: [{names}]"
        raise ArmError(400, "RoleAssignmentRequestPolicyValidationFailed", message)


def _take_effect(ctx: HookContext) -> None:
    """A role assignment of the person, and the instance that says since when, until when and by which eligibility."""
    engine, properties, scope = engine_of(ctx), ctx.resource.properties, scope_of(ctx.resource.id)
    now = stamp(engine.now())
    properties.update(status="Provisioned", createdOn=now, requestorId=ctx.caller.object_id, scope=scope)
    properties["principalType"] = "User"
    if properties["requestType"] == "SelfDeactivate":
        if (held := _active(ctx)) is not None:
            _end(engine, held)
        return
    eligible = _eligibility(ctx)
    if eligible is None:
        return  # The rules are switched off, and nothing entitles anybody.
    assignment = f"{scope}/providers/{ASSIGNMENTS}/{engine.guid('activation', ctx.resource.key)}"
    who = {name: properties[name] for name in ("scope", "roleDefinitionId", "principalId", "principalType")}
    dates = {"createdOn": now, "updatedOn": now}
    # Made by PIM's own principal, not by the person.
    engine.put(assignment, {"properties": {**who, **dates, "createdBy": "", "updatedBy": ""}})
    seconds = _seconds(properties) / engine.scale
    instance = engine.put(
        f"{scope}/providers/{INSTANCES}/{ctx.resource.name}",
        {
            "properties": {
                **who,
                "assignmentType": "Activated",
                "memberType": "Direct" if eligible.properties.get("principalType") == "User" else "Group",
                "originRoleAssignmentId": assignment,
                "linkedRoleEligibilityScheduleId": eligible.properties.get("roleEligibilityScheduleId"),
                "linkedRoleEligibilityScheduleInstanceId": eligible.id,
                "status": "Provisioned",
                "startDateTime": now,
                "endDateTime": stamp(engine.now() + timedelta(seconds=seconds)),
                "createdOn": now,
            }
        },
    )
    instance.private["since"] = engine.time()
    engine.schedule(_seconds(properties), EXPIRES, instance.id, {"since": instance.private["since"]})


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
