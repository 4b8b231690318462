"""Private DNS zones, their links to networks, and their records.

Recordings: privatedns-zone-create, privatedns-zone-ifnonematch-failure, privatedns-vnet-link-create,
privatedns-a-record-crud; further azure-cli recordings of the same module for SOA records (a serialNumber that is
sent is ignored) and deletions (202, empty, both headers; polls like those of a PUT).
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    Answer,
    ArmError,
    Body,
    Etag,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Poll,
    Preconditions,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Route,
    RouteContext,
    Style,
    Words,
)
from simulator.types._shared import dig, name_of, parent_id, same_id

ZONE = "Microsoft.Network/privateDnsZones"
LINK = f"{ZONE}/virtualNetworkLinks"
RECORD_TYPES = ("A", "AAAA", "CNAME", "MX", "PTR", "SOA", "SRV", "TXT")
GROUP = "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Network"


def _lro(operation: str, seconds: float, body: Body) -> Lro:
    """202 with both headers; a running operation answers 202 with both headers again, a finished one 200 without."""
    return Lro(
        Style.BOTH,
        202,
        body,
        state="Updating",
        seconds=seconds,
        operation_url=GROUP + "/privateDnsOperationStatuses/{b64}",
        location_url=GROUP + "/privateDnsOperationResults/{b64}",
        operation_id=f"FrontEndAsyncOperation;{operation};{{guid}}",
        running=Poll(202, {"status": "InProgress"}, headers=True),
        done=Poll(200, {"status": "Succeeded"}),
        hidden=True,
    )


#: ARM's rule for tracked resources; `global` is the only location of these.
LOCATION = Required("location", "LocationRequired", "The location property is required for this definition.")


def _exists(kind: str) -> Words:
    return Words(412, "PreconditionFailed", f"The {kind} {{name}} exists already and hence cannot be created again.")


# ---------------------------------------------------------------------------------------------- zones


SOA: JsonObject = {
    "properties": {
        "ttl": 3600,
        "soaRecord": {
            "email": "azureprivatedns-host.microsoft.com",
            "expireTime": 2419200,
            "minimumTtl": 10,
            "refreshTime": 3600,
            "retryTime": 300,
        },
    }
}


def create_soa(ctx: HookContext) -> None:
    """A zone is born with its SOA record: numberOfRecordSets is 1 in the recording."""
    soa = f"{ctx.resource.id}/SOA/@"
    if ctx.engine.get(soa) is None:
        ctx.engine.put(soa, SOA)


def count_children(ctx: HookContext) -> None:
    links = ctx.engine.children(ctx.resource.id, LINK)
    records = len(ctx.engine.children(ctx.resource.id)) - len(links)
    properties = dict(ctx.body.get("properties") or {})
    properties.update(
        numberOfRecordSets=records,
        numberOfVirtualNetworkLinks=len(links),
        numberOfVirtualNetworkLinksWithRegistration=sum(
            1 for link in links if link.properties.get("registrationEnabled")
        ),
    )
    ctx.body["properties"] = properties


def refuse_linked_zone(ctx: HookContext) -> None:
    """ARM's words for nested resources that must go first; links are, records are not."""
    links = ctx.engine.children(ctx.resource.id, LINK)
    if links:
        named = ", ".join(f"'{link.id}'" for link in links)
        raise ArmError(
            409,
            "CannotDeleteResource",
            "Can not delete resource before nested resources are deleted. Some existing nested resource IDs include: "
            f"{named}. Please delete all nested resources before deleting this resource.",
            headers={"x-ms-failure-cause": "gateway"},
        )


# ---------------------------------------------------------------------------------------------- links


def _network(body: JsonObject) -> str | None:
    found = dig(body, "properties.virtualNetwork.id")
    return str(found) if found else None


def validate_link(ctx: HookContext) -> None:
    network = _network(ctx.resource.body)
    if network is None:
        return
    if ctx.previous is not None and not same_id(_network(ctx.previous), network):
        # The documented contract (azurerm: "Changing this forces a new resource"); words assumed.
        raise ArmError(
            400,
            "BadRequest",
            f"The virtual network of link '{ctx.resource.name}' cannot be changed. Delete the link and create it "
            "again.",
        )
    if ctx.engine.get(network) is None:
        raise ArmError(404, "NotFound", f"The resource '{network}' was not found.")


def one_zone_per_name(ctx: HookContext) -> None:
    """A network resolves one zone of a name. The operation is accepted and ends Failed, status 200.

    Source: public controller logs ("RESPONSE 200 ... status Failed", BadRequest) and learn.microsoft.com's AKS
    troubleshooting page for the same words.
    """
    network, zone = _network(ctx.resource.body), name_of(parent_id(ctx.resource.id))
    for other in ctx.engine.all_of(LINK):
        if other.key == ctx.resource.key or not same_id(_network(other.body), network):
            continue
        their_zone = name_of(parent_id(other.id))
        if their_zone.lower() == zone.lower():
            raise ArmError(
                400,
                "BadRequest",
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link "
                f"virtual network with '{zone}' and '{their_zone}' zones.",
            )


# ---------------------------------------------------------------------------------------------- records


def _record_computed(ctx: HookContext) -> JsonObject:
    zone = name_of(parent_id(ctx.resource.id))
    fqdn = f"{zone}." if ctx.resource.name == "@" else f"{ctx.resource.name}.{zone}."
    properties: JsonObject = {"fqdn": fqdn, "isAutoRegistered": False}
    if ctx.resource.type.endswith("/SOA"):
        properties["soaRecord"] = {"host": "azureprivatedns.net", "serialNumber": 1}
    return {"properties": properties}


def _record(kind: str) -> ResourceType:
    base = ResourceType(
        name=f"{ZONE}/{kind}",
        create=Lro(Style.SYNC, 201),
        update=Lro(Style.SYNC, 200),
        location="none",
        tags=False,
        provisioning_state=False,
        etag=Etag("{guid}", in_put_header=True),
        keys=("id", "name", "type", "etag", "properties"),
        computed=_record_computed,
        read_only=(ReadOnly("properties.fqdn"), ReadOnly("properties.isAutoRegistered")),
        # Words of the first: recorded. Of the second: assumed, in the same style.
        not_found=Words(
            404,
            "NotFound",
            "The resource record '{name}' does not exist in resource group '{g}' of subscription '{s}'.",
        ),
        precondition_exists=Words(
            412, "PreconditionFailed", "The Record set {name} exists already and hence cannot be created again."
        ),
        error_envelope=False,
    )
    if kind == "SOA":
        return replace(
            base,
            read_only=(
                *base.read_only,
                ReadOnly("properties.soaRecord.serialNumber"),
                ReadOnly("properties.soaRecord.host"),
            ),
            put_keeps=True,
        )
    return replace(
        base,
        required=(Required("properties.ttl", "BadRequest", "The field 'ttl' of record set '{name}' is required."),),
    )


def list_all(ctx: RouteContext) -> Answer:
    """`GET {zone}/ALL`: every record set of every type."""
    zone = "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Network/privateDnsZones/{zone}".format(
        **ctx.params
    )
    found = ctx.engine.get(zone)
    if found is None:
        raise ArmError(
            404,
            "ParentResourceNotFound",
            f"Can not perform requested operation on nested resource. Parent resource '{ctx.params['zone']}' not "
            "found.",
        )
    records = [child for child in ctx.engine.children(found.id) if child.type != LINK]
    return Answer(200, {"value": [_shown(record) for record in records]})


def _shown(record: Resource) -> JsonObject:
    head = {"id": record.id, "name": record.name, "type": record.type, "etag": record.etag}
    return {**head, "properties": dict(record.properties)}


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ZONE,
        create=_lro("UpsertPrivateDnsZone", 10, Body.EMPTY_OBJECT),
        update=replace(_lro("UpsertPrivateDnsZone", 10, Body.EMPTY_OBJECT), hidden=False),
        delete=replace(_lro("DeletePrivateDnsZone", 10, Body.EMPTY), hidden=False, state="Deleting"),
        location="global",
        etag=Etag("{guid}"),
        preconditions=Preconditions.FAIL_LATER,
        precondition_exists=_exists("Zone"),
        keys=("id", "name", "type", "etag", "location", "tags", "properties"),
        required=(LOCATION,),
        read_only=(
            ReadOnly("properties.maxNumberOfRecordSets"),
            ReadOnly("properties.maxNumberOfVirtualNetworkLinks"),
            ReadOnly("properties.maxNumberOfVirtualNetworkLinksWithRegistration"),
            ReadOnly("properties.numberOfRecordSets"),
            ReadOnly("properties.numberOfVirtualNetworkLinks"),
            ReadOnly("properties.numberOfVirtualNetworkLinksWithRegistration"),
        ),
        computed={
            "properties": {
                "maxNumberOfRecordSets": 25000,
                "maxNumberOfVirtualNetworkLinks": 1000,
                "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
            }
        },
        hooks=(
            Hook(Phase.COMPLETED, "zone-has-soa", create_soa),
            Hook(Phase.READ, "zone-counts-records", count_children),
            Hook(Phase.DELETING, "zone-refuses-deletion-while-linked", refuse_linked_zone),
        ),
    ),
    ResourceType(
        name=LINK,
        create=_lro("UpsertVirtualNetworkLink", 10, Body.EMPTY_OBJECT),
        update=replace(_lro("UpsertVirtualNetworkLink", 10, Body.EMPTY_OBJECT), hidden=False),
        delete=replace(_lro("DeleteVirtualNetworkLink", 10, Body.EMPTY), hidden=False, state="Deleting"),
        location="global",
        etag=Etag('"{guid}"'),
        preconditions=Preconditions.FAIL_LATER,
        precondition_exists=_exists("Virtual network link"),
        keys=("id", "name", "type", "etag", "location", "tags", "properties"),
        required=(
            LOCATION,
            Required(
                "properties.virtualNetwork.id",
                "BadRequest",
                "The property 'virtualNetwork' of virtual network link '{name}' is required.",
            ),
        ),
        defaults={"properties": {"registrationEnabled": False}},
        computed={"properties": {"virtualNetworkLinkState": "Completed"}},
        read_only=(ReadOnly("properties.virtualNetworkLinkState"),),
        hooks=(
            Hook(Phase.VALIDATE, "link-network", validate_link),
            Hook(Phase.COMPLETED, "link-one-zone-per-name", one_zone_per_name),
        ),
    ),
    *(_record(kind) for kind in RECORD_TYPES),
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Network/privateDnsZones/{zone}/ALL",
        "Microsoft.Network/privateDnsZones/ALL/read",
        list_all,
        scope="/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Network/privateDnsZones/{zone}",
    ),
    Route(
        "GET",
        "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Network/privateDnsZones/{zone}/recordsets",
        "Microsoft.Network/privateDnsZones/recordsets/read",
        list_all,
        scope="/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.Network/privateDnsZones/{zone}",
    ),
)
