"""A signal of a breach as it is stored first: whoever tells of it only names where to look. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controlplane.retraining.known import Known
from controlplane.retraining.signal import Evidence, Severity, Signal, SignalKind, Source, signal_id


@dataclass(frozen=True, slots=True)
class Hint:
    """``run_id`` is the step that says so, ``root_run_id`` the monitor's run that it is of."""

    source: Source
    key: str
    name: str
    run_id: str | None
    root_run_id: str | None
    at: datetime
    summary: str


def hinted(found: Known, hint: Hint, now: datetime) -> Signal:
    """Kind, measures and window are read back by the tick."""
    return Signal(
        id=signal_id(found.name, hint.key),
        due_at=now,
        workspace=found.name,
        project=found.record.project,
        kind=SignalKind.CUSTOM,
        source=hint.source,
        dedupe_key=hint.key,
        severity=Severity.MEDIUM,
        observed_at=min(hint.at, now),
        received_at=now,
        signal_name=hint.name,
        run_id=hint.run_id,
        root_run_id=hint.root_run_id,
        target=found.workspace_id,
        evidence=Evidence(summary=hint.summary),
    )
