"""Routes of a route table: child resources that are shown in the table's body, as rules are in a security group's.

Recording: network-route-table-create (a table without routes). API definition: `Route` of 2024-05-01.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from simulator.engine.declaration import ArmError, Hook, HookContext, JsonObject, Phase, ResourceType
from simulator.types._shared import drop_children, items, parent_id, settle_children
from simulator.types.network import _lro

ROUTE = "Microsoft.Network/routeTables/routes"
HOPS = ("VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None")


def _wanted(ctx: HookContext) -> dict[str, JsonObject] | None:
    """The routes that a table's body names; None when it names none and so keeps what there is."""
    properties = ctx.request.get("properties")
    if not isinstance(properties, dict) or properties.get("routes") is None:
        return None if ctx.previous is not None else {}
    return {str(one.get("name")): dict(one.get("properties") or {}) for one in items(ctx.request, "properties.routes")}


def check(table_id: str, routes: dict[str, JsonObject]) -> None:
    """A prefix, a known hop, an address where the hop is an appliance, each prefix once.

    The rules: learn.microsoft.com, "Virtual network traffic routing" (a route table has one route for a prefix). The
    codes are as clients quote them; the sentences stand in for Azure's.
    """
    taken: dict[str, str] = {}
    for name, route in routes.items():
        prefix, hop = str(route.get("addressPrefix") or ""), route.get("nextHopType")
        if not _is_prefix(prefix):
            message = f"Address prefix {prefix} of route {table_id}/routes/{name} is not formatted correctly."
            raise ArmError(400, "InvalidAddressPrefixFormat", message)
        if hop not in HOPS:
            message = f"Value provided for nextHopType is invalid: {hop or ''}."
            raise ArmError(400, "InvalidRequestFormat", message)
        if (hop == "VirtualAppliance") != bool(route.get("nextHopIpAddress")):
            message = f"Next hop IP address of route {name} is needed for VirtualAppliance, and only there."
            raise ArmError(400, "RouteInvalidNextHopIpAddress", message)
        if prefix in taken:
            message = f"Route {name} conflicts with route {taken[prefix]}: routes cannot have the same AddressPrefix."
            raise ArmError(400, "RouteConflict", message)
        taken[prefix] = name


def _is_prefix(text: str) -> bool:
    """CIDR, or a service tag (AzureCloud, Storage.WestEurope)."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return bool(text) and text[0].isalpha() and "/" not in text
    return True


def validate_table(ctx: HookContext) -> None:
    wanted = _wanted(ctx)
    if wanted is not None:
        check(ctx.resource.id, wanted)


def validate(ctx: HookContext) -> None:
    table = parent_id(ctx.resource.id)
    others = {
        one.name: one.properties
        for one in ctx.engine.children(table, ROUTE)
        if one.name.lower() != ctx.resource.name.lower()
    }
    check(table, {**others, ctx.resource.name: ctx.resource.properties})


def write_inline(ctx: HookContext) -> None:
    wanted = _wanted(ctx)
    ctx.resource.properties.pop("routes", None)
    if wanted is None:
        return
    drop_children(ctx, ROUTE, wanted)
    for name, route in wanted.items():
        ctx.engine.put(f"{ctx.resource.id}/routes/{name}", {"properties": route}, state="Updating")


def settle_inline(ctx: HookContext) -> None:
    settle_children(ctx, ROUTE)


def show(ctx: HookContext) -> None:
    """The table's body lists its routes, each under the table's etag."""
    shown = [
        {"name": one.name, "id": one.id, "etag": ctx.body.get("etag", ""), "type": ROUTE, "properties": one.properties}
        for one in ctx.engine.children(ctx.resource.id, ROUTE)
    ]
    ctx.body["properties"] = {**(ctx.body.get("properties") or {}), "routes": shown}


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.nested(ROUTE, 4),
        defaults={"properties": {"hasBgpOverride": False}},
        hooks=(Hook(Phase.VALIDATE, "routes-rules", validate),),
    ),
)
