"""Microsoft.Storage. Recording: storage-account-create (202 with an empty text body and Location only; the poll at
Location answers the whole account)."""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
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
    Style,
    Variant,
    Words,
)
from simulator.types._shared import dig, iso
from simulator.types.key_rights import storage_key
from simulator.types.private_link import (
    PRIVATE_LINK_RESOURCES,
    Linkable,
    Member,
    connection_type,
    register,
    show_connections,
)

ACCOUNT = "Microsoft.Storage/storageAccounts"
SERVICES = ("blob", "file", "queue", "table", "dfs", "web")

#: Pairs of regions, where RA-GRS accounts have their second copy: learn.microsoft.com "Azure region pairs" (excerpt).
PAIRS = {
    "westeurope": "northeurope",
    "northeurope": "westeurope",
    "eastus": "westus",
    "westus": "eastus",
    "eastus2": "centralus",
    "centralus": "eastus2",
    "southcentralus": "northcentralus",
    "northcentralus": "southcentralus",
    "germanywestcentral": "germanynorth",
    "uksouth": "ukwest",
    "francecentral": "francesouth",
    "swedencentral": "swedensouth",
}

#: Properties that are set once. Source of the words: storage resource provider error table and deployment answers.
SET_ONCE = ("isHnsEnabled", "isNfsV3Enabled")


def _endpoints(name: str, suffix: str, services: tuple[str, ...]) -> JsonObject:
    zone = {"web": "z6.web.core.windows.net"}
    return {
        service: f"https://{name}{suffix}.{zone.get(service, f'{service}.core.windows.net')}/" for service in services
    }


def _computed(ctx: HookContext) -> JsonObject:
    account, now = ctx.resource, iso(ctx.engine.now())
    sku = str(dig(account.body, "sku.name", ""))
    properties: JsonObject = {
        "keyCreationTime": {"key1": now, "key2": now},
        "encryption": {
            "services": {
                service: {"keyType": "Account", "enabled": True, "lastEnabledTime": now} for service in ("file", "blob")
            },
        },
        "creationTime": now,
        "primaryEndpoints": _endpoints(account.name, "", SERVICES),
        "primaryLocation": account.location,
        "statusOfPrimary": "available",
    }
    if "GRS" in sku or "GZRS" in sku:
        properties["secondaryLocation"] = PAIRS.get(account.location.lower(), "")
        properties["statusOfSecondary"] = "available"
    if sku.startswith("Standard_RAG"):
        services = tuple(service for service in SERVICES if service != "file")
        properties["secondaryEndpoints"] = _endpoints(account.name, "-secondary", services)
    return {"sku": {"tier": sku.partition("_")[0]}, "properties": properties}


RECORDED_DEFAULTS: JsonObject = {
    "properties": {
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "supportsHttpsTrafficOnly": True,
        "encryption": {"keySource": "Microsoft.Storage"},
        "accessTier": "Hot",
    }
}

#: From 2023 on: no anonymous access and no cross-tenant replication unless asked for. Source: storage release notes
#: ("default settings for new storage accounts", August and December 2023) and the API definition of 2023-01-01.
DEFAULTS: JsonObject = {
    "properties": {
        **RECORDED_DEFAULTS["properties"],
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "dnsEndpointType": "Standard",
        "publicNetworkAccess": "Enabled",
    }
}


def validate(ctx: HookContext) -> None:
    """Global names; kind and the properties that are set once stay as they are."""
    account = ctx.resource
    if ctx.previous is None:
        for other in ctx.engine.all_of(ACCOUNT):
            if other.name.lower() == account.name.lower() and other.key != account.key:
                raise ArmError(
                    409,
                    "StorageAccountAlreadyTaken",
                    f"The storage account named {account.name} is already taken.",
                    target=account.name,
                )
        return
    kinds = (ctx.previous.get("kind"), account.body.get("kind"))
    # Only the upgrade from Storage to StorageV2 is allowed: learn.microsoft.com "Upgrade to a StorageV2 account".
    if kinds[0] != kinds[1] and kinds != ("Storage", "StorageV2"):
        raise _cannot_update("kind")
    for field in SET_ONCE:
        before, after = dig(ctx.previous, f"properties.{field}"), dig(ctx.request, f"properties.{field}")
        if after is not None and after != (before if before is not None else False):
            raise _cannot_update(field)


def _cannot_update(field: str) -> ArmError:
    return ArmError(
        400,
        "AccountPropertyCannotBeUpdated",
        f"The property '{field}' was specified in the input, but it cannot be updated as it is read-only. For more "
        "information, see - https://aka.ms/storageaccountupdate",
    )


def make_services(ctx: HookContext) -> None:
    """An account has its services from the first: they carry diagnostic settings and their own properties."""
    for service in ("blobServices", "fileServices", "queueServices", "tableServices"):
        service_id = f"{ctx.resource.id}/{service}/default"
        if ctx.engine.get(service_id) is None:
            ctx.engine.put(service_id, {"properties": {}})


def list_keys(ctx: HookContext) -> Answer:
    created = dig(ctx.resource.body, "properties.keyCreationTime", {})
    return Answer(
        200,
        {
            "keys": [
                {
                    "creationTime": created.get(key),
                    "keyName": key,
                    "value": ctx.engine.digits("storageKey", ctx.resource.key, key, length=86) + "==",
                    "permissions": "FULL",
                }
                for key in ("key1", "key2")
            ]
        },
    )


# ---------------------------------------------------------------------------------------------- private link


def _groups(target: Resource) -> dict[str, tuple[Member, ...]]:
    found: dict[str, tuple[Member, ...]] = {
        service: (Member(service, (f"{target.name}.{service}.core.windows.net",)),)
        for service in ("blob", "file", "queue", "table", "dfs")
    }
    found["web"] = (Member("web", (f"{target.name}.z6.web.core.windows.net",)),)
    if target.properties.get("secondaryEndpoints"):
        for service in ("blob", "queue", "table", "dfs"):
            name = f"{target.name}-secondary.{service}.core.windows.net"
            found[f"{service}_secondary"] = (Member(f"{service}_secondary", (name,)),)
    return found


LINKABLE = register(
    Linkable(
        type=ACCOUNT,
        groups=_groups,
        zones=lambda group: (f"privatelink.{group.removesuffix('_secondary')}.core.windows.net",),
        action_word="actionRequired",
        # The endpoint's operation ends so, not the PUT: Azure/bicep-registry-modules#6001 ("reached terminal
        # provisioning state 'Failed'", the code, the words), hashicorp/terraform-provider-azurerm#28112 ("during LRO").
        busy=Words(
            409,
            "StorageAccountOperationInProgress",
            "Call to Microsoft.Storage/storageAccounts failed. Error message: An operation is currently performing on "
            "this storage account that requires exclusive access.",
        ),
    )
)


def _service(kind: str, properties: JsonObject) -> ResourceType:
    return ResourceType(
        name=f"{ACCOUNT}/{kind}",
        create=Lro(Style.SYNC, 200),
        update=Lro(Style.SYNC, 200),
        methods=frozenset({"GET", "HEAD", "PUT", "LIST"}),
        location="none",
        tags=False,
        provisioning_state=False,
        keys=("sku", "id", "name", "type", "properties"),
        name_rule=NameRule("default", "InvalidResourceName", "The resource name '{name}' is not valid: use 'default'."),
        defaults={"properties": properties},
    )


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ACCOUNT,
        create=Lro(
            Style.LOCATION,
            202,
            Body.EMPTY_TEXT,
            state="Creating",
            seconds=17,
            location_url="/subscriptions/{s}/providers/Microsoft.Storage/locations/{l}/asyncoperations/{guid}",
            location_query="monitor=true",
            location_running=Poll(202, Body.EMPTY_TEXT, headers=True),
        ),
        update=Lro(Style.SYNC, 200),
        json_type="application/json",
        keys=("sku", "kind", "id", "name", "type", "location", "tags", "identity", "properties"),
        empty_tags=True,
        identity=True,
        put_keeps=True,  # "if an account exists, its properties are updated": Storage Accounts - Create
        name_rule=NameRule(
            "[a-z0-9]{3,24}",
            "AccountNameInvalid",
            "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
            "length and use numbers and lower-case letters only.",
        ),
        required=(
            # Source of the words: hashicorp/terraform-provider-azurerm#8089, Azure/azure-cli#27899.
            Required(
                "sku.name",
                "InvalidValuesForRequestParameters",
                "Values for request parameters are invalid: sku. For more information, see - "
                "https://aka.ms/storageaccounttypes",
            ),
            Required(
                "kind",
                "InvalidValuesForRequestParameters",
                "Values for request parameters are invalid: kind. For more information, see - "
                "https://aka.ms/storageaccounttypes",
                create_only=True,
            ),
        ),
        read_only=tuple(
            ReadOnly(f"properties.{field}")
            for field in (
                "primaryEndpoints",
                "secondaryEndpoints",
                "primaryLocation",
                "creationTime",
                "privateEndpointConnections",
                "statusOfPrimary",
            )
        ),
        defaults=DEFAULTS,
        computed=_computed,
        actions=(Action("listKeys", list_keys, permission=f"{ACCOUNT}/listKeys/action"), PRIVATE_LINK_RESOURCES),
        hooks=(
            Hook(Phase.VALIDATE, "storage-name-and-immutables", validate),
            Hook(Phase.VALIDATE, "storage-own-key", storage_key),
            Hook(Phase.ACCEPTED, "storage-services", make_services),
            Hook(Phase.READ, "target-shows-connections", show_connections),
        ),
        variants=(Variant(r"20(1\d|20|21|22)-.*", {"defaults": RECORDED_DEFAULTS}),),
    ),
    connection_type(LINKABLE),
    _service(
        "blobServices",
        {
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
        },
    ),
    _service(
        "fileServices",
        {
            "protocolSettings": {"smb": {}},
            "cors": {"corsRules": []},
            "shareDeleteRetentionPolicy": {"enabled": True, "days": 7},
        },
    ),
    _service("queueServices", {"cors": {"corsRules": []}}),
    _service("tableServices", {"cors": {"corsRules": []}}),
)
