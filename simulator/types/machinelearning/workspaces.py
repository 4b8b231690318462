"""Azure ML workspaces. Recording: aml-workspaces-list-2021 (shape, nulls written out, connections with location).

Long operations: `locations/workspaceOperationsStatus` is in Azure's own list of resource types; 202 with an empty body
and both headers follows the API definition (no recording of a PUT).
"""

from __future__ import annotations

from datetime import timedelta

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    NameRule,
    Phase,
    ReadOnly,
    Resource,
    ResourceType,
    Scope,
    Style,
)
from simulator.types._shared import dig, iso, same_id, subscription_of
from simulator.types.machinelearning import managed_network as managed
from simulator.types.machinelearning._lro import LOCATION, write
from simulator.types.machinelearning.workspace_effects import claim_storage, grant_roles, workspace_guid
from simulator.types.machinelearning.workspace_identity import (
    needs_roles,
    own_key,
    own_key_stays,
    primary,
    transitions,
)
from simulator.types.private_link import (
    PRIVATE_LINK_RESOURCES,
    Linkable,
    Member,
    connection_type,
    connections,
    register,
    show_connections,
)

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
TOMBSTONE = "Microsoft.MachineLearningServices/softDeletedWorkspaces"
DATASTORE = f"{WORKSPACE}/datastores"
SOFT_DELETE_DAYS = 14  # learn.microsoft.com, "Recover workspace data while soft deleted"
API = "api.azureml.ms"
DEPENDANTS = ("storageAccount", "keyVault", "applicationInsights")


def _defaults(ctx: HookContext) -> JsonObject:
    return {
        "kind": "Default",
        "etag": None,
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "friendlyName": ctx.resource.name,
            "description": "",
            "hbiWorkspace": False,
            "imageBuildCompute": None,
            "containerRegistry": None,
            "linkedModelInventoryArmId": None,
            "allowPublicAccessWhenBehindVnet": False,
            "publicNetworkAccess": "Enabled",
            "v1LegacyMode": False,
            "enableDataIsolation": False,
            "systemDatastoresAuthMode": "AccessKey",
        },
    }


def _computed(ctx: HookContext) -> JsonObject:
    workspace = ctx.resource
    guid, region = workspace_guid(ctx.engine, workspace.id), workspace.location
    insights = ctx.engine.get(str(dig(workspace.body, "properties.applicationInsights") or ""))
    return {
        "properties": {
            "tenantId": ctx.engine.tenant_id,
            "workspaceId": guid,
            "creationTime": iso(ctx.engine.now(), zulu=False),
            "storageHnsEnabled": False,
            "notebookInfo": {
                "resourceId": guid.replace("-", ""),
                "fqdn": notebook_host(workspace.name, region, guid),
                "isPrivateLinkEnabled": False,
                "notebookPreparationError": None,
            },
            "discoveryUrl": f"https://{region}.api.azureml.ms/discovery",
            "mlFlowTrackingUri": f"azureml://{region}.api.azureml.ms/mlflow/v1.0{workspace.id}",
            "sdkTelemetryAppInsightsKey": dig(insights.body, "properties.InstrumentationKey") if insights else None,
        }
    }


def notebook_host(name: str, region: str, guid: str) -> str:
    """A DNS label has 63 characters: the name is cut. Source: "How to use your workspace with a custom DNS server"."""
    room = 63 - len(f"ml--{region}-{guid}")
    return f"ml-{name[:room]}-{region}-{guid}.{region}.notebooks.azure.net"


# ---------------------------------------------------------------------------------------------- validation


def validate(ctx: HookContext) -> None:
    """Dependants are named and exist.

    Words of the first: "(Invalid) Missing dependent resources in workspace json", as public code quotes azure-ai-ml's
    exception. Of the others: assumed.
    """
    properties = ctx.resource.properties
    if any(not properties.get(field) for field in DEPENDANTS) and ctx.method == "PUT":
        raise ArmError(400, "Invalid", "Missing dependent resources in workspace json")
    for field in (*DEPENDANTS, "containerRegistry"):
        dependant = properties.get(field)
        if dependant and ctx.engine.get(str(dependant)) is None:
            raise ArmError(
                400,
                "BadRequest",
                f"Unable to get resource information for {field} '{dependant}': the resource was not found.",
            )


def soft_deleted_name(ctx: HookContext) -> None:
    """Words: Azure/ResourceModules#3596. `allowRecoverSoftDeletedWorkspace` recovers it instead."""
    if ctx.previous is not None:
        return
    stone = _tombstone(ctx.engine, ctx.resource.id)
    if stone is not None and not ctx.resource.properties.get("allowRecoverSoftDeletedWorkspace"):
        raise ArmError(
            400,
            "BadRequest",
            "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete",
        )


def dependants_stay(ctx: HookContext) -> None:
    """Accepted, then Failed. Words: Azure-Samples/get-started-with-ai-chat#65, microsoft/MLOpsPython#364."""
    if ctx.previous is None:
        return
    for field, words in (("storageAccount", "Storage Account"), ("keyVault", "Key Vault")):
        before = dig(ctx.previous, f"properties.{field}")
        if before and not same_id(before, ctx.resource.properties.get(field)):
            ctx.resource.properties[field] = before
            raise ArmError(400, "BadRequest", f"{words} update is not supported yet")


# ---------------------------------------------------------------------------------------------- effects


def recover(ctx: HookContext) -> None:
    allowed = ctx.resource.properties.pop("allowRecoverSoftDeletedWorkspace", None)
    stone = _tombstone(ctx.engine, ctx.resource.id)
    if allowed and stone is not None:
        ctx.engine.delete(stone.id)


def remember_purge(ctx: HookContext) -> None:
    ctx.resource.private["purge"] = str(ctx.query.get("forceToPurge", "")).lower() == "true"


def bury(ctx: HookContext) -> None:
    if ctx.resource.private.get("purge"):
        return
    stone = ctx.engine.put(
        _stone_id(ctx.engine, ctx.resource.id),
        {
            "properties": {
                "workspaceArmId": ctx.resource.id,
                "deletionDate": iso(ctx.engine.now()),
                "scheduledPurgeDate": iso(ctx.engine.now() + timedelta(days=SOFT_DELETE_DAYS)),
            }
        },
    )
    ctx.engine.schedule(SOFT_DELETE_DAYS * 86400, "workspace-purged-when-due", stone.id)


def _stone_id(engine: EngineApi, workspace_id: str) -> str:
    name = engine.guid("softDeletedWorkspace", workspace_id.lower())
    return f"/subscriptions/{subscription_of(workspace_id)}/providers/{TOMBSTONE}/{name}"


def _tombstone(engine: EngineApi, workspace_id: str) -> Resource | None:
    return engine.get(_stone_id(engine, workspace_id))


def purge_when_due(ctx: HookContext) -> None:
    ctx.engine.delete(ctx.resource.id)


def show_private_link(ctx: HookContext) -> None:
    linked = connections(ctx.engine, ctx.resource)
    properties = dict(ctx.body.get("properties") or {})
    properties["privateLinkCount"] = len(linked)
    if isinstance(properties.get("notebookInfo"), dict):
        properties["notebookInfo"] = {**properties["notebookInfo"], "isPrivateLinkEnabled": bool(linked)}
    ctx.body["properties"] = properties


# ---------------------------------------------------------------------------------------------- actions


def list_keys(ctx: HookContext) -> Answer:
    properties = ctx.resource.properties
    return Answer(
        200,
        {
            "userStorageKey": ctx.engine.digits("workspaceKey", ctx.resource.key, length=86) + "==",
            "userStorageResourceId": properties.get("storageAccount"),
            "appInsightsInstrumentationKey": properties.get("sdkTelemetryAppInsightsKey"),
            "containerRegistryCredentials": None,
            "notebookAccessKeys": None,
        },
    )


def resync_keys(ctx: HookContext) -> Answer:
    """Also gives back roles of the identity that somebody took: "You can restore access by using the resync keys
    operation" (same page as the grants)."""
    if ctx.engine.hook_on("workspace-identity-roles"):
        grant_roles(ctx)
    return Answer(200, None)


def diagnose(ctx: HookContext) -> Answer:
    """Empty lists: nothing wrong is found. What Azure checks is not modelled."""
    del ctx
    names = (
        "userDefinedRouteResults",
        "networkSecurityRuleResults",
        "resourceLockResults",
        "dnsResolutionResults",
        "storageAccountResults",
        "keyVaultResults",
        "containerRegistryResults",
        "applicationInsightsResults",
        "otherResults",
    )
    return Answer(200, {"value": {name: [] for name in names}})


# ---------------------------------------------------------------------------------------------- private link


def api_host(workspace: Resource) -> str:
    """The workspace's own name, which its nodes call."""
    return f"{workspace.properties.get('workspaceId')}.workspace.{workspace.location}.{API}"


def _groups(workspace: Resource) -> dict[str, tuple[Member, ...]]:
    guid, region = str(workspace.properties.get("workspaceId")), workspace.location
    return {
        "amlworkspace": (
            Member("default", (api_host(workspace), f"{guid}.workspace.{region}.cert.{API}")),
            Member("notebook", (notebook_host(workspace.name, region, guid),)),
            Member("inference", (f"*.{guid}.inference.{region}.{API}",)),
        )
    }


LINKABLE = register(
    Linkable(
        type=WORKSPACE,
        groups=_groups,
        zones=lambda group: ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"),
    )
)

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=WORKSPACE,
        create=write(202, "Creating", 90),
        update=write(202, "Updating", 20),
        patch=Lro(Style.SYNC, 200),
        delete=write(202, "Deleting", 30),
        keys=(
            "id", "name", "type", "location", "tags", "etag", "properties", "kind", "identity", "sku", "systemData",
        ),
        empty_tags=True,
        identity=True,
        system_data=True,
        name_rule=NameRule(
            "[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}",
            "ValidationError",
            "Workspace name '{name}' is invalid. It must be between 3 and 33 characters and start with a letter or "
            "digit; only letters, digits, hyphens and underscores are allowed.",
        ),
        read_only=tuple(
            ReadOnly(f"properties.{field}")
            for field in (
                "workspaceId",
                "tenantId",
                "creationTime",
                "discoveryUrl",
                "mlFlowTrackingUri",
                "notebookInfo",
                "privateEndpointConnections",
                "privateLinkCount",
                "storageHnsEnabled",
                "sdkTelemetryAppInsightsKey",
            )
        ),
        # Properties of the network that a PUT leaves out stay: azurerm's and azure-ai-ml's partial updates rely on it.
        keep_on_put=("properties.managedNetwork",),
        defaults=_defaults,
        computed=_computed,
        actions=(
            Action("listKeys", list_keys),
            Action("resyncKeys", resync_keys),
            Action(
                "diagnose",
                diagnose,
                long=Lro(
                    Style.LOCATION,
                    202,
                    Body.EMPTY,
                    seconds=20,
                    location_url=LOCATION + "/workspaceOperationResults/{guid}",
                ),
            ),
            PRIVATE_LINK_RESOURCES,
            Action("provisionManagedNetwork", managed.provision, long=write(202, "Updating", managed.build_seconds)),
        ),
        hooks=(
            Hook(Phase.VALIDATE, "workspace-dependants", validate),
            Hook(Phase.VALIDATE, "workspace-name-soft-deleted", soft_deleted_name),
            Hook(Phase.VALIDATE, "workspace-identity-transitions", transitions),
            Hook(Phase.VALIDATE, "workspace-primary-identity", primary),
            Hook(Phase.VALIDATE, "workspace-own-key", own_key),
            Hook(Phase.VALIDATE, "workspace-own-key-stays", own_key_stays),
            Hook(Phase.COMPLETED, "workspace-identity-needs-roles", needs_roles),
            Hook(Phase.VALIDATE, "managed-network-only-grows", managed.only_grows),
            Hook(Phase.VALIDATE, "managed-network-before-computes", managed.comes_before_computes),
            Hook(Phase.ACCEPTED, "workspace-recovered", recover),
            Hook(Phase.ACCEPTED, "managed-network-settings", managed.settle_settings),
            Hook(Phase.COMPLETED, "workspace-dependants-stay", dependants_stay),
            Hook(Phase.COMPLETED, "workspace-claims-storage", claim_storage),
            Hook(Phase.COMPLETED, "workspace-identity-roles", grant_roles),
            Hook(Phase.COMPLETED, "managed-network-requires-rules", managed.require_rules),
            Hook(Phase.READ, "target-shows-connections", show_connections),
            Hook(Phase.READ, "workspace-private-link-count", show_private_link),
            Hook(Phase.READ, "managed-network-shows-rules", managed.show_rules),
            Hook(Phase.DELETE_ACCEPTED, "workspace-soft-delete", remember_purge),
            Hook(Phase.DELETED, "workspace-soft-delete", bury),
        ),
    ),
    connection_type(LINKABLE),
    ResourceType(
        # Where soft-deleted workspaces are remembered; no caller sees this type.
        name=TOMBSTONE,
        scope=Scope.SUBSCRIPTION,
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset(),
        hooks=(Hook(Phase.EVENT, "workspace-purged-when-due", purge_when_due),),
    ),
)  # fmt: skip
