"""The activity log, as "Activity Logs - List" 2015-04-01 has it. Implements ``ports.activity.ActivityLog``.

The filter's patterns are few: start, end and a resource group are one of them. Whose token it was stands in ``claims``;
``caller`` is a user principal name or an id, whatever the token had. Needs Microsoft.Insights/eventtypes/values/Read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.ports.activity import Event
from controlplane.ports.reader import ResourceReader

VERSION = "2015-04-01"
#: Of some thirty properties of an event; the others double the answer.
_FIELDS = "authorization,caller,category,claims,correlationId,eventTimestamp,operationName,resourceId,status"
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


class AzureActivityLog:
    """See the protocol. Pages are followed by the reader."""

    def __init__(self, reader: ResourceReader) -> None:
        self._reader = reader

    async def writes(self, subscription: str, group: str, since: datetime, until: datetime) -> tuple[Event, ...]:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
        span = f"eventTimestamp ge '{_text(since)}' and eventTimestamp le '{_text(until)}'"
        query = [("$filter", f"{span} and resourceGroupName eq '{group}'"), ("$select", _FIELDS)]
        found = (event_of(item) for item in await self._reader.list(path, VERSION, query))
        return tuple(event for event in found if event is not None)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event_of(item: JsonObject) -> Event | None:
    """None for what nobody wrote: health, policy, autoscale."""
    if _value(item.get("category"), "Administrative").lower() != "administrative":
        return None
    claims: dict[str, Any] = item.get("claims") or {}
    asked: dict[str, Any] = item.get("authorization") or {}
    caller, groups = str(item.get("caller") or ""), claims.get("groups")
    return Event(
        at=datetime.fromisoformat(str(item["eventTimestamp"])),
        principal=str(claims.get(_OBJECT_ID) or ("" if "@" in caller else caller)).lower(),
        app=str(claims.get("appid") or "").lower(),
        caller=caller,
        is_app=claims.get("idtyp") == "app" or (_UPN not in claims and "@" not in caller),
        groups=frozenset(one.strip().lower() for one in str(groups).split(",")) if groups else None,
        action=str(asked.get("action") or _value(item.get("operationName"), "")),
        resource=str(item.get("resourceId") or asked.get("scope") or ""),
        status=_value(item.get("status"), ""),
        correlation=str(item.get("correlationId") or ""),
    )


def _value(text: Any, default: str) -> str:
    """Of a localizable string: ``{"value", "localizedValue"}``."""
    return str(text.get("value") or default) if isinstance(text, dict) else default
