"""Managed networks of Azure ML as resources: ``{workspace}/managedNetworks/default``.

Azure ML has no such resource. It shows the network inside the workspace, and builds it by an action; this is the one
place that knows. The network counts as there when Azure says that it is Active.

Source: API 2025-12-01, ``ManagedNetworkSettings``, ``ManagedNetworkProvisions_ProvisionManagedNetwork`` (final state at
Location; without a body it is refused with "Request body could not be read"). The id is the one that previews of the
next version have (2025-10-01-preview, ``workspaces/managedNetworks``).
"""

from __future__ import annotations

from typing import Any

from controlplane.arm import parent_of, type_of
from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import ArmClient
from controlplane.json_types import JsonObject

TYPE = "Microsoft.MachineLearningServices/workspaces/managedNetworks"
ACTION = "provisionManagedNetwork"
_COLLECTION = "/managednetworks"


def is_network(arm_id: str) -> bool:
    """Whether an id is that of a managed network."""
    return type_of(arm_id).lower() == TYPE.lower()


def workspace_of(path: str) -> str | None:
    """The workspace whose managed network, or collection of them, is at ``path``; None for every other path."""
    above = path[: -len(_COLLECTION)]
    if path.lower().endswith(_COLLECTION) and type_of(above).lower() == TYPE.rpartition("/")[0].lower():
        return above
    return parent_of(path) if is_network(path) else None


async def build(client: ArmClient, arm_id: str, api_version: str, body: JsonObject) -> ArmAnswer:
    """Sends the action that builds it, or what it lacks. ``body``: what the network shall be."""
    status = (body.get("properties") or {}).get("status") or {}
    options: JsonObject = {"includeSpark": True} if status.get("sparkReady") else {}
    return await client.request("POST", f"{workspace_of(arm_id)}/{ACTION}", api_version, body=options)


def network_of(workspace: JsonObject) -> dict[str, Any] | None:
    """The network of a workspace's body; None while Azure has not built it. Pure."""
    settings = (workspace.get("properties") or {}).get("managedNetwork") or {}
    status = settings.get("status") or {}
    if str(status.get("status")).lower() != "active":
        return None
    shown = {name: value for name, value in settings.items() if name != "outboundRules"}
    return {
        "id": f"{workspace['id']}/managedNetworks/default",
        "name": "default",
        "type": TYPE,
        "properties": shown,
    }
