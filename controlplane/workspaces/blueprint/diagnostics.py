"""Logs of everything that guards data, to the workspace's own Log Analytics (S1-09)."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.dependants import log_analytics_id
from controlplane.workspaces.model import Resource

#: Key → (key of the resource it belongs to, path below it). Storage logs hang off the services, not the account.
_SOURCES = {
    "storage-blob": ("storage", "/blobServices/default"),
    "storage-file": ("storage", "/fileServices/default"),
    "vault": ("vault", ""),
    "registry": ("registry", ""),
    "workspace": ("workspace", ""),
}


def diagnostics(site: Site, scopes: dict[str, str]) -> Iterator[Resource]:
    """``scopes``: key → ARM id. One body for all: every category of logs; metrics are kept by Azure Monitor anyway."""
    body = {
        "properties": {
            "workspaceId": log_analytics_id(site),
            "logs": [{"categoryGroup": "allLogs", "enabled": True}],
        }
    }
    for key, (owner, below) in _SOURCES.items():
        if owner == "registry" and not site.makes_registry:
            continue  # Its owner decides where its logs go.
        yield resource(
            f"diagnostic/{key}",
            k.DIAGNOSTIC,
            f"{scopes[owner]}{below}/providers/{k.DIAGNOSTIC}/cp-logs",
            body,
            (owner, "log-analytics"),
            requirements=("S1-09",),
        )
