"""The network of a workspace as a graph: what stands where, what leads where, which names are answered. Pure.

Everything of it is wanted, and each part has the state in which it was observed. Keys are the blueprint's; what is
somebody else's (an existing hub, its zones) is there under its ARM id. The order is the same for the same blueprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from controlplane.arm import fold, name_of, parent_of, type_of
from controlplane.json_types import JsonObject
from controlplane.operations.model import Model
from controlplane.workspaces import kinds as k
from controlplane.workspaces.diff import unmet
from controlplane.workspaces.model import Action, Blueprint, Change, Observed, Resource
from controlplane.workspaces.observe import collection_of
from controlplane.workspaces.posture.paths import ABSENT, value_at


class State(StrEnum):
    """Of a node or an edge. What could not be read is ``Unknown``, never ``Ok``."""

    OK = "Ok"
    DRIFTED = "Drifted"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


class EdgeKind(StrEnum):
    """What an edge says of its two ends."""

    CONTAINS = "contains"
    """A network has a subnet, a workspace its managed network."""
    GUARDS = "guards"
    """A security group's rules are those of a subnet."""
    STANDS_IN = "standsIn"
    """A machine, a Bastion, a cluster or a private endpoint has its address in a subnet."""
    EGRESS = "egress"
    """A subnet leaves through a NAT gateway, which leaves through an address."""
    ADDRESS = "address"
    """Reached from outside at a public address."""
    PRIVATE_LINK = "privateLink"
    """An endpoint, or a rule of a managed network, leads to a resource."""
    TUNNEL = "tunnel"
    """A connection leads from a VPN gateway to a site."""
    PEERING = "peering"
    """One direction between two networks."""


class Node(Model):
    key: str = Field(description="The blueprint's key, or the ARM id of what is somebody else's.")
    type: str = Field(description="ARM type.")
    name: str
    resource_id: str
    owned: bool = Field(description="False for what is somebody else's.")
    addresses: tuple[str, ...] = Field(description="Ranges of a network or subnet, or addresses, as observed.")
    state: State


class Edge(Model):
    source: str = Field(description="Key of a node.")
    target: str = Field(description="Key of a node.")
    kind: EdgeKind
    state: State


class ZoneLink(Model):
    network: str = Field(description="Key of the network whose names the zone answers.")
    state: State


class Zone(Model):
    key: str = Field(description="The blueprint's key, or the ARM id of an existing zone.")
    name: str
    resource_id: str
    owned: bool
    state: State
    links: tuple[ZoneLink, ...]
    endpoints: tuple[str, ...] = Field(description="Keys of the private endpoints whose names are in it.")
    records: int | None = Field(description="A records seen in it; null where they could not be read.")


class Topology(Model):
    """Nodes, edges and zones, with the state each was observed in."""

    name: str
    observed_at: datetime
    state: State = Field(description="The worst of all: Missing before Drifted before Unknown.")
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    zones: tuple[Zone, ...]


_NODES = frozenset(
    {
        k.VNET, k.SUBNET, k.NSG, k.PUBLIC_IP, k.NAT_GATEWAY, k.ROUTE_TABLE, k.BASTION, k.VM, k.PRIVATE_ENDPOINT,
        k.STORAGE, k.VAULT, k.REGISTRY, k.ML_WORKSPACE, k.COMPUTE, k.VPN_GATEWAY, k.LOCAL_GATEWAY, k.CONNECTION,
        k.MANAGED_NETWORK,
    }
)  # fmt: skip
#: Ways in that somebody else has, and that count as this workspace's.
_WATCHED = frozenset({k.VPN_GATEWAY, k.CIRCUIT})
_CONFIGURATION = "$.properties.ipConfigurations[*].properties"
#: Type → where its body names the other end, what that edge says, and whether the edge leads away from the resource.
_REFERENCES: Mapping[str, tuple[tuple[str, EdgeKind, bool], ...]] = {
    k.SUBNET: (
        ("$.properties.networkSecurityGroup.id", EdgeKind.GUARDS, False),
        ("$.properties.natGateway.id", EdgeKind.EGRESS, True),
        ("$.properties.routeTable.id", EdgeKind.EGRESS, True),
    ),
    k.NAT_GATEWAY: (("$.properties.publicIpAddresses[*].id", EdgeKind.EGRESS, True),),
    k.BASTION: (
        (f"{_CONFIGURATION}.subnet.id", EdgeKind.STANDS_IN, True),
        (f"{_CONFIGURATION}.publicIPAddress.id", EdgeKind.ADDRESS, True),
    ),
    k.VPN_GATEWAY: (
        (f"{_CONFIGURATION}.subnet.id", EdgeKind.STANDS_IN, True),
        (f"{_CONFIGURATION}.publicIPAddress.id", EdgeKind.ADDRESS, True),
    ),
    k.CONNECTION: (
        ("$.properties.virtualNetworkGateway1.id", EdgeKind.TUNNEL, False),
        ("$.properties.localNetworkGateway2.id", EdgeKind.TUNNEL, True),
    ),
    k.PRIVATE_ENDPOINT: (
        ("$.properties.subnet.id", EdgeKind.STANDS_IN, True),
        ("$.properties.privateLinkServiceConnections[*].properties.privateLinkServiceId", EdgeKind.PRIVATE_LINK, True),
    ),
    k.COMPUTE: (("$.properties.properties.subnet.id", EdgeKind.STANDS_IN, True),),
}
_ADDRESSES = (
    "$.properties.addressSpace.addressPrefixes",
    "$.properties.addressPrefix",
    "$.properties.localNetworkAddressSpace.addressPrefixes",
    "$.properties.ipAddress",
)
_STATES = {Action.NONE: State.OK, Action.CREATE: State.MISSING, Action.UNKNOWN: State.UNKNOWN}
_WORST = (State.MISSING, State.DRIFTED, State.UNKNOWN)


@dataclass(frozen=True)
class _View:
    """A blueprint beside what exists."""

    blueprint: Blueprint
    observed: Observed
    states: Mapping[str, State]
    keys: Mapping[str, str]
    """Folded ARM id → key."""

    def of(self, *types: str) -> Iterator[Resource]:
        return (resource for resource in self.blueprint.resources if resource.type in types)

    def key(self, arm_id: str) -> str:
        """An id of somebody else's stands for itself."""
        return self.keys.get(fold(arm_id), arm_id)

    def state(self, arm_id: str) -> State:
        """Of anything, the blueprint's or somebody else's."""
        key = self.keys.get(fold(arm_id))
        if key is not None:
            return self.states[key]
        if fold(arm_id) in self.observed.snapshot:
            return State.OK
        unread = {fold(arm_id), collection_of(arm_id, type_of(arm_id))} & self.observed.unreadable.keys()
        return State.UNKNOWN if unread else State.MISSING

    def body(self, resource: Resource) -> JsonObject | None:
        return self.observed.bodies.get(resource.key)


def topology(blueprint: Blueprint, observed: Observed, changes: Iterable[Change], now: datetime) -> Topology:
    """``changes`` are those of :func:`diff` on the same blueprint and observation."""
    states = {change.key: _STATES.get(change.action, State.DRIFTED) for change in changes}
    keys = {fold(str(r.id)): r.key for r in blueprint.resources if isinstance(r.id, str)}
    view = _View(blueprint, observed, {r.key: _settled(r, observed, states) for r in blueprint.resources}, keys)
    zones = tuple(_zones(view))
    nodes = tuple(sorted(_nodes(view), key=lambda node: (node.type, node.key)))
    edges = tuple(sorted(_edges(view), key=lambda edge: (edge.kind, edge.source, edge.target)))
    parts = [*(n.state for n in nodes), *(e.state for e in edges), *(z.state for z in zones)]
    parts += [link.state for zone in zones for link in zone.links]
    worst = next((state for state in _WORST if state in parts), State.OK)
    return Topology(name=blueprint.workspace, observed_at=now, state=worst, nodes=nodes, edges=edges, zones=zones)


def _settled(resource: Resource, observed: Observed, states: Mapping[str, State]) -> State:
    """As declared is not enough: what others wait for (Approved, Connected, Completed) has to hold too."""
    state = states.get(resource.key, State.UNKNOWN)
    body = observed.bodies.get(resource.key)
    return State.DRIFTED if state is State.OK and body is not None and unmet(resource, body) else state


def _nodes(view: _View) -> Iterator[Node]:
    for resource in view.of(*_NODES):
        yield _node(view, str(resource.id), resource.key, view.body(resource), owned=True)
    for network in sorted({far for _, far in _peered(view) if fold(far) not in view.keys}):
        yield _node(view, network, network, view.observed.snapshot.get(fold(network)), owned=False)
    for resource_type, arm_id in sorted(set(view.blueprint.watched)):
        if resource_type in _WATCHED:
            yield _node(view, arm_id, arm_id, view.observed.snapshot.get(fold(arm_id)), owned=False)


def _node(view: _View, arm_id: str, key: str, body: JsonObject | None, *, owned: bool) -> Node:
    return Node(
        key=key,
        type=type_of(arm_id),
        name=name_of(arm_id),
        resource_id=arm_id,
        owned=owned,
        addresses=tuple(_addresses(view, arm_id, body or {})),
        state=view.state(arm_id),
    )


def _addresses(view: _View, arm_id: str, body: JsonObject) -> Iterator[str]:
    for path in _ADDRESSES:
        found = value_at(body, path)
        yield from (found if isinstance(found, list) else [found] if isinstance(found, str) else [])
    if type_of(arm_id) == k.VM:
        for interface in _interfaces(view, body):
            yield from _texts(interface, f"{_CONFIGURATION}.privateIPAddress")
    for config in value_at(body, "$.properties.customDnsConfigs") if _is_list(body) else ():
        yield from config.get("ipAddresses") or ()


def _is_list(body: JsonObject) -> bool:
    return isinstance(value_at(body, "$.properties.customDnsConfigs"), list)


def _interfaces(view: _View, machine: JsonObject) -> Iterator[JsonObject]:
    for arm_id in _texts(machine, "$.properties.networkProfile.networkInterfaces[*].id"):
        found = view.observed.snapshot.get(fold(arm_id))
        if found is not None:
            yield found


def _texts(body: Any, path: str) -> tuple[str, ...]:
    found = value_at(body, path)
    return (found,) if found is not ABSENT and isinstance(found, str) else ()


def _peered(view: _View) -> Iterator[tuple[Resource, str]]:
    """Each peering with both of its ends, near first."""
    for peering in view.of(k.PEERING):
        for end in (parent_of(str(peering.id)) or "", *_texts(peering.body, "$.properties.remoteVirtualNetwork.id")):
            yield peering, end


def _edges(view: _View) -> Iterator[Edge]:
    for subnet in view.of(k.SUBNET):
        network = view.key(parent_of(str(subnet.id)) or "")
        yield Edge(source=network, target=subnet.key, kind=EdgeKind.CONTAINS, state=view.states[subnet.key])
    for peering in view.of(k.PEERING):
        near = view.key(parent_of(str(peering.id)) or "")
        for far in _texts(peering.body, "$.properties.remoteVirtualNetwork.id"):
            state = _connected(view, peering)
            yield Edge(source=near, target=view.key(far), kind=EdgeKind.PEERING, state=state)
    for resource in view.blueprint.resources:
        for path, kind, away in _REFERENCES.get(resource.type, ()):
            for target in _texts(resource.body, path):
                yield _edge(view, resource, path, target, kind, away=away)
    yield from _machines(view)
    yield from _managed(view)
    yield from _others_gateways(view)


def _managed(view: _View) -> Iterator[Edge]:
    """The workspace has the network that Azure keeps for it, computes stand in it, and its rules lead to resources."""
    for network in view.of(k.MANAGED_NETWORK):
        state = view.states[network.key]
        yield Edge(source="workspace", target=network.key, kind=EdgeKind.CONTAINS, state=state)
        for compute in view.of(k.COMPUTE):
            both = _worst(view.states[compute.key], state)
            yield Edge(source=compute.key, target=network.key, kind=EdgeKind.STANDS_IN, state=both)
        for rule in view.of(k.OUTBOUND_RULE):
            for target in _texts(rule.body, "$.properties.destination.serviceResourceId"):
                both = _worst(view.states[rule.key], state)
                yield Edge(source=network.key, target=view.key(target), kind=EdgeKind.PRIVATE_LINK, state=both)


def _worst(*states: State) -> State:
    return next((state for state in (State.UNKNOWN, *_WORST) if state in states), State.OK)


def _others_gateways(view: _View) -> Iterator[Edge]:
    """Somebody else's VPN gateway stands in their network; where it is read and that network is in the graph."""
    near = {fold(far) for _, far in _peered(view)}
    for resource_type, arm_id in view.blueprint.watched:
        body = view.observed.snapshot.get(fold(arm_id)) if resource_type == k.VPN_GATEWAY else None
        for subnet in sorted({parent_of(one) or "" for one in _all_texts(body, f"{_CONFIGURATION}.subnet.id")}):
            if fold(subnet) in near:
                yield Edge(source=arm_id, target=view.key(subnet), kind=EdgeKind.STANDS_IN, state=view.state(arm_id))


def _all_texts(body: JsonObject | None, path: str) -> tuple[str, ...]:
    found = value_at(body or {}, path)
    several = found if isinstance(found, list) else [found]
    return tuple(one for one in several if isinstance(one, str))


def _connected(view: _View, peering: Resource) -> State:
    """A peering is Ok when it is as declared and both sides are connected."""
    state = view.states[peering.key]
    said = value_at(view.body(peering) or {}, "$.properties.peeringState")
    return State.DRIFTED if state is State.OK and str(said).casefold() != "connected" else state


def _edge(view: _View, resource: Resource, path: str, target: str, kind: EdgeKind, *, away: bool) -> Edge:
    state = _led(view, resource, path, target)
    ends = (resource.key, view.key(target))
    source, end = ends if away else (ends[1], ends[0])
    return Edge(source=source, target=end, kind=kind, state=state)


def _led(view: _View, resource: Resource, path: str, target: str) -> State:
    """Whether a resource leads where it is wanted to, and there is something at the end."""
    ends = (view.states[resource.key], view.state(target))
    for state in (State.UNKNOWN, State.MISSING):
        if state in ends:
            return state
    leads = any(fold(found) == fold(target) for found in _texts(view.body(resource) or {}, path))
    unsettled = bool(unmet(resource, view.body(resource) or {}))
    return State.OK if leads and not unsettled else State.DRIFTED


def _machines(view: _View) -> Iterator[Edge]:
    """A machine stands where its interface does."""
    by_id = {fold(str(r.id)): r for r in view.of(k.INTERFACE)}
    for machine in view.of(k.VM):
        for arm_id in _texts(machine.body, "$.properties.networkProfile.networkInterfaces[*].id"):
            interface = by_id.get(fold(arm_id))
            for subnet in _texts(interface.body, f"{_CONFIGURATION}.subnet.id") if interface else ():
                assert interface is not None
                states = {view.states[machine.key], _led(view, interface, f"{_CONFIGURATION}.subnet.id", subnet)}
                worst = _worst(*states)
                yield Edge(source=machine.key, target=view.key(subnet), kind=EdgeKind.STANDS_IN, state=worst)


def _zones(view: _View) -> Iterator[Zone]:
    links: dict[str, list[Resource]] = {fold(str(zone.id)): [] for zone in view.of(k.DNS_ZONE)}
    ids = {fold(str(zone.id)): str(zone.id) for zone in view.of(k.DNS_ZONE)}
    for link in view.of(k.DNS_LINK):
        zone = parent_of(str(link.id)) or ""
        links.setdefault(fold(zone), []).append(link)
        ids.setdefault(fold(zone), zone)
    for folded in sorted(ids, key=lambda found: (name_of(found), found)):
        yield _zone(view, ids[folded], links[folded])


def _zone(view: _View, arm_id: str, links: Iterable[Resource]) -> Zone:
    owned = fold(arm_id) in view.keys
    shown = [
        ZoneLink(network=view.key(network), state=view.states[link.key])
        for link in links
        for network in _texts(link.body, "$.properties.virtualNetwork.id")
    ]
    unread = fold(f"{arm_id}/A") in view.observed.unreadable
    prefix = f"{fold(arm_id)}/a/"
    return Zone(
        key=view.key(arm_id),
        name=name_of(arm_id),
        resource_id=arm_id,
        owned=owned,
        # Of somebody else's zone only our link in it is read.
        state=view.state(arm_id) if owned else State.OK if any(s.state is State.OK for s in shown) else State.UNKNOWN,
        links=tuple(sorted(shown, key=lambda link: link.network)),
        endpoints=tuple(sorted(_named_in(view, arm_id))),
        records=None if unread else sum(found.startswith(prefix) for found in view.observed.snapshot),
    )


def _named_in(view: _View, zone: str) -> Iterator[str]:
    for group in view.of(k.ZONE_GROUP):
        for config in group.body["properties"]["privateDnsZoneConfigs"]:
            if fold(config["properties"]["privateDnsZoneId"]) == fold(zone):
                yield view.key(parent_of(str(group.id)) or "")
