"""privateEndpoints/privateDnsZoneGroups: an endpoint's names kept in private DNS zones.

Answers from azure-cli's own recording test_network_private_endpoint_private_dns_zone_group.yaml (201/200 with
Azure-AsyncOperation; each configuration follows the group's etag and state; a zone that answers for none of the
names has recordSets []); recordSets from Network's published API definition, and from exported templates that
records have ttl 10 and metadata.creator "created by private endpoint {name} with resource guid {guid}".
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    Required,
    Resource,
    ResourceType,
)
from simulator.types._shared import dig, items, missing_reference, name_of, network_reference, parent_id, same_id
from simulator.types.network import _lro
from simulator.types.network.private_dns import ZONE
from simulator.types.network.private_endpoints import ZONE_GROUP, dns_configs, status_of
from simulator.types.private_link import record_in

TTL = 10
_MINE = "records"  # private: {record id: [addresses]} this group has written


def validate(ctx: HookContext) -> None:
    configs = items(ctx.resource.body, "properties.privateDnsZoneConfigs")
    seen: set[str] = set()
    for position, config in enumerate(configs):
        zone_id = dig(config, "properties.privateDnsZoneId")
        if not zone_id:
            raise missing_reference(f"properties.privateDnsZoneConfigs[{position}].properties.privateDnsZoneId")
        zone = ctx.engine.get(str(zone_id))
        if zone is None or zone.type != ZONE:
            network_reference(ctx, str(zone_id))
        if str(zone_id).lower() in seen:
            raise ArmError(
                400,
                "DuplicatePrivateDnsZoneId",
                f"Private DNS zone group {ctx.resource.id} refers to private DNS zone {zone_id} more than once.",
            )
        seen.add(str(zone_id).lower())
    for other in ctx.engine.children(parent_id(ctx.resource.id), ZONE_GROUP):
        if other.key != ctx.resource.key:
            # One group an endpoint: learn.microsoft.com "Azure Private Endpoint private DNS zone values" (limits).
            raise ArmError(
                400,
                "PrivateEndpointCannotHaveMoreThanOnePrivateDnsZoneGroup",
                f"Private endpoint {parent_id(ctx.resource.id)} cannot have more than one private DNS zone group. "
                f"It has {other.id}.",
            )


def shape(ctx: HookContext) -> None:
    group = ctx.resource
    group.properties["privateDnsZoneConfigs"] = [
        {
            "name": config.get("name"),
            "id": f"{group.id}/privateDnsZoneConfigs/{config.get('name')}",
            "type": f"{ZONE_GROUP}/privateDnsZoneConfigs",
            "properties": {
                "privateDnsZoneId": dig(config, "properties.privateDnsZoneId"),
                "recordSets": list(_previous_sets(ctx, config)),
            },
        }
        for config in items(group.body, "properties.privateDnsZoneConfigs")
    ]


def show_configs(ctx: HookContext) -> None:
    """A configuration follows its group: same etag, same state."""
    properties = ctx.body.get("properties") or {}
    properties["privateDnsZoneConfigs"] = [
        {
            "name": config.get("name"),
            "id": config.get("id"),
            "etag": ctx.body.get("etag", ""),
            "type": config.get("type"),
            "properties": {
                "provisioningState": properties.get("provisioningState"),
                **(config.get("properties") or {}),
            },
        }
        for config in properties.get("privateDnsZoneConfigs") or []
    ]


def _previous_sets(ctx: HookContext, config: JsonObject) -> list[JsonObject]:
    zone = dig(config, "properties.privateDnsZoneId")
    for before in items(ctx.previous or {}, "properties.privateDnsZoneConfigs"):
        if same_id(dig(before, "properties.privateDnsZoneId"), zone):
            return list(dig(before, "properties.recordSets", []))
    return []


def write_records(ctx: HookContext) -> None:
    """One A record a name of the endpoint, in the zone that answers for it; both zones of an ML workspace."""
    group, endpoint = ctx.resource, ctx.engine.get(parent_id(ctx.resource.id))
    if endpoint is None:
        return
    names = dns_configs(ctx, endpoint) if status_of(endpoint) == "Approved" else []
    wanted: dict[str, list[str]] = {}
    for config in group.properties.get("privateDnsZoneConfigs") or []:
        zone_id = str(dig(config, "properties.privateDnsZoneId"))
        sets = []
        for entry in names:
            record = record_in(name_of(zone_id), str(entry["fqdn"]))
            if record is None:
                continue
            wanted[f"{zone_id}/A/{record}"] = list(entry["ipAddresses"])
            sets.append(
                {
                    "recordType": "A",
                    "recordSetName": record,
                    "fqdn": f"{record}.{name_of(zone_id)}",
                    "ttl": TTL,
                    "provisioningState": "Succeeded",
                    "ipAddresses": list(entry["ipAddresses"]),
                }
            )
        config["properties"]["recordSets"] = sets
    mine = dict(group.private.get(_MINE) or {})
    for record_id, addresses in mine.items():
        if record_id not in wanted:
            take_out(ctx.engine, record_id, addresses)
    for record_id, addresses in wanted.items():
        put_in(ctx.engine, record_id, addresses, endpoint)
    group.private[_MINE] = wanted


def put_in(engine: EngineApi, record_id: str, addresses: list[str], endpoint: Resource) -> None:
    if engine.get(parent_id(record_id)) is None:
        return
    old = engine.get(record_id)
    present = [str(entry.get("ipv4Address")) for entry in items(old.body, "properties.aRecords")] if old else []
    # Whatever was there is overwritten: MicrosoftDocs/azure-docs#122192 and #58044.
    if present == addresses:
        return
    guid = endpoint.properties.get("resourceGuid", "")
    engine.put(
        record_id,
        {
            "properties": {
                "metadata": {"creator": f"created by private endpoint {endpoint.name} with resource guid {guid}"},
                "ttl": TTL,
                "aRecords": [{"ipv4Address": address} for address in addresses],
            }
        },
    )


def take_out(engine: EngineApi, record_id: str, addresses: list[str]) -> None:
    record = engine.get(record_id)
    if record is None:
        return
    left = [entry for entry in items(record.body, "properties.aRecords") if entry.get("ipv4Address") not in addresses]
    if left:
        record.properties["aRecords"] = left
        engine.save(record)
    else:
        engine.delete(record_id)


def remove_records(ctx: HookContext) -> None:
    for record_id, addresses in dict(ctx.resource.private.get(_MINE) or {}).items():
        take_out(ctx.engine, record_id, addresses)


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.nested(ZONE_GROUP, 10),
        required=(
            Required(
                "properties.privateDnsZoneConfigs",
                "InvalidRequestFormat",
                "Private DNS zone group {id} must have at least one private DNS zone configuration.",
            ),
        ),
        hooks=(
            Hook(Phase.VALIDATE, "zone-group-references", validate),
            Hook(Phase.ACCEPTED, "zone-group-shape", shape),
            Hook(Phase.READ, "zone-group-shown", show_configs),
            Hook(Phase.COMPLETED, "zone-group-records", write_records),
            Hook(Phase.EVENT, "zone-group-records", write_records),
            Hook(Phase.DELETED, "zone-group-records", remove_records),
        ),
    ),
)
