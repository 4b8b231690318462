"""What reads the activity log as it grows: rows of AzureActivity, and activity log alerts.

Source: learn.microsoft.com, "Azure Activity Log event schema"; table AzureActivity of the logs' reference.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulator.engine.core import Engine
from simulator.engine.hooks import JsonObject
from simulator.planes.log_store import LogStore
from simulator.types.alert_rules import ACTIVITY


@dataclass
class ActivityFeed:
    """`events` is what has happened and no alert rule has looked at yet; a restart begins with what comes then. Rows
    and events are made only where a setting or a rule asks for them: there are two of every write."""

    engine: Engine
    logs: LogStore
    events: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=10_000))
    _seen: int = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self.engine.activity.last

    def look(self) -> None:
        activity, since = self.engine.activity, self._seen
        self._seen = activity.last
        watched = bool(self.engine.store.of_type(ACTIVITY))
        for shown in activity.after(since) if watched or self.logs.sends("AzureActivity") else ():
            if watched:
                self.events.append(_flat(shown))
            self.engine.record(str(shown["resourceId"]), "AzureActivity", _row(shown))


def _flat(shown: JsonObject) -> JsonObject:
    """Values without their localised twins."""
    return {name: one["value"] if isinstance(one, dict) and "value" in one else one for name, one in shown.items()}


def _row(shown: JsonObject) -> JsonObject:
    event = _flat(shown)
    return {
        "OperationNameValue": str(event["operationName"]).upper(), "ActivityStatusValue": event["status"],
        "ActivitySubstatusValue": event["subStatus"], "Caller": event["caller"], "CategoryValue": event["category"],
        "CorrelationId": event["correlationId"], "EventDataId": event["eventDataId"], "Level": event["level"],
        "OperationId": event["operationId"], "ResourceGroup": event["resourceGroupName"],
        "ResourceProviderValue": str(event["resourceProviderName"]).upper(),
        "SubscriptionId": event["subscriptionId"], "Properties_d": event["properties"],
    }  # fmt: skip


#: Fields of a condition that the log names in another way.
_NAMED = {"resourcegroup": "resourcegroupname", "resourceprovider": "resourceprovidername"}


def holds(condition: JsonObject, event: JsonObject) -> bool:
    """Whether one leaf of an activity log alert's condition, or one of an `anyOf`, holds."""
    if "anyOf" in condition:
        return any(holds(one, event) for one in condition["anyOf"])
    wanted = str(condition.get("field") or "").lower()
    folded = {key.lower(): str(value) for key, value in event.items()}
    found = folded.get(_NAMED.get(wanted, wanted), "").lower()
    if "containsAny" in condition:
        return any(str(one).lower() in found for one in condition["containsAny"])
    return found == str(condition.get("equals")).lower()
