"""A breach counts when the monitor's own schedule started the run: whoever may tag a run could write one."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected, Transient
from controlplane.retraining.model import Outcome, WindowVerdict
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.eventgrid import ROOT_RUN
from controlplane.retraining.signals.evidence import ROOT_BREACH_TAG
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import DRIFT, RetrainingWorld, message
from tests.unit.retraining.test_from_event_to_run import EAGER

BREACH = message(PopulationStabilityIndex=(0.4, 0.2))


async def world() -> RetrainingWorld:
    made = RetrainingWorld()
    await made.begin(EAGER)
    return made


def step(made: RetrainingWorld, name: str, root: str | None, by: str | None = "azureml", **tags: str) -> dict[str, Any]:
    """A run with the tag of a breach, and the event that tells of it."""
    tags = tags or {BREACH_TAG: BREACH, "cp.samples": "5000"}
    made.azure.plant(
        f"{made.known.workspace_id}/jobs/{name}",
        properties={"status": "Completed", "tags": tags, "properties": {} if root is None else {ROOT_RUN: root}},
        systemData={"createdAt": made.clock.now().isoformat(), **({} if by is None else {"createdBy": by})},
    )
    return made.event(name, tags)


async def ruled(made: RetrainingWorld, event: dict[str, Any]) -> tuple[Outcome, str]:
    await hear(made.intake, event)
    await made.tick()
    decision = (await made.decisions())[0]
    return decision.outcome, decision.reason


FORGED: dict[str, tuple[str | None, str | None]] = {
    "a run of nobody's schedule": (None, "azureml"),
    "it names itself": ("forged", "azureml"),
    "a run that does not exist": ("gone", "azureml"),
    "a run of another schedule": ("other-1", "azureml"),
    "the monitor's run, made by somebody else": ("watch-1", "mallory"),
}


@pytest.mark.parametrize("name", FORGED)
async def test_who_tags_a_run_of_his_own_is_told_and_retrains_nothing(name: str) -> None:
    made = await world()
    made.scheduled("watch-1", made.clock.now())
    made.scheduled("other-1", made.clock.now(), schedule="other")
    root, by = FORGED[name]
    assert await ruled(made, step(made, "forged", root, by)) == (Outcome.NOTIFY, "NotOfItsMonitor")
    assert await made.runs() == ()
    assert (await made.state()).value.windows == (), "it does not stand among the monitor's windows"


@pytest.mark.parametrize("by", ["azureml", "AzureML", None])
async def test_the_monitors_own_step_counts(by: str | None) -> None:
    made = await world()
    made.scheduled("watch-1", made.clock.now())
    assert await ruled(made, step(made, "true", "watch-1", by)) == (Outcome.SUBMIT, "Submitted")
    (window,) = (await made.state()).value.windows
    assert (window.verdict, window.signal_name) == (WindowVerdict.BREACH, DRIFT)


async def test_a_pipeline_of_the_monitors_schedule_that_is_one_job_counts() -> None:
    made = await world()
    made.scheduled("watch-1", made.clock.now(), **{BREACH_TAG: BREACH, "cp.samples": "5000"})
    assert await ruled(made, made.event("watch-1", {BREACH_TAG: BREACH})) == (Outcome.SUBMIT, "Submitted")


def hidden(made: RetrainingWorld, root: str) -> dict[str, Any]:
    """What Azure's ARM may answer for a pipeline's step: that it is there."""
    made.azure.plant(f"{made.known.workspace_id}/jobs/hidden", properties=None)
    event = made.event("hidden", {BREACH_TAG: BREACH})
    event["data"]["runProperties"] = {ROOT_RUN: root}
    return event


async def test_where_azure_hides_steps_the_monitors_run_says_it() -> None:
    made = await world()
    made.scheduled("watch-1", made.clock.now(), **{f"{ROOT_BREACH_TAG}{DRIFT}": BREACH, "cp.samples": "5000"})
    assert await ruled(made, hidden(made, "watch-1")) == (Outcome.SUBMIT, "Submitted")


@pytest.mark.parametrize("root", ["watch-1", "other-1", "gone", ""])
async def test_where_nothing_of_azure_says_it_nothing_is_done(root: str) -> None:
    """The event's own words, and the root run that it names, prove nothing."""
    made = await world()
    made.scheduled("watch-1", made.clock.now())
    made.scheduled(
        "other-1", made.clock.now(), schedule="other", **{f"{ROOT_BREACH_TAG}{DRIFT}": BREACH, "cp.samples": "5000"}
    )
    assert await ruled(made, hidden(made, root)) == (Outcome.NOTIFY, "NotReadBack")
    assert await made.runs() == ()


@pytest.mark.parametrize("what", ["GET", "LIST"])
async def test_what_cannot_be_read_now_is_not_decided_now(what: str) -> None:
    made = await world()
    made.scheduled("watch-1", made.clock.now())
    event = step(made, "true", "watch-1")
    made.azure.fail(what, "/jobs", lambda: Transient("ServerBusy", "busy", retry_after=1.0))
    await hear(made.intake, event)
    with pytest.raises(Transient):
        await made.tick()
    assert await made.decisions() == ()
    (signal,) = await made.signals()
    assert signal.due_at is not None


@pytest.mark.parametrize("what", ["GET", "LIST"])
async def test_what_may_not_be_read_is_told(what: str) -> None:
    made = await world()
    made.scheduled("watch-1", made.clock.now())
    event = step(made, "true", "watch-1")
    made.azure.fail(what, "/jobs", lambda: Rejected("AuthorizationFailed", "no"))
    assert await ruled(made, event) == (Outcome.NOTIFY, "NotReadBack")
    assert "AuthorizationFailed" in (await made.decisions())[0].sentence
