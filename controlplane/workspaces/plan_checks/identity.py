"""What only Azure can say of identities and keys that somebody brings, at plan time: they are there, and fit. Pure.

Source: "Customer-managed keys for Azure Machine Learning": the vault must enable soft delete and purge protection, and
the identity must have get, wrap key and unwrap key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.arm import fold, name_of
from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.workspaces.resolve import at
from controlplane.workspaces.spec_model import WorkspaceSpec, is_arm_id

_KEY, _VAULT, _HOLDER = (f"$.encryption.{name}" for name in ("customerManagedKey", "keyVaultId", "identity"))
_NEEDED = frozenset({"get", "wrapkey", "unwrapkey"})
#: Roles that allow get, wrap and unwrap ("Azure built-in roles", security): Key Vault Administrator, Crypto Officer,
#: Crypto User, Crypto Service Encryption User.
KEY_USERS = frozenset(
    {
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "12338af0-0e69-4776-bea7-57ae8d297424",
        "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    }
)


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What a spec names of somebody else's, as Azure answers it; None where it answers 404 or shows nothing."""

    identities: Mapping[str, JsonObject | None] = field(default_factory=dict)
    """ARM id as the spec has it → body."""
    key_vault: JsonObject | None = None
    key_roles: tuple[JsonObject, ...] | None = ()
    """Role assignments of the key's identity at, above and below the vault; None where they cannot be read."""


def check_identities(spec: WorkspaceSpec, facts: IdentityFacts) -> tuple[ErrorDetail, ...]:
    """Codes: ``IdentityNotFound``, ``KeyVaultNotFound``, ``KeyVaultNotProtected``, ``KeyNotUsable``."""
    return (*_identities(spec, facts), *_key(spec, facts))


def brought(spec: WorkspaceSpec) -> Iterator[tuple[str, str]]:
    """Where a spec names a user-assigned identity that exists already, and its ARM id: the workspace's, those of
    computes, the key's, the build agents'."""
    asked = [("$.identity", spec.identity.ids)]
    asked += [(f"$.compute.clusters[{i}].identity", one.identity.ids) for i, one in enumerate(spec.compute.clusters)]
    asked += [(f"$.compute.instances[{i}].identity", one.identity.ids) for i, one in enumerate(spec.compute.instances)]
    for path, ids in asked:
        yield from ((f"{path}.ids[{index}]", item) for index, item in enumerate(ids) if is_arm_id(item))
    if spec.encryption.identity is not None:
        yield _HOLDER, spec.encryption.identity
    if spec.network.hub.agents.identity_id is not None:
        yield "$.network.hub.agents.identityId", spec.network.hub.agents.identity_id


def _identities(spec: WorkspaceSpec, facts: IdentityFacts) -> Iterator[ErrorDetail]:
    for path, arm_id in brought(spec):
        if at(facts.identities.get(arm_id), "properties.principalId") is None:
            text = f"{arm_id} does not exist, or the control plane may not see it."
            yield ErrorDetail("IdentityNotFound", text, path)


def _key(spec: WorkspaceSpec, facts: IdentityFacts) -> Iterator[ErrorDetail]:
    asked, vault = spec.encryption, facts.key_vault
    if asked.customer_managed_key is None:
        return
    if vault is None:
        text = f"{asked.key_vault_id} does not exist, or the control plane may not see it."
        yield ErrorDetail("KeyVaultNotFound", text, _VAULT)
        return
    if not is_protected(vault):
        text = f"{asked.key_vault_id} has no purge protection or no soft delete: a purged key takes the data along."
        yield ErrorDetail("KeyVaultNotProtected", text, _VAULT)
    principal = at(facts.identities.get(asked.identity or ""), "properties.principalId")
    if isinstance(principal, str) and not _may_use(asked.customer_managed_key, vault, facts, principal):
        text = (
            f"{asked.identity} may not use the key, or the control plane may not see its right: give it get, wrap and "
            "unwrap by an access policy, or the role Key Vault Crypto Service Encryption User where roles decide."
        )
        yield ErrorDetail("KeyNotUsable", text, _KEY)


def is_protected(vault: JsonObject) -> bool:
    """A vault without the property soft-deletes: it cannot be switched off any more."""
    purge, soft = (at(vault, f"properties.{name}") for name in ("enablePurgeProtection", "enableSoftDelete"))
    return purge is True and soft is not False


def _may_use(key: str, vault: JsonObject, facts: IdentityFacts, principal: str) -> bool:
    if at(vault, "properties.enableRbacAuthorization") is True:
        place = fold(f"{vault.get('id')}/keys/{name_of(key.partition('/keys/')[2].partition('/')[0])}")
        return any(_covers(role, place) for role in facts.key_roles or ())
    policies = at(vault, "properties.accessPolicies")
    for policy in policies if isinstance(policies, list) else ():
        held = {str(one).lower() for one in at(policy, "permissions.keys") or ()}
        if str(policy.get("objectId", "")).lower() == principal.lower() and ("all" in held or held >= _NEEDED):
            return True
    return False


def _covers(assignment: JsonObject, place: str) -> bool:
    """Whose it is was asked with the list, which has what the principal's groups hold, too."""
    scope, role = (str(at(assignment, f"properties.{name}") or "") for name in ("scope", "roleDefinitionId"))
    inside = place == fold(scope) or place.startswith(f"{fold(scope)}/")
    return inside and name_of(role).lower() in KEY_USERS
