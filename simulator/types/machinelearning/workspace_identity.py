"""What a workspace's identities and its own key may be.

Sources: learn.microsoft.com "Set up authentication between Azure Machine Learning and other services" (what a kind of
identity may become; the roles of a user-assigned identity) and "Customer-managed keys for Azure Machine Learning" (key
only at creation, later another one of the same vault). Azure's own words for these refusals are quoted nowhere in
public: codes and words are assumed.
"""

from __future__ import annotations

from simulator.engine.declaration import ArmError, EngineApi, HookContext, JsonObject, Resource
from simulator.types._shared import dig, same_id
from simulator.types.key_rights import (
    forbidden,
    is_protected,
    may_use_keys,
    principal_of,
    roles_on,
    vault_of_key,
)

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"


def _bad(message: str) -> ArmError:
    return ArmError(400, "ValidationError", message)


def kinds_of(identity: JsonObject | None) -> frozenset[str]:
    parts = str((identity or {}).get("type") or "None").split(",")
    return frozenset(part.strip().lower() for part in parts) - {"none"}


def _listed(resource: Resource) -> list[str]:
    return list((resource.body.get("identity") or {}).get("userAssignedIdentities") or {})


def transitions(ctx: HookContext) -> None:
    """SAI may become SAI+UAI, and nothing else changes its kind."""
    asked = ctx.request.get("identity")
    if ctx.previous is None or not isinstance(asked, dict):
        return
    before, after = kinds_of(ctx.previous.get("identity")), kinds_of(asked)
    if (
        before
        and before != after
        and (before, after)
        != (
            frozenset({"systemassigned"}),
            frozenset({"systemassigned", "userassigned"}),
        )
    ):
        was, becomes = (str((one or {}).get("type")) for one in (ctx.previous.get("identity"), asked))
        raise _bad(f"Updating the identity type of a workspace from '{was}' to '{becomes}' is not supported.")


def primary(ctx: HookContext) -> None:
    """The primary identity is one of the listed ones; without a system identity there has to be one."""
    chosen = ctx.resource.properties.get("primaryUserAssignedIdentity")
    listed = _listed(ctx.resource)
    if chosen and not any(same_id(chosen, one) for one in listed):
        raise _bad(
            f"The primary user assigned identity '{chosen}' is not among the user assigned identities of the workspace."
        )
    if not chosen and kinds_of(ctx.resource.body.get("identity")) == {"userassigned"}:
        # hashicorp/terraform-provider-azurerm#29074: such a creation ends with 400 until it is named.
        raise _bad("A workspace with user assigned identities only has to name its primary user assigned identity.")


def needs_roles(ctx: HookContext) -> None:
    """The service reaches the dependants as the primary identity, from the first moment."""
    chosen = ctx.resource.properties.get("primaryUserAssignedIdentity")
    principal = principal_of(ctx.engine, chosen)
    if principal is None:
        return
    for field in ("storageAccount", "keyVault", "containerRegistry", "applicationInsights"):
        scope = str(ctx.resource.properties.get(field) or "")
        held = set(roles_on(ctx.engine, scope, principal)) if scope else {CONTRIBUTOR}
        if not held & {OWNER, CONTRIBUTOR}:
            raise _bad(
                f"The user assigned identity '{chosen}' does not have the role Contributor on {field} '{scope}'."
            )
    vault = ctx.engine.get(str(ctx.resource.properties.get("keyVault") or ""))
    if vault is not None and not _reads_secrets(ctx.engine, vault, principal):
        raise _bad(f"The user assigned identity '{chosen}' has no access to the secrets of keyVault '{vault.id}'.")


def _reads_secrets(engine: EngineApi, vault: Resource, principal: str) -> bool:
    if vault.properties.get("enableRbacAuthorization"):
        return ADMINISTRATOR in roles_on(engine, vault.id, principal)
    policies = vault.properties.get("accessPolicies") or []
    held = [one.get("permissions") or {} for one in policies if one.get("objectId") == principal]
    return any({"get", "set", "all"} & {str(word).lower() for word in one.get("secrets") or ()} for one in held)


def own_key(ctx: HookContext) -> None:
    """A key of the customer's: its vault cannot be purged, and the identity may use it."""
    encryption = ctx.resource.properties.get("encryption")
    if not encryption:
        return
    key = str(dig(encryption, "keyVaultProperties.keyIdentifier") or "")
    arm_id = str(dig(encryption, "keyVaultProperties.keyVaultArmId") or "")
    vault = ctx.engine.get(arm_id)
    if vault is None or vault_of_key(ctx.engine, key) is not vault:
        raise _bad(f"The key '{key}' does not lie in the key vault '{arm_id}'.")
    if not is_protected(vault):
        raise _bad(f"The key vault '{vault.id}' must have soft delete and purge protection enabled.")
    holder = dig(encryption, "identity.userAssignedIdentity")
    principal = principal_of(ctx.engine, holder)
    if principal is None or not may_use_keys(ctx.engine, vault, principal):
        raise forbidden(vault, holder)


def own_key_stays(ctx: HookContext) -> None:
    """ "After workspace creation, the customer-managed encryption key ... can only be updated to another key in the
    original Azure Key Vault resource": none is added, and none taken away."""
    if ctx.previous is None:
        return
    before, after = (dig(body, "properties.encryption") for body in (ctx.previous, ctx.resource.body))
    vaults = [dig(one or {}, "keyVaultProperties.keyVaultArmId") for one in (before, after)]
    if bool(before) != bool(after) or (before and not same_id(*vaults)):
        raise _bad(
            "The customer-managed key of a workspace can only be updated to another key in the original key vault."
        )
