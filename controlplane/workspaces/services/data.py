"""Reading what plan-time checks want to know of registries and storage accounts of others."""

from __future__ import annotations

import asyncio

from controlplane.arm import subscription_id, subscription_of
from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.data import data_watched
from controlplane.workspaces.plan_checks.data import DataFacts, check_data
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.spec import WorkspaceSpec

#: As the catalogue of regions and sizes reads it.
SUBSCRIPTIONS_VERSION = "2022-12-01"


async def data_details(deps: ServiceDeps, spec: WorkspaceSpec) -> tuple[ErrorDetail, ...]:
    """Why registries or datastores of a spec cannot be used; nothing is read where it names none. Raises
    ``Transient``."""
    named = data_watched(spec)
    if not named:
        return ()
    accounts = [arm_id for resource_type, arm_id in named if resource_type == k.STORAGE]
    subscriptions = sorted({(subscription_of(arm_id) or "").lower() for arm_id in accounts})
    bodies, tenants = await asyncio.gather(
        asyncio.gather(*(_get(deps, arm_id, k.API_VERSIONS[kind]) for kind, arm_id in named)),
        asyncio.gather(*(_get(deps, subscription_id(one), SUBSCRIPTIONS_VERSION) for one in subscriptions)),
    )
    by_id = {arm_id: body for (_, arm_id), body in zip(named, bodies, strict=True)}
    # Datastores of one account may spell its id in different ways.
    by_id |= {
        store.account: next((by_id[one] for one in by_id if one.lower() == store.account.lower()), None)
        for store in spec.datastores
    }
    known = {
        one: str(body["tenantId"]) if body is not None and body.get("tenantId") else None
        for one, body in zip(subscriptions, tenants, strict=True)
    }
    return check_data(spec, DataFacts(deps.tenant_id, by_id, known))


async def _get(deps: ServiceDeps, arm_id: str, version: str) -> JsonObject | None:
    """None for what is not there, and for what may not be seen: a caller is told the same of both."""
    try:
        return await deps.reader.get(arm_id, version)
    except Rejected:
        return None
