"""A managed workspace, its models' rows and ticks, on a store in memory and a clock that tests move."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.errors import Rejected
from controlplane.objects.repository import Objects, Stored, Thing, of_workspace, put
from controlplane.objects.tick import Machines, tick_object
from controlplane.ports.ml import BatchDeployment, PipelineJob
from controlplane.ports.notify import Notifier
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule
from controlplane.ports.store import Insert, Store
from controlplane.projects.model import Limits, ProjectRecord, Registration
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.decide import Ruling
from controlplane.retraining.declared import declared_id
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known, known
from controlplane.retraining.model import Decision, ModelState, Outcome, state_id
from controlplane.retraining.monitors.model import Monitor, MonitorSignal, MonitorSpec
from controlplane.retraining.outcomes import Standing, made_of
from controlplane.retraining.parts import parts
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.polls.ports import PollPorts
from controlplane.retraining.runs.model import Run
from controlplane.retraining.runs.reading import ENDED, OWNER_TAG
from controlplane.retraining.signal import Direction, Evidence, Signal, SignalKind, Source, signal_id
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.eventgrid import ROOT_RUN
from controlplane.retraining.signals.intake import IntakeDeps
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import WorkspaceRepository, dump
from controlplane.workspaces.rows import PARTITION
from controlplane.workspaces.shares import group_row
from tests.support.clock import START, FrozenClock
from tests.support.fake_azure import FakeAzure
from tests.support.memory_store import MemoryQueue, MemoryStore

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
MONITOR, DRIFT = "watch", "watch_drift"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIPELINE: dict[str, Any] = {"name": "retrain", "version": "3", "compute": "cpu"}
BATCH: dict[str, Any] = {"kind": "batchDeployment", "name": "training", "deployment": "blue"}


def message(name: str = DRIFT, **metrics: tuple[float, float]) -> str:
    """A breach as Azure ML's component writes it: metric → value, threshold."""
    items = [
        json.dumps({"metric_value": value, "metric_name": metric, "threshold_value": limit, "group": "AGE"})
        for metric, (value, limit) in metrics.items()
    ]
    return (
        f"The signal '{name}' has failed due to one or more features violating metric thresholds.\nThe feature names "
        f"and their\n  corresponding computed metric values violating the threshold are \n{items!r}\n"
    )


@dataclass
class MemoryMl:
    """``ports.ml.MlWriter``: jobs are planted in the fake Azure as the real ones are read from it."""

    azure: FakeAzure
    jobs: dict[str, PipelineJob] = field(default_factory=dict)
    after_cancel: str = "Canceled"
    """What a job is, once its cancel was asked for."""

    submitted: list[str] = field(default_factory=list)
    """Names of jobs, each time that one was made."""
    canceled: list[str] = field(default_factory=list)

    async def submit(self, workspace_id: str, job: PipelineJob) -> None:
        """As Azure: a name is one job, and another body is refused."""
        async with self.azure.switch.point(f"submit {job.name}"):
            there = self.jobs.get(job.name)
            if there is not None and there.owner != job.owner:
                raise Rejected("UserError", "A job with this name already exists.")
            if there is not None:
                return
            self.jobs[job.name] = job
            self.submitted.append(job.name)
            late = isinstance(job.source, BatchDeployment)
            self.plant(workspace_id, job.name, "Running", **({} if late else {**job.tags, OWNER_TAG: job.owner}))
            if isinstance(job.source, BatchDeployment):
                properties = self.azure.body(f"/jobs/{job.name}")["properties"]
                properties["properties"] = {
                    "azureml.batchendpointid": job.source.endpoint, "azureml.deploymentname": job.source.deployment,
                }  # fmt: skip

    async def label(self, workspace_id: str, name: str, tags: Mapping[str, str]) -> None:
        async with self.azure.switch.point(f"label {name}"):
            self.azure.body(f"/jobs/{name}")["properties"]["tags"].update(tags)

    async def cancel(self, workspace_id: str, name: str) -> None:
        async with self.azure.switch.point(f"cancel {name}"):
            self.canceled.append(name)
            properties = self.azure.body(f"/jobs/{name}")["properties"]
            if properties["status"] not in ENDED:
                properties["status"] = self.after_cancel

    def end(self, name: str, status: str, **tags: str) -> None:
        """The job ends; its pipeline has written these tags."""
        properties = self.azure.body(f"/jobs/{name}")["properties"]
        properties["status"] = status
        properties["tags"].update(tags)

    async def put_schedule(self, workspace_id: str, request: MonitorRequest | PipelineSchedule) -> None:
        raise NotImplementedError("this world's monitors stand already")

    def plant(self, workspace_id: str, name: str, status: str, **tags: str) -> None:
        """A job with this status and these tags."""
        made = {"createdAt": START.isoformat()}
        services = {"Studio": {"endpoint": f"https://ml.azure.com/runs/{name}"}}
        told = {"status": status, "tags": dict(tags), "services": services}
        self.azure.plant(f"{workspace_id}/jobs/{name}", properties=told, systemData=made)


@dataclass
class RetrainingWorld:
    """``environment`` and ``workload`` are the workspace's."""

    environment: str = "dev"
    workload: str = "classical"
    store: Store = field(default_factory=MemoryStore)
    clock: FrozenClock = field(default_factory=FrozenClock)
    azure: FakeAzure = field(default_factory=FakeAzure)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    notifier: Notifier | None = None

    def __post_init__(self) -> None:
        self.ml = MemoryMl(self.azure)
        self.objects = Objects(self.store, Kind.RETRAINING)
        self.workspaces = WorkspaceRepository(self.store)
        self.intake = IntakeDeps(self.objects, self.workspaces, self.queue, self.clock)
        self.deps = deps = RetrainingDeps(
            objects=self.objects,
            workspaces=self.workspaces,
            projects=ProjectRepository(self.store),
            reader=self.azure,
            writer=self.azure,
            ml=self.ml,
            clock=self.clock,
            queue=self.queue,
            polls=self.ports(),
            notifier=self.notifier,
        )
        self.machines = Machines(self.objects, parts(deps), self.queue, self.clock, SystemClock(), "test")
        spec = {"subscriptionId": SUBSCRIPTION, "environment": self.environment, "workload": self.workload}
        self.record = WorkspaceRecord(
            name="ws",
            project="churn",
            resource_group="rg-ws",
            spec=spec,
            created_at=START,
            created_by="t/ada",
            last_modified_at=START,
            last_modified_by="t/ada",
        )

    def ports(self) -> PollPorts | None:
        """What the sweep asks; None: nothing is polled."""
        return None

    @property
    def known(self) -> Known:
        return known(self.record)

    async def begin(self, policy: Mapping[str, Any] | None = None, model: str = "churn") -> None:
        """The workspace, a daily monitor of the model, and its policy (None: without one)."""
        group = group_row(SUBSCRIPTION, self.record.resource_group)
        rows = [Insert("w!ws", dump(self.record)), Insert(group, {"workspace": "ws"})]
        await self.store.commit(PARTITION, rows)
        await self.add(
            Monitor(
                id=declared_id("ws", MONITOR),
                workspace="ws",
                incarnation=1,
                project="churn",
                name=MONITOR,
                spec=MonitorSpec(
                    model=model,
                    endpoint="ep",
                    deployment="blue",
                    signals=(
                        MonitorSignal(name="drift", kind=SignalKind.DATA_DRIFT, thresholds={"psi": 0.2}),
                        MonitorSignal(name="quality", kind=SignalKind.PERFORMANCE, thresholds={"Accuracy": 0.8}),
                    ),
                ),
                last_modified_at=START,
                last_modified_by="t/ada",
            )
        )
        path = f"{self.known.workspace_id}/components/retrain/versions/3"
        self.azure.plant(path, properties={"tags": {"git.commit": COMMIT}, "componentSpec": {"type": "pipeline"}})
        training = {"deploymentConfiguration": {"componentId": {"assetId": path}}}
        self.azure.plant(f"{self.known.workspace_id}/batchEndpoints/training/deployments/blue", properties=training)
        if policy is not None:
            parsed = RetrainingPolicy.model_validate({"pipeline": PIPELINE, **policy})
            state = ModelState(
                id=state_id("ws", model), workspace="ws", incarnation=1, project="churn", model=model,
                policy=parsed, policy_generation=1,
            )  # fmt: skip
            await self.add(state)

    async def register(self, **limits: int) -> None:
        """The project, by a Platform.Admin."""
        now, given = self.clock.now(), Limits(**limits)
        told = Registration(
            subscriptions=(SUBSCRIPTION,), regions=("westeurope",), resource_group_prefix="rg-", limits=given
        )
        by = {"created_at": now, "created_by": "t/root", "last_modified_at": now, "last_modified_by": "t/root"}
        record = ProjectRecord.model_validate({"name": "churn", "registration": told, **by})
        await self.deps.projects.save(record, await self.deps.projects.load("churn"))

    async def add(self, thing: Thing) -> None:
        await self.objects.commit(put(None, thing))

    def breach(
        self, run: str, text: str | None = None, *, at: datetime | None = None, samples: int | None = 5000
    ) -> dict[str, Any]:
        """The monitor's run in Azure, and the event that tells of it."""
        at = at or self.clock.now()
        tags = {BREACH_TAG: text or message(PopulationStabilityIndex=(0.4, 0.2))}
        if samples is not None:
            tags["cp.samples"] = str(samples)
        root = self.scheduled(f"{MONITOR}-{at:%Y%m%dT%H%M%SZ}", at)
        self.azure.plant(
            f"{self.known.workspace_id}/jobs/{run}",
            properties={"status": "Completed", "tags": tags, "properties": {ROOT_RUN: root}},
            systemData={"createdAt": at.isoformat(), "createdBy": "azureml"},
        )
        return self.event(run, tags, at)

    def scheduled(self, name: str, at: datetime, schedule: str = MONITOR, **tags: str) -> str:
        """A run that a monitor's schedule started."""
        self.azure.plant(
            f"{self.known.workspace_id}/jobs/{name}",
            properties={"status": "Completed", "tags": tags},
            systemData={"createdAt": at.isoformat(), "createdBy": "azureml"},
            schedule=schedule,
        )
        return name

    def event(self, run: str, tags: Mapping[str, str], at: datetime | None = None) -> dict[str, Any]:
        """A RunStatusChanged of the workspace."""
        return {
            "topic": self.known.workspace_id,
            "subject": f"experiments/x/runs/{run}",
            "eventType": "Microsoft.MachineLearningServices.RunStatusChanged",
            "eventTime": (at or self.clock.now()).isoformat(),
            "id": f"event-{run}",
            "data": {"runId": run, "runTags": dict(tags), "runStatus": "Completed"},
        }

    async def tick(self) -> int:
        """Every object that is due gets its ticks until nothing is; how many there were."""
        count = 0
        while due := await self.objects.due(self.clock.now() + timedelta(microseconds=1)):
            for one in due:
                await tick_object(one.kind, one.id, self.machines)
                count += 1
            assert count < 2000, f"it never comes to rest: {due}"
        return count

    async def begun(self, outcome: Outcome = Outcome.SUBMIT, run: str = "step-1") -> Run:
        """A run, after its first ticks, as a ruling on a breach begins it: whatever is heard, and asked before that."""
        now, key = self.clock.now(), f"begun\n{run}"
        self.breach(run)
        evidence = Evidence(read_back=True, at=now, summary=message(PopulationStabilityIndex=(0.4, 0.2)))
        signal = Signal(
            id=signal_id("ws", key), workspace="ws", project="churn", kind=SignalKind.DATA_DRIFT, source=Source.EVENT,
            dedupe_key=key, observed_at=now, received_at=now, window_at=now, model="churn", run_id=run, monitor=MONITOR,
            signal_name=DRIFT, direction=Direction.WORSE, samples=5000, evidence=evidence,
        )  # fmt: skip
        state = await self.state()
        made = made_of(Ruling(outcome, "Said", "It was said.", ()), signal, Standing(state.value, self.known), now)
        assert made.state is not None
        new = [write for one in (made.signal, *made.new) for write in put(None, one)]
        await self.objects.commit([*put(state, made.state), *new])
        await self.tick()
        return (await self.runs())[0]

    async def decisions(self) -> tuple[Decision, ...]:
        """Newest first."""
        return (await self.objects.page(Decision, of_workspace(Decision, "ws"), limit=1000)).values

    async def runs(self) -> tuple[Run, ...]:
        """Newest first."""
        return (await self.objects.page(Run, of_workspace(Run, "ws"), limit=1000)).values

    async def signals(self) -> tuple[Signal, ...]:
        """Newest first."""
        return (await self.objects.page(Signal, of_workspace(Signal, "ws"), limit=1000)).values

    async def state(self, model: str = "churn") -> Stored[ModelState]:
        return await self.objects.require(ModelState, state_id("ws", model))
