"""Under which API version a monitor's resources are read, by their type. Pure."""

from __future__ import annotations

from controlplane.arm import type_of
from controlplane.errors import Fatal
from controlplane.retraining.monitors.alerts import LOG_ALERT, LOG_API, METRIC_ALERT, METRIC_API
from controlplane.retraining.monitors.wanted import (
    ACTION_GROUP,
    ACTION_GROUP_API,
    EVENT_GRID_API,
    SCHEDULES_API,
    TOPIC,
)
from controlplane.retraining.monitors.workbook import WORKBOOK, WORKBOOK_API
from controlplane.workspaces import kinds as k

_VERSIONS = {
    METRIC_ALERT: METRIC_API,
    LOG_ALERT: LOG_API,
    ACTION_GROUP: ACTION_GROUP_API,
    WORKBOOK: WORKBOOK_API,
    TOPIC: EVENT_GRID_API,
    f"{TOPIC}/eventSubscriptions": EVENT_GRID_API,
    k.DIAGNOSTIC: k.API_VERSIONS[k.DIAGNOSTIC],
    f"{k.ML_WORKSPACE}/schedules": SCHEDULES_API,
}
_FOLDED = {name.lower(): version for name, version in _VERSIONS.items()}


def version_of(arm_id: str) -> str:
    """Raises ``Fatal("InvalidRecord")`` for what no monitor makes."""
    found = _FOLDED.get(type_of(arm_id).lower())
    if found is None:
        raise Fatal("InvalidRecord", f"{arm_id} is nothing that a monitor makes.")
    return found
