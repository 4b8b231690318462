"""Microsoft.Compute/diskAccesses, which the recording network-private-endpoint-create points its endpoint at.

Recorded: 202 without id or properties, both headers (Location adds monitor=true), polls with startTime, endTime and
properties.output; the connection's type is written `PrivateEndpointConnections`.
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Body,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Poll,
    ReadOnly,
    Resource,
    ResourceType,
    Style,
)
from simulator.types._shared import iso
from simulator.types.private_link import (
    PRIVATE_LINK_RESOURCES,
    Linkable,
    Member,
    connection_type,
    register,
    show_connections,
)

DISK_ACCESS = "Microsoft.Compute/diskAccesses"
_OPERATION = "/subscriptions/{s}/providers/Microsoft.Compute/locations/{l}/DiskOperations/{guid}"


def _created(ctx: HookContext) -> JsonObject:
    return {"properties": {"timeCreated": iso(ctx.engine.now(), zulu=False)}}


def _groups(target: Resource) -> dict[str, tuple[Member, ...]]:
    label = f"md-impexp-{target.name.replace('_', '')[:11].lower()}"
    return {"disks": (Member("diskAccess_1", (f"{label}.z25.blob.storage.azure.net",)),)}


def _write(status: int) -> Lro:
    return Lro(
        Style.BOTH,
        status,
        {"name": "{name}", "type": "{type}", "location": "{location}"},
        state="Updating",
        seconds=2,
        operation_url=_OPERATION,
        location_url=_OPERATION,
        url_query="p={guid}",
        location_query="monitor=true",
        running=Poll(200, {"startTime": "{start}", "status": "InProgress", "name": "{guid}"}),
        done=Poll(
            200,
            {
                "startTime": "{start}",
                "endTime": "{end}",
                "status": "Succeeded",
                "properties": {
                    "output": {
                        "name": "{name}",
                        "id": "{id}",
                        "type": "{type}",
                        "location": "{location}",
                        "properties": {"provisioningState": "Succeeded", "timeCreated": "{start}"},
                    }
                },
                "name": "{guid}",
            },
        ),
    )


LINKABLE = register(
    Linkable(
        type=DISK_ACCESS,
        groups=_groups,
        zones=lambda group: ("privatelink.blob.core.windows.net",),
        shown_type=f"{DISK_ACCESS}/PrivateEndpointConnections",
        always_listed=False,
    )
)

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=DISK_ACCESS,
        create=_write(202),
        update=_write(202),
        delete=Lro(
            Style.BOTH,
            202,
            Body.EMPTY,
            state="Deleting",
            seconds=2,
            operation_url=_OPERATION,
            location_url=_OPERATION,
            location_query="monitor=true",
        ),
        keys=("name", "id", "type", "location", "tags", "properties"),
        read_only=(ReadOnly("properties.timeCreated"),),
        computed=_created,
        actions=(PRIVATE_LINK_RESOURCES,),
        hooks=(Hook(Phase.READ, "target-shows-connections", show_connections),),
    ),
    connection_type(LINKABLE),
)
