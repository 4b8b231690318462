"""Azure's side of a year: what the monitors' windows say, and jobs that are found without looking through all."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime

from controlplane.json_types import JsonObject
from controlplane.retraining.signal import Evidence, Measure, Signal, SignalKind, Source, direction_of, signal_id
from controlplane.retraining.signals.eventgrid import ROOT_RUN
from tests.support.fake_azure import FakeAzure
from tests.support.year_plan import HOUR, Plan, Slot

PSI, ACCURACY = "PopulationStabilityIndex", "Accuracy"
#: Part of a monitor's signal → its kind, metric and the monitor's threshold.
PARTS = {"drift": (SignalKind.DATA_DRIFT, PSI, 0.2), "truth": (SignalKind.PERFORMANCE, ACCURACY, 0.8)}


def signal_of(plan: Plan, slot: Slot, part: str, now: datetime, rows: int = 5000) -> Signal:
    """What one part of a monitor's window says, read back."""
    kind, metric, limit = PARTS[part]
    run, name = f"{plan.name}-{part}-{slot.index}", f"w{plan.name}_{part}"
    value = slot.psi if part == "drift" else slot.accuracy
    key, direction = f"breach\n1\n{run}\n{name}", direction_of(metric, value, limit)
    return Signal(
        id=signal_id("ws", key), due_at=now, workspace="ws", project="churn", kind=kind, source=Source.POLL,
        dedupe_key=key, observed_at=slot.at + 3 * HOUR, received_at=now, signal_name=name, run_id=run,
        model=plan.name, monitor=f"w{plan.name}", window_at=slot.at, direction=direction,
        evidence=Evidence(read_back=True), samples=rows,
        measures=(Measure(metric=metric, value=value, threshold=limit, direction=direction),),
    )  # fmt: skip


class YearAzure(FakeAzure):
    """Jobs of a year: the newest of a schedule are found without looking through all of them."""

    def __init__(self) -> None:
        super().__init__(latency=0)
        self._roots: dict[str, deque[JsonObject]] = defaultdict(lambda: deque(maxlen=8))

    def breach(self, workspace: str, schedule: str, step: str, said: tuple[datetime, dict[str, str]]) -> None:
        """A run that the schedule started, and its step with these tags."""
        made = {"createdAt": said[0].isoformat(), "createdBy": "azureml"}
        root = f"root-{step}"
        self._roots[schedule].append({"name": root, "properties": {"status": "Completed"}, "systemData": made})
        properties = {"status": "Completed", "tags": said[1], "properties": {ROOT_RUN: root}}
        self.plant(f"{workspace}/jobs/{step}", properties=properties, systemData=made)

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        return tuple(self._roots[dict(query)["scheduleId"]])
