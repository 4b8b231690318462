"""Where a version goes that a run of ours trained: back to staging, to be evaluated before it is used (S3-34). Pure.

Named beside the promotion, with the data that it was trained on: a person, or whatever rolls out, need not look for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.promotion.model import LoopBack
from controlplane.retraining.policy import InputValue
from controlplane.retraining.runs.model import Run

STAGING = "staging"


@dataclass(frozen=True, slots=True)
class Loop:
    """One way back; None: this run does not go it."""

    of: Callable[[Run, tuple[str, ...]], LoopBack | None]
    requirements: tuple[str, ...] = ()


def loop_back(run: Run | None, workspaces: tuple[str, ...]) -> LoopBack | None:
    """``workspaces``: the project's of environment staging, by name."""
    if run is None:
        return None
    found = (loop.of(run, workspaces) for loop in LOOPS.values())
    return next((one for one in found if one is not None), None)


def trained_on(run: Run) -> tuple[datetime | None, datetime | None]:
    """Begin and end of the data that its signal gave it; None where its pipeline takes no such input."""
    named = {kind: name for name, kind in run.pipeline.from_signal.items()}
    begin, end = (run.inputs.get(named.get(kind, "")) for kind in (InputValue.WINDOW_BEGIN, InputValue.WINDOW_END))
    return _time(begin), _time(end)


def is_newer(run: Run, earlier: Run) -> bool | None:
    """Whether its data ends later than an earlier run's; None where one of them does not say."""
    (_, mine), (_, theirs) = trained_on(run), trained_on(earlier)
    return None if mine is None or theirs is None else mine > theirs


def _retrained(run: Run, workspaces: tuple[str, ...]) -> LoopBack | None:
    begin, end = trained_on(run)
    return LoopBack(environment=STAGING, workspaces=workspaces, run_id=run.id, data_begin=begin, data_end=end)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


LOOPS: Mapping[str, Loop] = {"retrained": Loop(_retrained, ("S3-34",))}
