"""Microsoft.KeyVault. Recordings: keyvault-vault-create (first PUT 200, RegisteringDns, then Succeeded by GET),
keyvault-deployment-create-delete-purge (DELETE 200 at once, deletedVaults, purge 202 with Location only)."""

from __future__ import annotations

from datetime import datetime, timedelta

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
    Poll,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Route,
    RouteContext,
    Scope,
    Style,
)
from simulator.types._shared import dig, items, seconds_iso, subscription_of
from simulator.types.private_link import (
    PRIVATE_LINK_RESOURCES,
    Linkable,
    Member,
    connection_type,
    register,
    show_connections,
)

VAULT = "Microsoft.KeyVault/vaults"
DELETED = "Microsoft.KeyVault/locations/deletedVaults"
LOCATION = "/subscriptions/{s}/providers/Microsoft.KeyVault/locations/{l}"
KEEPS = (
    "enableSoftDelete",
    "enablePurgeProtection",
    "softDeleteRetentionInDays",
    "enableRbacAuthorization",
    "vaultUri",
)


def _computed(ctx: HookContext) -> JsonObject:
    # Without the trailing slash until it is done: recorded.
    return {"properties": {"vaultUri": f"https://{ctx.resource.name}.vault.azure.net"}}


def finish(ctx: HookContext) -> None:
    ctx.resource.properties["vaultUri"] = f"https://{ctx.resource.name}.vault.azure.net/"


def hide_default_acls(ctx: HookContext) -> None:
    """networkAcls that say nothing (recorded: default values are sent and do not come back)."""
    acls = dig(ctx.body, "properties.networkAcls")
    if acls is None:
        return
    rules = items(acls, "ipRules") or items(acls, "virtualNetworkRules")
    properties = dict(ctx.body["properties"])
    if acls.get("defaultAction", "Allow") == "Allow" and acls.get("bypass", "AzureServices") == "AzureServices":
        if not rules:
            properties.pop("networkAcls")
    else:
        properties["networkAcls"] = {
            "bypass": "AzureServices",
            "defaultAction": "Allow",
            "ipRules": [],
            "virtualNetworkRules": [],
            **acls,
        }
    ctx.body["properties"] = properties


# ---------------------------------------------------------------------------------------------- validation


def validate(ctx: HookContext) -> None:
    """Access policies unless RBAC decides (Azure/azure-sdk-for-net#28677); what is set once stays (azurerm's source and
    public notes quote the three messages)."""
    properties = ctx.resource.properties
    if properties.get("createMode") == "recover":
        return
    policies = "accessPolicies" in (ctx.request.get("properties") or {}) or properties.get("enableRbacAuthorization")
    if ctx.method == "PUT" and not policies:
        raise _bad("The parameter accessPolicies is not specified.")
    before = dict((ctx.previous or {}).get("properties") or {})
    asked = dict(ctx.request.get("properties") or {})
    if asked.get("enableSoftDelete") is False:
        raise _bad(
            'The property "enableSoftDelete" can be set to false only for creating new vault. Enabling the \'soft '
            "delete' functionality is an irreversible action."
        )
    if asked.get("enablePurgeProtection") is False:
        raise _bad(
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is '
            "an irreversible action."
        )
    days, old_days = asked.get("softDeleteRetentionInDays"), before.get("softDeleteRetentionInDays")
    if days is not None and old_days is not None and days != old_days:
        raise _bad('The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.')


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def global_name(ctx: HookContext) -> None:
    """Names are global. Words: Azure/ARO-Landing-Zone-Accelerator#28."""
    if ctx.previous is not None:
        return
    for other in ctx.engine.all_of(VAULT):
        if other.name.lower() == ctx.resource.name.lower() and other.key != ctx.resource.key:
            raise ArmError(
                409,
                "VaultAlreadyExists",
                f"The vault name '{ctx.resource.name}' is already in use. Vault names are globaly unique so it is "
                "possible that the name is already taken. If you are sure that the vault name was not taken then it is "
                "possible that a vault with the same name was recently deleted but not purged after being placed in a "
                "recoverable state. If the vault is in a recoverable state then the vault will need to be purged "
                "before reusing the name. For more information on soft delete and purging a vault follow this link "
                "https://go.microsoft.com/fwlink/?linkid=2147740.",
            )


def soft_deleted_name(ctx: HookContext) -> None:
    """A deleted vault keeps its name until it is purged or recovered.

    Words: alan-turing-institute/data-safe-haven#2523; SoftDeletedVaultDoesNotExist as azurerm's users quote it (400).
    """
    if ctx.previous is not None:
        return
    stone = tombstone_of(ctx.engine, ctx.resource.name)
    recover = ctx.resource.properties.get("createMode") == "recover"
    if stone is None and recover:
        raise ArmError(
            400,
            "SoftDeletedVaultDoesNotExist",
            "A soft deleted vault with the given name does not exist. Ensure that the name for the vault that is being "
            "attempted to recover is in a recoverable state. For more information on soft delete please follow this "
            "link https://go.microsoft.com/fwlink/?linkid=2149745",
        )
    if stone is not None and not recover:
        raise ArmError(
            409,
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either recover or purge existing "
            "key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft "
            "delete.",
        )


# ---------------------------------------------------------------------------------------------- soft delete


def tombstone_of(engine: EngineApi, name: str) -> Resource | None:
    return next((stone for stone in engine.all_of(DELETED) if stone.name.lower() == name.lower()), None)


def recover(ctx: HookContext) -> None:
    if ctx.resource.properties.pop("createMode", None) != "recover":
        return
    stone = tombstone_of(ctx.engine, ctx.resource.name)
    if stone is None:
        return
    was = stone.private.get("vault") or {}
    ctx.resource.properties.update({**dict(was.get("properties") or {}), "provisioningState": "RegisteringDns"})
    ctx.engine.delete(stone.id)


def bury(ctx: HookContext) -> None:
    """A deleted vault can be recovered for softDeleteRetentionInDays."""
    vault, now = ctx.resource, ctx.engine.now()
    days = int(vault.properties.get("softDeleteRetentionInDays") or 90)
    stone_id = LOCATION.format(s=subscription_of(vault.id), l=vault.location) + f"/deletedVaults/{vault.name}"
    properties: JsonObject = {
        "vaultId": vault.id,
        "location": vault.location,
        "tags": dict(vault.body.get("tags") or {}),
        "deletionDate": seconds_iso(now),
        "scheduledPurgeDate": seconds_iso(now + timedelta(days=days)),
    }
    if vault.properties.get("enablePurgeProtection"):
        properties["purgeProtectionEnabled"] = True
    ctx.engine.put(stone_id.rpartition("/deletedVaults/")[0], {})
    stone = ctx.engine.put(stone_id, {"properties": properties})
    stone.private["vault"] = {"properties": dict(vault.properties), "tags": vault.body.get("tags")}
    ctx.engine.save(stone)
    ctx.engine.schedule(days * 86400, "vault-purged-when-due", stone.id)


def purge_when_due(ctx: HookContext) -> None:
    ctx.engine.delete(ctx.resource.id)


def _shown(stone: Resource) -> JsonObject:
    return {
        "id": stone.id,
        "name": stone.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": dict(stone.properties),
    }


def list_deleted(ctx: RouteContext) -> Answer:
    found = ctx.engine.all_of(DELETED, f"/subscriptions/{ctx.params['s']}")
    return Answer(200, {"value": [_shown(stone) for stone in found]})


def purge(ctx: HookContext) -> Answer:
    """Runs when the operation ends. Purge protection refuses: learn.microsoft.com "Key Vault soft-delete overview"."""
    stone, now = ctx.resource, ctx.engine.now()
    if stone.properties.get("purgeProtectionEnabled"):
        raise ArmError(
            409,
            "ConflictError",
            'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service '
            f"will automatically purge it after the retention period has passed. Vault: {stone.name}",
        )
    ctx.engine.delete(stone.id)
    created = now - timedelta(seconds=PURGE_SECONDS / ctx.engine.scale)
    return Answer(
        200,
        # Recorded: a space where ISO 8601 has a T.
        {"createdDateTime": _spaced(created), "lastActionDateTime": _spaced(now), "status": "Succeeded"},
    )


def _spaced(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%SZ")


PURGE_SECONDS = 15
PURGE = Lro(
    Style.LOCATION,
    202,
    Body.EMPTY,
    seconds=PURGE_SECONDS,
    location_url=LOCATION + "/operationResults/{b64}",
    operation_id="UT|{guid}",
    location_running=Poll(202, {"createdDateTime": "{start}", "status": "NotStarted"}, headers=True),
    retry_after=5,
)


LINKABLE = register(
    Linkable(
        type=VAULT,
        groups=lambda vault: {"vault": (Member("default", (f"{vault.name}.vault.azure.net",)),)},
        zones=lambda group: ("privatelink.vaultcore.azure.net",),
        always_listed=False,
    )
)

_POST = Lro(Style.RESOURCE, 200, state="RegisteringDns", seconds=20)

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=VAULT,
        create=_POST,
        update=Lro(Style.SYNC, 200),
        system_data=True,
        empty_tags=True,
        keys=("id", "name", "type", "location", "tags", "systemData", "properties"),
        name_rule=NameRule(
            "[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]",
            "VaultNameNotValid",
            "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name "
            "must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this "
            "link for more information: https://go.microsoft.com/fwlink/?linkid=2147742",
        ),
        required=(
            Required("properties.tenantId", "BadRequest", "The parameter {leaf} is not specified."),
            Required("properties.sku", "BadRequest", "The parameter {leaf} is not specified."),
        ),
        keep_on_put=tuple(f"properties.{field}" for field in KEEPS),
        read_only=(ReadOnly("properties.vaultUri"), ReadOnly("properties.privateEndpointConnections")),
        defaults={
            "properties": {
                "accessPolicies": [],
                "enabledForDeployment": False,
                "enableSoftDelete": True,
                "softDeleteRetentionInDays": 90,
                "publicNetworkAccess": "Enabled",
            }
        },
        computed=_computed,
        actions=(PRIVATE_LINK_RESOURCES,),
        hooks=(
            Hook(Phase.VALIDATE, "vault-rules", validate),
            Hook(Phase.VALIDATE, "vault-name-global", global_name),
            Hook(Phase.VALIDATE, "vault-name-soft-deleted", soft_deleted_name),
            Hook(Phase.ACCEPTED, "vault-recovered", recover),
            Hook(Phase.COMPLETED, "vault-uri", finish),
            Hook(Phase.READ, "vault-hides-default-acls", hide_default_acls),
            Hook(Phase.READ, "target-shows-connections", show_connections),
            Hook(Phase.DELETED, "vault-soft-delete", bury),
        ),
    ),
    connection_type(LINKABLE),
    ResourceType(
        # Only carries the deleted vaults of a region.
        name="Microsoft.KeyVault/locations",
        scope=Scope.SUBSCRIPTION,
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset(),
    ),
    ResourceType(
        name=DELETED,
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset({"GET", "HEAD"}),
        type_shown="Microsoft.KeyVault/deletedVaults",
        actions=(Action("purge", purge, long=PURGE),),
        hooks=(Hook(Phase.EVENT, "vault-purged-when-due", purge_when_due),),
    ),
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/subscriptions/{s}/providers/Microsoft.KeyVault/deletedVaults",
        "Microsoft.KeyVault/deletedVaults/read",
        list_deleted,
    ),
    # `az keyvault list-deleted` asks for both kinds; there are no managed HSMs here.
    Route(
        "GET",
        "/subscriptions/{s}/providers/Microsoft.KeyVault/deletedManagedHSMs",
        "Microsoft.KeyVault/deletedManagedHSMs/read",
        lambda _: Answer(200, {"value": []}),
    ),
)
