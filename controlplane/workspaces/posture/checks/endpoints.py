"""Private endpoint connections: Approved on both sides, and nobody else's. Pure.

A connection that its owner rejected or removed does not come back by itself: the endpoint "becomes informative and
should be deleted for clean-up" (Microsoft, "Manage Azure private endpoints"), so a repair recreates it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from controlplane.arm import fold, is_within, name_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Resource, RoleAssignmentId
from controlplane.workspaces.posture.model import FindingStatus, Repair, RepairKind
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, unknown

_LISTS = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
CONNECTION_LISTS = (*_LISTS, "privateEndpointConnections")
"""Where the two sides of a connection say how it is."""
_STATE = "properties.privateLinkServiceConnectionState.status"
_TARGETS = (kinds.STORAGE, kinds.VAULT, kinds.REGISTRY, kinds.ML_WORKSPACE)


@dataclass(frozen=True, slots=True)
class _Side:
    """How one side sees the connection."""

    resource_id: str | None
    path: str
    observed: Any
    """The status, or what there is where it should be."""
    note: str

    @property
    def approved(self) -> bool:
        return isinstance(self.observed, str) and self.observed.casefold() == "approved"


def approved(scene: Scene) -> Iterator[Outcome]:
    """One outcome per endpoint: its own side first, then its target's."""
    for endpoint in scene.of_type(kinds.PRIVATE_ENDPOINT):
        targets = tuple(target_keys(scene, endpoint))
        near_id = scene.id_of(endpoint)
        if why := scene.unreadable(endpoint.key, *targets):
            yield unknown(endpoint.key, near_id, f"$.properties.{_LISTS[0]}", "Approved", why)
            continue
        sides = (_near(scene, endpoint, near_id), *(_far(scene, key, near_id) for key in targets))
        bad = next((side for side in sides if not side.approved), None)
        shown = bad or sides[0]
        yield Outcome(
            endpoint.key,
            shown.resource_id,
            FindingStatus.FAIL if bad else FindingStatus.PASS,
            shown.path,
            "Approved",
            shown.observed,
            f"Connection of {endpoint.key}: {'; '.join(side.note for side in sides)}.",
            (
                Cause(endpoint.key),
                *(Cause(endpoint.key, f"$.properties.{name}") for name in _LISTS),
                *(Cause(key) for key in targets),
            ),
            _recreate(scene, endpoint),
        )


def _connections(body: JsonObject) -> Iterator[tuple[str, Any]]:
    for name in _LISTS:
        for connection in body.get("properties", {}).get(name) or ():
            yield name, connection


def target_keys(scene: Scene, endpoint: Resource) -> Iterator[str]:
    """Logical keys of what an endpoint leads to."""
    for _, connection in _connections(endpoint.body):
        target = connection.get("properties", {}).get("privateLinkServiceId")
        key = scene.key_of(target) if isinstance(target, str) else getattr(target, "key", None)
        if key:
            yield key


def _near(scene: Scene, endpoint: Resource, endpoint_id: str | None) -> _Side:
    body = scene.body(endpoint.key)
    default = f"$.properties.{_LISTS[0]}"
    if body is None:
        return _Side(endpoint_id, default, None, "the endpoint does not exist")
    for name, connection in _connections(body):
        status = _status(connection)
        path = f"$.properties.{name}[{connection.get('name', 0)}].{_STATE}"
        return _Side(endpoint_id, path, status, f"{status} at the endpoint")
    return _Side(endpoint_id, default, _shown(value_at(body, default)), "the endpoint has no connection")


def _far(scene: Scene, target: str, endpoint_id: str | None) -> _Side:
    resource = scene.blueprint.by_key[target]
    target_id, body = scene.id_of(resource), scene.body(target)
    default = "$.properties.privateEndpointConnections"
    if body is None:
        return _Side(target_id, default, None, f"{target} does not exist")
    for connection in body.get("properties", {}).get("privateEndpointConnections") or ():
        if endpoint_id and fold(_endpoint_id(connection)) == fold(endpoint_id):
            status = _status(connection)
            return _Side(target_id, f"{default}[{_name(connection)}].{_STATE}", status, f"{status} at {target}")
    return _Side(target_id, default, _shown(value_at(body, default)), f"{target} knows no such connection")


def _shown(value: Any) -> Any:
    return None if value is ABSENT else value


def _status(connection: Any) -> str | None:
    state = connection.get("properties", {}).get("privateLinkServiceConnectionState") or {}
    status = state.get("status")
    return str(status) if status is not None else None


def _endpoint_id(connection: Any) -> str:
    endpoint = connection.get("properties", {}).get("privateEndpoint") or {}
    return str(endpoint.get("id", ""))


def _name(connection: Any) -> str:
    return str(connection.get("name") or name_of(str(connection.get("id", ""))))


def _recreate(scene: Scene, endpoint: Resource) -> Repair:
    """Deleting an endpoint takes its zone group and the roles on it along; they are written again after it."""
    follow_up = tuple(r.key for r in scene.blueprint.resources if r is not endpoint and _below(r, str(endpoint.id)))
    reason = "A connection that was rejected or removed does not come back: the endpoint is made again."
    return Repair(kind=RepairKind.RECREATE, keys=(endpoint.key,), follow_up=follow_up, reason=reason)


def _below(resource: Resource, arm_id: str) -> bool:
    place = resource.id.scope if isinstance(resource.id, RoleAssignmentId) else resource.id
    return is_within(place, arm_id)


def foreign(scene: Scene) -> Iterator[Outcome]:
    """Nobody else's endpoint is connected to what the workspace holds."""
    ours = {fold(str(r.id)) for r in scene.of_type(kinds.PRIVATE_ENDPOINT)}
    for target in (r for r in scene.blueprint.resources if r.type in _TARGETS):
        path, target_id = "$.properties.privateEndpointConnections", scene.id_of(target)
        if why := scene.unreadable(target.key):
            yield unknown(target.key, target_id, path, "only this workspace's endpoints", why)
            continue
        body = scene.body(target.key)
        if body is None:
            continue
        managed = _managed(scene, target_id)
        found = [
            connection
            for connection in body.get("properties", {}).get("privateEndpointConnections") or ()
            if fold(_endpoint_id(connection)) not in ours and name_of(_endpoint_id(connection)).lower() not in managed
        ]
        for connection in found:
            yield Outcome(
                target.key,
                target_id,
                FindingStatus.FAIL,
                f"{path}[{_name(connection)}]",
                None,
                connection,
                f"{target.key} has a connection ({_status(connection)}) from {_endpoint_id(connection) or 'nowhere'}.",
                repair=manual("The endpoint is somebody else's; the owner of the data decides whether it may stay."),
            )
        if not found:
            yield Outcome(
                target.key, target_id, FindingStatus.PASS, path, None, None, "Only this workspace's endpoints."
            )


def _managed(scene: Scene, target_id: str | None) -> frozenset[str]:
    """Names of the endpoints that the managed network has to a target. They lie in a subscription of Microsoft's and
    are called as the outbound rule that they come from."""
    return frozenset(
        name_of(str(rule["id"])).lower()
        for workspace in scene.of_type(kinds.ML_WORKSPACE)
        for rule in scene.children(str(workspace.id), kinds.OUTBOUND_RULE)
        if target_id and fold(str(value_at(rule, "$.properties.destination.serviceResourceId"))) == fold(target_id)
    )
