"""What a tick leaves in the store when an operation ends, or when it only looked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.operations.model import (
    Condition,
    ConditionStatus,
    ErrorBody,
    Operation,
    OperationKind,
    StepStatus,
)
from controlplane.workspaces.diff import unmet
from controlplane.workspaces.ending import READY, condition, rest_until
from controlplane.workspaces.model import Action, Blueprint, Change, Observed, Origin, Plan
from controlplane.workspaces.records import Owned, WorkspaceRecord, WorkspaceStatus

#: After a look that could not see everything.
UNREADABLE_REST = timedelta(minutes=15)
#: After an operation that did everything while the workspace is not Ready yet: names and connections follow writes.
SETTLING = timedelta(minutes=2)

Judge = Callable[[Blueprint, Observed, tuple[Change, ...], tuple[Condition, ...], datetime], tuple[Condition, ...]]
"""(blueprint, observed, changes, previous conditions, now) → conditions of the workspace's posture."""


@dataclass(frozen=True)
class Sight:
    """One full look at a workspace."""

    blueprint: Blueprint
    observed: Observed
    plan: Plan


def look_again(record: WorkspaceRecord, status: WorkspaceStatus, now: datetime) -> datetime:
    """When to look after an operation that ended well."""
    ready = any(c.type == READY and c.status is ConditionStatus.TRUE for c in status.conditions)
    return rest_until(record, now) if ready else now + SETTLING


def ready_condition(sight: Sight, previous: tuple[Condition, ...], now: datetime) -> Condition:
    """``Ready``: everything is there, as declared, and every expectation holds."""
    status, reason, message = _readiness(sight)
    return condition(READY, status, reason, message, previous, now)


def _readiness(sight: Sight) -> tuple[ConditionStatus, str, str]:
    differing = [c for c in sight.plan.changes if c.action not in (Action.NONE, Action.UNMANAGED, Action.UNKNOWN)]
    if differing:
        names = ", ".join(change.key for change in differing[:10])
        return ConditionStatus.FALSE, "Drifted", f"{len(differing)} resources are not as declared: {names}."
    if sight.observed.unknown:
        key, cause = min(sight.observed.unknown.items())
        return ConditionStatus.UNKNOWN, cause.code, f"{key} could not be read: {cause.message}"
    for resource in sight.blueprint.resources:
        missing = unmet(resource, sight.observed.bodies.get(resource.key, {}))
        if missing:
            return ConditionStatus.FALSE, missing[0].reason, f"{resource.key}: {missing[0].path} is not as expected."
    return ConditionStatus.TRUE, "AsDeclared", "Everything that was asked for is there."


def reconciling(status: WorkspaceStatus, kind: OperationKind, now: datetime) -> WorkspaceStatus:
    """While an operation runs a workspace is not Ready, whatever it was before."""
    ready = condition(READY, ConditionStatus.FALSE, _RUNNING[kind], "An operation is running.", status.conditions, now)
    others = tuple(c for c in status.conditions if c.type != READY)
    return status.model_copy(update={"conditions": (ready, *others)})


_RUNNING = {
    OperationKind.CREATE: "Creating",
    OperationKind.UPDATE: "Updating",
    OperationKind.REPAIR: "Repairing",
    OperationKind.DELETE: "Deleting",
    OperationKind.ARCHIVE: "Archiving",
    OperationKind.RESTORE: "Restoring",
    OperationKind.END_ACCESS: "EndingAccess",
    OperationKind.RENEW_ACCESS: "RenewingAccess",
}


def seen_status(status: WorkspaceStatus, sight: Sight, judge: Judge, now: datetime) -> WorkspaceStatus:
    """Conditions and outputs of a full look. ``Ready`` is the posture's, where it has one."""
    previous = status.conditions
    posture = judge(sight.blueprint, sight.observed, sight.plan.changes, previous, now)
    judged = next((c for c in posture if c.type == READY), None)
    ready = judged or ready_condition(sight, previous, now)
    return status.model_copy(
        update={
            "conditions": (ready, *(c for c in posture if c.type != READY)),
            "outputs": outputs(sight.blueprint, sight.observed),
            "last_observed_at": now,
        }
    )


def inventory_of(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> dict[str, Owned]:
    """The inventory after a good end: what it held, and everything of the blueprint that exists."""
    found = dict(inventory)
    for resource in blueprint.resources:
        body = observed.bodies.get(resource.key)
        if body is None or resource.origin is Origin.GIVEN or (resource.key in found and isinstance(resource.id, str)):
            continue
        arm_id = str(body.get("id") or (resource.id if isinstance(resource.id, str) else ""))
        if arm_id:
            found[resource.key] = Owned(
                resource_id=arm_id,
                type=resource.type,
                api_version=resource.api_version,
                depends_on=resource.depends_on,
            )
    return found


def outputs(blueprint: Blueprint, observed: Observed) -> dict[str, Any]:
    """What callers need of a workspace; a part that is not there (yet) is left out."""
    found: dict[str, Any] = {}
    addresses: dict[str, Any] = {}
    for resource in blueprint.resources:
        body = observed.bodies.get(resource.key)
        if body is None:
            continue
        name = _ID_OUTPUTS.get(resource.type.lower())
        if name is not None:
            found.setdefault(name, body.get("id"))
        if resource.type.lower() == "microsoft.machinelearningservices/workspaces":
            found |= _workspace_outputs(body)
        if resource.type.lower() == _ZONE_GROUP:
            addresses[resource.key.removeprefix("zone-group/")] = _addresses(body)
    if addresses:
        found["privateEndpoints"] = addresses
    return {key: value for key, value in found.items() if value is not None}


_ID_OUTPUTS = {
    "microsoft.resources/resourcegroups": "resourceGroupId",
    "microsoft.machinelearningservices/workspaces": "workspaceId",
    "microsoft.storage/storageaccounts": "storageAccountId",
    "microsoft.keyvault/vaults": "keyVaultId",
    "microsoft.containerregistry/registries": "containerRegistryId",
}


_ZONE_GROUP = "microsoft.network/privateendpoints/privatednszonegroups"


def _workspace_outputs(body: JsonObject) -> dict[str, Any]:
    properties = body.get("properties") or {}
    notebooks = properties.get("notebookInfo") or {}
    return {
        "principalId": (body.get("identity") or {}).get("principalId"),
        "discoveryUrl": properties.get("discoveryUrl"),
        "mlFlowTrackingUri": properties.get("mlFlowTrackingUri"),
        "notebooksFqdn": notebooks.get("fqdn"),
    }


def _addresses(group: JsonObject) -> list[dict[str, Any]]:
    """Names and addresses of a private endpoint, from its zone group: Azure empties ``customDnsConfigs`` once an
    endpoint has one."""
    configs = (group.get("properties") or {}).get("privateDnsZoneConfigs") or []
    records = [r for c in configs for r in (c.get("properties") or {}).get("recordSets") or []]
    return [{"fqdn": r.get("fqdn"), "ipAddresses": list(r.get("ipAddresses") or [])} for r in records]


def error_of(operation: Operation) -> ErrorBody:
    """The error of an operation whose steps failed: the first one, the others as details."""
    errors = [step.error for step in operation.steps if step.status is StepStatus.FAILED and step.error is not None]
    if not errors:
        return ErrorBody(code="OperationFailed", message="The operation failed, and no step says why.")
    first, *others = errors
    return first.model_copy(update={"details": (*first.details, *others)}) if others else first
