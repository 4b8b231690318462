"""The network as a graph: every part of the example's and the hubs', and the state that each change gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controlplane.workspaces import kinds as k
from controlplane.workspaces.diff import diff
from controlplane.workspaces.model import Blueprint, Unreadable
from controlplane.workspaces.topology import Edge, EdgeKind, State, Topology, topology
from tests.support.azure_answers import Estate, create
from tests.support.blueprints import compiled, compiled_example, with_full_hub
from tests.support.looks import NOW

FULL = compiled(**with_full_hub())


def seen(estate: Estate, asked: Blueprint = FULL) -> Topology:
    observed = estate.observed(asked)
    return topology(asked, observed, diff(asked, observed, {}), NOW)


@pytest.fixture(scope="module")
def whole() -> Topology:
    return seen(create(FULL))


def edge(found: Topology, source: str, target: str, kind: EdgeKind) -> Edge:
    (only,) = (e for e in found.edges if (e.source, e.target, e.kind) == (source, target, kind))
    return only


def test_everything_is_ok_when_everything_is_there(whole: Topology) -> None:
    assert whole.state is State.OK
    assert {node.state for node in whole.nodes} == {State.OK}
    assert {e.state for e in whole.edges} == {State.OK}


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("vnet/ml", "subnet/training", EdgeKind.CONTAINS),
        ("vnet/hub", "subnet/bastion", EdgeKind.CONTAINS),
        ("nsg/bastion", "subnet/bastion", EdgeKind.GUARDS),
        ("subnet/training", "nat-gateway", EdgeKind.EGRESS),
        ("subnet/hub", "nat-gateway/hub", EdgeKind.EGRESS),
        ("nat-gateway", "public-ip/nat", EdgeKind.EGRESS),
        ("bastion", "subnet/bastion", EdgeKind.STANDS_IN),
        ("bastion", "public-ip/bastion", EdgeKind.ADDRESS),
        ("vm/jump-host", "subnet/hub", EdgeKind.STANDS_IN),
        ("vm/agent-2", "subnet/hub", EdgeKind.STANDS_IN),
        ("cluster/cpu", "subnet/training", EdgeKind.STANDS_IN),
        ("private-endpoint/blob", "storage", EdgeKind.PRIVATE_LINK),
        ("private-endpoint/workspace", "subnet/private-endpoints", EdgeKind.STANDS_IN),
        ("vnet/ml", "vnet/hub", EdgeKind.PEERING),
        ("vnet/hub", "vnet/ml", EdgeKind.PEERING),
    ],
)
def test_an_edge_of_the_full_hub(whole: Topology, source: str, target: str, kind: EdgeKind) -> None:
    assert edge(whole, source, target, kind).state is State.OK


def test_every_end_of_an_edge_is_a_node_and_no_node_or_edge_is_there_twice(whole: Topology) -> None:
    keys = [node.key for node in whole.nodes]
    assert len(set(keys)) == len(keys)
    assert {end for e in whole.edges for end in (e.source, e.target)} <= set(keys)
    assert len({(e.source, e.target, e.kind) for e in whole.edges}) == len(whole.edges)


def test_zones_say_their_networks_and_the_endpoints_whose_names_they_hold(whole: Topology) -> None:
    zones = {zone.key: zone for zone in whole.zones}
    assert len(zones) == 6
    api = zones["dns-zone/api"]
    assert [link.network for link in api.links] == ["vnet/hub", "vnet/ml"]
    assert api.endpoints == ("private-endpoint/workspace",)
    assert zones["dns-zone/blob"].records == 1


def deleted(key: str) -> Callable[[Estate], None]:
    return lambda estate: estate.delete(estate.body(key)["id"])


def changed(key: str, path: str, value: Any) -> Callable[[Estate], None]:
    def act(estate: Estate) -> None:
        *steps, last = path.split(".")
        holder: Any = estate.body(key)
        for step in steps:
            holder = holder[step]
        holder[last] = value

    return act


@pytest.mark.parametrize(
    ("act", "ends", "state"),
    [
        (deleted("bastion"), ("bastion", "subnet/bastion", EdgeKind.STANDS_IN), State.MISSING),
        (deleted("vm/jump-host"), ("vm/jump-host", "subnet/hub", EdgeKind.STANDS_IN), State.MISSING),
        (deleted("private-endpoint/blob"), ("private-endpoint/blob", "storage", EdgeKind.PRIVATE_LINK), State.MISSING),
        (deleted("peering/hub-to-ml"), ("vnet/ml", "vnet/hub", EdgeKind.PEERING), State.DRIFTED),
        (
            changed("subnet/training", "properties.natGateway", None),
            ("subnet/training", "nat-gateway", EdgeKind.EGRESS),
            State.DRIFTED,
        ),
    ],
    ids=["no Bastion", "no jump host", "no endpoint", "half a peering", "no way out"],
)
def test_what_somebody_did_is_the_state_of_an_edge(
    act: Callable[[Estate], None], ends: tuple[str, str, EdgeKind], state: State
) -> None:
    estate = create(FULL)
    act(estate)
    found = seen(estate)
    assert edge(found, *ends).state is state
    assert found.state is not State.OK


def test_what_cannot_be_read_is_unknown() -> None:
    estate = create(FULL)
    path = estate.id_of("bastion").rpartition("/")[0]
    estate.refused[path.lower()] = Unreadable("AuthorizationFailed", "no")
    found = seen(estate)
    assert {node.key: node.state for node in found.nodes}["bastion"] is State.UNKNOWN
    assert edge(found, "bastion", "subnet/bastion", EdgeKind.STANDS_IN).state is State.UNKNOWN


def test_nothing_made_yet_is_missing() -> None:
    found = seen(Estate(FULL))
    assert {node.state for node in found.nodes} == {State.MISSING}
    assert found.state is State.MISSING


def test_an_existing_hub_is_a_node_that_is_not_owned() -> None:
    blueprint = compiled_example("hub-existing")
    estate = create(blueprint)
    hub = blueprint.by_key["peering/hub-to-ml"].id
    assert isinstance(hub, str)
    network = hub.rpartition("/virtualNetworkPeerings/")[0]
    found = seen(estate, blueprint)
    node = {node.key: node for node in found.nodes}[network]
    assert not node.owned
    assert edge(found, network, "vnet/ml", EdgeKind.PEERING).source == network
    assert [zone.owned for zone in found.zones] == [False] * 6


def test_the_order_does_not_depend_on_the_answers() -> None:
    estate = create(FULL)
    again = create(FULL)
    again.bodies = dict(reversed(list(again.bodies.items())))
    assert seen(estate).edges == seen(again).edges
    assert seen(estate).nodes == seen(again).nodes


def test_a_managed_network_is_the_workspace_s_and_its_computes_stand_in_it() -> None:
    blueprint = compiled_example("managed-approved-catalog")
    estate = create(blueprint)
    found = seen(estate, blueprint)
    assert found.state is State.OK
    assert edge(found, "workspace", "managed-network", EdgeKind.CONTAINS).state is State.OK
    assert edge(found, "cluster/cpu", "managed-network", EdgeKind.STANDS_IN).state is State.OK
    estate.delete(estate.id_of("managed-network"))
    lost = seen(estate, blueprint)
    assert {node.key: node for node in lost.nodes}["managed-network"].state is State.MISSING
    assert edge(lost, "cluster/cpu", "managed-network", EdgeKind.STANDS_IN).state is State.MISSING


def test_somebody_elses_gateway_is_a_node_and_stands_in_their_network() -> None:
    blueprint = compiled_example("landing-zone")
    estate = Estate(blueprint)
    peering = blueprint.by_key["peering/hub-to-ml"].id
    assert isinstance(peering, str)
    network = peering.rpartition("/virtualNetworkPeerings/")[0]
    watched = [(kind, arm_id) for kind, arm_id in blueprint.watched if kind in (k.VPN_GATEWAY, k.CIRCUIT)]
    for kind, arm_id in watched:
        where = [{"properties": {"subnet": {"id": f"{network}/subnets/GatewaySubnet"}}}]
        body = {"id": arm_id, "type": kind, "properties": {"ipConfigurations": where}}
        estate.bodies[arm_id.lower()] = body
    found = seen(estate, blueprint)
    nodes = {node.key: node for node in found.nodes}
    assert {(nodes[arm_id].type, nodes[arm_id].owned, nodes[arm_id].state) for _, arm_id in watched} == {
        (kind, False, State.OK) for kind, _ in watched
    }
    gateway = next(arm_id for kind, arm_id in watched if kind == k.VPN_GATEWAY)
    assert edge(found, gateway, network, EdgeKind.STANDS_IN).state is State.OK
    del estate.bodies[gateway.lower()]
    assert {node.key: node for node in seen(estate, blueprint).nodes}[gateway].state is State.MISSING
    estate.refused[gateway.lower()] = Unreadable("AuthorizationFailed", "no")
    assert {node.key: node for node in seen(estate, blueprint).nodes}[gateway].state is State.UNKNOWN
