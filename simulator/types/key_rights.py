"""Who may use a key: what services that encrypt with a customer's key ask of its vault.

Sources: learn.microsoft.com "Customer-managed keys for Azure Machine Learning" (the vault must enable soft delete and
purge protection; wrap key, unwrap key, get) and "Configure encryption with customer-managed keys stored in Azure Key
Vault" (the same for storage); role Key Vault Crypto Service Encryption User.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulator.engine.declaration import ArmError, EngineApi, HookContext, JsonObject, Resource
from simulator.types._shared import dig, items, scope_of_extension

VAULT = "Microsoft.KeyVault/vaults"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
NEEDED = frozenset({"get", "wrapkey", "unwrapkey"})
#: Key Vault Administrator, Crypto Officer, Crypto User, Crypto Service Encryption User.
USERS = frozenset(
    {
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "12338af0-0e69-4776-bea7-57ae8d297424",
        "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    }
)


def vault_of_key(engine: EngineApi, key_uri: str) -> Resource | None:
    """Names of vaults are global, and a key's identifier begins with one."""
    name = key_uri.partition("://")[2].partition(".")[0].lower()
    return next((vault for vault in engine.all_of(VAULT) if vault.name.lower() == name), None)


def is_protected(vault: Resource) -> bool:
    properties = vault.properties
    return bool(properties.get("enableSoftDelete") and properties.get("enablePurgeProtection"))


def may_use_keys(engine: EngineApi, vault: Resource, principal: str) -> bool:
    """By role or by access policy, as the vault has it."""
    if vault.properties.get("enableRbacAuthorization"):
        return bool(USERS & set(roles_on(engine, vault.id, principal)))
    policies = (one for one in items(vault.body, "properties.accessPolicies") if one.get("objectId") == principal)
    return any(_enough(one) for one in policies)


def _enough(policy: JsonObject) -> bool:
    held = {str(one).lower() for one in (policy.get("permissions") or {}).get("keys") or ()}
    return "all" in held or held >= NEEDED


def roles_on(engine: EngineApi, scope: str, principal: str) -> Iterator[str]:
    """GUIDs of the roles that a principal has at a scope, inherited ones too."""
    folded = scope.lower()
    for one in engine.all_of(ASSIGNMENTS):
        at = scope_of_extension(one.id).lower()
        if one.properties.get("principalId") == principal and (folded == at or folded.startswith(at + "/")):
            yield str(one.properties.get("roleDefinitionId", "")).rpartition("/")[2].lower()


def forbidden(vault: Resource, holder: object) -> ArmError:
    """Words: ansible-collections/azure#1676."""
    return ArmError(
        400,
        "KeyVaultAccessForbidden",
        f"Unable to access key vault resource '{vault.id}' to enable encryption at rest. Please grant get, wrap and "
        f"unwrap key permissions to user-assigned identity '{holder}'. Please visit "
        "https://aka.ms/keyvaultaccessssecmk for more information.",
    )


def principal_of(engine: EngineApi, identity_id: object) -> str | None:
    found = engine.get(str(identity_id)) if identity_id else None
    return str(found.properties.get("principalId")) if found is not None else None


def storage_key(ctx: HookContext) -> None:
    """A storage account with a key of the customer's uses it as its user-assigned identity. Words of the second:
    assumed."""
    encryption = dig(ctx.resource.body, "properties.encryption", {})
    if str(encryption.get("keySource", "")).lower() != "microsoft.keyvault":
        return
    vault = vault_of_key(ctx.engine, str(dig(encryption, "keyvaultproperties.keyvaulturi") or ""))
    holder = dig(encryption, "identity.userAssignedIdentity")
    principal = principal_of(ctx.engine, holder)
    if vault is None or not is_protected(vault):
        raise ArmError(
            400,
            "KeyVaultPolicyError",
            "The key vault of the key does not exist, or does not have soft delete and purge protection enabled.",
        )
    if principal is None or not may_use_keys(ctx.engine, vault, principal):
        raise forbidden(vault, holder)
