"""How a run goes on, and what its end changes. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.retraining.model import KEPT_ENDS, ModelState, RunEnd
from controlplane.retraining.runs.model import Run, RunState, Transition

#: Between two looks at a job of which no event told.
POLL = timedelta(minutes=1)


def moved(run: Run, state: RunState, now: datetime, why: tuple[str, str], deadline: datetime) -> Run:
    """``why`` is a code and a sentence; ``deadline`` of the new state."""
    step = Transition(state=state, at=now, reason=why[0], message=why[1])
    return run.model_copy(
        update={
            "state": state,
            "deadline": deadline,
            "due_at": None if state.is_terminal else now,
            "transitions": (*run.transitions, step),
            "generation": run.generation + 1,
        }
    )


def ended(run: Run, state: RunState, now: datetime, code: str, sentence: str) -> Run:
    """In one of the terminal states."""
    return moved(run, state, now, (code, sentence), now)


def freed(state: ModelState, run: Run, now: datetime) -> ModelState:
    """The model's row after its run has ended; what waited for it is due now (by its own row)."""
    sent = any(one.state is RunState.SUBMITTED for one in run.transitions)
    end = RunEnd(run_id=run.id, ended_at=now, outcome=run.state.value, submitted=sent)
    update = {"active_run": None, "waiting_signal": None, "ends": (*state.ends, end)[-KEPT_ENDS:]}
    return state.model_copy(update=update)
