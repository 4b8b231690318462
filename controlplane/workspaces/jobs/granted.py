"""Which computes may read which storage accounts with identities of their own, by what a blueprint grants. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controlplane.arm import name_of, type_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.blueprint.identities import given_key
from controlplane.workspaces.model import Blueprint, Ref, RoleAssignmentId
from controlplane.workspaces.spec_model import ClusterIdentity, InstanceIdentity, WorkspaceSpec, is_arm_id

_READ = frozenset({ROLES["storage-blob-data-reader"], ROLES["storage-blob-data-contributor"]})


def readers(spec: WorkspaceSpec, blueprint: Blueprint) -> Mapping[str, frozenset[str]]:
    """Account → computes, all in lower case; an account is known that any identity has a role on."""
    holders: dict[str, set[str]] = {}
    for resource in blueprint.resources:
        arm_id = resource.id
        if isinstance(arm_id, RoleAssignmentId) and arm_id.role_definition in _READ and _is_account(arm_id.scope):
            principal = arm_id.principal.key if isinstance(arm_id.principal, Ref) else ""
            holders.setdefault(name_of(arm_id.scope).lower(), set()).add(principal)
    work_as = dict(_work_as(spec))
    return {
        account: frozenset(name for name, key in work_as.items() if key in keys) for account, keys in holders.items()
    }


def _is_account(scope: str) -> bool:
    return type_of(scope).lower() == k.STORAGE.lower()


def _work_as(spec: WorkspaceSpec) -> Iterator[tuple[str, str]]:
    """Name of a compute, and key of what carries the identity that it works with by default (S2-32)."""
    named: list[tuple[str, str, ClusterIdentity | InstanceIdentity]] = []
    named += [(f"cluster/{one.name}", one.name, one.identity) for one in spec.compute.clusters]
    named += [(f"instance/{one.name}", one.name, one.identity) for one in spec.compute.instances]
    for key, name, identity in named:
        first = next(iter(identity.ids), None)
        if identity.type == "userAssigned" and first is not None:
            yield name.lower(), given_key(first) if is_arm_id(first) else f"identity/{first}"
        elif identity.type == "systemAssigned":
            yield name.lower(), key
