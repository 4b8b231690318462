"""Microsoft.Insights: Application Insights components and diagnostic settings.

Recording of settings: monitor-diagnostic-settings-create (200 at once, id in lower case, nulls written out). Components
have no recording: shapes from the published API definition of 2020-02-02 (PUT 200, synchronous).
"""

from __future__ import annotations

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    ReadOnly,
    Required,
    ResourceType,
    Scope,
    Style,
    lower_id,
)
from simulator.types import smart_detection
from simulator.types._shared import dig, iso, items, same_id, scope_of_extension, type_of
from simulator.types.diagnostic_categories import categories_of

COMPONENT = "Microsoft.Insights/components"
SETTING = "Microsoft.Insights/diagnosticSettings"
SINKS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "serviceBusRuleId", "marketplacePartnerId")


# ---------------------------------------------------------------------------------------------- components


def _component(ctx: HookContext) -> JsonObject:
    component = ctx.resource
    key = ctx.engine.guid("instrumentationKey", component.key)
    app = ctx.engine.guid("appId", component.key)
    region = component.location
    return {
        "properties": {
            "ApplicationId": component.name,
            "AppId": app,
            "InstrumentationKey": key,
            "ConnectionString": f"InstrumentationKey={key};"
            f"IngestionEndpoint=https://{region}-0.in.applicationinsights.azure.com/;"
            f"LiveEndpoint=https://{region}.livediagnostics.monitor.azure.com/;ApplicationId={app}",
            "Name": component.name,
            "CreationDate": iso(ctx.engine.now(), zulu=False),
            "TenantId": component.id.split("/")[2],
            "Ver": "v2",
        }
    }


def component_workspace(ctx: HookContext) -> None:
    """Components are workspace-based: classic ones ended in February 2024 (learn.microsoft.com, "Migrate to
    workspace-based Application Insights resources"). Words assumed."""
    workspace = dig(ctx.resource.body, "properties.WorkspaceResourceId")
    if not workspace:
        raise ArmError(
            400,
            "BadRequest",
            "Classic Application Insights resources are retired. Specify WorkspaceResourceId to create a "
            "workspace-based resource.",
        )
    if ctx.engine.get(str(workspace)) is None:
        raise ArmError(
            404,
            "ResourceNotFound",
            f"Log Analytics workspace '{workspace}' referenced by component '{ctx.resource.name}' was not found.",
        )


# ---------------------------------------------------------------------------------------------- diagnostic settings


def setting_rules(ctx: HookContext) -> None:
    """Sinks exist; categories are the resource's; one setting a sink and category.

    Words: "At least one data sink needs to be specified." (public deployment logs); "Category '...' is not supported."
    (hashicorp/terraform#20534); "Metric category '...' is not supported, supported categories are: ..."
    (TaoYang-Cloud/azurepolicy#19).
    """
    scope = scope_of_extension(ctx.resource.id)
    properties = ctx.resource.properties
    sinks = {name: str(properties[name]) for name in SINKS if properties.get(name)}
    if not sinks:
        raise ArmError(400, "BadRequest", "At least one data sink needs to be specified.")
    if ctx.engine.get(scope) is None and scope.count("/") > 2:  # a subscription is there
        raise ArmError(404, "ResourceNotFound", f"The resource '{scope}' was not found.")
    workspace = sinks.get("workspaceId")
    if workspace and ctx.engine.get(workspace) is None:
        raise ArmError(404, "ResourceNotFound", f"The resource '{workspace}' could not be found.")
    _check_categories(scope, properties)
    _check_other_settings(ctx, scope, sinks)


def _check_categories(scope: str, properties: JsonObject) -> None:
    known = categories_of(scope)
    if known is None:
        raise ArmError(
            400,
            "ResourceTypeNotSupported",
            f"The resource type '{type_of(scope)}' does not support diagnostic settings.",
        )
    unknown = [
        str(log["category"])
        for log in items(properties, "logs")
        if log.get("category") and log["category"] not in known.logs
    ]
    if unknown:
        raise ArmError(400, "BadRequest", f"Category '{','.join(unknown)}' is not supported.")
    groups = [
        str(log["categoryGroup"])
        for log in items(properties, "logs")
        if log.get("categoryGroup") and log["categoryGroup"] not in known.groups
    ]
    if groups:
        raise ArmError(400, "BadRequest", f"Category group '{','.join(groups)}' is not supported.")
    for metric in items(properties, "metrics"):
        if metric.get("category") not in (*known.metrics, "AllMetrics"):
            raise ArmError(
                400,
                "BadRequest",
                f"Metric category '{metric.get('category')}' is not supported, supported categories are: "
                f"'{','.join(known.metrics)}'",
            )


def _categories(properties: JsonObject) -> set[str]:
    return {
        str(entry.get("category") or entry.get("categoryGroup"))
        for field in ("logs", "metrics")
        for entry in items(properties, field)
        if entry.get("enabled", True)
    }


def _check_other_settings(ctx: HookContext, scope: str, sinks: dict[str, str]) -> None:
    """Source of the words: Azure Monitor's answer as azurerm's users quote it (Conflict, "Data sink ... is already used
    in diagnostic setting")."""
    mine = _categories(ctx.resource.properties)
    for other in ctx.engine.extensions(scope, SETTING):
        if other.key == ctx.resource.key:
            continue
        for sink in sinks.values():
            used = any(same_id(str(other.properties.get(name) or ""), sink) for name in SINKS)
            shared = sorted(mine & _categories(other.properties))
            if used and shared:
                raise ArmError(
                    409,
                    "Conflict",
                    f"Data sink '{sink}' is already used in diagnostic setting '{other.name}' for category "
                    f"'{shared[0]}'. Data sinks can't be reused in different settings on the same category for the "
                    "same resource.",
                )


def complete_entries(ctx: HookContext) -> None:
    """Every entry says category or group, and a retention that is off. Source: API definition of 2021-05-01-preview."""
    properties = ctx.resource.properties
    off = {"enabled": False, "days": 0}
    properties["logs"] = [
        {"category": None, "categoryGroup": None, "enabled": False, "retentionPolicy": off, **log}
        for log in items(properties, "logs")
    ]
    properties["metrics"] = [
        {"timeGrain": None, "enabled": False, "retentionPolicy": off, **metric}
        for metric in items(properties, "metrics")
    ]


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=COMPONENT,
        create=Lro(Style.SYNC, 200),
        update=Lro(Style.SYNC, 200),
        keys=("kind", "etag", "id", "name", "type", "location", "tags", "properties"),
        empty_tags=True,
        required=(
            Required("kind", "BadRequest", "The 'kind' property of component '{name}' is required."),
            Required(
                "properties.Application_Type",
                "BadRequest",
                "The 'Application_Type' property of component '{name}' is required.",
            ),
        ),
        read_only=tuple(
            ReadOnly(f"properties.{field}")
            for field in ("InstrumentationKey", "ConnectionString", "AppId", "ApplicationId", "CreationDate", "Name")
        ),
        defaults={
            "properties": {
                "Flow_Type": "Bluefield",
                "Request_Source": "rest",
                "SamplingPercentage": None,
                "RetentionInDays": 90,
                "IngestionMode": "LogAnalytics",
                "publicNetworkAccessForIngestion": "Enabled",
                "publicNetworkAccessForQuery": "Enabled",
            }
        },
        computed=_component,
        hooks=(
            Hook(Phase.VALIDATE, "component-needs-workspace", component_workspace),
            Hook(Phase.COMPLETED, smart_detection.EVENT, smart_detection.announce),
            Hook(Phase.EVENT, smart_detection.EVENT, smart_detection.bring),
        ),
    ),
    ResourceType(
        name=SETTING,
        scope=Scope.EXTENSION,
        create=Lro(Style.SYNC, 200),
        update=Lro(Style.SYNC, 200),
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset({"GET", "HEAD", "PUT", "DELETE", "LIST"}),
        keys=("id", "type", "name", "location", "kind", "tags", "properties", "identity"),
        id_format=lower_id,
        defaults={
            # Nulls are written out: recorded.
            "location": None,
            "kind": None,
            "tags": None,
            "identity": None,
            "properties": {
                "storageAccountId": None,
                "serviceBusRuleId": None,
                "workspaceId": None,
                "eventHubAuthorizationRuleId": None,
                "eventHubName": None,
                "metrics": [],
                "logs": [],
                "logAnalyticsDestinationType": None,
            },
        },
        hooks=(
            Hook(Phase.VALIDATE, "diagnostic-setting-rules", setting_rules),
            Hook(Phase.ACCEPTED, "diagnostic-setting-entries", complete_entries),
        ),
    ),
)
