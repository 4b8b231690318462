"""What a private endpoint is refused for, in Network's words."""

from __future__ import annotations

from simulator.engine.declaration import ArmError, HookContext, JsonObject, Resource
from simulator.engine.words import linked_authorization_failed
from simulator.types._shared import (
    dig,
    group_name_of,
    items,
    missing_reference,
    name_of,
    network_reference,
    same_id,
    state_of,
)
from simulator.types.private_link import Linkable, connection_id, linkable_of

AUTOMATIC, MANUAL = "privateLinkServiceConnections", "manualPrivateLinkServiceConnections"


def connection_of(body: JsonObject) -> tuple[str, JsonObject] | None:
    """(automatic or manual field, the connection): an endpoint has one."""
    for field in (AUTOMATIC, MANUAL):
        for connection in items(body, f"properties.{field}"):
            return field, connection
    return None


def target_of(body: JsonObject) -> str:
    found = connection_of(body)
    return str(dig(found[1], "properties.privateLinkServiceId", "")) if found else ""


def validate(ctx: HookContext) -> None:
    subnet_id = dig(ctx.resource.body, "properties.subnet.id")
    if not subnet_id:
        raise missing_reference("properties.subnet")
    subnet = network_reference(ctx, str(subnet_id))
    _refuse_moves(ctx, subnet)
    found = connection_of(ctx.resource.body)
    if found is None:
        raise missing_reference(f"properties.{AUTOMATIC}[0].properties.privateLinkServiceId")
    target_id = dig(found[1], "properties.privateLinkServiceId")
    if not target_id:
        raise missing_reference(f"properties.{found[0]}[0].properties.privateLinkServiceId")
    network = ctx.engine.get("/".join(subnet.id.split("/")[:-2]))
    if network is not None and network.location.lower() != ctx.resource.location.lower():
        raise ArmError(
            400,
            "InvalidResourceReference",
            f"Resource {subnet.id} referenced by resource {ctx.resource.id} was not found. Please make sure that the "
            "referenced resource exists, and that both resources are in the same region.",
        )
    validate_target(ctx, str(target_id), found[1])


def _refuse_moves(ctx: HookContext, subnet: Resource) -> None:
    """Words: MicrosoftDocs/azure-databases-docs, "Networking with private endpoint" of PostgreSQL."""
    if ctx.previous is None:
        return
    before = str(dig(ctx.previous, "properties.subnet.id"))
    if not same_id(before, subnet.id):
        raise ArmError(
            400,
            "CannotChangeSubnetOnExistingPrivateEndpoint",
            f"Cannot change the subnet in which the network interface for private endpoint {ctx.resource.id} is "
            f"created. Current subnet: '{before}.' Requested subnet: '{subnet.id}.'",
        )
    old, new = connection_of(ctx.previous), connection_of(ctx.resource.body)
    if old and new and _identity(old[1]) != _identity(new[1]):
        raise ArmError(
            400,
            "CannotChangePrivateLinkConnectionOnPrivateEndpoint",
            f"Cannot change the private link connection on private endpoint {ctx.resource.id}. Please ensure you are "
            f"not updating the details of existing private link connection: '{ctx.resource.id}/"
            f"privateLinkServiceConnections/{old[1].get('name')}'. That is not allowed.",
        )


def _identity(connection: JsonObject) -> tuple[str, str, tuple[str, ...]]:
    return (
        str(connection.get("name")),
        str(dig(connection, "properties.privateLinkServiceId", "")).lower(),
        tuple(dig(connection, "properties.groupIds", [])),
    )


def validate_target(ctx: HookContext, target_id: str, connection: JsonObject) -> None:
    """The target is there, takes endpoints and knows the group.

    Words of the provider's refusal: "Call to Microsoft.SignalRService/SignalR failed. Error message: Invalid groupId"
    (hashicorp/terraform-provider-azurerm#11778), likewise for PostgreSQL; the code is the provider's own.
    """
    target = ctx.engine.get(target_id)
    linkable = linkable_of(target.type) if target else None
    if target is None or linkable is None:
        kind = "/".join(part for part in target_id.split("/providers/")[-1].split("/")[:2])
        raise ArmError(
            404,
            "ResourceNotFound",
            f"The Resource '{kind}/{name_of(target_id)}' under resource group '{group_name_of(target_id)}' was not "
            "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        )
    why = linkable.refuse(target)
    if why is None:
        groups = [str(group) for group in dig(connection, "properties.groupIds", [])]
        known = linkable.groups(target)
        if not groups:
            why = "Missing groupId"
        elif any(group not in known for group in groups):
            why = "Invalid groupId"
    if why is not None:
        raise ArmError(400, "BadRequest", f"Call to {linkable.type} failed. Error message: {why}")
    _check_linked_access(ctx, target, linkable)


def _check_linked_access(ctx: HookContext, target: Resource, linkable: Linkable) -> None:
    """Joining the subnet and approving on the target are the caller's own rights.

    Source: learn.microsoft.com, "Azure RBAC permissions for Azure Private Link".
    """
    wanted = [
        ("Microsoft.Network/virtualNetworks/subnets/join/action", str(dig(ctx.resource.body, "properties.subnet.id")))
    ]
    found = connection_of(ctx.resource.body)
    if found is not None and found[0] == AUTOMATIC:
        wanted.append((linkable.approval, target.id))
    caller = ctx.caller
    for permission, scope in wanted:
        if not ctx.engine.may(caller, permission, scope):
            written = (f"{ctx.resource.type}/write", ctx.resource.id)
            raise linked_authorization_failed((caller.name, caller.object_id), written, permission, scope)


# ---------------------------------------------------------------------------------------------- one at a time

_CONTENDED = "contended"  # private: another endpoint of the target was being made when this one was asked for


def note_contention(ctx: HookContext) -> None:
    """Some targets take one new endpoint at a time: who comes while another is being made fails when it is done.

    Source: beside the target's `busy`.
    """
    endpoint, target = ctx.resource, ctx.engine.get(target_of(ctx.resource.body))
    endpoint.private.pop(_CONTENDED, None)
    linkable = linkable_of(target.type) if target else None
    if target is None or linkable is None or linkable.busy is None or not _unconnected(ctx, target, endpoint):
        return
    endpoint.private[_CONTENDED] = any(
        other.key != endpoint.key and _being_made(other) and _unconnected(ctx, target, other)
        for other in ctx.engine.all_of(endpoint.type)
        if same_id(target_of(other.body), target.id)
    )


def _being_made(endpoint: Resource) -> bool:
    """One that failed already, or is going, holds nobody up."""
    return (
        endpoint.operation is not None
        and state_of(endpoint) != "Deleting"
        and not endpoint.private.get(_CONTENDED, False)
    )


def _unconnected(ctx: HookContext, target: Resource, endpoint: Resource) -> bool:
    return ctx.engine.get(connection_id(ctx.engine, target, endpoint.id)) is None


def give_way(ctx: HookContext) -> None:
    target = ctx.engine.get(target_of(ctx.resource.body))
    linkable = linkable_of(target.type) if target else None
    if linkable is not None and linkable.busy is not None and ctx.resource.private.pop(_CONTENDED, False):
        raise ArmError(linkable.busy.status, linkable.busy.code, linkable.busy.message)
