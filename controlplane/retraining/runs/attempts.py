"""What a run's job is called, and whether it may be called so once more. Pure.

``rt-{hash}-{attempt}``: the same model, policy and monitor run give the same name, so that a repetition meets its own
job. Only after a *failure* is there another attempt, and each has its own decision.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from controlplane.retraining.decide import Ruling
from controlplane.retraining.model import ModelState, Outcome
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signal import Signal

#: Between a failure and the decision on another attempt.
RETRY_PAUSE = timedelta(minutes=10)
#: Failures that may heal by themselves. What Azure ML refused, or took too long, would do so again.
RETRIED = frozenset({"JobFailed", "JobGone"})
_JOB_NAME = re.compile(r"rt-[0-9a-f]{24}-[1-9][0-9]{0,5}")
_STARTS = frozenset({Outcome.SUBMIT, Outcome.AWAIT_APPROVAL, Outcome.ASK})


def stem(state: ModelState, signal: Signal) -> str:
    """The name without its attempt. Without a monitor's run the signal's dedupe key stands in for it."""
    about = signal.run_id or signal.dedupe_key
    text = f"{state.workspace}\n{state.incarnation}\n{state.model}\n{state.policy_generation}\n{about}"
    return f"rt-{sha256(text.encode()).hexdigest()[:24]}"


def is_job_name(text: str) -> bool:
    """Whether a job of ours could be called so."""
    return bool(_JOB_NAME.fullmatch(text))


def attempt_of(state: ModelState, signal: Signal) -> int | None:
    """1, one more than the attempt that failed, or None: it was done, and this is a repeat."""
    mine = [end for end in state.ends if end.run_id.rpartition("-")[0] == stem(state, signal)]
    if not mine:
        return 1
    last = mine[-1]
    return int(last.run_id.rpartition("-")[2]) + 1 if last.outcome == RunState.FAILED.value else None


def job_name(state: ModelState, signal: Signal, attempt: int) -> str:
    """What the job is called."""
    return f"{stem(state, signal)}-{attempt}"


def not_again(ruling: Ruling, signal: Signal, state: ModelState | None) -> Ruling:
    """A ruling that would start what was done already refuses instead."""
    if ruling.outcome not in _STARTS or state is None or attempt_of(state, signal) is not None:
        return ruling
    sentence = f"Run {stem(state, signal)} has been, and did not fail: the same evidence trains a model once."
    return replace(ruling, outcome=Outcome.REFUSE, reason="AlreadyRun", sentence=sentence)


def is_retried(run: Run) -> bool:
    """Whether its failure is decided on once more."""
    return run.state is RunState.FAILED and run.error is not None and run.error.code in RETRIED
