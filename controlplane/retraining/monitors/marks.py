"""Whose a resource is: what monitors make carries their mark, and what stands without it is somebody else's. Pure.

Not by name alone: a person's schedule, rule or subscription may be called as ours would be. Where a type has no room
for a mark (diagnostic settings), it is ours when a monitor's row says that it was not there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.arm import fold, type_of
from controlplane.json_types import JsonObject
from controlplane.retraining.monitors.model import Monitor
from controlplane.workspaces import kinds as k

#: Tag whose value is the workspace's name. Not the group's own tag, which a policy may copy to all that is in it.
MARK = "cp-monitors"
_SUBSCRIPTION = "microsoft.eventgrid/systemtopics/eventsubscriptions"
_SCHEDULE = f"{k.ML_WORKSPACE}/schedules".lower()
_NO_ROOM = k.DIAGNOSTIC.lower()


def tags_of(monitor: Monitor) -> dict[str, str]:
    """What a schedule of it is tagged with."""
    return {MARK: monitor.workspace}


def with_mark(arm_id: str, body: JsonObject, workspace: str) -> JsonObject:
    """The body as it is written. Event subscriptions have labels ("Event Subscriptions - Create Or Update"), all others
    tags."""
    kind = type_of(arm_id).lower()
    if kind == _NO_ROOM:
        return body
    if kind == _SUBSCRIPTION:
        return {**body, "properties": {**_part(body, "properties"), "labels": [f"{MARK}:{workspace}"]}}
    return {**body, "tags": {**_part(body, "tags"), MARK: workspace}}


def is_ours(arm_id: str, found: JsonObject, workspace: str, monitors: Iterable[Monitor]) -> bool:
    """``monitors``: all of the workspace, those that are being deleted, too. What rows from before marks say that they
    made is theirs until it is marked."""
    kind = type_of(arm_id).lower()
    if _carries(kind, found, workspace):
        return True
    return any(fold(arm_id) in one.made for one in monitors if kind == _NO_ROOM or not one.marks)


def _carries(kind: str, found: JsonObject, workspace: str) -> bool:
    properties = _part(found, "properties")
    if kind == _SUBSCRIPTION:
        labels = properties.get("labels")
        return isinstance(labels, list) and f"{MARK}:{workspace}" in labels
    return _part(properties if kind == _SCHEDULE else found, "tags").get(MARK) == workspace


def _part(body: Mapping[str, Any], name: str) -> JsonObject:
    found = body.get(name)
    return found if isinstance(found, dict) else {}
