"""What a private endpoint may point at: groups, names, zones; and the connections it leaves on its target.

Sources: learn.microsoft.com "Azure Private Endpoint private DNS zone values" (groups and zones), "How to use your
workspace with a custom DNS server" (names and three addresses of a workspace), checked against an exported template of
a deployed secured workspace (record names, addresses shared by the workspace's and its cert name).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Required,
    Resource,
    ResourceType,
    Style,
    Words,
)
from simulator.types._shared import dig, parent_id, same_id

#: Public suffix of a name and the zone that answers for it, longest first.
ZONES: tuple[tuple[str, str], ...] = (
    ("blob.core.windows.net", "privatelink.blob.core.windows.net"),
    ("file.core.windows.net", "privatelink.file.core.windows.net"),
    ("queue.core.windows.net", "privatelink.queue.core.windows.net"),
    ("table.core.windows.net", "privatelink.table.core.windows.net"),
    ("dfs.core.windows.net", "privatelink.dfs.core.windows.net"),
    ("web.core.windows.net", "privatelink.web.core.windows.net"),
    ("vault.azure.net", "privatelink.vaultcore.azure.net"),
    ("azurecr.io", "privatelink.azurecr.io"),
    ("api.azureml.ms", "privatelink.api.azureml.ms"),
    ("notebooks.azure.net", "privatelink.notebooks.azure.net"),
    ("blob.storage.azure.net", "privatelink.blob.core.windows.net"),
)


def record_in(zone_name: str, fqdn: str) -> str | None:
    """The record set's name of `fqdn` in a zone; None when the zone is not the recommended one for the name."""
    for suffix, zone in ZONES:
        if zone == zone_name.lower() and fqdn.lower().endswith("." + suffix):
            return fqdn[: -len(suffix) - 1]
    return None


@dataclass(frozen=True)
class Member:
    """One address of an endpoint: the member's name at the service and the names it answers for."""

    name: str
    fqdns: tuple[str, ...]


@dataclass(frozen=True)
class Linkable:
    """A resource type that private endpoints may point at."""

    type: str
    groups: Callable[[Resource], dict[str, tuple[Member, ...]]]
    refuse: Callable[[Resource], str | None] = lambda target: None  # why the target takes no endpoint, as it says so
    zones: Callable[[str], tuple[str, ...]] = lambda group: ()
    action_word: str = "actionsRequired"  # storage alone writes actionRequired
    shown_type: str | None = None
    always_listed: bool = True  # the target shows [] when it has none
    #: How an endpoint fails that is asked for while another one of the target is being made; None: it does not.
    busy: Words | None = None

    @property
    def connection_type(self) -> str:
        return f"{self.type}/privateEndpointConnections"

    @property
    def approval(self) -> str:
        return f"{self.type}/privateEndpointConnectionsApproval/action"


LINKABLES: dict[str, Linkable] = {}


def register(linkable: Linkable) -> Linkable:
    LINKABLES[linkable.type.lower()] = linkable
    return linkable


def linkable_of(resource_type: str) -> Linkable | None:
    return LINKABLES.get(resource_type.lower())


# ---------------------------------------------------------------------------------------------- connections


def connection_id(engine: EngineApi, target: Resource, endpoint_id: str) -> str:
    linkable = LINKABLES[target.type.lower()]
    guid = engine.guid("privateEndpointConnection", target.key, endpoint_id.lower())
    return f"{target.id}/{linkable.connection_type.rpartition('/')[2]}/{target.name}.{guid}"


def put_connection(engine: EngineApi, target: Resource, endpoint: Resource, state: JsonObject) -> Resource:
    linkable = LINKABLES[target.type.lower()]
    shown = {"status": state["status"], "description": state["description"], linkable.action_word: "None"}
    body: JsonObject = {
        "properties": {
            "privateEndpoint": {"id": endpoint.id},
            "privateLinkServiceConnectionState": shown,
        }
    }
    if linkable.type.startswith("Microsoft.MachineLearningServices"):
        # Recording aml-workspaces-list-2021: location and the subnet's id.
        body["location"] = target.location
        body["properties"]["privateEndpoint"]["subnetArmId"] = dig(endpoint.body, "properties.subnet.id")
    return engine.put(connection_id(engine, target, endpoint.id), body)


def connections(engine: EngineApi, target: Resource) -> list[Resource]:
    linkable = linkable_of(target.type)
    return engine.children(target.id, linkable.connection_type) if linkable else []


def approved_endpoints(engine: EngineApi, target: Resource) -> list[str]:
    """Ids of the endpoints whose connection to the target is Approved."""
    return [
        str(dig(connection.body, "properties.privateEndpoint.id"))
        for connection in connections(engine, target)
        if dig(connection.body, "properties.privateLinkServiceConnectionState.status") == "Approved"
    ]


def show_connections(ctx: HookContext) -> None:
    """A target lists its connections in its body."""
    linkable = LINKABLES[ctx.resource.type.lower()]
    found = [
        {
            "id": connection.id,
            "name": connection.name,
            "type": linkable.shown_type or linkable.connection_type,
            **({"location": connection.location} if connection.location else {}),
            "properties": dict(connection.properties),
        }
        for connection in connections(ctx.engine, ctx.resource)
    ]
    if found or linkable.always_listed:
        ctx.body["properties"] = {**(ctx.body.get("properties") or {}), "privateEndpointConnections": found}


def list_private_link_resources(ctx: HookContext) -> Answer:
    linkable = LINKABLES[ctx.resource.type.lower()]
    return Answer(
        200,
        {
            "value": [
                {
                    "name": group,
                    "id": f"{ctx.resource.id}/privateLinkResources/{group}",
                    "type": f"{linkable.type}/privateLinkResources",
                    "properties": {
                        "groupId": group,
                        "requiredMembers": [member.name for member in members],
                        "requiredZoneNames": list(linkable.zones(group)),
                    },
                }
                for group, members in linkable.groups(ctx.resource).items()
            ]
        },
    )


PRIVATE_LINK_RESOURCES = Action("privateLinkResources", list_private_link_resources, method="GET")


# ---------------------------------------------------------------------------------------------- approving, rejecting

ALLOWED = {"Approved", "Rejected", "Disconnected", "Pending"}


def validate_connection(ctx: HookContext) -> None:
    if ctx.previous is None:
        raise ArmError(
            404,
            "PrivateEndpointConnectionNotFound",
            f"The private endpoint connection '{ctx.resource.name}' was not found.",
        )
    status = dig(ctx.request, "properties.privateLinkServiceConnectionState.status")
    if status not in ALLOWED:
        raise ArmError(400, "InvalidRequestContent", f"The connection status '{status}' is not valid.")


def tell_endpoint(ctx: HookContext) -> None:
    """The endpoint shows what its target's owner decided."""
    state = dig(ctx.resource.body, "properties.privateLinkServiceConnectionState", {})
    _set_endpoint_state(ctx, str(state.get("status")), str(state.get("description") or ""))


def disconnect_endpoint(ctx: HookContext) -> None:
    """Source: learn.microsoft.com "What is a private endpoint?": Disconnected when the resource's owner removed it."""
    _set_endpoint_state(ctx, "Disconnected", "Deleted by the resource owner")


def _set_endpoint_state(ctx: HookContext, status: str, description: str) -> None:
    endpoint = ctx.engine.get(str(dig(ctx.resource.body, "properties.privateEndpoint.id") or ""))
    if endpoint is None:
        return
    target = parent_id(ctx.resource.id)
    for field in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"):
        for connection in endpoint.properties.get(field) or []:
            properties = connection["properties"]
            if same_id(properties.get("privateLinkServiceId"), target):
                properties["privateLinkServiceConnectionState"] = {
                    "status": status,
                    "description": description,
                    "actionsRequired": "None",
                }
    ctx.engine.save(endpoint)
    # What an endpoint answers for follows its state; `private-endpoint-names` is declared with the endpoints.
    ctx.engine.schedule(0, "private-endpoint-names", endpoint.id)


def connection_type(linkable: Linkable) -> ResourceType:
    """`{target}/privateEndpointConnections`: made by endpoints; PUT approves or rejects, DELETE disconnects."""
    return ResourceType(
        name=linkable.connection_type,
        create=Lro(Style.SYNC, 200),
        update=Lro(Style.SYNC, 200),
        delete=Lro(Style.SYNC, 200),
        methods=frozenset({"GET", "HEAD", "PUT", "DELETE", "LIST"}),
        location="optional",
        tags=False,
        keys=("name", "id", "type", "location", "properties"),
        type_shown=linkable.shown_type,
        required=(Required("properties.privateLinkServiceConnectionState.status"),),
        # Its id is read-only in clients' models: `az storage account private-endpoint-connection approve` sends `{}`.
        keep_on_put=("properties.privateEndpoint", "properties.privateEndpoint.id"),
        hooks=(
            Hook(Phase.VALIDATE, "connection-needs-endpoint", validate_connection),
            Hook(Phase.ACCEPTED, "connection-tells-endpoint", tell_endpoint),
            Hook(Phase.DELETED, "connection-tells-endpoint", disconnect_endpoint),
        ),
    )
