"""Model versions of which no event told: events get lost, a list does not."""

from __future__ import annotations

from dataclasses import dataclass
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
#: Models of one tick.
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Found:
    """``taken``: those that were new to us. ``after``: where the next look goes on; None: all models were seen."""

    taken: tuple[Taken, ...]
    after: str | None = None


async def lost_versions(deps: RetrainingDeps, found: Known, after: str | None = None) -> Found:
    """Of the next ``AT_ONCE`` models by name: one call for the models, and one for each. Raises ``Transient``,
    ``Rejected``."""
    now, taken = deps.clock.now(), []
    intake = IntakeDeps(deps.objects, deps.workspaces, deps.queue, deps.clock)
    since = max(now - LOOKS_BACK, found.record.created_at)
    models = await deps.reader.list(f"{found.workspace_id}/models", API)
    names = sorted(name for name in (str(model.get("name")) for model in models) if is_name(name))
    left = [name for name in names if after is None or name > after]
    for name in left[:AT_ONCE]:
        for version in await deps.reader.list(f"{found.workspace_id}/models/{name}/versions", API):
            made, number = made_at(version), str(version.get("name"))
            if made is not None and made >= since and is_name(number):
                taken.append(await found_version(deps=intake, found=found, named=(name, number), now=now))
    new = tuple(one for one in taken if one.reason != "known")
    return Found(new, left[AT_ONCE - 1] if len(left) > AT_ONCE else None)
