"""What a command job refers to: environments, code, components, data, datastores. Synchronous, versioned.

Shapes: API definition of 2023-04-01; requests as azure-ai-ml 1.35.2 sends them (OBSERVED traces of this project).
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Hook,
    HookContext,
    ListContext,
    Lro,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Style,
)
from simulator.types._shared import parent_id
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.workspaces import DATASTORE, WORKSPACE

CONTAINERS = ("environments", "codes", "components", "data")


def make_container(ctx: HookContext) -> None:
    """A version brings its container with it; the container knows the latest version."""
    container = parent_id(ctx.resource.id)
    found = ctx.engine.get(container) or ctx.engine.put(container, {"properties": {}})
    found.properties.update(latestVersion=ctx.resource.name, nextVersion=None)
    ctx.engine.save(found)


def keep_default(ctx: HookContext) -> None:
    """Only Azure says which datastore is the default one."""
    before = (ctx.previous or {}).get("properties") or {}
    ctx.resource.properties["isDefault"] = bool(before.get("isDefault"))


def list_datastores(ctx: ListContext) -> list[Resource]:
    """`isDefault=true` picks the workspace's default one."""
    found = ctx.engine.children(ctx.scope, DATASTORE)
    wanted = str(ctx.query.get("isDefault", "")).lower()
    return [store for store in found if wanted != "true" or store.properties.get("isDefault")]


def _asset(kind: str) -> tuple[ResourceType, ResourceType]:
    container = ResourceType(
        name=f"{WORKSPACE}/{kind}",
        create=Lro(Style.SYNC, 201),
        location="none",
        tags=False,
        provisioning_state=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        read_only=(ReadOnly("properties.latestVersion"), ReadOnly("properties.nextVersion")),
        defaults={"properties": {"description": None, "tags": {}, "properties": {}, "isArchived": False}},
    )
    version = ResourceType(
        name=f"{WORKSPACE}/{kind}/versions",
        create=Lro(Style.SYNC, 201),
        location="none",
        tags=False,
        parent_required=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        defaults={
            "properties": {
                "description": None,
                "tags": {},
                "properties": {},
                "isArchived": False,
                "isAnonymous": False,
            }
        },
        hooks=(LEGACY, Hook(Phase.ACCEPTED, "asset-container", make_container)),
    )
    return container, version


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=DATASTORE,
        create=Lro(Style.SYNC, 201),
        location="none",
        tags=False,
        provisioning_state=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        hooks=(LEGACY, Hook(Phase.ACCEPTED, "datastore-default", keep_default)),
        required=(
            Required(
                # Words assumed; the code is the provider's.
                "properties.datastoreType",
                "UserError",
                "The property 'datastoreType' of datastore '{name}' is required.",
            ),
        ),
        lister=list_datastores,
    ),
    *(rtype for kind in CONTAINERS for rtype in _asset(kind)),
)
