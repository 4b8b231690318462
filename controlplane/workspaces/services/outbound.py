"""Reading whether what outbound rules lead to is there, of whatever type it is. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from controlplane.arm import fold, subscription_of, type_of
from controlplane.errors import Rejected
from controlplane.workspaces import kinds as k
from controlplane.workspaces.plan_checks.outbound import Target, named_targets
from controlplane.workspaces.resolve import at
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.spec import WorkspaceSpec

#: Of ``GET /subscriptions/{s}/providers/{namespace}``, which lists the api-versions of each type ("Providers - Get").
PROVIDERS_VERSION = "2021-04-01"


async def outbound_targets(deps: ServiceDeps, spec: WorkspaceSpec) -> Mapping[str, Target]:
    """By folded ARM id; nothing is read where no rule names any. Raises ``Transient``."""
    ids = {fold(arm_id): arm_id for _, arm_id in named_targets(spec)}
    found = await asyncio.gather(*(_target(deps, arm_id) for arm_id in ids.values()))
    return dict(zip(ids, found, strict=True))


async def _target(deps: ServiceDeps, arm_id: str) -> Target:
    known = {name.lower(): version for name, version in k.API_VERSIONS.items()}
    try:
        version = known.get(type_of(arm_id).lower()) or await _version(deps, arm_id)
        if version is None:
            return Target(False, "Azure publishes no api-version of its type.")
        return Target(await deps.reader.get(arm_id, version) is not None)
    except Rejected as error:
        return Target(False, f"{error.code}: {error.message}")


async def _version(deps: ServiceDeps, arm_id: str) -> str | None:
    """The newest that is no preview, or else the newest."""
    namespace, _, kind = type_of(arm_id).partition("/")
    path = f"/subscriptions/{subscription_of(arm_id)}/providers/{namespace}"
    provider = await deps.reader.get(path, PROVIDERS_VERSION)
    types = at(provider, "resourceTypes") if provider is not None else None
    for one in types if isinstance(types, list) else ():
        if str(at(one, "resourceType")).lower() == kind.lower():
            versions = sorted((str(version) for version in at(one, "apiVersions") or ()), reverse=True)
            return next((version for version in versions if "preview" not in version), next(iter(versions), None))
    return None
