"""What identities and encryption may be, beyond the shape of their fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controlplane.arm import fold, name_of, resource_group_of, subscription_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec

_IDENTITY = "microsoft.managedidentity/userassignedidentities"
_VAULT = "microsoft.keyvault/vaults"
#: Names of vaults and keys: "Azure Key Vault keys, secrets and certificates overview", object identifiers.
_KEY = re.compile(r"https://([a-z0-9-]{3,24})\.[a-z0-9.-]+/keys/[A-Za-z0-9-]{1,127}(/[0-9a-f]{32})?/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """One reason for a refusal, and the requirements that want it."""

    check: Callable[[WorkspaceSpec], Iterator[ErrorDetail]]
    requirements: tuple[str, ...] = ()


def identity(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why identities or encryption are refused, by JSON path."""
    for rule in RULES.values():
        yield from rule.check(spec)


def _wrong(field: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"{field} {why}.", f"$.{field}")


def _missing(field: str, why: str) -> ErrorDetail:
    return ErrorDetail("MissingField", f"{field} {why}.", f"$.{field}")


def _is(arm_id: str, resource_type: str) -> bool:
    there = subscription_of(arm_id) and resource_group_of(arm_id) and name_of(arm_id)
    return type_of(arm_id).lower() == resource_type and bool(there)


def _kinds(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """A kind with user-assigned identities has some, the other none."""
    asked = spec.identity
    if asked.type == "systemAssigned":
        for name, value in (("ids", asked.ids), ("create", asked.create), ("primary", asked.primary)):
            if value:
                yield _wrong(f"identity.{name}", "is for user-assigned identities, and type is systemAssigned")
    elif not asked.ids and not asked.create:
        yield _missing("identity.ids", f"or identity.create has to name an identity: type is {asked.type}")


def _ids(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Ids are of identities, and no two have one name: findings and steps are called by it."""
    for index, arm_id in enumerate(spec.identity.ids):
        if not _is(arm_id, _IDENTITY):
            yield _wrong(f"identity.ids[{index}]", "is not the id of a user-assigned identity")
        elif name_of(arm_id).lower() in (name_of(other).lower() for other in spec.identity.ids[:index]):
            yield _wrong(f"identity.ids[{index}]", f"is the second identity called {name_of(arm_id)}")
    for index, name in enumerate(spec.identity.create):
        if name in spec.identity.create[:index]:
            yield _wrong(f"identity.create[{index}]", f"names {name} again")


def _primary(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-26: the primary identity is one of those listed."""
    asked = spec.identity
    if asked.primary is None or asked.type == "systemAssigned":
        return
    if fold(asked.primary) not in {fold(one) for one in (*asked.ids, *asked.create)}:
        yield _wrong("identity.primary", "is none of identity.ids and identity.create (S2-26)")


def _primary_named(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-29: of several identities one is named as the primary, in updates too."""
    asked = spec.identity
    if asked.type == "userAssigned" and asked.primary is None and len(asked.ids) + len(asked.create) > 1:
        yield _missing("identity.primary", "has to say which of several identities the workspace uses (S2-29)")


def _encryption(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-24: a key of your own comes with its vault and with the identity that may use it."""
    asked = spec.encryption
    key, vault_id, holder = asked.customer_managed_key, asked.key_vault_id, asked.identity
    if key is None:
        for name, value in (("keyVaultId", vault_id), ("identity", holder)):
            if value is not None:
                yield _wrong(f"encryption.{name}", "says nothing without encryption.customerManagedKey")
        return
    found = _KEY.fullmatch(key)
    if found is None:
        yield _wrong("encryption.customerManagedKey", "is no key's identifier https://{vault}/keys/{name}[/{version}]")
    if vault_id is None:
        yield _missing("encryption.keyVaultId", "has to be the ARM id of the key's vault")
    elif not _is(vault_id, _VAULT):
        yield _wrong("encryption.keyVaultId", "is not the id of a key vault")
    elif found is not None and found[1].lower() != name_of(vault_id).lower():
        yield _wrong("encryption.keyVaultId", f"is not the vault of the key, which lies in {found[1]}")
    if holder is None:
        yield _missing("encryption.identity", "has to be the identity that may use the key (S2-24)")
    elif not _is(holder, _IDENTITY):
        yield _wrong("encryption.identity", "is not the id of a user-assigned identity")
    else:
        yield from _same_names(spec, holder)


def _same_names(spec: WorkspaceSpec, holder: str) -> Iterator[ErrorDetail]:
    others = (one for one in spec.identity.ids if fold(one) != fold(holder))
    if name_of(holder).lower() in (name_of(one).lower() for one in others):
        yield _wrong("encryption.identity", f"is another identity called {name_of(holder)} than that of identity.ids")


RULES: dict[str, IdentityRule] = {
    "identity.kinds": IdentityRule(_kinds),
    "identity.ids": IdentityRule(_ids),
    "identity.primary": IdentityRule(_primary, ("S2-26",)),
    "identity.primaryNamed": IdentityRule(_primary_named, ("S2-29",)),
    "encryption": IdentityRule(_encryption),
}
"""Rule name → rule."""
