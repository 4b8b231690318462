"""What a command job refers to: environments, code, components, data, datastores. Synchronous, versioned.

Shapes: API definition of 2023-04-01; requests as azure-ai-ml 1.35.2 sends them (OBSERVED traces of this project).
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Hook,
    HookContext,
    ListContext,
    Lro,
    NameRule,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Style,
)
from simulator.types._shared import dig, parent_id
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


#: Type → properties that say where the data lies. Source: models of azure-ai-ml 1.35.2 (arm_ml_service), "[Required]".
PLACES = {
    "AzureBlob": ("accountName", "containerName"),
    "AzureDataLakeGen1": ("storeName",),
    "AzureDataLakeGen2": ("accountName", "filesystem"),
    "AzureFile": ("accountName", "fileShareName"),
}
#: Kind of credential → whether it comes with secrets. Source: the same models, "Known values are".
CREDENTIALS = {"AccountKey": True, "Certificate": True, "None": False, "Sas": True, "ServicePrincipal": True}
SERVICE_IDENTITIES = ("None", "WorkspaceSystemAssignedIdentity", "WorkspaceUserAssignedIdentity")


def datastore_rules(ctx: HookContext) -> None:
    """What the models call required or known. The code is the provider's, the sentences are assumed."""
    properties = ctx.resource.properties
    kind = str(properties.get("datastoreType"))
    if kind not in PLACES:
        raise _user_error(f"The datastore type '{kind}' is not supported.")
    for field in PLACES[kind]:
        if not properties.get(field):
            raise _user_error(f"The property '{field}' of datastore '{ctx.resource.name}' is required.")
    credentials = str(dig(properties, "credentials.credentialsType", ""))
    if credentials not in CREDENTIALS:
        raise _user_error(f"The credentials of datastore '{ctx.resource.name}' are required.")
    secrets = dig(ctx.request, "properties.credentials.secrets")
    if CREDENTIALS[credentials] and not secrets and ctx.previous is None:
        raise _user_error(f"The secrets of datastore '{ctx.resource.name}' are required for {credentials}.")
    identity = str(properties.get("serviceDataAccessAuthIdentity") or "None")
    if identity not in SERVICE_IDENTITIES:
        raise _user_error(f"'{identity}' is no identity for service data access.")


def _user_error(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def list_secrets(ctx: HookContext) -> Answer:
    """POST listSecrets: what the workspace's vault holds for a datastore; words of the refusal assumed."""
    secrets = ctx.resource.private.get("properties.credentials.secrets")
    if not secrets:
        raise _user_error(f"Datastore '{ctx.resource.name}' has no secrets: it keeps no credential.")
    return Answer(200, secrets)


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
        name_rule=NameRule(
            # "can only contain alphanumeric characters and _": azureml.core.Datastore; the sentence is assumed.
            "[A-Za-z0-9_]{1,255}",
            "UserError",
            "Datastore name '{name}' is invalid. It can only contain letters, digits and underscores.",
        ),
        # Kept in the workspace's key vault, and told by listSecrets only.
        write_only=("properties.credentials.secrets",),
        actions=(Action("listSecrets", list_secrets),),
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "datastore-rules", datastore_rules),
            Hook(Phase.ACCEPTED, "datastore-default", keep_default),
        ),
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
