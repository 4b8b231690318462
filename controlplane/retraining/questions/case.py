"""What every question is asked of, and how it is answered. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.retraining.job_costs import Pool
from controlplane.retraining.model import ModelState, Outcome, Verdict
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.signal import OF_MODELS, Signal, SignalKind


@dataclass(frozen=True, slots=True)
class Room:
    """``free`` cores for the ``needed`` ones of a first node, 0 where it asks for no quota; ``doubt``: why nobody knows
    one of them; ``closed``: why there is no node, whatever cores are free."""

    free: int | None = None
    needed: int | None = None
    doubt: str | None = None
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision is made from beside the policy and the signal. ``state`` knows the signal's window already."""

    state: ModelState
    environment: str
    workload: str
    waiting: Signal | None = None
    """The signal that waits for the active run's end."""
    pools: Mapping[str, Pool] = field(default_factory=dict)
    """The workspace's clusters with their prices, by name."""
    room: Room | None = None
    """None: it was not asked."""


@dataclass(frozen=True, slots=True)
class No:
    """A question that does not hold: what comes of it, its code, its sentence."""

    outcome: Outcome
    reason: str
    sentence: str
    verdict: Verdict = Verdict.FAILS
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Yes:
    """A question that holds, or does not apply."""

    sentence: str
    skipped: bool = False
    unknown: bool = False
    """Nobody knows, and it may go on all the same; the sentence says what happens then."""


Answer = Yes | No


@dataclass(frozen=True, slots=True)
class Case:
    """One signal at one moment."""

    policy: RetrainingPolicy
    facts: Facts
    signal: Signal
    now: datetime

    @property
    def wished(self) -> bool:
        """A person has looked: what is held against monitors is not held against it."""
        return self.signal.kind is SignalKind.PERSON

    @property
    def measured(self) -> bool:
        """Whether a monitor says it, so that windows, samples and directions have a meaning."""
        return self.signal.kind in OF_MODELS
