"""The tick of a model's row: every few hours, and when its workspace was deleted. What is known of a model goes with
the workspace, and so does its policy; an active run that nobody ends frees the model.

A workspace and its models' rows are of different partitions, so that they cannot change in one commit: each object
asks for itself whether its workspace is still the one that it was made for (docs/adr, what-a-deleted-workspace-leaves).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from controlplane.audit.changes import changes
from controlplane.audit.model import Action
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Objects, Stored, of_workspace, put, remove
from controlplane.objects.tick import Machines, hint
from controlplane.ports.store import Write
from controlplane.promotion.model import Promotion
from controlplane.retraining.declared import index_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import known
from controlplane.retraining.labeling.model import LabelingProject
from controlplane.retraining.model import LOOK, ModelState
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.runs.model import Run
from controlplane.retraining.schedule import kept, next_due
from controlplane.retraining.signal import Signal

_log = logging.getLogger(__name__)
#: Until a run that was asked to end has ended.
_SOON = timedelta(minutes=1)


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when the store is away, ``Conflict`` when a decision or a run changed the row meanwhile."""
    stored = await deps.objects.get(ModelState, thing_id)
    if stored is None:
        return None
    state, now = stored.value, deps.clock.now()
    space = await deps.workspaces.load(state.workspace)
    run = await deps.objects.get(Run, state.active_run) if state.active_run is not None else None
    if space is None or (space.record.incarnation, space.record.project) != (state.incarnation, state.project):
        return await _end(deps, stored, run, hold)
    state = await kept(deps, known(space.record), state, now)
    scheduled = next_due(state)
    look = now + LOOK if scheduled is None else min(now + LOOK, scheduled)
    update: dict[str, object] = {"due_at": look if state.policy is not None else None}
    writes: list[Write] = []
    if state.active_run is not None and (run is None or run.value.state.is_terminal):
        _log.error("model was held by a run that does not run model=%s run=%s", state.id, state.active_run)
        update |= {"active_run": None, "waiting_signal": None}
        writes = await _due(deps.objects, state.waiting_signal, now)
    after = state.model_copy(update=update)
    await deps.objects.commit_held(hold, [*put(stored, after), *writes])
    return after.due_at


async def _end(
    deps: RetrainingDeps, stored: Stored[ModelState], run: Stored[Run] | None, hold: Hold
) -> datetime | None:
    """The workspace is gone. Its run ends first, by its own tick, which knows what became of the job."""
    state, now = stored.value, deps.clock.now()
    if run is not None and not run.value.state.is_terminal:
        due = now + _SOON
        asked = run.value.model_copy(update={"due_at": now})
        later = state.model_copy(update={"due_at": due})
        await deps.objects.commit_held(hold, [*put(stored, later), *put(run, asked)])
        return due
    _log.info("forgotten with its workspace model=%s", state.id)
    if state.policy is None:
        await deps.objects.commit_held(hold, remove(stored))
        return None
    before = state.policy.model_dump(mode="json", by_alias=True)
    told = {"generation": state.policy_generation, "reason": "WorkspaceGone", "changes": changes(before, None)}
    about = About(state.workspace, state.project, state.model)
    await deps.objects.commit_held(hold, remove(stored), by_us(about, now, Action.POLICY_CHANGED, told))
    return None


async def _due(objects: Objects, signal_id: str | None, now: datetime) -> list[Write]:
    waiting = await objects.get(Signal, signal_id) if signal_id is not None else None
    return [] if waiting is None else put(waiting, waiting.value.model_copy(update={"due_at": now}))


async def tell_of_the_end(workspace: str, machines: Machines) -> None:
    """Asks for a tick of everything that ends with a workspace. Losing it is harmless: all of it is due in hours, and
    none of it acts on another workspace meanwhile."""
    objects = machines.objects
    for kind, index in (
        (ModelState.KIND, f"m!{workspace}!"),
        (Monitor.KIND, index_of(Monitor, workspace)),
        (LabelingProject.KIND, index_of(LabelingProject, workspace)),
        (Promotion.KIND, of_workspace(Promotion, workspace)),
    ):
        for thing_id in await objects.ids(index):
            await hint(machines, kind, thing_id)
