"""test_refusals.py's cases for storage, vaults, registries, monitoring, events, identities and rights."""

from __future__ import annotations

from tests.simulator import effects_pim, estate
from tests.simulator.estate import (
    LOCATION,
    STORAGE,
    VAULT,
    WORKSPACE,
)
from tests.simulator.lab import provider
from tests.simulator.refusals import ELSEWHERE, IGNORED, LOCATION_REQUIRED, Case, moved

IDENTITY = provider("Microsoft.ManagedIdentity/userAssignedIdentities", "someone")
DISKS = provider("Microsoft.Compute/diskAccesses", "disks")
SETTING = f"{WORKSPACE}/providers/Microsoft.Insights/diagnosticSettings/logs"
TOPIC = provider("Microsoft.EventGrid/systemTopics", "events")


def subscription(under: str) -> Case:
    return Case(
        f"{under}/eventSubscriptions/mine",
        estate.EVENTS_BODY,
        "properties.destination",
        ("InvalidRequest", "The destination of"),
        ("properties.topic", "/another"),
        IGNORED + "topic is readOnly in the API definition",
    )


def connection(target: str, lab_name: str) -> Case:
    del lab_name
    return Case(
        f"{target}/privateEndpointConnections/?",
        {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "by hand"}}},
        "properties.privateLinkServiceConnectionState.status",
        ("InvalidRequestContent", "required property 'status' not found"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    )


def service(kind: str) -> Case:
    return Case(
        f"{STORAGE}/{kind}/default",
        {"properties": {}},
        None,
        "nothing is required: an empty PUT resets a service's properties",
        ("properties.provisioningState", "Failed"),
        IGNORED + "services have no provisioningState",
    )


CASES: dict[str, Case] = {
    "Microsoft.Storage/storageAccounts": Case(
        STORAGE,
        estate.STORAGE_BODY,
        "sku.name",
        ("InvalidValuesForRequestParameters", "Values for request parameters are invalid: sku."),
        ("properties.isHnsEnabled", True),
        (
            "AccountPropertyCannotBeUpdated",
            "The property 'isHnsEnabled' was specified in the input, but it cannot be updated as it is read-only.",
        ),
    ),
    "Microsoft.Storage/storageAccounts/privateEndpointConnections": connection(STORAGE, "account1"),
    "Microsoft.Storage/storageAccounts/blobServices": service("blobServices"),
    "Microsoft.Storage/storageAccounts/fileServices": service("fileServices"),
    "Microsoft.Storage/storageAccounts/queueServices": service("queueServices"),
    "Microsoft.Storage/storageAccounts/tableServices": service("tableServices"),
    "Microsoft.KeyVault/vaults": Case(
        VAULT,
        estate.VAULT_BODY,
        "properties.tenantId",
        ("BadRequest", "The parameter tenantId is not specified."),
        ("properties.softDeleteRetentionInDays", 7),
        ("BadRequest", 'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.'),
    ),
    "Microsoft.KeyVault/vaults/privateEndpointConnections": connection(VAULT, "vault-1"),
    "Microsoft.ContainerRegistry/registries": Case(
        estate.REGISTRY,
        estate.REGISTRY_BODY,
        "sku.name",
        ("ClassicSkuDeprecated", "Classic SKU is now deprecated. Please select a managed SKU."),
        ("location", ELSEWHERE),
        moved("registry1"),
    ),
    "Microsoft.ContainerRegistry/registries/privateEndpointConnections": connection(estate.REGISTRY, "registry1"),
    "Microsoft.OperationalInsights/workspaces": Case(
        estate.LOGS, estate.LOGS_BODY, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("logs")
    ),
    "Microsoft.Insights/components": Case(
        estate.INSIGHTS, estate.INSIGHTS_BODY, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("insights")
    ),
    "Microsoft.Insights/diagnosticSettings": Case(
        SETTING,
        {"properties": {"workspaceId": estate.LOGS, "logs": [{"category": "AmlComputeJobEvent", "enabled": True}]}},
        "properties.workspaceId",
        ("BadRequest", "At least one data sink needs to be specified."),
        ("name", "another"),
        IGNORED + "a setting has no other read-only value than its id, name and type",
    ),
    "Microsoft.EventGrid/eventSubscriptions": subscription(f"{WORKSPACE}/providers/Microsoft.EventGrid"),
    "Microsoft.EventGrid/systemTopics": Case(
        TOPIC,
        {
            "location": LOCATION,
            "properties": {"source": WORKSPACE, "topicType": "Microsoft.MachineLearningServices.Workspaces"},
        },
        "properties.source",
        ("InvalidRequest", "The source of system topic"),
        ("properties.metricResourceId", "mine"),
        IGNORED + "metricResourceId is readOnly in the API definition",
    ),
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": subscription(TOPIC),
    "Microsoft.ManagedIdentity/userAssignedIdentities": Case(
        IDENTITY, {"location": LOCATION}, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("someone")
    ),
    "Microsoft.Authorization/roleEligibilityScheduleRequests": Case(
        effects_pim.name(1),
        effects_pim.request(),
        "properties.principalId",
        ("InvalidRequestBody", "The request body is not valid: principalId is required."),
        ("properties.status", "Denied"),
        ("RoleAssignmentExists", "The Role assignment already exists."),
        effects_pim.name(2),
    ),
    "Microsoft.Compute/diskAccesses": Case(
        DISKS, {"location": LOCATION}, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("disks")
    ),
    "Microsoft.Compute/diskAccesses/privateEndpointConnections": connection(DISKS, "disks"),
}
