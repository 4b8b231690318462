"""Changes that another principal can make to a workspace: every declared property, every relation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.arm import fold
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Blueprint, Ref, Resource
from tests.support.azure_answers import Estate, guid


@dataclass(frozen=True, slots=True)
class Mutation:
    """One act of somebody else on an estate."""

    name: str
    act: Callable[[Estate], None]
    key: str
    """Where the finding must point."""


def properties(blueprint: Blueprint) -> Iterator[Mutation]:
    """A change of each declared leaf property of each resource."""
    for resource in blueprint.resources:
        for steps in _leaves(resource, resource.body, ()):
            yield Mutation(f"{resource.key}:{'.'.join(map(str, steps))}", _changing(resource.key, steps), resource.key)


def deletions(blueprint: Blueprint) -> Iterator[Mutation]:
    """The deletion of each resource."""
    for resource in blueprint.resources:
        yield Mutation(f"delete {resource.key}", _deleting(resource.key), resource.key)


def value(body: Any, steps: tuple[str | int, ...]) -> Any:
    """What is at ``steps``."""
    for step in steps:
        body = body[step]
    return body


def _leaves(resource: Resource, found: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    kind = KINDS[resource.type]
    path = ".".join("[]" if isinstance(step, int) else step for step in at).replace(".[]", "[]")
    if path in kind.matched:
        return  # Azure refuses to change what identifies a role assignment.
    if isinstance(found, Mapping) and not isinstance(found, Ref):
        for name, item in found.items():
            yield from _leaves(resource, item, (*at, name))
    elif isinstance(found, list | tuple) and any(isinstance(item, Mapping) for item in found):
        naming = kind.keyed.get(path)
        for place, item in enumerate(found):
            for name, inner in item.items():
                if name != naming:
                    yield from _leaves(resource, inner, (*at, place, name))
    else:
        yield at


def _changing(key: str, steps: tuple[str | int, ...]) -> Callable[[Estate], None]:
    def act(estate: Estate) -> None:
        holder = value(estate.body(key), steps[:-1])
        naming = KINDS[estate.blueprint.by_key[key].type].keyed.get(".".join(map(str, steps)))
        if naming is not None:
            holder[steps[-1]] = [*holder[steps[-1]], {naming: "Other"}]
        else:
            holder[steps[-1]] = other(holder[steps[-1]])

    return act


def _deleting(key: str) -> Callable[[Estate], None]:
    return lambda estate: estate.delete(estate.body(key)["id"])


def other(found: Any) -> Any:
    """A value of the same shape that is not this one."""
    match found:
        case bool():
            return not found
        case int():
            return found + 1
        case str() if found.startswith("/subscriptions/"):
            return f"{found}-other"
        case str() if found.startswith("PT"):
            return "PT29M"
        case str():
            return f"{found}Other"
        case list():
            return [*found, "Other"]
        case _:
            return guid(str(found))


def foreign_connection(target: str) -> Callable[[Estate], None]:
    """Somebody else's endpoint, connected to one of our resources."""

    def act(estate: Estate) -> None:
        body = estate.body(target)
        endpoint = "/subscriptions/9/resourceGroups/theirs/providers/Microsoft.Network/privateEndpoints/theirs"
        body["properties"]["privateEndpointConnections"].append(
            {
                "id": f"{body['id']}/privateEndpointConnections/theirs",
                "name": "theirs",
                "properties": {
                    "privateEndpoint": {"id": endpoint},
                    "privateLinkServiceConnectionState": {"status": "Approved"},
                },
            }
        )

    return act


def connection_state(key: str, status: str) -> Callable[[Estate], None]:
    """The owner of the target rejects or removes the connection: both sides say so, and its A records go."""

    def act(estate: Estate) -> None:
        endpoint = estate.body(key)
        for connection in endpoint["properties"]["privateLinkServiceConnections"]:
            connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
            target = estate.bodies[fold(connection["properties"]["privateLinkServiceId"])]
            for theirs in target["properties"]["privateEndpointConnections"]:
                if fold(theirs["properties"]["privateEndpoint"]["id"]) == fold(endpoint["id"]):
                    theirs["properties"]["privateLinkServiceConnectionState"]["status"] = status
        # Seen in MicrosoftDocs/azure-docs#58044.
        zone_group = estate.body(f"zone-group/{key.partition('/')[2]}")
        for config in zone_group["properties"]["privateDnsZoneConfigs"]:
            for record in config["properties"]["recordSets"]:
                estate.delete(f"{config['properties']['privateDnsZoneId']}/A/{record['recordSetName']}")

    return act
