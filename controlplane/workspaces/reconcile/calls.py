"""One act, sent to Azure. What a call raises is its outcome, not an exception."""

from __future__ import annotations

from controlplane.arm import fold
from controlplane.errors import ControlPlaneError
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.ports.writer import ResourceWriter
from controlplane.workspaces.reconcile.state import Act, Delete, Inspect, Look, Outcome, Poll, Put

#: Resources - List By Resource Group: https://learn.microsoft.com/rest/api/resources/resources/list-by-resource-group
_RESOURCES_API = "2021-04-01"


async def perform(act: Act, reader: ResourceReader, writer: ResourceWriter) -> Outcome:
    """Sends it; a ``ControlPlaneError`` becomes the outcome's error."""
    try:
        match act:
            case Put():
                return Outcome(act, await writer.put(act.id, act.api_version, act.body))
            case Delete():
                return Outcome(act, await writer.delete(act.id, act.api_version))
            case Poll():
                return Outcome(act, await reader.operation(act.url))
            case Look():
                return Outcome(act, await _look(act, reader))
            case Inspect():
                return Outcome(act, await reader.list(f"{act.group_id}/resources", _RESOURCES_API))
    except ControlPlaneError as error:
        return Outcome(act, error=error)


async def _look(act: Look, reader: ResourceReader) -> JsonObject | None:
    body = await reader.get(act.id, act.api_version)
    if body is not None or act.triple is None:
        return body
    scope, role, principal = act.triple
    # atScope() keeps what was granted below the scope out; what was granted above it is filtered here.
    # Source: https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    for found in await reader.list(path, act.api_version, (("$filter", "atScope()"),)):
        properties = found.get("properties") or {}
        same = (
            fold(str(properties.get("scope") or "")) == fold(scope)
            and fold(str(properties.get("roleDefinitionId") or "")).endswith("/" + role.lower())
            and str(properties.get("principalId") or "").lower() == principal.lower()
        )
        if same:
            return found
    return None
