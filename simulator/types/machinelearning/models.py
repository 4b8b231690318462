"""Registered models: containers, versions, and the event that tells of a new one.

Shapes: API definition of 2023-08-01-preview and what azure-ai-ml 1.35.2 sends. ModelRegistered: learn.microsoft.com,
"Azure Machine Learning as an Event Grid source".
"""

from __future__ import annotations

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    ListContext,
    Lro,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Style,
)
from simulator.engine.hooks import EngineApi
from simulator.types._shared import dig, parent_id
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.workspaces import WORKSPACE

CONTAINER = f"{WORKSPACE}/models"
VERSION = f"{CONTAINER}/versions"
REGISTERED = "Microsoft.MachineLearningServices.ModelRegistered"


def version_rules(ctx: HookContext) -> None:
    """What a version is made of stays. "Asset paths cannot be updated." is what azure-ai-ml looks for in an answer
    (ASSET_PATH_ERROR in 1.35.2)."""
    if ctx.previous is None:
        return
    for leaf in ("modelUri", "modelType"):
        given, before = dig(ctx.request, f"properties.{leaf}"), dig(ctx.previous, f"properties.{leaf}")
        if given is not None and given != before:
            raise ArmError(400, "UserError", "Asset paths cannot be updated.")


def register(ctx: HookContext) -> None:
    """The first PUT of a version makes its container where there is none, and is told of."""
    version, container_id = ctx.resource, parent_id(ctx.resource.id)
    container = ctx.engine.get(container_id) or ctx.engine.put(container_id, {"properties": {}})
    if ctx.previous is not None:
        return
    container.properties.update(latestVersion=version.name, nextVersion=next_version(ctx.engine, container_id))
    ctx.engine.save(container)
    properties = version.properties
    data = {
        "ModelName": container.name,
        "ModelVersion": int(version.name) if version.name.isdigit() else version.name,  # a number in the sample
        "ModelTags": dict(properties.get("tags") or {}),
        "ModelProperties": dict(properties.get("properties") or {}),
    }
    ctx.engine.emit(parent_id(container_id), REGISTERED, f"models/{container.name}:{version.name}", data)


def next_version(engine: EngineApi, container_id: str) -> str | None:
    """One more than the highest; None where a version is no number, as the API definition has it."""
    names = [one.name for one in engine.children(container_id, VERSION)]
    return str(max(map(int, names), default=0) + 1) if all(name.isdigit() for name in names) else None


def registered(engine: EngineApi, workspace_id: str, model: str, properties: JsonObject, version: str = "") -> Resource:
    """A version that a run or a person registers by other ways than ARM."""
    container = f"{workspace_id}/models/{model}"
    name = version or next_version(engine, container) or engine.guid("model", container, engine.now().isoformat())
    made = {"modelType": "custom_model", "modelUri": f"azureml://datastores/workspaceblobstore/paths/{model}/{name}/"}
    return engine.put(f"{container}/versions/{name}", {"properties": {**made, **properties}}, as_request=True)


def viewed(ctx: ListContext, found: list[Resource]) -> list[Resource]:
    """`listViewType`: what is archived is left out unless it is asked for."""
    view = str(ctx.query.get("listViewType") or "ActiveOnly").lower()
    return [one for one in found if view == "all" or bool(one.properties.get("isArchived")) == (view == "archivedonly")]


def list_containers(ctx: ListContext) -> list[Resource]:
    return viewed(ctx, ctx.engine.children(ctx.scope, CONTAINER))


def list_versions(ctx: ListContext) -> list[Resource]:
    """`version`, `tags` (`key` or `key=value`, all of them) and `$orderBy=createdtime desc` narrow and turn it."""
    found = viewed(ctx, ctx.engine.children(ctx.scope, VERSION))
    if wanted := ctx.query.get("version"):
        found = [one for one in found if one.name == wanted]
    for tag in filter(None, str(ctx.query.get("tags") or "").split(",")):
        key, equals, value = tag.partition("=")
        found = [one for one in found if has_tag(one, key, value if equals else None)]
    order = str(ctx.query.get("$orderBy") or ctx.query.get("orderBy") or "").lower()
    return found[::-1] if "desc" in order else found


def has_tag(resource: Resource, key: str, value: str | None = None) -> bool:
    tags = resource.properties.get("tags") or {}
    return key in tags and (value is None or str(tags[key]) == value)


_KEYS = ("id", "name", "type", "properties", "systemData")
_SAID: JsonObject = {"description": None, "tags": {}, "properties": {}, "isArchived": False}

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=CONTAINER,
        create=Lro(Style.SYNC, 201),
        location="none",
        tags=False,
        system_data=True,
        keys=_KEYS,
        read_only=(ReadOnly("properties.latestVersion"), ReadOnly("properties.nextVersion")),
        defaults={"properties": _SAID},
        hooks=(LEGACY,),
        lister=list_containers,
    ),
    ResourceType(
        name=VERSION,
        create=Lro(Style.SYNC, 201),
        location="none",
        tags=False,
        parent_required=False,
        system_data=True,
        keys=_KEYS,
        required=(
            # Words assumed; the code is the provider's.
            Required("properties.modelUri", "UserError", "The property 'modelUri' of model '{name}' is required."),
        ),
        defaults={"properties": {**_SAID, "isAnonymous": False, "flavors": {}, "modelType": "custom_model"}},
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "model-version-stays", version_rules),
            Hook(Phase.ACCEPTED, "model-registered", register),
        ),
        lister=list_versions,
    ),
)
