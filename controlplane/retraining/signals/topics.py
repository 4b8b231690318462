"""Which workspace a topic is, remembered for some seconds: of a thousand copies of an event one reads the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.retraining.known import Known, by_id
from controlplane.workspaces.repository import WorkspaceRepository

#: What changes meanwhile, the tick sees: it reads the workspace itself.
_KEPT = timedelta(seconds=10)
_MOST = 1000


@dataclass(slots=True)
class Topics:
    """Of one process. Topics that are nobody's are remembered, too."""

    _found: dict[str, tuple[datetime, Known | None]] = field(default_factory=dict)

    async def workspace(self, workspaces: WorkspaceRepository, topic: str, now: datetime) -> Known | None:
        """The managed workspace of a folded ARM id. Raises what the store raises, and forgets nothing by it."""
        seen = self._found.get(topic)
        if seen is not None and timedelta() <= now - seen[0] < _KEPT:
            return seen[1]
        found = await by_id(workspaces, topic)
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[topic] = (now, found)
        return found
