"""Microsoft.AlertsManagement/alerts: what fired, as Azure Monitor keeps it, to be read by whoever got a notice.

Source: REST reference "Alerts - Get By Id" and its example (`properties.essentials`). They are Azure's: nobody writes
one. Azure keeps them for 30 days ("Manage your alert instances"); here they stay. An alert of the activity log has the
id of its rule and no record.
"""

from __future__ import annotations

from simulator.engine.declaration import EngineApi, JsonObject, ResourceType, Scope
from simulator.types._shared import dig

ALERT = "Microsoft.AlertsManagement/alerts"


def keep(engine: EngineApi, payload: JsonObject) -> None:
    """The record of what a payload in the common schema tells; a resolved one changes the record of the fired."""
    said = dig(payload, "data.essentials")
    if not isinstance(said, dict) or f"/providers/{ALERT}/".lower() not in str(said.get("alertId")).lower():
        return
    target = str((said.get("alertTargetIDs") or [""])[0])
    parts = target.split("/")
    essentials: JsonObject = {
        "severity": said.get("severity"), "signalType": said.get("signalType"), "alertState": "New",
        "monitorCondition": said.get("monitorCondition"), "monitorService": said.get("monitoringService"),
        "targetResource": target, "targetResourceName": parts[-1],
        "targetResourceGroup": parts[4] if len(parts) > 4 else None,
        "targetResourceType": parts[-2] if len(parts) > 2 else None, "alertRule": said.get("alertRule"),
        "sourceCreatedId": said.get("originAlertId"), "startDateTime": said.get("firedDateTime"),
        "lastModifiedDateTime": said.get("resolvedDateTime") or said.get("firedDateTime"),
        "lastModifiedUserName": "System", "description": said.get("description"),
    }  # fmt: skip
    if said.get("resolvedDateTime"):
        essentials["monitorConditionResolvedDateTime"] = said["resolvedDateTime"]
    properties = {"essentials": essentials, "context": dig(payload, "data.alertContext") or {}, "egressConfig": {}}
    engine.put(str(said["alertId"]), {"properties": properties})


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ALERT,
        scope=Scope.SUBSCRIPTION,
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset({"GET", "HEAD", "LIST"}),
        keys=("id", "name", "type", "properties"),
    ),
)
