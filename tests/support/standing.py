"""What stands in workspace ``churn-dev`` that no request made: a run that waits, a promotion, a task, a monitor."""

from __future__ import annotations

from controlplane.http.examples import (
    LABELING,
    MONITOR,
)
from controlplane.objects.repository import put
from controlplane.promotion.facts import told_of
from controlplane.promotion.model import Promotion
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec
from controlplane.retraining.monitors.model import Monitor, MonitorSpec
from controlplane.retraining.policy import Gate, Pipeline
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signal import Signal, SignalKind, Source
from controlplane.retraining.tasks import Task, TaskKind
from tests.support.api import Api


async def waiting_run(api: Api) -> None:
    """A signal and a run that waits for approval."""
    objects, now = api.services.objects, api.clock.now()
    assert objects is not None
    about = {"workspace": "churn-dev", "project": "churn"}
    heard = {"kind": SignalKind.DATA_DRIFT, "source": Source.EVENT, "dedupe_key": "k", "observed_at": now}
    signal = Signal.model_validate({"id": "churn-dev.0", **about, **heard, "received_at": now})
    run = Run(
        id="rt-0-1",
        **about,
        incarnation=1,
        model="churn",
        workspace_id="/subscriptions/x",
        state=RunState.WAITING_APPROVAL,
        deadline=now,
        decision_id="d",
        signal_id=signal.id,
        policy_generation=1,
        pipeline=Pipeline(name="retrain"),
        gate=Gate(),
        created_at=now,
    )
    await objects.commit([*put(None, signal), *put(None, run)])
    times = {"created_at": now, "last_modified_at": now}
    promotion = Promotion(id="churn-dev.1", **about, incarnation=1, model="churn", version="1", **times)
    task = Task(id="churn-dev.2", **about, kind=TaskKind.PLATFORM, signal_id=signal.id, title="Look", **times)
    await objects.commit([*put(None, promotion), *put(None, task), *put(None, told_of(promotion, now))])


async def standing(api: Api) -> None:
    """A monitor and a labelling project that were set once; they cannot be set in this workspace."""
    objects, now = api.services.objects, api.clock.now()
    assert objects is not None
    monitor = Monitor(
        id="churn-dev.watch",
        workspace="churn-dev",
        incarnation=1,
        project="churn",
        name="watch",
        spec=MonitorSpec.model_validate(MONITOR),
        last_modified_at=now,
        last_modified_by="t/ada",
    )
    labeling = LabelingProject(
        id="churn-dev.parts",
        workspace="churn-dev",
        incarnation=1,
        project="churn",
        name="parts",
        spec=LabelingSpec.model_validate(LABELING),
        last_modified_at=now,
        last_modified_by="t/ada",
    )
    await objects.commit([*put(None, monitor), *put(None, labeling)])
