"""What the types of Microsoft.Authorization have in common: they stand at any scope, have no place and no tags, and are
answered at once. A type replaces what is its own: `replace(WRITTEN, name=..., hooks=...)`."""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import Body, Lro, Patch, Preconditions, ResourceType, Scope, Style

#: What only Azure makes.
READ = ResourceType(
    name="",
    scope=Scope.EXTENSION,
    location="none",
    tags=False,
    top_level=(),
    keys=("properties", "id", "type", "name"),
    methods=frozenset({"GET", "LIST"}),
    provisioning_state=False,
)
#: What callers make, and take away.
WRITTEN = replace(
    READ,
    create=Lro(Style.SYNC, 201),
    update=Lro(Style.SYNC, 201),
    delete=Lro(Style.SYNC, 200, Body.RESOURCE),
    patch_style=Patch.NONE,
    methods=frozenset({"GET", "PUT", "DELETE", "LIST"}),
    preconditions=Preconditions.IGNORE,
)


def scope_of(resource_id: str) -> str:
    """Where an extension stands."""
    return resource_id.rpartition("/providers/")[0]
