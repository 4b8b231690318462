"""Model versions of which no event told: events get lost, a list does not."""

from __future__ import annotations

from datetime import timedelta

from controlplane.promotion.intake import found_version
from controlplane.promotion.lineage import made_at
from controlplane.promotion.tick import API
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known
from controlplane.retraining.signals.eventgrid import is_name
from controlplane.retraining.signals.once import IntakeDeps, Taken

#: An outage of events is found out within it; older versions were there before anybody asked.
LOOKS_BACK = timedelta(days=7)


async def lost_versions(deps: RetrainingDeps, found: Known) -> tuple[Taken, ...]:
    """Those that were new to us; one call, and one for each model. Raises ``Transient``, ``Rejected``."""
    now, taken = deps.clock.now(), []
    intake = IntakeDeps(deps.objects, deps.workspaces, deps.queue, deps.clock)
    since = max(now - LOOKS_BACK, found.record.created_at)
    for model in await deps.reader.list(f"{found.workspace_id}/models", API):
        name = str(model.get("name"))
        if not is_name(name):
            continue
        for version in await deps.reader.list(f"{found.workspace_id}/models/{name}/versions", API):
            made, number = made_at(version), str(version.get("name"))
            if made is not None and made >= since and is_name(number):
                taken.append(await found_version(deps=intake, found=found, named=(name, number), now=now))
    return tuple(one for one in taken if one.reason != "known")
