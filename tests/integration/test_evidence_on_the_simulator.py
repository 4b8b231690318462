"""What the simulator's Azure ML says of a monitor's run is what the product reads a breach back from: its events are
decoded, the step's own run is found under the monitor's schedule, and a run of somebody's own is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.json_types import JsonObject
from controlplane.ports.reader import OperationReading
from controlplane.retraining.monitors.model import Monitor, MonitorSignal, MonitorSpec
from controlplane.retraining.signal import Direction, Evidence, Signal, SignalKind, Source
from controlplane.retraining.signals.breach import BREACH_TAG, parse_breach
from controlplane.retraining.signals.eventgrid import Heard, decode
from controlplane.retraining.signals.evidence import ReadBack, read_back, understood
from tests.simulator.learning import put, told
from tests.simulator.test_model_monitors import Watched, monitor

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WATCH = Monitor(
    id="ws.m1", workspace="ws", incarnation=1, project="p", name="m1", last_modified_at=NOW, last_modified_by="x",
    spec=MonitorSpec(
        model="churn", endpoint="churn", deployment="blue", period=timedelta(hours=1),
        signals=(MonitorSignal(name="drift", kind=SignalKind.DATA_DRIFT, thresholds={"x": 0.1}),),
    ),
)  # fmt: skip


class Reader:
    """``ports.reader.NewestReader`` on a lab."""

    def __init__(self, azure: Watched) -> None:
        self._azure = azure

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        answer = self._azure._lab.call("GET", path, api=api_version)
        return None if answer.status == 404 else answer.body

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        asked = "&".join(f"{name}={value}" for name, value in query)
        return tuple(self._azure._lab.get(f"{path}?{asked}", api=api_version)["value"])

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        raise NotImplementedError

    async def operation(self, url: str) -> OperationReading:
        raise NotImplementedError


@pytest.fixture
def azure() -> Watched:
    made = Watched()
    addresses = {"alertNotificationType": "Email", "emailNotificationSetting": {"emails": ["a@contoso.com"]}}
    put(made, "/schedules/m1", **monitor(alertNotificationSetting=addresses))
    made.inject(endpoint="churn", severity="high")
    made.run()
    return made


def events(azure: Watched) -> list[Heard]:
    """Of the step that says so."""
    found = []
    for data in told(azure, "RunStatusChanged"):
        heard = decode({
            "topic": azure.workspace, "eventType": "Microsoft.MachineLearningServices.RunStatusChanged", "id": "1",
            "eventTime": NOW.isoformat(), "data": data,
        })  # fmt: skip
        assert isinstance(heard, Heard)
        if parse_breach((heard.tags or {}).get(BREACH_TAG)) is not None:
            found.append(heard)
    return found


def signal(heard: Heard, **changes: Any) -> Signal:
    said: dict[str, Any] = {
        "id": "s", "workspace": "ws", "project": "p", "kind": SignalKind.CUSTOM, "source": Source.EVENT,
        "dedupe_key": "s", "observed_at": NOW, "received_at": NOW, "signal_name": "m1_drift", "run_id": heard.run_id,
        "root_run_id": heard.root_run_id, "evidence": Evidence(),
    }  # fmt: skip
    return Signal(**{**said, **changes})


async def seen(azure: Watched, claim: Signal) -> ReadBack:
    return await read_back(Reader(azure), azure.workspace, claim, WATCH, NOW)


async def test_a_monitors_breach_is_read_back_from_its_step(azure: Watched) -> None:
    heard = events(azure)
    assert len(heard) > 1, "several events tell of one breach"
    assert len({one.run_id for one in heard}) == 1
    found = await seen(azure, signal(heard[0]))
    assert found.evidence.read_back, found.evidence.summary
    learned = understood(signal(heard[0]), found, WATCH)
    assert (learned.direction, learned.model, learned.kind) == (Direction.WORSE, "churn", SignalKind.DATA_DRIFT)
    assert learned.window_at is not None
    assert learned.window_at.minute == 0


async def test_where_arm_hides_steps_the_root_run_says_it(azure: Watched) -> None:
    (heard, *_) = events(azure)
    azure.engine.store.set("hidden_steps", True)
    assert heard.root_run_id is not None
    assert (await seen(azure, signal(heard))).evidence.read_back
    assert not (await seen(azure, signal(heard, root_run_id="another"))).evidence.read_back
    assert not (await seen(azure, signal(heard, root_run_id=None))).evidence.read_back


async def test_a_run_of_somebodys_own_that_is_tagged_so_is_not_the_monitors(azure: Watched) -> None:
    (heard, *_) = events(azure)
    tags = {BREACH_TAG: (heard.tags or {})[BREACH_TAG]}
    mine = {"jobType": "Command", "command": "x", "environmentId": "azureml:e:1", "tags": tags}
    lineage = {"azureml.rootpipelinerunid": heard.root_run_id, "azureml.runsource": "azureml.StepRun"}
    put(azure, "/jobs/forged-1", **mine)
    put(azure, "/jobs/forged-2", **mine, properties=lineage)
    assert heard.root_run_id is not None
    for name in ("forged-1", "forged-2"):
        found = await seen(azure, signal(heard, run_id=name))
        assert (found.evidence.read_back, found.evidence.doubt) == (False, "NotOfItsMonitor"), name
