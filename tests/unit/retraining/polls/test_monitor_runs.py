"""Runs of monitors, found by a poll: lost breaches, clear windows, slots without a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.ports.logs import Rows
from controlplane.retraining.history import windows_of
from controlplane.retraining.model import Outcome
from controlplane.retraining.polls.model import WorkspacePoll
from controlplane.retraining.polls.queries import RUNS
from controlplane.retraining.polls.runs import ADDRESSES, TRUTH_TAG
from controlplane.retraining.signal import Source
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.evidence import ROOT_BREACH_TAG
from controlplane.retraining.signals.intake import hear
from tests.support.polled import PolledWorld
from tests.support.retraining_world import DRIFT, MONITOR, message

QUALITY = f"{MONITOR}_quality"
POLICY: dict[str, Any] = {
    "windows": {"breaches": 2, "of": 3, "minimumSeen": 2},
    "agreement": "none",
    "approval": {"required": False},
    "quietHours": [],
}
DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(2, 9)]


class Watched(PolledWorld):
    """A daily monitor with two signals, whose runs Azure ML has."""

    def root(self, day: datetime, status: str = "Completed", **tags: str) -> str:
        name = f"{MONITOR}-{day:%Y%m%dT%H%M%SZ}"
        made = {"createdAt": (day + timedelta(minutes=1)).isoformat()}
        told = {"status": status, "tags": tags}
        path = f"{self.known.workspace_id}/jobs/{name}"
        self.azure.plant(path, properties=told, systemData=made, schedule=MONITOR)
        return name

    def step(self, root: str, name: str, breached: str | None = None, *, hidden: bool = False) -> None:
        """Known to the log; ARM shows its properties, or not."""
        tags = {} if breached is None else {BREACH_TAG: message(breached, psi=(0.4, 0.2)), "cp.samples": "5000"}
        properties = {"status": "Completed", "tags": tags, "properties": {"azureml.rootpipelinerunid": root}}
        shown = {} if hidden else {"properties": properties}
        day = datetime.strptime(root.rpartition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        made = {"createdAt": (day + timedelta(minutes=2)).isoformat()}
        self.azure.plant(f"{self.known.workspace_id}/jobs/{name}", systemData=made, **shown)
        table = RUNS.partition("\n")[0]
        before = self.monitor.rows.get(table, Rows(())).rows
        self.monitor.rows[table] = Rows((*before, {"RunId": name, "RootRunId": root}))

    def day(self, day: datetime, *breached: str) -> None:
        """A run with a step for each signal."""
        root = self.root(day, **{f"{TRUTH_TAG}{QUALITY}": "900"})
        for signal in (DRIFT, QUALITY):
            self.step(root, f"{root}-{signal}", signal if signal in breached else None)

    async def at(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())
        await self.sweep()
        await self.tick()

    async def verdicts(self, name: str = DRIFT) -> list[str]:
        return [one.verdict.value for one in windows_of((await self.state()).value, MONITOR, name)]


async def watched(policy: dict[str, Any] | None = None) -> Watched:
    world = Watched()
    await world.begin(POLICY if policy is None else policy)
    return world


NOON = timedelta(hours=12)


async def test_breaches_whose_events_were_lost_lead_to_the_retraining_all_the_same() -> None:
    world = await watched()
    for day in DAYS[:2]:
        world.day(day, DRIFT)
        await world.at(day + NOON)
    assert await world.verdicts() == ["breach", "breach"]
    signals = [one for one in await world.signals() if one.signal_name == DRIFT]
    assert {one.source for one in signals} == {Source.POLL}
    assert all(one.evidence.read_back for one in signals)
    assert len(world.ml.jobs) == 1


async def test_the_event_that_comes_late_is_the_same_signal() -> None:
    world = await watched()
    world.day(DAYS[0], DRIFT)
    await world.at(DAYS[0] + NOON)
    (signal,) = await world.signals()
    tags = {BREACH_TAG: message(DRIFT, psi=(0.4, 0.2))}
    root = f"{MONITOR}-{DAYS[0]:%Y%m%dT%H%M%SZ}"
    taken = await hear(world.intake, world.event(f"{root}-{DRIFT}", tags))
    assert (taken.reason, taken.id) == ("known", signal.id)


async def test_windows_without_a_breach_are_clear_and_end_a_row_of_breaches() -> None:
    world = await watched({**POLICY, "windows": {"breaches": 2, "of": 2, "minimumSeen": 2}})
    for day, breached in zip(DAYS, ((DRIFT,), (), (DRIFT,)), strict=False):
        world.day(day, *breached)
        await world.at(day + NOON)
    assert await world.verdicts() == ["breach", "clear", "breach"]
    assert await world.verdicts(QUALITY) == ["clear"] * 3
    assert world.ml.jobs == {}


async def test_a_slot_without_a_run_or_whose_run_failed_is_unknown() -> None:
    world = await watched()
    world.root(DAYS[1], "Failed")
    world.root(DAYS[2], "Running")
    await world.at(DAYS[2] + NOON)
    assert await world.verdicts() == ["unknown", "unknown"]  # the third still runs
    await world.at(DAYS[3] + timedelta(hours=1))
    assert await world.verdicts() == ["unknown"] * 3  # it does not end; the fourth may yet begin
    assert world.ml.jobs == {}


async def test_what_is_known_later_takes_the_place_of_unknown() -> None:
    world = await watched()
    world.root(DAYS[0], "Running")
    await world.at(DAYS[1] + timedelta(hours=1))
    assert await world.verdicts() == ["unknown"]
    world.day(DAYS[0], DRIFT)
    await world.at(DAYS[1] + timedelta(hours=1, minutes=20))
    assert await world.verdicts() == ["breach"]


@pytest.mark.parametrize("how", ["no rows", "refused", "one step hidden"])
async def test_a_run_whose_steps_cannot_all_be_seen_is_not_clear(how: str) -> None:
    world = await watched()
    if how == "one step hidden":
        root = world.root(DAYS[0])
        world.step(root, "a")
        world.step(root, "b", hidden=True)
    else:
        world.root(DAYS[0])
    if how == "refused":
        world.monitor.log_errors = [Rejected("InsufficientAccessError", "no", status=403)]
    await world.at(DAYS[0] + NOON)
    assert await world.verdicts() == ["unknown"]
    (poll,) = (await world.objects.page(WorkspacePoll)).values
    assert ("InsufficientAccessError" in str(poll.why)) is (how == "refused")


async def test_a_root_run_that_notifies_says_it_where_steps_are_hidden() -> None:
    world = await watched()
    tags = {ADDRESSES: "a@b", f"{ROOT_BREACH_TAG}{DRIFT}": message(DRIFT, psi=(0.4, 0.2)), "cp.samples": "5000"}
    tags[f"{TRUTH_TAG}{QUALITY}"] = "900"
    root = world.root(DAYS[0], **tags)
    world.step(root, "hidden-step", hidden=True)
    await world.at(DAYS[0] + NOON)
    assert await world.verdicts() == ["breach"]
    assert await world.verdicts(QUALITY) == ["clear"]


async def test_one_list_a_sweep_and_no_question_about_what_is_known() -> None:
    world = await watched()
    world.day(DAYS[0])
    await world.at(DAYS[0] + NOON)
    lists = [one for one in world.azure.calls if one.method == "LIST" and one.path.endswith("/jobs")]
    assert len(lists) == 1
    queries = world.monitor.queries[RUNS.partition("\n")[0]]
    await world.at(DAYS[0] + NOON + timedelta(minutes=15))
    assert world.monitor.queries[RUNS.partition("\n")[0]] == queries
    assert len([one for one in world.azure.calls if one.method == "LIST" and one.path.endswith("/jobs")]) == 1


async def test_slots_before_the_monitor_was_set_are_none() -> None:
    world = await watched()
    await world.at(datetime(2026, 11, 1, 13, tzinfo=UTC))
    assert (await world.state()).value.windows == ()


async def test_an_old_breach_is_remembered_and_decides_nothing() -> None:
    world = await watched()
    for day in DAYS[:2]:
        world.day(day, DRIFT)
    await world.at(DAYS[3] + NOON)
    assert await world.verdicts() == ["breach", "breach", "unknown", "unknown"]
    assert {one.outcome for one in await world.decisions()} <= {Outcome.REFUSE, Outcome.NOTIFY}
    assert world.ml.jobs == {}
