"""Of a run of ours an event tells: it is looked at now, and not when its next poll is due."""

from __future__ import annotations

from datetime import datetime

from controlplane.errors import Conflict
from controlplane.objects.repository import put
from controlplane.retraining.known import Known
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import WATCHED
from controlplane.retraining.runs.reading import ENDED
from controlplane.retraining.signals.eventgrid import Heard
from controlplane.retraining.signals.once import IntakeDeps, Taken, left, send

#: States in which Azure ML has the job. What waits for a person waits on.
_FOLLOWED = frozenset({RunState.SUBMITTED, RunState.RUNNING, RunState.EVALUATING})


async def heard_of_run(deps: IntakeDeps, found: Known, heard: Heard, now: datetime) -> Taken:
    """A RunStatusChanged or RunCompleted of a job that is called as ours are. What it says is not believed: the tick
    reads the job. Raises ``Transient`` when the store is away."""
    stored = await deps.objects.get(Run, heard.run_id or "")
    if stored is None or stored.value.workspace_id.lower() != found.workspace_id.lower():
        return left("it is no run of ours")
    run = stored.value
    said = heard.status is not None and heard.status.lower() != (run.job_status or "").lower()
    # A job at work of a run that is over: nobody follows it.
    late = run.state.is_terminal and heard.status not in (None, *ENDED)
    if not (run.state in _FOLLOWED or late) or not said or (run.due_at is not None and run.due_at <= now):
        return Taken(Run.KIND, run.id, "known")
    update = {"due_at": now, "watched_until": now + WATCHED} if late else {"due_at": now}
    try:
        await deps.objects.commit(put(stored, run.model_copy(update=update)))
    except Conflict:
        # Its tick has just stored what it saw. What it may have missed, its next poll sees.
        return Taken(Run.KIND, run.id, "known")
    await send(deps, run)
    return Taken(Run.KIND, run.id, "due")
