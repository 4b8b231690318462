"""What requirements ask of runs, as data: what is written on a job, who judges its challenger, when a yes is late.
Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from controlplane.retraining.policy import Gate
from controlplane.retraining.runs.gate import Measured, compare
from controlplane.retraining.runs.model import Comparison, Run, RunState
from controlplane.retraining.runs.moves import ended, tags_of


@dataclass(frozen=True, slots=True)
class Label:
    """Tags of a run's job."""

    of: Callable[[Run], dict[str, str]]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judge:
    """Says whether the challenger won; None: it does not judge this one."""

    of: Callable[[Gate, Measured], Comparison | None]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expiry:
    """The end of a run that waits for a person; None: it may wait on."""

    of: Callable[[Run, datetime], Run | None]
    requirements: tuple[str, ...] = ()


def _late(run: Run, now: datetime) -> Run | None:
    if now < run.deadline:
        return None
    return ended(run, RunState.REJECTED, now, "ApprovalExpired", "Nobody approved it in time.")


LABELS: dict[str, Label] = {"lineage": Label(tags_of, ("D30",))}
JUDGES: dict[str, Judge] = {"gate": Judge(compare, ("D29",))}
EXPIRIES: dict[str, Expiry] = {"approval": Expiry(_late, ("D28",))}


def labels(run: Run) -> dict[str, str]:
    """All tags of its job."""
    return {name: value for label in LABELS.values() for name, value in label.of(run).items()}


def judged(gate: Gate, measured: Measured) -> Comparison | None:
    """By the first judge that judges it."""
    found = (judge.of(gate, measured) for judge in JUDGES.values())
    return next((one for one in found if one is not None), None)


def expired(run: Run, now: datetime) -> Run | None:
    """Its end, when it has waited too long."""
    found = (expiry.of(run, now) for expiry in EXPIRIES.values())
    return next((one for one in found if one is not None), None)
