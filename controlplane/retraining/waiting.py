"""Which of two signals waits for a model's active run: the latest, and a person's wish before a monitor's (D24)."""

from __future__ import annotations

from datetime import datetime

from controlplane.retraining.signal import Signal, SignalKind, SignalState


def waits_before(waiting: Signal, other: Signal) -> bool:
    """Whether ``waiting`` keeps its place when ``other`` comes. A signal never loses its place to itself."""
    return waiting.id != other.id and waiting.state is SignalState.HELD and _rank(waiting) >= _rank(other)


def displaced(waiting: Signal, by: Signal) -> Signal:
    """What becomes of the one that waited so far."""
    reason = f"Signal {by.id} waits for the active run in its place."
    return waiting.model_copy(update={"state": SignalState.DECIDED, "due_at": None, "reason": reason})


def _rank(signal: Signal) -> tuple[bool, datetime]:
    return signal.kind is SignalKind.PERSON, signal.window_at or signal.observed_at
