"""Microsoft.OperationalInsights.

Recordings: loganalytics-workspace-create-update (2021-06-01: 201, no async header at all, lower-cased ids and sku,
RFC 1123 dates), monitor-diagnostic-settings-create (2021-12-01-preview and later: Location is the resource's own URL,
casing kept, ISO dates).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from simulator.engine.declaration import (
    Action,
    Answer,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    NameRule,
    Phase,
    ReadOnly,
    ResourceType,
    Style,
    Variant,
    lower_group_and_provider_id,
)
from simulator.types._shared import iso

WORKSPACE = "Microsoft.OperationalInsights/workspaces"


def _rfc1123(when: datetime) -> str:
    return when.strftime("%a, %d %b %Y %H:%M:%S GMT")


def _computed(ctx: HookContext, *, old: bool = False) -> JsonObject:
    now = ctx.engine.now()
    stamp = _rfc1123(now) if old else iso(now)
    tomorrow = (now + timedelta(days=1)).replace(hour=7, minute=0, second=0, microsecond=0)
    properties: JsonObject = {
        "customerId": ctx.engine.guid("customerId", ctx.resource.key),
        "sku": {"lastSkuUpdate": stamp},
        "workspaceCapping": {
            "quotaNextResetTime": _rfc1123(tomorrow) if old else tomorrow.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "dataIngestionStatus": "RespectQuota",
        },
        "createdDate": stamp,
        "modifiedDate": stamp,
    }
    if old:
        properties["source"] = "Azure"
    return {"properties": properties}


def _computed_2021(ctx: HookContext) -> JsonObject:
    return _computed(ctx, old=True)


def _location_url(ctx: HookContext) -> None:
    """The sku's name is stored as sent; the old api-version prints it in lower case."""
    sku = ctx.resource.properties.get("sku")
    if isinstance(sku, dict) and ctx.api_version < "2021-12":
        sku["name"] = str(sku.get("name", "")).lower()


def shared_keys(ctx: HookContext) -> Answer:
    keys = {
        f"{name}SharedKey": ctx.engine.digits("logAnalytics", ctx.resource.key, name, length=86) + "=="
        for name in ("primary", "secondary")
    }
    return Answer(200, keys)


#: Recorded whole: the Azure CLI follows it as it stands.
_OWN_URL = "{base}{id}?api-version={api_version}"

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=WORKSPACE,
        create=Lro(Style.RESOURCE, 201, state="Creating", seconds=8, headers={"location": _OWN_URL}),
        update=Lro(Style.SYNC, 200),
        keys=("properties", "location", "tags", "id", "name", "type", "identity"),
        identity=True,
        name_rule=NameRule(
            "[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
            "InvalidResourceName",
            "Workspace name '{name}' is invalid: it must be 4-63 characters, letters, digits and '-', and the '-' may "
            "not be the first or last.",
        ),
        put_keeps=True,
        read_only=tuple(
            ReadOnly(f"properties.{field}") for field in ("customerId", "createdDate", "modifiedDate", "source")
        ),
        defaults={
            "properties": {
                "sku": {"name": "PerGB2018"},
                "retentionInDays": 30,
                "features": {"legacy": 0, "searchVersion": 1, "enableLogAccessUsingOnlyResourcePermissions": True},
                "workspaceCapping": {"dailyQuotaGb": -1.0},
                "publicNetworkAccessForIngestion": "Enabled",
                "publicNetworkAccessForQuery": "Enabled",
            }
        },
        computed=_computed,
        actions=(Action("sharedKeys", shared_keys),),
        hooks=(Hook(Phase.ACCEPTED, "log-analytics-sku-case", _location_url),),
        variants=(
            Variant(
                r"20(1\d|20|21-0\d)-.*|2020-.*|2021-06-01",
                {
                    "create": Lro(Style.RESOURCE, 201, state="Creating", seconds=8),
                    "json_type": "application/json",
                    "id_format": lower_group_and_provider_id,
                    "computed": _computed_2021,
                },
            ),
        ),
    ),
)
