"""The workbook of a monitored workspace (S3-121): what support looks at when something of its endpoints goes wrong.

It is `workbook.json` with the workspace's names in it: errors, traffic and throttling by the endpoints' traffic log,
latency and requests by their metrics. Sources: API definition of Microsoft.Insights/workbooks 2023-06-01 (the name is a
UUID; content is shown to who asks with `canFetchContent`); microsoft/Application-Insights-Workbooks (documents);
learn.microsoft.com, AmlOnlineEndpointTrafficLog (columns) and "Supported metrics" of
Microsoft.MachineLearningServices/workspaces/onlineEndpoints.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from controlplane.arm import fold, name_of, subscription_id, subscription_of
from controlplane.json_types import JsonObject
from controlplane.retraining.monitors.site import Site

WORKBOOK, WORKBOOK_API = "Microsoft.Insights/workbooks", "2023-06-01"
#: Of a list; a read of one workbook shows its content only to who asks for it, too.
CONTENT = (("category", "workbook"), ("canFetchContent", "true"))


def workbook_id(site: Site) -> str:
    """One for a workspace, whoever asks: its name derives from the workspace's id."""
    return site.in_group(WORKBOOK, str(uuid5(NAMESPACE_URL, fold(site.workspace_id))))


def workbook_body(site: Site) -> JsonObject:
    """The display name has the workspace's, because it has to be one in its subscription."""
    return {
        "location": site.location,
        "kind": "shared",
        "properties": {
            "displayName": f"Endpoints of {name_of(site.workspace_id)}",
            "category": "workbook",
            "version": "Notebook/1.0",
            "sourceId": site.logs,
            "serializedData": json.dumps(_filled(_template(), _values(site)), separators=(",", ":")),
        },
    }


def _values(site: Site) -> dict[str, str]:
    return {
        "<<name>>": name_of(site.workspace_id),
        "<<workspace>>": site.workspace_id,
        "<<logs>>": site.logs,
        "<<subscription>>": subscription_id(subscription_of(site.workspace_id) or ""),
    }


def _filled(part: Any, values: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: _filled(one, values) for name, one in part.items()}
    if isinstance(part, list):
        return [_filled(one, values) for one in part]
    if isinstance(part, str):
        for name, value in values.items():
            part = part.replace(name, value)
    return part


@cache
def _template() -> Any:
    return json.loads(files(__package__).joinpath("workbook.json").read_text(encoding="utf-8"))
