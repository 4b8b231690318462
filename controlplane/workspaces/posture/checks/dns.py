"""Names: the zone set of the cloud, links on every network, records that say what the endpoints say. Pure.

Expected records come from the zone groups, so no DNS query is needed: a zone group's answer holds ``recordSets`` with
name and addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controlplane.arm import fold, name_of, parent_of
from controlplane.clouds import cloud_of_region
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.blueprint.clouds import CLOUDS, Cloud
from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.checks.endpoints import CONNECTION_LISTS, target_keys
from controlplane.workspaces.posture.model import FindingStatus, Repair
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, reapply, unknown

_CONFIGS = "$.properties.privateDnsZoneConfigs"
#: Group id of an endpoint → keys of the zones that its names are in ("Azure Private Endpoint private DNS zone values").
_ZONES_OF_GROUP: Mapping[str, tuple[str, ...]] = {
    "amlworkspace": ("api", "notebooks"),
    "blob": ("blob",),
    "file": ("file",),
    "dfs": ("dfs",),
    "vault": ("vault",),
    "registry": ("registry",),
}


def cloud_of(location: str) -> Cloud:
    """The region says the cloud."""
    return CLOUDS[cloud_of_region(location)]


def zone_set(scene: Scene) -> Iterator[Outcome]:
    """Every zone that the endpoints need in this cloud exists."""
    names = cloud_of(scene.blueprint.location).zones
    zones = {name_of(r.id).lower(): r for r in scene.of_type(kinds.DNS_ZONE) if isinstance(r.id, str)}
    zones |= {name: link for name, link in _joined(scene).items() if name not in zones}
    for endpoint in scene.of_type(kinds.PRIVATE_ENDPOINT):
        for group in _group_ids(endpoint.body):
            for name in (names[zone] for zone in _ZONES_OF_GROUP.get(group, ())):
                zone = zones.get(name)
                resource_id = scene.id_of(zone if zone else endpoint)
                if zone and (why := scene.unreadable(zone.key)):
                    yield unknown(zone.key, resource_id, "$", name, why)
                    continue
                there = zone is not None and scene.body(zone.key) is not None
                status = FindingStatus.PASS if there else FindingStatus.FAIL
                message = f"Zone {name}, which group {group} needs here, is {'there' if there else 'not there'}."
                key, causes = (zone.key, (Cause(zone.key),)) if zone else (None, ())
                yield Outcome(key, resource_id, status, "$", name, name if there else None, message, causes)


def _joined(scene: Scene) -> dict[str, Resource]:
    """Name of a zone that is somebody else's → our link in it, by which it is known to be there."""
    found = {}
    for link in scene.of_type(kinds.DNS_LINK):
        zone = parent_of(str(link.id)) or ""
        if scene.key_of(zone) is None:
            found[name_of(zone).lower()] = link
    return found


def _group_ids(body: JsonObject) -> tuple[str, ...]:
    properties = body.get("properties", {})
    connections = (
        *properties.get("privateLinkServiceConnections", ()),
        *properties.get("manualPrivateLinkServiceConnections", ()),
    )
    return tuple(g for connection in connections for g in connection.get("properties", {}).get("groupIds", ()))


def links(scene: Scene) -> Iterator[Outcome]:
    """Each zone has a finished link to each network."""
    networks = {r.key: r for r in scene.of_type(kinds.VNET)}
    by_place = {
        (parent_of(r.id), _network_of(scene, r)): r for r in scene.of_type(kinds.DNS_LINK) if isinstance(r.id, str)
    }
    for zone in scene.of_type(kinds.DNS_ZONE):
        for key in networks:
            link = by_place.get((str(zone.id), key))
            if link is None:
                message = f"Nothing links zone {name_of(str(zone.id))} to network {key}."
                yield Outcome(None, scene.id_of(zone), FindingStatus.FAIL, "$", key, None, message)
            else:
                yield _link(scene, zone, link, key)


def _network_of(scene: Scene, link: Resource) -> str | None:
    found = value_at(link.body, "$.properties.virtualNetwork.id")
    return scene.key_of(found) if isinstance(found, str) else None


def _link(scene: Scene, zone: Resource, link: Resource, network: str) -> Outcome:
    path, resource_id = "$.properties.virtualNetworkLinkState", scene.id_of(link)
    if why := scene.unreadable(link.key):
        return unknown(link.key, resource_id, path, "Completed", why)
    causes = (Cause(link.key), Cause(zone.key), Cause(network), Cause(link.key, "$.properties.virtualNetwork"))
    where = f"Zone {name_of(str(zone.id))} and network {network}"
    body = scene.body(link.key)
    if body is None:
        return Outcome(
            link.key, resource_id, FindingStatus.FAIL, path, "Completed", None, f"{where} are not linked.", causes
        )
    state = value_at(body, path)
    observed = None if state is ABSENT else state
    message = f"{where}: the link is {observed}."
    if isinstance(state, str) and state.casefold() == "completed":
        return Outcome(link.key, resource_id, FindingStatus.PASS, path, "Completed", observed, message, causes)
    status = FindingStatus.UNKNOWN if str(state).casefold() == "inprogress" else FindingStatus.FAIL
    return Outcome(link.key, resource_id, status, path, "Completed", observed, message, causes, reapply(link.key))


@dataclass(frozen=True, slots=True)
class _Expected:
    """An A record that a zone group says Azure keeps for an endpoint."""

    group: Resource
    """The zone group."""
    zone_id: str
    name: str
    addresses: tuple[str, ...]


def records(scene: Scene) -> Iterator[Outcome]:
    """Every name of every endpoint resolves to the endpoint's addresses, and no other name is in the zones."""
    expected: list[_Expected] = []
    for group in scene.of_type(kinds.ZONE_GROUP):
        endpoint = _endpoint_of(scene, group)
        found = tuple(_expected(scene, group))
        expected += found
        if why := scene.unreadable(group.key, *_keys(endpoint)):
            yield unknown(group.key, scene.id_of(group), _CONFIGS, "records", why)
            continue
        yield _group(scene, group, endpoint)
    for item in expected:
        yield _record(scene, item)
    yield from _strangers(scene, {(fold(e.zone_id), e.name.lower()) for e in expected})


def _keys(endpoint: Resource | None) -> tuple[str, ...]:
    return (endpoint.key,) if endpoint else ()


def _way(scene: Scene, endpoint: Resource | None) -> tuple[str, ...]:
    """Keys of an endpoint and of what it leads to: without its target it has no names, so that Azure drops them."""
    return (endpoint.key, *target_keys(scene, endpoint)) if endpoint else ()


def _endpoint_of(scene: Scene, group: Resource) -> Resource | None:
    parent = parent_of(group.id) if isinstance(group.id, str) else None
    key = scene.key_of(parent) if parent else None
    return scene.blueprint.by_key.get(key) if key else None


def _expected(scene: Scene, group: Resource) -> Iterator[_Expected]:
    body = scene.body(group.key) or {}
    for config in body.get("properties", {}).get("privateDnsZoneConfigs") or ():
        properties = config.get("properties", {})
        for record in properties.get("recordSets") or ():
            addresses = tuple(sorted(record.get("ipAddresses") or ()))
            name = record.get("recordSetName") or _relative(
                record.get("fqdn", ""), properties.get("privateDnsZoneId", "")
            )
            yield _Expected(group, properties.get("privateDnsZoneId", ""), name, addresses)


def _relative(fqdn: str, zone_id: str) -> str:
    return fqdn.rstrip(".").lower().removesuffix("." + name_of(zone_id).lower())


def _group(scene: Scene, group: Resource, endpoint: Resource | None) -> Outcome:
    """The zone group speaks of every configured zone, and of addresses that the endpoint has."""
    own = _addresses(scene, endpoint)
    found = scene.body(group.key)
    status, path, observed, message = FindingStatus.PASS, _CONFIGS, value_at(found, _CONFIGS), "Names have addresses."
    for config in (found or {}).get("properties", {}).get("privateDnsZoneConfigs") or ():
        sets = f"{_CONFIGS}[{config.get('name')}].properties.recordSets"
        records = config.get("properties", {}).get("recordSets")
        strange = next((n for n, r in enumerate(records or ()) if own and not own >= set(r["ipAddresses"])), None)
        if not records:
            zone = name_of(str(config.get("properties", {}).get("privateDnsZoneId")))
            status, path, observed = FindingStatus.FAIL, sets, records
            message = f"No records in {zone}: names do not resolve to the endpoint."
            break
        if strange is not None:
            status, path = FindingStatus.FAIL, f"{sets}[{strange}].ipAddresses"
            observed, message = records[strange]["ipAddresses"], "These addresses are not the endpoint's."
            break
    if found is None:
        status, observed, message = FindingStatus.FAIL, None, "Without its zone group no name leads to the endpoint."
    causes = _causes(scene, group)
    shown = None if observed is ABSENT else observed
    wanted = sorted(own) or "records"
    return Outcome(group.key, scene.id_of(group), status, path, wanted, shown, message, causes, _rewrite(group.key))


def _causes(scene: Scene, group: Resource) -> tuple[Cause, ...]:
    """An endpoint that is gone, leads nowhere or is not connected has no names: Azure takes its records away.

    Rejecting or removing a connection clears its A record: MicrosoftDocs/azure-docs#58044.
    """
    endpoint = _endpoint_of(scene, group)
    lost = (Cause(key, f"$.properties.{name}") for key in _keys(endpoint) for name in CONNECTION_LISTS)
    return (Cause(group.key), Cause(group.key, _CONFIGS), *map(Cause, _way(scene, endpoint)), *lost)


def _rewrite(zone_group: str) -> Repair:
    return reapply(zone_group, reason="Azure writes the records of a zone group when the group is written.")


def _addresses(scene: Scene, endpoint: Resource | None) -> set[str]:
    """What the endpoint itself says; Azure may leave ``customDnsConfigs`` empty beside a zone group."""
    body = (scene.body(endpoint.key) if endpoint else None) or {}
    configs = body.get("properties", {}).get("customDnsConfigs") or ()
    return {address for config in configs for address in config.get("ipAddresses") or ()}


def _record(scene: Scene, item: _Expected) -> Outcome:
    path, record_id = "$.properties.aRecords", f"{item.zone_id}/A/{item.name}"
    zone_key = scene.key_of(item.zone_id)
    why = scene.unlisted(f"{item.zone_id}/A") or (scene.unreadable(zone_key) if zone_key else None)
    if why:
        return unknown(item.group.key, record_id, path, list(item.addresses), why)
    body = next(
        (b for b in scene.children(item.zone_id, kinds.A_RECORD) if name_of(b["id"]).lower() == item.name.lower()), None
    )
    observed = body.get("properties", {}).get("aRecords") if body else None
    said = tuple(sorted(r["ipv4Address"] for r in observed or ()))
    status = FindingStatus.PASS if said == item.addresses else FindingStatus.FAIL
    message = f"{item.name}.{name_of(item.zone_id)} resolves to {', '.join(said) or 'nothing'}."
    causes = (*((Cause(zone_key),) if zone_key else ()), *_causes(scene, item.group))
    wanted = [{"ipv4Address": address} for address in item.addresses]
    return Outcome(
        item.group.key,
        record_id,
        status,
        path,
        wanted,
        observed,
        message,
        causes,
        _rewrite(item.group.key),
        _zone_read(scene, item.zone_id),
    )


def _zone_read(scene: Scene, zone_id: str) -> str:
    """Where a record that is not there was looked for."""
    beside = scene.children(zone_id, kinds.A_RECORD)
    known = (scene.observed.read_from.get(fold(b["id"])) for b in beside)
    return next((path for path in known if path), f"{zone_id}/A")


def _strangers(scene: Scene, known: set[tuple[str, str]]) -> Iterator[Outcome]:
    """Records in our zones that belong to no endpoint of ours: names that somebody else answers for."""
    groups = scene.of_type(kinds.ZONE_GROUP)
    for zone in scene.of_type(kinds.DNS_ZONE):
        zone_id = str(zone.id)
        feeding = tuple(g for g in groups if fold(zone_id) in str(g.body).lower())
        if scene.unlisted(f"{zone_id}/A") or scene.unreadable(zone.key, *(g.key for g in feeding)):
            continue
        causes = tuple(cause for group in feeding for cause in _causes(scene, group))
        for body in scene.children(zone_id, kinds.A_RECORD):
            if (fold(zone_id), name_of(body["id"]).lower()) not in known:
                yield Outcome(
                    zone.key,
                    body["id"],
                    FindingStatus.FAIL,
                    "$.properties.aRecords",
                    None,
                    body.get("properties", {}).get("aRecords"),
                    f"Record {name_of(body['id'])} in {name_of(zone_id)} belongs to no endpoint of this workspace.",
                    causes,
                    manual("Somebody made this record; whether anything needs it is not known here."),
                )
