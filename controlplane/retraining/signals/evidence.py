"""Reading back what a signal claims: the run's own tags, through ARM, and whose run it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import NewestReader
from controlplane.retraining.monitors.model import Monitor, data_of, signal_name, slot_of
from controlplane.retraining.signal import Evidence, Measure, Signal, direction_of
from controlplane.retraining.signals.breach import BREACH_TAG, Breach, parse_breach
from controlplane.retraining.signals.eventgrid import plain, time_of
from controlplane.retraining.signals.ownership import NOT_ITS_MONITORS, its_run, properties_of, root_of, same_maker

JOBS_API = "2024-04-01"
#: What a pipeline's step says of how many rows its window had.
SAMPLES_TAG = "cp.samples"
#: On the root run, with the signal's name behind it, when the monitor has addresses to notify. Source:
#: Azure/azureml-assets, evaluate_metrics_threshold.py. Azure ML's ARM may show a root run only (docs/adr,
#: step-runs-in-arm).
ROOT_BREACH_TAG = "azureml.modelmonitor.threshold.breached."


@dataclass(frozen=True, slots=True)
class ReadBack:
    """``breach`` None: the run does not say so, or could not be read; ``evidence.summary`` says which. With a
    ``doubt`` in the evidence it says so, and is not the monitor's."""

    evidence: Evidence
    breach: Breach | None = None
    started_at: datetime | None = None
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """``monitor`` None: the signal's name is no monitor's of ours, and who made the run is not asked."""

    reader: NewestReader
    workspace_id: str
    signal: Signal
    monitor: Monitor | None


async def read_back(
    reader: NewestReader, workspace_id: str, signal: Signal, monitor: Monitor | None, now: datetime
) -> ReadBack:
    """The run that a signal names, and the monitor's run that this is a step of. Raises ``Transient``: it is read
    again later."""
    path = f"{workspace_id}/jobs/{signal.run_id}"
    try:
        step = await reader.get(path, JOBS_API)
        if step is None:
            return ReadBack(Evidence(where=path, at=now, summary="Azure ML has no such run."))
        asked = _Asked(reader, workspace_id, signal, monitor)
        found = await (_of_step(asked, step) if properties_of(step) else _of_root(asked))
    except Rejected as error:
        return ReadBack(Evidence(where=path, at=now, summary=f"It could not be read: {error.code}."))
    return replace(found, evidence=found.evidence.model_copy(update={"where": path, "at": now}))


async def _of_step(asked: _Asked, step: JsonObject) -> ReadBack:
    text = _tags(step).get(BREACH_TAG, "")
    breach = parse_breach(text)
    if breach is None or breach.signal_name != asked.signal.signal_name:
        return ReadBack(Evidence(summary="The run's tags do not say that."))
    found = ReadBack(_says(text), breach, _started(step), _count(_tags(step).get(SAMPLES_TAG)))
    if asked.monitor is None:
        return found
    root = await its_run(asked.reader, asked.workspace_id, asked.monitor, root_of(step))
    if root is None:
        return _doubted(found, f"It is no run that the schedule of monitor {asked.monitor.name} started.")
    if not same_maker(step, root):
        return _doubted(found, f"Somebody else than the schedule of monitor {asked.monitor.name} made it.")
    return replace(found, started_at=_started(root) or found.started_at)


async def _of_root(asked: _Asked) -> ReadBack:
    """Azure shows that there is a step, and nothing of it: its root run says the same, to monitors with addresses."""
    signal, monitor = asked.signal, asked.monitor
    if monitor is None or signal.root_run_id is None:
        return ReadBack(Evidence(summary="Azure does not show what the run's tags say."))
    root = await its_run(asked.reader, asked.workspace_id, monitor, signal.root_run_id)
    tags = _tags(root) if root is not None else {}
    text = tags.get(f"{ROOT_BREACH_TAG}{signal.signal_name}", "")
    breach = parse_breach(text)
    if root is None or breach is None or breach.signal_name != signal.signal_name:
        sentence = f"Azure does not show the step's tags, and no run of monitor {monitor.name} says it."
        return ReadBack(Evidence(summary=sentence))
    return ReadBack(_says(text), breach, _started(root), _count(tags.get(SAMPLES_TAG)))


def understood(signal: Signal, found: ReadBack, monitor: Monitor | None) -> Signal:
    """The signal with what was read back: whose it is, of which window, and by how much. What was not read back, or is
    not the monitor's, has no window: it must not stand among the true ones."""
    named: dict[str, object] = {"evidence": found.evidence}
    part = None
    if monitor is not None:
        part = next(one for one in monitor.spec.signals if signal_name(monitor.name, one.name) == signal.signal_name)
        named |= {"monitor": monitor.name, "model": monitor.spec.model, "kind": part.kind}
    breach = found.breach
    if breach is None:
        return signal.model_copy(update=named)
    begun = found.started_at if found.evidence.read_back else None
    if part is not None:
        breach = replace(breach, measures=held_against(breach.measures, part.thresholds))
    slot = slot_of(monitor.spec, begun) if monitor is not None and begun is not None else None
    begin, end = data_of(monitor.spec, slot) if monitor is not None and slot is not None else (None, None)
    return signal.model_copy(
        update={
            **named,
            "measures": breach.measures,
            "direction": breach.direction,
            "samples": found.samples,
            "window_at": slot,
            "data_begin": begin,
            "data_end": end,
        }
    )


def held_against(measures: tuple[Measure, ...], thresholds: Mapping[str, float]) -> tuple[Measure, ...]:
    """The measures by the thresholds that the monitor was set with: what a run says of thresholds and directions is
    its component's (``monitors/schedule.py``)."""
    asked = {metric.lower(): value for metric, value in thresholds.items()}
    return tuple(
        one
        if (threshold := asked.get(one.metric.lower())) is None
        else one.model_copy(
            update={"threshold": threshold, "direction": direction_of(one.metric, one.value, threshold)}
        )
        for one in measures
    )


def _says(text: str) -> Evidence:
    return Evidence(read_back=True, summary=plain(text, 4000))


def _doubted(found: ReadBack, sentence: str) -> ReadBack:
    return replace(found, evidence=Evidence(doubt=NOT_ITS_MONITORS, summary=sentence))


def _tags(job: JsonObject) -> Mapping[str, str]:
    tags = properties_of(job).get("tags")
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}


def _started(job: JsonObject) -> datetime | None:
    """When the run was made; its monitor's slot is the latest before it."""
    system = job.get("systemData")
    return time_of(system.get("createdAt")) if isinstance(system, dict) else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None
