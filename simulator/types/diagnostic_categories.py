"""Log and metric categories that diagnostic settings may name, by resource type.

Source: learn.microsoft.com, "Supported categories for Azure Monitor resource logs" and "Supported metrics", of the
types that this simulator has. Category groups: `audit` and `allLogs` where the page lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.types._shared import type_of


@dataclass(frozen=True)
class Categories:
    logs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("AllMetrics",)
    groups: tuple[str, ...] = ("allLogs",)


_STORAGE = Categories(
    ("StorageRead", "StorageWrite", "StorageDelete"), ("Transaction", "Capacity"), ("allLogs", "audit")
)
_AUDITED = ("allLogs", "audit")

TABLE: dict[str, Categories] = {
    "microsoft.network/virtualnetworks": Categories(("VMProtectionAlerts",)),
    "microsoft.network/networksecuritygroups": Categories(
        ("NetworkSecurityGroupEvent", "NetworkSecurityGroupRuleCounter"), ()
    ),
    "microsoft.network/publicipaddresses": Categories(
        ("DDoSProtectionNotifications", "DDoSMitigationFlowLogs", "DDoSMitigationReports"), groups=_AUDITED
    ),
    "microsoft.network/natgateways": Categories(groups=()),
    "microsoft.network/privateendpoints": Categories(groups=()),
    "microsoft.storage/storageaccounts": Categories((), ("Transaction", "Capacity"), ()),
    "microsoft.storage/storageaccounts/blobservices": _STORAGE,
    "microsoft.storage/storageaccounts/fileservices": _STORAGE,
    "microsoft.storage/storageaccounts/queueservices": _STORAGE,
    "microsoft.storage/storageaccounts/tableservices": _STORAGE,
    "microsoft.keyvault/vaults": Categories(("AuditEvent", "AzurePolicyEvaluationDetails"), groups=_AUDITED),
    "microsoft.containerregistry/registries": Categories(
        ("ContainerRegistryLoginEvents", "ContainerRegistryRepositoryEvents"), groups=_AUDITED
    ),
    "microsoft.operationalinsights/workspaces": Categories(("Audit", "SummaryLogs"), groups=_AUDITED),
    "microsoft.insights/components": Categories(
        (
            "AppAvailabilityResults",
            "AppBrowserTimings",
            "AppDependencies",
            "AppEvents",
            "AppExceptions",
            "AppMetrics",
            "AppPageViews",
            "AppPerformanceCounters",
            "AppRequests",
            "AppSystemEvents",
            "AppTraces",
        )
    ),
    # Of a subscription: its activity log.
    "": Categories(
        (
            "Administrative",
            "Security",
            "ServiceHealth",
            "Alert",
            "Recommendation",
            "Policy",
            "Autoscale",
            "ResourceHealth",
        ),
        (),
        (),
    ),
    "microsoft.machinelearningservices/workspaces/onlineendpoints": Categories(
        ("AmlOnlineEndpointTrafficLog", "AmlOnlineEndpointConsoleLog", "AmlOnlineEndpointEventLog")
    ),
    "microsoft.machinelearningservices/workspaces": Categories(
        (
            "AmlComputeClusterEvent",
            "AmlComputeClusterNodeEvent",
            "AmlComputeJobEvent",
            "AmlComputeCpuGpuUtilization",
            "AmlRunStatusChangedEvent",
            "ModelsChangeEvent",
            "ModelsReadEvent",
            "ModelsActionEvent",
            "DeploymentReadEvent",
            "DeploymentEventACI",
            "DeploymentEventAKS",
            "InferencingOperationAKS",
            "InferencingOperationACI",
            "EnvironmentChangeEvent",
            "EnvironmentReadEvent",
            "DataLabelChangeEvent",
            "DataLabelReadEvent",
            "DataSetChangeEvent",
            "DataSetReadEvent",
            "PipelineChangeEvent",
            "PipelineReadEvent",
            "RunEvent",
            "RunReadEvent",
            "ComputeInstanceEvent",
            "DataStoreChangeEvent",
            "DataStoreReadEvent",
        ),
        groups=_AUDITED,
    ),
}


def categories_of(scope: str) -> Categories | None:
    """Of a resource or a subscription, by id; None for what takes no diagnostic settings here."""
    kind = type_of(scope)
    return TABLE.get(kind) if kind or scope.rstrip("/").count("/") == 2 else None
