"""How Microsoft.Network answers writes.

Sources: recordings network-vnet-create-subnet-update, network-nsg-create, network-natgateway-create,
network-route-table-create, network-vnet-peering-crud (201 or 200 with the whole resource at Updating and
Azure-AsyncOperation only; DELETE 202 with both headers; polls are 200).
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    Body,
    Etag,
    HookContext,
    JsonObject,
    Lro,
    Patch,
    Poll,
    ResourceType,
    Style,
    Words,
)

ETAG = Etag('W/"{guid}"')
BUSY = Words(
    409,
    "AnotherOperationInProgress",
    # azurerm's and azapi's logs print this text with the operation's URI; the URI is left out here.
    "Another operation on this or dependent resource is in progress.",
)


def create(seconds: float) -> Lro:
    return Lro(Style.ASYNC_OPERATION, 201, Body.RESOURCE, state="Updating", seconds=seconds)


def update(seconds: float) -> Lro:
    return Lro(Style.ASYNC_OPERATION, 200, Body.RESOURCE, state="Updating", seconds=seconds)


def delete(seconds: float) -> Lro:
    return Lro(
        Style.BOTH,
        202,
        Body.EMPTY,
        state="Deleting",
        seconds=seconds,
        location_done=Poll(204, Body.EMPTY),
    )


def resource_guid(ctx: HookContext) -> JsonObject:
    """`properties.resourceGuid`, which every tracked Network resource has."""
    return {"properties": {"resourceGuid": ctx.engine.guid("resourceGuid", ctx.resource.key)}}


def tracked(name: str, seconds: float) -> ResourceType:
    """What stands in a group. A type replaces what is its own: `replace(tracked(NAT_GATEWAY, 10), hooks=...)`."""
    return ResourceType(
        name=name,
        create=create(seconds),
        update=update(seconds),
        delete=delete(seconds),
        etag=ETAG,
        busy=BUSY,
        patch_style=Patch.TAGS,
    )


def nested(name: str, seconds: float) -> ResourceType:
    """What stands in a resource of this provider: parallel writes below one parent are AnotherOperationInProgress."""
    return replace(
        tracked(name, seconds),
        busy_scope="parent",
        location="none",
        tags=False,
        methods=frozenset({"GET", "HEAD", "PUT", "DELETE", "LIST"}),
        patch_style=Patch.MERGE,
        keys=("name", "id", "etag", "type", "properties"),
    )
