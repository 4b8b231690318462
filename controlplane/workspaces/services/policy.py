"""Reading what is assigned of Azure Policy where a workspace would stand."""

from __future__ import annotations

from controlplane.arm import fold, subscription_id
from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.workspaces.model import Blueprint, Read, Unreadable
from controlplane.workspaces.plan_checks.policy import check_policy
from controlplane.workspaces.policies.effective import Policies, assignments_of, definitions_of
from controlplane.workspaces.policies.registry import asks_admin
from controlplane.workspaces.services.deps import ServiceDeps


async def policy_details(deps: ServiceDeps, blueprint: Blueprint) -> tuple[ErrorDetail, ...]:
    """What policy denies of a spec; nothing is read where no policy has a say in it. Raises ``Transient``."""
    return check_policy(blueprint, await _policies(deps, blueprint)) if asks_admin(blueprint) is not None else ()


async def _policies(deps: ServiceDeps, blueprint: Blueprint) -> Policies:
    """The group may not be there yet: what is assigned above it is asked for by itself."""
    group, subscription = blueprint.own_groups[0], subscription_id(blueprint.subscription_id)
    try:
        scopes = [await _ask(deps, assignments_of(scope)) for scope in (subscription, group)]
        assigned = {fold(str(one["id"])): one for found in scopes for one in found}
        more = definitions_of(blueprint.subscription_id, assigned.values())
        bodies = {fold(str(one["id"])): one for read in more for one in await _ask(deps, read)}
    except Rejected as error:
        return Policies(group, unreadable=Unreadable(error.code, error.message))
    return Policies(group, tuple(assigned.values()), bodies)


async def _ask(deps: ServiceDeps, read: Read) -> tuple[JsonObject, ...]:
    if read.is_list:
        return tuple(await deps.reader.list(read.path, read.api_version, read.query))
    body = await deps.reader.get(read.path, read.api_version)
    return () if body is None else (body,)
