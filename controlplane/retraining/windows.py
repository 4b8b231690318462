"""The window that a signal tells of, once it was read back. Pure."""

from __future__ import annotations

from controlplane.retraining.model import Window, WindowVerdict
from controlplane.retraining.signal import OF_MODELS, Direction, Signal

_VERDICTS = {Direction.WORSE: WindowVerdict.BREACH, Direction.BETTER: WindowVerdict.CLEAR}


def window_of(signal: Signal) -> Window | None:
    """None for what no monitor's window is about. By direction, whatever the component said (D20); what was not read
    back is unknown."""
    if signal.kind not in OF_MODELS or signal.window_at is None or signal.monitor is None or not signal.signal_name:
        return None
    known = signal.evidence.read_back
    return Window(
        monitor=signal.monitor,
        signal_name=signal.signal_name,
        kind=signal.kind,
        at=signal.window_at,
        verdict=_VERDICTS.get(signal.direction, WindowVerdict.UNKNOWN) if known else WindowVerdict.UNKNOWN,
        samples=signal.samples,
        measures=signal.measures,
        run_id=signal.run_id,
    )
