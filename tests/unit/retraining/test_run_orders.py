"""Whatever comes in whatever order: one run of a model at a time, never two for one key, each job sent once, nothing
left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.errors import Rejected, Transient
from controlplane.objects.repository import put
from controlplane.objects.tick import tick_object
from controlplane.retraining.model import Outcome
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.orphans import FOUND
from controlplane.retraining.runs.reading import ENDED
from controlplane.retraining.signal import Signal, SignalState
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import PIPELINE, RetrainingWorld

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
    "cooldown": "P1D",
}
WON = {"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"}
LOST = {"cp.metric.accuracy": "0.7", "cp.champion.accuracy": "0.8"}
_STARTS = {Outcome.SUBMIT, Outcome.AWAIT_APPROVAL, Outcome.ASK}


class Story:
    """A world and what may happen to it."""

    def __init__(self, environment: str, policy: dict[str, Any]) -> None:
        self.world, self.policy = RetrainingWorld(environment=environment), policy
        self.at: dict[int, datetime] = {}
        self.over: dict[str, Run] = {}

    async def breach(self) -> None:
        await self._breach(self.world.clock.now())

    async def _breach(self, at: datetime) -> None:
        number = len(self.at) + 1
        self.at[number] = at
        await hear(self.world.intake, self.world.breach(f"step-{number}", at=at))

    async def copies(self) -> None:
        """Of everything that was ever told, the latest first, all at once and each twice."""
        events = [self.world.breach(f"step-{number}", at=at) for number, at in reversed(self.at.items())]
        await asyncio.gather(*(hear(self.world.intake, one) for one in (*events, *events)))

    async def late(self) -> None:
        """A breach of an earlier window, which comes after its successors."""
        await self._breach(self.world.clock.now() - timedelta(hours=20))

    async def again(self) -> None:
        """Every signal is looked at as if it had come just now."""
        for one in await self.world.signals():
            stored = await self.world.objects.require(Signal, one.id)
            update = {"state": SignalState.RECEIVED, "due_at": self.world.clock.now()}
            await self.world.objects.commit(put(stored, stored.value.model_copy(update=update)))

    async def together(self) -> None:
        """Two hosts are at everything that is due, at the same time."""
        other = replace(self.world.machines, owner="other")
        due = await self.world.objects.due(self.world.clock.now() + timedelta(microseconds=1))
        hosts = (self.world.machines, other)
        await asyncio.gather(*(tick_object(one.kind, one.id, host) for one in due for host in hosts))
        await self.check()

    async def told(self) -> None:
        """Event Grid tells of our own jobs, late or twice."""
        for run in await self.world.runs():
            await hear(self.world.intake, self.world.event(run.id, {}))

    async def minute(self) -> None:
        await self._pass(timedelta(minutes=1))

    async def day(self) -> None:
        await self._pass(timedelta(days=1, minutes=1))

    async def won(self) -> None:
        self._end("Completed", WON)

    async def lost(self) -> None:
        self._end("Completed", LOST)

    async def failed(self) -> None:
        self._end("Failed", {})

    async def stopped(self) -> None:
        self._end("Canceled", {})

    async def approved(self) -> None:
        for run in await self.world.runs():
            if run.state is RunState.WAITING_APPROVAL:
                now = self.world.clock.now()
                said = {"state": RunState.SUBMITTED, "due_at": now, "deadline": now + timedelta(hours=2)}
                await self._change(run, said)

    async def canceled(self) -> None:
        for run in await self.world.runs():
            if not run.state.is_terminal and run.state is not RunState.WAITING_APPROVAL:
                now = self.world.clock.now()
                asked = {"cancel_requested_by": "t/ada", "stopping_since": run.stopping_since or now, "due_at": now}
                await self._change(run, asked)

    async def changed(self) -> None:
        stored = await self.world.state()
        before = stored.value
        parsed = RetrainingPolicy.model_validate({"pipeline": PIPELINE, **self.policy, "maxAge": "PT23H"})
        update = {"policy": parsed, "policy_generation": before.policy_generation + 1}
        await self.world.objects.commit(put(stored, before.model_copy(update=update)))

    async def answer_lost(self) -> None:
        self._once(lambda: Transient("ConnectionLost", "gone", retry_after=1.0), then=True)

    async def not_reached(self) -> None:
        self._once(lambda: Transient("ServerTimeout", "busy", retry_after=1.0), then=False)

    async def said_to_exist(self) -> None:
        self._once(lambda: Rejected("UserError", "A job with this name already exists."), then=True)

    def _once(self, error: Callable[[], Exception], *, then: bool) -> None:
        ml = self.world.ml
        send = type(ml).submit

        async def disturbed(workspace_id: str, job: Any) -> None:
            vars(ml).pop("submit", None)
            if then:
                await send(ml, workspace_id, job)
            raise error()

        vars(ml)["submit"] = disturbed

    async def _change(self, run: Run, update: Mapping[str, Any]) -> None:
        stored = await self.world.objects.require(Run, run.id)
        await self.world.objects.commit(put(stored, run.model_copy(update=dict(update))))

    def _end(self, status: str, tags: Mapping[str, str]) -> None:
        for name in self.world.ml.submitted:
            if self._status(name) not in ENDED:
                self.world.ml.end(name, status, **tags)

    def _status(self, name: str) -> str:
        found: str = self.world.azure.body(f"/jobs/{name}")["properties"]["status"]
        return found

    async def _pass(self, time: timedelta) -> None:
        self.world.clock.advance(time.total_seconds())
        await self.world.tick()
        await self.check()

    async def check(self) -> None:
        """What holds at any moment."""
        runs, state = await self.world.runs(), (await self.world.state()).value
        active = [run.id for run in runs if not run.state.is_terminal]
        assert active == ([state.active_run] if state.active_run else [])
        sent = self.world.ml.submitted
        assert len(sent) == len(set(sent))
        assert {run.id for run in runs} >= set(sent)
        working = [name for name in sent if self._status(name) not in ENDED]
        assert len(working) <= 1, "two jobs of one model at once"
        for run in runs:
            if run.id in self.over:
                assert ending(run) == self.over[run.id], "an end is the end"
            elif run.state.is_terminal:
                self.over[run.id] = ending(run)
            if run.state is RunState.SUCCEEDED:
                assert run.comparison is not None
                assert run.comparison.verdict == "won"
        starts = [one for one in await self.world.decisions() if one.outcome in _STARTS]
        assert sorted(one.run_id or "" for one in starts) == sorted(run.id for run in runs)
        assert {run.decision_id for run in runs} == {one.id for one in starts}
        never_two_for_one_key(runs)

    async def settle(self) -> None:
        """Days pass, and every job ends: nothing waits for ever."""
        for _ in range(12):
            self._end("Completed", WON)
            await self.approved()
            await self._pass(timedelta(hours=4))
        state = (await self.world.state()).value
        assert (state.active_run, state.waiting_signal) == (None, None)
        assert not [one for one in await self.world.signals() if one.due_at is not None and one.state == "held"]


def never_two_for_one_key(runs: tuple[Run, ...]) -> None:
    """A key is the policy's generation and the monitor's run, however often and in whatever order it was told: it has
    one run, and another attempt only after one that failed."""
    by_key: dict[tuple[int, str | None], list[Run]] = {}
    for run in sorted(runs, key=lambda one: one.attempt):
        by_key.setdefault((run.policy_generation, run.lineage.monitor_run), []).append(run)
    for attempts in by_key.values():
        assert [run.attempt for run in attempts] == list(range(1, len(attempts) + 1))
        assert {run.state for run in attempts[:-1]} <= {RunState.FAILED}
        assert len({run.id.rpartition("-")[0] for run in attempts}) == 1
    assert len({run.id.rpartition("-")[0] for run in runs}) == len(by_key)


def ending(run: Run) -> Run:
    """The run without what is noted of looks for a job that may come late."""
    steps = tuple(step for step in run.transitions if step.reason != FOUND)
    looks = {"due_at": None, "watched_until": None, "job_status": None, "generation": 0, "transitions": steps}
    return run.model_copy(update=looks)


ACTIONS = (
    "breach", "copies", "late", "again", "together", "told", "minute", "minute", "day", "won", "lost", "failed",
    "stopped", "approved", "canceled", "changed", "answer_lost", "not_reached", "said_to_exist",
)  # fmt: skip


async def tell(environment: str, actions: list[str], cooldown: str = "P1D") -> Story:
    story = Story(environment, {**EAGER, "cooldown": cooldown})
    await story.world.begin(story.policy)
    await story.breach()
    await story.minute()
    for act in actions:
        await getattr(story, act)()
    await story.settle()
    return story


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["dev", "prod"]),
    st.lists(st.sampled_from(ACTIONS), max_size=25),
    # Without one nothing but the key keeps the same evidence from training twice.
    st.sampled_from(["PT0S", "PT0S", "P1D"]),
)
def test_any_order_of_events_leaves_one_run_at_a_time(environment: str, actions: list[str], cooldown: str) -> None:
    asyncio.run(tell(environment, actions, cooldown))


def test_the_same_evidence_is_refused_by_its_key_alone() -> None:
    story = asyncio.run(tell("dev", ["won", "minute", "minute", "again", "copies", "minute"], "PT0S"))
    decisions = asyncio.run(story.world.decisions())
    assert [one.reason for one in decisions] == ["AlreadyRun", "Submitted"]


def test_the_stories_reach_every_end() -> None:
    """What the property rests on: these orders lead where they should."""
    ends = {
        RunState.SUCCEEDED: ["won"],
        RunState.REJECTED: ["lost", "minute", "minute"],
        RunState.CANCELED: ["canceled", "minute", "minute"],
        RunState.FAILED: ["failed", "minute"],
    }
    for state, actions in ends.items():
        story = asyncio.run(tell("dev", actions))
        assert state in {run.state for run in story.over.values()}
    story = asyncio.run(tell("prod", ["changed", "approved", "minute"]))
    assert RunState.SUPERSEDED in {run.state for run in story.over.values()}
