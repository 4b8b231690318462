"""User-assigned identities: those that are made with the workspace, and those that somebody brings (S2-02, S2-15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controlplane.arm import fold, name_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.network import GROUP
from controlplane.workspaces.model import Origin, Ref, Resource
from controlplane.workspaces.spec_model import is_arm_id

KINDS = {
    "systemAssigned": "SystemAssigned",
    "systemAndUserAssigned": "SystemAssigned,UserAssigned",
    "userAssigned": "UserAssigned",
}
"""Kind in the spec → type of an ARM identity."""


#: What the workspace's own identity answers to: its roles by target, and its access policy.
_ROLES = ("S2-10", "S2-17", "S2-18", "S2-19", "S2-20", "S2-21", "S2-22", "S2-23")


def identities(site: Site) -> Iterator[Resource]:
    """Every user-assigned identity that the spec names, each once."""
    used, holder = acting(site), site.spec.encryption.identity
    for name in site.spec.identity.create:
        key, arm_id = f"identity/{name}", created_id(site, name)
        body = {"location": site.spec.location, "tags": site.tags}
        needs = ("S2-02", "S2-15", "S2-38", "S2-39", *(_ROLES if key in used else ()))
        yield resource(key, k.IDENTITY, arm_id, body, GROUP, requirements=needs)
    for key, arm_id in sorted(given(site).items()):
        for_roles = ("S2-10", "S2-23") if key in used else ()
        for_key = ("S2-24",) if holder is not None and key == given_key(holder) else ()
        needs = ("S2-02", *for_roles, *for_key)
        yield resource(key, k.IDENTITY, arm_id, {}, (), origin=Origin.GIVEN, requirements=needs)


def key_vault(site: Site) -> Iterator[tuple[str, str]]:
    """The vault of a key of the customer's own: (type, ARM id)."""
    vault = site.spec.encryption.key_vault_id
    if vault is not None:
        yield k.VAULT, vault


def given(site: Site) -> dict[str, str]:
    """Key → ARM id of the identities that exist already. The rules of the spec keep their names apart."""
    encryption = site.spec.encryption.identity
    named = (*site.spec.identity.ids, *((encryption,) if encryption is not None else ()), *_of_computes(site))
    return {given_key(arm_id): arm_id for arm_id in reversed(named)}


def _of_computes(site: Site) -> Iterator[str]:
    """ARM ids of what computes bring."""
    asked = site.spec.compute
    for ids in (*(one.identity.ids for one in asked.clusters), *(one.identity.ids for one in asked.instances)):
        yield from (item for item in ids if is_arm_id(item))


def chosen(site: Site, ids: Iterable[str]) -> dict[str, str]:
    """Key → ARM id of the identities that a compute names, in its order: the first is its default (S2-32)."""
    return {
        given_key(one) if is_arm_id(one) else f"identity/{one}": one if is_arm_id(one) else created_id(site, one)
        for one in ids
    }


def given_key(arm_id: str) -> str:
    """The logical key of an identity that somebody brings."""
    return f"given-identity/{name_of(arm_id).lower()}"


def created_id(site: Site, name: str) -> str:
    """ARM id of an identity that is made with the workspace."""
    return site.id(k.IDENTITY, site.names.plain("id", name))


def attached(site: Site) -> dict[str, str]:
    """Key → ARM id of the user-assigned identities of the workspace, in the order of the spec."""
    asked = site.spec.identity
    return {
        **{f"identity/{name}": created_id(site, name) for name in asked.create},
        **{given_key(arm_id): arm_id for arm_id in asked.ids},
    }


def primary(site: Site) -> str | None:
    """Key of the identity that the workspace uses by itself; None while that is the system's own.

    Of a workspace without a system identity the only one is it, whether or not the spec says so.
    """
    asked = site.spec.identity
    if asked.primary is not None:
        wanted = fold(asked.primary)
        return next(k for k, i in attached(site).items() if wanted in (fold(i), k.removeprefix("identity/")))
    return next(iter(attached(site))) if asked.type == "userAssigned" else None


def acting(site: Site) -> tuple[str, ...]:
    """Keys of the user-assigned identities that need a workspace identity's roles: the primary one; beside a system
    identity, where none is named, all of them, because Azure does not say which it takes."""
    one = primary(site)
    return tuple(attached(site)) if one is None else (one,)


def principal_of(key: str) -> Ref:
    """The object id of a user-assigned identity."""
    return Ref(key, "properties.principalId")
