"""What a monitor no longer wants is taken away: only what is ours, what is below another first."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from enum import StrEnum

from controlplane.errors import Conflict, Rejected
from controlplane.json_types import JsonObject
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.monitors.marks import is_ours
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.monitors.versions import version_of

_log = logging.getLogger(__name__)
_BUSY = frozenset({"creating", "updating", "deleting", "accepted", "running"})


class State(StrEnum):
    """Of one resource, after a look and what it led to."""

    STANDS = "stands"
    WAITS = "waits"
    """Azure is at work on it, or it was written just now."""
    REFUSED = "refused"


def state_of(found: JsonObject) -> str:
    """Azure's word, folded."""
    properties = found.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""


def is_busy(found: JsonObject) -> bool:
    """Azure is at work on it."""
    return state_of(found) in _BUSY


async def taken(deps: RetrainingDeps, ids: Iterable[str], monitors: Sequence[Monitor]) -> dict[str, State]:
    """Deletes what stands and is ours; the states of what is not gone. ``monitors``: the workspace's, all of them."""
    left: dict[str, State] = {}
    for arm_id in sorted(ids, key=lambda one: (-one.count("/"), one)):
        version = version_of(arm_id)
        try:
            found = await deps.reader.get(arm_id, version)
            if found is None:
                continue
            if not is_ours(arm_id, found, monitors[0].workspace, monitors):
                _log.warning("not deleted, it is not ours id=%s", arm_id)
                continue
            left[arm_id] = State.WAITS
            if is_busy(found):
                continue
            if "/schedules/" in arm_id and _enabled(found):
                # "A schedule must be disabled before deletion": Schedule machine learning pipeline jobs.
                await deps.writer.put(arm_id, version, _disabled(found))
            else:
                await deps.writer.delete(arm_id, version)
        except (Rejected, Conflict) as error:
            _log.warning("not deleted id=%s code=%s", arm_id, error.code)
            left[arm_id] = State.REFUSED
    return left


def _enabled(found: JsonObject) -> bool:
    properties = found.get("properties")
    return isinstance(properties, dict) and properties.get("isEnabled") is True


def _disabled(found: JsonObject) -> JsonObject:
    properties = found.get("properties")
    kept = {name: one for name, one in dict(properties or {}).items() if name != "provisioningState"}
    return {"properties": {**kept, "isEnabled": False}}
