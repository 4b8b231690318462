"""A year of fifty models in one process: events heard, lost, doubled and late; polls that stand in; runs that end.

Between an event and a decision everything is the product's own: decoding, admission, the store, the tick and its
reading back, ``decide``. Every decision is judged once more by the oracle, from what this module has seen happen.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controlplane.errors import Rejected
from controlplane.objects.tick import tick_object
from controlplane.retraining.declared import declared_id
from controlplane.retraining.model import Decision, ModelState, Outcome, Window, state_id
from controlplane.retraining.monitors.model import Monitor, MonitorSignal, MonitorSpec
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.policy_rules import parse_policy
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import ended, moved
from controlplane.retraining.runs.storing import writes_of
from controlplane.retraining.signal import (
    OF_MODELS,
    Direction,
    Evidence,
    Signal,
    SignalKind,
    SignalState,
    Source,
    signal_id,
)
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.evidence import SAMPLES_TAG
from controlplane.retraining.signals.intake import hear, take
from controlplane.retraining.signals.windows import record_window
from tests.support.clock import FrozenClock
from tests.support.oracle import Past, judge
from tests.support.retraining_cases import window_of
from tests.support.retraining_world import PIPELINE, RetrainingWorld, message
from tests.support.sorted_store import SortedStore
from tests.support.year_azure import PARTS, YearAzure, signal_of
from tests.support.year_plan import ABOUT, BEGIN, DAY, HOUR, Plan, Slot

STARTS = ("submit", "awaitApproval", "ask")
_Do = Callable[[], Awaitable[None]]


@dataclass
class Seen:
    """A run as the test sees it; ``window`` is None for a person's wish, ``sent`` when Azure ML was asked at once."""

    begun: datetime
    window: datetime | None
    sent: bool
    ended: tuple[datetime, str, bool] | None = None


@dataclass
class Model:
    """One model as the test sees it."""

    plan: Plan
    policy: RetrainingPolicy
    past: Past = field(default_factory=Past)
    runs: list[Seen] = field(default_factory=list)
    asked: bool = False
    """Whether a person was called by the breaker and has not looked yet."""


class Year:
    """``reasons`` counts decisions, ``disagreements`` holds what the oracle sees differently."""

    def __init__(self, plans: tuple[Plan, ...], seed: int) -> None:
        self.draw = random.Random(seed)
        self.clock = FrozenClock(BEGIN)
        self.worlds = [
            RetrainingWorld(env, workload, SortedStore(), self.clock, YearAzure()) for workload, env in ABOUT
        ]
        self.models = [Model(one, parse_policy({"pipeline": PIPELINE, **one.policy})) for one in plans]
        self.by_name = {(one.plan.workspace, one.plan.name): one for one in self.models}
        self.reasons: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()
        self.disagreements: list[str] = []
        self.keys: Counter[str] = Counter()
        self._agenda: list[tuple[datetime, int, _Do]] = []

    async def run(self) -> None:
        for world in self.worlds:
            world.record = world.record.model_copy(update={"created_at": BEGIN})
            await world.begin(None)
        for model in self.models:
            await self._begin(model)
            for slot in model.plan.slots:
                self._happen(model, slot)
        while self._agenda:
            at, _, do = heapq.heappop(self._agenda)
            self.clock.advance(max(0.0, (at - self.clock.now()).total_seconds()))
            await do()
            self._hear_hints()

    def _at(self, moment: datetime, do: _Do) -> None:
        heapq.heappush(self._agenda, (moment, len(self._agenda) + self.draw.randrange(1 << 40), do))

    async def _begin(self, model: Model) -> None:
        plan, world = model.plan, self.worlds[model.plan.workspace]
        watch = f"w{plan.name}"
        signals = tuple(
            MonitorSignal(name=part, kind=kind, thresholds={metric: limit})
            for part, (kind, metric, limit) in PARTS.items()
        )
        spec = MonitorSpec(
            model=plan.name, endpoint="ep", deployment="blue", period=plan.period, begins_at=BEGIN, signals=signals
        )
        await world.add(
            Monitor(
                id=declared_id("ws", watch), workspace="ws", incarnation=1, project="churn", name=watch, spec=spec,
                last_modified_at=BEGIN, last_modified_by="t/ada",
            )
        )  # fmt: skip
        await world.add(
            ModelState(
                id=state_id("ws", plan.name), workspace="ws", incarnation=1, project="churn", model=plan.name,
                policy=model.policy, policy_generation=1,
            )
        )  # fmt: skip

    # -- what happens in Azure, and what is heard of it ---

    def _happen(self, model: Model, slot: Slot) -> None:
        """The runs of one window, the events of those in breach, and the poll of the day."""
        silent, gone = slot.trouble == "silent", slot.trouble == "outage"
        self.fates["silent"] += silent
        self.fates["outage"] += gone
        for number, part in enumerate(PARTS):
            done = slot.at + 3 * HOUR + number * HOUR / 2
            if not gone and signal_of(model.plan, slot, part, done).direction is Direction.WORSE:
                self._at(done, self._breach(model, slot, part, done))
                if not silent:
                    self._send(model, slot, part, done)
            self._at(slot.at + 12 * HOUR + silent * model.plan.period, self._poll(model, slot, part))

    def _breach(self, model: Model, slot: Slot, part: str, done: datetime) -> _Do:
        """A step of the monitor's run that says so; one in trouble cannot be read the first time."""

        async def breach() -> None:
            world = self.worlds[model.plan.workspace]
            azure, told = world.azure, signal_of(model.plan, slot, part, done)
            assert isinstance(azure, YearAzure) and told.monitor
            azure.breach(world.known.workspace_id, told.monitor, told.run_id or "", (done, self._tags(told, slot)))
            if slot.trouble == "unread":
                self.fates["unread"] += 1
                azure.fail("GET", f"jobs/{told.run_id}", lambda: Rejected("AuthorizationFailed", "not now"))

        return breach

    def _tags(self, told: Signal, slot: Slot) -> dict[str, str]:
        measure = told.measures[0]
        numbers = {measure.metric: (measure.value or 0.0, measure.threshold or 0.0)}
        return {BREACH_TAG: message(told.signal_name or "", **numbers), SAMPLES_TAG: str(slot.rows)}

    def _send(self, model: Model, slot: Slot, part: str, done: datetime) -> None:
        """Event Grid's ways: once, twice and more, late, too late, never."""
        fate = self.draw.choices(("once", "doubled", "late", "too late", "lost"), (65, 15, 8, 4, 8))[0]
        self.fates[fate] += 1
        delays = {
            "once": [0.01],
            "doubled": [0.01, 0.02, self.draw.uniform(0.01, 20)],
            "late": [self.draw.uniform(1, 20)],
            "too late": [30.0],
            "lost": [],
        }[fate]
        world, told = self.worlds[model.plan.workspace], signal_of(model.plan, slot, part, done)
        event = world.event(told.run_id or "", self._tags(told, slot), done)
        for number, delay in enumerate(delays):
            copy = {**event, "id": f"{event['id']}-{number}", "data": {**event["data"], "runStatus": f"s{number}"}}

            async def deliver(copy: dict[str, Any] = copy) -> None:
                await hear(world.intake, copy)

            self._at(done + delay * HOUR, deliver)

    def _poll(self, model: Model, slot: Slot, part: str) -> _Do:
        """What a poll of the monitor's runs finds, whatever events said of it."""
        world = self.worlds[model.plan.workspace]

        async def poll() -> None:
            signal = signal_of(model.plan, slot, part, self.clock.now(), rows=slot.rows)
            if slot.trouble == "outage":
                signal = signal.model_copy(update={"direction": Direction.UNKNOWN, "measures": ()})
            if signal.direction is Direction.WORSE:
                # The tick reads it back.
                await take(world.intake, signal.model_copy(update={"evidence": Evidence()}))
                return
            window = window_of(signal)
            if await record_window(world.objects, world.known, model.plan.name, window):
                self._learned(model, window)

        return poll

    # -- what the product does of it ---

    def _hear_hints(self) -> None:
        """The queue: messages with their delays. Runs, tasks and notifications are other tests'."""
        for number, world in enumerate(self.worlds):
            for text, delay in world.queue.sent:
                if text["kind"] == Signal.KIND:
                    self._at(self.clock.now() + timedelta(seconds=delay), self._tick(number, str(text["name"])))
            world.queue.sent.clear()

    def _tick(self, number: int, name: str) -> _Do:
        async def tick() -> None:
            world = self.worlds[number]
            before = (await world.objects.require(Signal, name)).value
            await tick_object(Signal.KIND, name, world.machines)
            after = (await world.objects.require(Signal, name)).value
            if after.decision_id is None or after.decision_id == before.decision_id:
                return
            decision = (await world.objects.require(Decision, after.decision_id)).value
            await self._decided(number, before, after, decision)

        return tick

    async def _decided(self, number: int, before: Signal, after: Signal, decision: Decision) -> None:
        self.reasons[decision.reason] += 1
        judged = after.model_copy(update={"state": before.state})
        if after.model is None:
            expected = judge(None, Past(), ABOUT[number], judged, self.clock.now())
            self._agree(expected, decision, judged)
            return
        model = self.by_name[number, after.model]
        if after.kind in OF_MODELS and after.window_at and before.state is SignalState.RECEIVED:
            self._learned(model, window_of(judged))
        expected = judge(model.policy, model.past, model.plan.about, judged, self.clock.now())
        self._agree(expected, decision, judged)
        if decision.outcome is Outcome.QUEUE and not decision.dry_run:
            model.past.waiting = after
        if decision.reason == "BreakerOpen" and not model.asked:
            model.asked = True
            self._at(self.clock.now() + 3 * DAY, self._wish(model))
        if decision.outcome.value in STARTS and not decision.dry_run:
            self._started(model, after, decision)

    def _learned(self, model: Model, window: Window) -> None:
        model.past.windows = [*model.past.windows[-40:], window]

    def _agree(self, expected: Any, decision: Decision, signal: Signal) -> None:
        if expected != (decision.outcome.value, decision.reason, decision.until):
            found = f"{decision.outcome.value} {decision.reason} {decision.until}"
            self.disagreements.append(
                f"{self.clock.now()} {signal.signal_name} {signal.window_at}: {found}, {expected}"
            )

    def _started(self, model: Model, signal: Signal, decision: Decision) -> None:
        assert decision.run_id is not None
        wished = signal.kind is SignalKind.PERSON
        self.keys[f"{model.plan.workspace} {model.plan.name} {signal.run_id or signal.dedupe_key}"] += 1
        run = Seen(self.clock.now(), None if wished else signal.window_at, decision.outcome is Outcome.SUBMIT)
        model.runs.append(run)
        model.past.active, model.past.waiting = True, None
        if decision.outcome is Outcome.SUBMIT:
            model.past.submitted_at = self.clock.now()
        hours = self.draw.choice((3, 8, 30))
        self._at(self.clock.now() + hours * HOUR, self._end(model, decision.run_id, wished))

    def _end(self, model: Model, name: str, wished: bool) -> _Do:
        """A run that waits is approved, or not; and then it wins, loses, or fails."""

        async def end() -> None:
            world, now = self.worlds[model.plan.workspace], self.clock.now()
            stored = await world.objects.require(Run, name)
            run, sent = stored.value, True
            states, weights = (RunState.SUCCEEDED, RunState.FAILED, RunState.REJECTED), (60, 25, 15)
            outcome = RunState.SUCCEEDED if wished else self.draw.choices(states, weights)[0]
            if run.state is RunState.WAITING_APPROVAL:
                sent = outcome is not RunState.REJECTED
                run = moved(run, RunState.SUBMITTED, now, ("Approved", "Yes."), now) if sent else run
            run = moved(run, RunState.RUNNING, now, ("Submitted", "It runs."), now) if sent else run
            after = ended(run, outcome, now, "Ended", "It ended.")
            waits = (await world.objects.require(ModelState, state_id("ws", model.plan.name))).value.waiting_signal
            await world.objects.commit(await writes_of(world.objects, stored, after, now))
            model.past.active, model.past.waiting = False, None
            model.past.ends.append((now, outcome.value, sent))
            model.runs[-1].ended = model.past.ends[-1]
            if waits is not None:
                self._at(now, self._tick(model.plan.workspace, waits))

        return end

    def _wish(self, model: Model) -> _Do:
        """The breaker has called a person: a wish, whose run wins."""

        async def wish() -> None:
            world, now = self.worlds[model.plan.workspace], self.clock.now()
            model.asked, key = False, f"person\n{model.plan.name}\n{now}"
            signal = Signal(
                id=signal_id("ws", key), due_at=now, workspace="ws", project="churn", kind=SignalKind.PERSON,
                source=Source.PERSON, dedupe_key=key, observed_at=now, received_at=now, model=model.plan.name,
                requested_by="t/ada", reason="looked at it",
            )  # fmt: skip
            await take(world.intake, signal)

        return wish
