"""Peerings: Connected and in sync on both sides. Pure.

A peering whose twin was deleted is Disconnected for good: "delete the peering from both virtual networks, and then
recreate" (Microsoft, "Troubleshoot virtual network peering issues"); a PUT of the missing twin alone is refused with
RemotePeeringIsDisconnected (hashicorp/terraform-provider-azurerm#14051).
"""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import fold, parent_of
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.model import FindingStatus, Repair, RepairKind
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, unknown

Pair = tuple[Resource, Resource]


def pairs(scene: Scene) -> Iterator[Pair]:
    """Both directions of each peering, once."""
    ends = {_ends(peering): peering for peering in scene.of_type(kinds.PEERING)}
    for (near, far), peering in ends.items():
        twin = ends.get((far, near))
        if twin is not None and near < far:
            yield peering, twin


def _ends(peering: Resource) -> tuple[str, str]:
    remote = value_at(peering.body, "$.properties.remoteVirtualNetwork.id")
    return fold(parent_of(str(peering.id)) or ""), fold(remote) if isinstance(remote, str) else ""


def connected(scene: Scene) -> Iterator[Outcome]:
    """One outcome per pair."""
    for pair in pairs(scene):
        yield _judge(scene, pair, "$.properties.peeringState", "Connected")


def in_sync(scene: Scene) -> Iterator[Outcome]:
    """One outcome per pair that is connected: both sides know the other's present address space."""
    for pair in pairs(scene):
        if all(_value(scene, p, "$.properties.peeringState") == "connected" for p in pair):
            yield _judge(scene, pair, "$.properties.peeringSyncLevel", "FullyInSync")


def _value(scene: Scene, peering: Resource, path: str) -> str | None:
    body = scene.body(peering.key)
    found = value_at(body, path) if body is not None else ABSENT
    return str(found).casefold() if found is not ABSENT else None


def _judge(scene: Scene, pair: Pair, path: str, wanted: str) -> Outcome:
    ordered = sorted(pair, key=lambda p: p.key)
    if why := scene.unreadable(*(p.key for p in ordered)):
        key = next(p.key for p in ordered if p.key in scene.observed.unknown)
        return unknown(key, scene.id_of(scene.blueprint.by_key[key]), path, wanted, why)
    bad = [p for p in ordered if _value(scene, p, path) != wanted.casefold()]
    # Of two bad sides the one that exists is shown: its value is there to be read.
    shown = next((p for p in bad if scene.body(p.key) is not None), bad[0] if bad else ordered[0])
    body = scene.body(shown.key) or {}
    observed = value_at(body, path)
    seen = ", ".join(f"{p.key} {_value(scene, p, path) or 'absent'}" for p in ordered)
    return Outcome(
        shown.key,
        scene.id_of(shown),
        FindingStatus.FAIL if bad else FindingStatus.PASS,
        path,
        wanted,
        None if observed is ABSENT else observed,
        f"Peering in both directions: {seen}.",
        tuple(_causes(scene, pair)),
        _recreate(scene, pair),
    )


def _causes(scene: Scene, pair: Pair) -> Iterator[Cause]:
    for peering in pair:
        yield Cause(peering.key)
        yield Cause(peering.key, "$.properties.remoteVirtualNetwork")
        network = scene.key_of(parent_of(str(peering.id)) or "")
        if network:
            yield Cause(network)
            yield Cause(network, "$.properties.addressSpace")


def _recreate(scene: Scene, pair: Pair) -> Repair:
    """The sides that exist are deleted and made again; one that is missing is made by the ordinary diff."""
    keys = tuple(sorted(p.key for p in pair if scene.body(p.key) is not None))
    reason = "Azure does not mend a peering in place: both sides are deleted and made again."
    return Repair(kind=RepairKind.RECREATE, keys=keys, reason=reason)
