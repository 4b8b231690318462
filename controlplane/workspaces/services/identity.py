"""Reading what plan-time checks want to know of identities and keys that somebody brings."""

from __future__ import annotations

import asyncio

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.plan_checks.identity import IdentityFacts, brought, check_identities
from controlplane.workspaces.resolve import at
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.spec import WorkspaceSpec


async def identity_details(deps: ServiceDeps, spec: WorkspaceSpec) -> tuple[ErrorDetail, ...]:
    """Why identities and a key of the spec cannot be used; asks nothing where it names none. Raises ``Transient``."""
    holder, vault_id = spec.encryption.identity, spec.encryption.key_vault_id
    named = dict.fromkeys(arm_id for _, arm_id in brought(spec))
    found = await asyncio.gather(*(_get(deps, arm_id, k.IDENTITY) for arm_id in named))
    identities = dict(zip(named, found, strict=True))
    if holder is None or vault_id is None:
        return check_identities(spec, IdentityFacts(identities))
    vault = await _get(deps, vault_id, k.VAULT)
    principal = at(identities[holder], "properties.principalId")
    by_role = vault is not None and at(vault, "properties.enableRbacAuthorization") is True
    roles = await _roles(deps, vault_id, principal) if by_role and isinstance(principal, str) else ()
    return check_identities(spec, IdentityFacts(identities, vault, roles))


async def _get(deps: ServiceDeps, arm_id: str, resource_type: str) -> JsonObject | None:
    """None for what is not there, and for what may not be seen: a caller is told the same of both."""
    try:
        return await deps.reader.get(arm_id, k.API_VERSIONS[resource_type])
    except Rejected:
        return None


async def _roles(deps: ServiceDeps, scope: str, principal: str) -> tuple[JsonObject, ...] | None:
    path, query = f"{scope}/providers/{k.ROLE_ASSIGNMENT}", (("$filter", f"assignedTo('{principal}')"),)
    try:
        return await deps.reader.list(path, k.API_VERSIONS[k.ROLE_ASSIGNMENT], query)
    except Rejected:
        return None
