"""Reading back what a signal claims: the run's own tags, through ARM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.monitors.model import Monitor, signal_name, slot_of
from controlplane.retraining.signal import Evidence, Signal
from controlplane.retraining.signals.breach import BREACH_TAG, Breach, parse_breach

JOBS_API = "2024-04-01"
#: What a pipeline's step says of how many rows its window had.
SAMPLES_TAG = "cp.samples"


@dataclass(frozen=True, slots=True)
class ReadBack:
    """``breach`` None: the run does not say so, or could not be read; ``evidence.summary`` says which."""

    evidence: Evidence
    breach: Breach | None = None
    started_at: datetime | None = None
    samples: int | None = None


async def read_back(reader: ResourceReader, workspace_id: str, signal: Signal, now: datetime) -> ReadBack:
    """The run that a signal names. Raises ``Transient``: it is read again later."""
    path = f"{workspace_id}/jobs/{signal.run_id}"
    try:
        job = await reader.get(path, JOBS_API)
    except Rejected as error:
        return ReadBack(Evidence(where=path, at=now, summary=f"It could not be read: {error.code}."))
    if job is None:
        return ReadBack(Evidence(where=path, at=now, summary="Azure ML has no such run."))
    tags = _tags(job)
    breach = parse_breach(tags.get(BREACH_TAG))
    if breach is None or breach.signal_name != signal.signal_name:
        return ReadBack(Evidence(where=path, at=now, summary="The run's tags do not say that."))
    evidence = Evidence(read_back=True, where=path, at=now, summary=tags[BREACH_TAG][:4000])
    return ReadBack(evidence, breach, _started(job), _count(tags.get(SAMPLES_TAG)))


def monitor_of(monitors: tuple[Monitor, ...], name: str | None) -> Monitor | None:
    """The monitor whose signal has this name (D19); the longest name that fits, where one begins another."""
    fitting = [one for one in monitors for part in one.spec.signals if name == signal_name(one.name, part.name)]
    return max(fitting, key=lambda one: len(one.name), default=None)


def understood(signal: Signal, found: ReadBack, monitor: Monitor | None) -> Signal:
    """The signal with what was read back: whose it is, of which window, and by how much."""
    breach = found.breach
    if breach is None:
        return signal.model_copy(update={"evidence": found.evidence})
    part = next(
        (one for one in monitor.spec.signals if signal_name(monitor.name, one.name) == signal.signal_name), None
    ) if monitor else None  # fmt: skip
    return signal.model_copy(
        update={
            "evidence": found.evidence,
            "measures": breach.measures,
            "direction": breach.direction,
            "samples": found.samples,
            "kind": part.kind if part else signal.kind,
            "monitor": monitor.name if monitor else None,
            "model": monitor.spec.model if monitor else None,
            "window_at": slot_of(monitor.spec, found.started_at) if monitor and found.started_at else None,
        }
    )


def _tags(job: JsonObject) -> Mapping[str, str]:
    properties = job.get("properties")
    tags = properties.get("tags") if isinstance(properties, dict) else None
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}


def _started(job: JsonObject) -> datetime | None:
    """When the run was made; its monitor's slot is the latest before it."""
    system = job.get("systemData")
    text = system.get("createdAt") if isinstance(system, dict) else None
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None
