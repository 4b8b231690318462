"""What may have changed between the decision and the PUT: an approval takes days. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.retraining.known import Known
from controlplane.retraining.model import ModelState
from controlplane.retraining.quiet import quiet_until
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import ended, held


def outdated(run: Run, state: ModelState | None, found: Known | None, now: datetime) -> Run | None:
    """The run's end, where what it was decided for is no more; None: it may go on. A policy that was changed, disabled
    or taken away has another generation: the signal is decided again by the one that is there."""
    if found is None or found.record.incarnation != run.incarnation:
        return ended(run, RunState.CANCELED, now, "WorkspaceGone", "Its workspace is not managed any more.")
    if state is None or state.policy is None:
        return ended(run, RunState.SUPERSEDED, now, "PolicyGone", "Its policy was taken away before it was sent.")
    if state.policy_generation != run.policy_generation:
        text = "The policy has changed since it was decided; the signal is decided again."
        return ended(run, RunState.SUPERSEDED, now, "PolicyChanged", text)
    if state.active_run != run.id:
        return ended(run, RunState.SUPERSEDED, now, "NotActive", "Another run has taken its place.")
    return None


def barred(run: Run, state: ModelState, now: datetime, time: timedelta) -> Run | None:
    """The run held until quiet hours or a freeze are over; None: it may be sent now."""
    if state.policy is None:
        return None
    until = quiet_until(state.policy, now)
    return None if until is None else held(run, now, until, time)
