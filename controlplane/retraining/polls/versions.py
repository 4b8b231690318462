"""Model versions whose events were lost: listed once an hour, of the models that are watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.promotion.intake import found_version
from controlplane.promotion.tick import API
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known
from controlplane.retraining.polls.episodes import intake_of
from controlplane.retraining.polls.runs import name_of
from controlplane.retraining.signals.eventgrid import time_of

#: Versions older than this were there before anybody watched, or were decided long ago.
LOOKED_BACK = timedelta(days=2)


async def look(deps: RetrainingDeps, space: Known, models: Sequence[str], now: datetime) -> str | None:
    """Why it is not known which there are; None when it is. Raises ``Transient``."""
    try:
        for model in models:
            path = f"{space.workspace_id}/models/{model}/versions"
            for one in await deps.reader.first(path, API, (("$orderBy", "createdtime desc"),)):
                made = created_at(one)
                if made is not None and now - LOOKED_BACK <= made:
                    await found_version(intake_of(deps), space, (model, name_of(one)), now)
    except Rejected as error:
        return f"{error.code}: {error.message}"[:500]
    return None


def created_at(version: JsonObject) -> datetime | None:
    system = version.get("systemData")
    return time_of(system.get("createdAt")) if isinstance(system, dict) else None
