"""Schedules: when they run, what they start, and that they can be stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.engine.hooks import ArmError
from simulator.types.machinelearning import triggers
from tests.simulator.effects_learning import LabAzure
from tests.simulator.lab import Lab
from tests.simulator.learning import batch_endpoint, component, get, hourly, put, refused, retraining

CREATED = datetime(2027, 1, 13, 10, 20, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def azure() -> LabAzure:
    return LabAzure(Lab())


def times(trigger: dict[str, Any], count: int = 3) -> list[str]:
    found, after = [], CREATED
    for _ in range(count):
        following = triggers.following(trigger, after, CREATED)
        if following is None:
            break
        found.append(f"{following:%m-%dT%H:%M}")
        after = following
    return found


def cron(expression: str, **more: Any) -> dict[str, Any]:
    return {"triggerType": "Cron", "expression": expression, **more}


def every(frequency: str, interval: int = 1, **more: Any) -> dict[str, Any]:
    return {"triggerType": "Recurrence", "frequency": frequency, "interval": interval, **more}


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [
        (cron("15 3 * * *"), ["01-14T03:15", "01-15T03:15", "01-16T03:15"]),
        (cron("*/20 10,12 * * wed"), ["01-13T10:40", "01-13T12:00", "01-13T12:20"]),
        (cron("0 0 1 2-3 *"), ["02-01T00:00", "03-01T00:00", "02-01T00:00"]),
        (cron("0 0 29 2 0"), []),
        (cron("30 10 * * *", startTime="2027-02-01T00:00:00"), ["02-01T10:30", "02-02T10:30", "02-03T10:30"]),
        (cron("0 11 * * *", endTime="2027-01-14T12:00:00Z"), ["01-13T11:00", "01-14T11:00"]),
        (every("Hour", 6), ["01-13T16:20", "01-13T22:20", "01-14T04:20"]),
        (every("minute", 30, startTime="2027-01-13T10:00:00"), ["01-13T10:30", "01-13T11:00", "01-13T11:30"]),
        (every("month", 1, startTime="2026-12-31T08:00:00"), ["01-31T08:00", "02-28T08:00", "03-31T08:00"]),
        (every("day", 2, schedule={"hours": [8, 12], "minutes": [0]}), ["01-13T12:00", "01-15T08:00", "01-15T12:00"]),
        (
            every("week", 1, schedule={"hours": [9], "minutes": [5], "weekDays": ["Monday", "friday"]}),
            ["01-15T09:05", "01-18T09:05", "01-22T09:05"],
        ),
        (
            every("month", 1, schedule={"hours": [1], "minutes": [0], "monthDays": [1]}),
            ["02-01T01:00", "03-01T01:00", "04-01T01:00"],
        ),
    ],
)
def test_times_follow_from_the_trigger(trigger: dict[str, Any], wanted: list[str]) -> None:
    triggers.check(trigger)
    if not wanted:
        following = triggers.following(trigger, CREATED, CREATED)  # the 29th of February 2032 is a Sunday
        assert following == datetime(2032, 2, 29, tzinfo=UTC)
        return
    assert times(trigger) == wanted


@pytest.mark.parametrize(
    "trigger",
    [
        cron("* * * *"),
        cron("a * * * *"),
        cron("5-1 * * * *"),
        cron("*/0 * * * *"),
        cron("0 0 * * *", timeZone="Mars"),
        cron("0 0 * * *", startTime="soon"),
        every("fortnight"),
        every("day", 0),
        every("day", 1, schedule={"hours": [24]}),
        every("week", 1, schedule={"weekDays": ["someday"]}),
        {"triggerType": "Never"},
    ],
)
def test_a_trigger_that_never_runs_is_refused(trigger: dict[str, Any]) -> None:
    with pytest.raises(ArmError):
        triggers.check(trigger)


def runs(azure: LabAzure) -> list[str]:
    return [one["name"] for one in get(azure, "/jobs?scheduled=true")["value"]]


def test_a_disabled_schedule_starts_nothing_until_it_is_enabled(azure: LabAzure) -> None:
    body = hourly(**retraining(component(azure)))
    put(azure, "/schedules/retrain", **body)
    azure.advance(3600)
    put(azure, "/schedules/retrain", **body, isEnabled=False)
    azure.advance(5 * 3600)
    assert len(runs(azure)) == 1
    assert get(azure, "/schedules")["value"] == []
    assert [one["name"] for one in get(azure, "/schedules?listViewType=DisabledOnly")["value"]] == ["retrain"]
    answer = azure.call("POST", "/schedules/retrain/trigger", {})
    assert (answer.status, answer.body["error"]["code"]) == (400, "UserError")
    put(azure, "/schedules/retrain", **body)
    azure.advance(3600)
    assert len(runs(azure)) == 2


def test_a_schedule_that_is_written_again_runs_once_at_a_time(azure: LabAzure) -> None:
    body = hourly(**retraining(component(azure)))
    for _ in range(3):
        put(azure, "/schedules/retrain", **body)
    azure.advance(3600)
    assert len(runs(azure)) == 1
    azure.call("DELETE", "/schedules/retrain")
    azure.advance(3 * 3600)
    assert len(runs(azure)) == 1


def test_each_trigger_is_a_run(azure: LabAzure) -> None:
    put(azure, "/schedules/retrain", **hourly(**retraining(component(azure))))
    asked = {"scheduleTime": "2027-01-01T00:00:00+00:00"}
    first = azure.call("POST", "/schedules/retrain/trigger", asked).body
    second = azure.call("POST", "/schedules/retrain/trigger", asked).body
    assert first == {"submissionId": "retrain-20270101T000000Z", "scheduleActionType": "CreateJob"}
    assert second["submissionId"] != first["submissionId"]
    azure.advance(600)
    found = get(azure, f"/jobs/{first['submissionId']}")["properties"]
    assert (found["status"], found["displayName"]) == ("Completed", "retrain-20270101T000000Z")


def test_a_run_whose_component_has_gone_fails(azure: LabAzure) -> None:
    put(azure, "/schedules/retrain", **hourly(**retraining(component(azure))))
    azure.call("DELETE", "/components/retrain/versions/1")
    name = azure.call("POST", "/schedules/retrain/trigger", {}).body["submissionId"]
    found = get(azure, f"/jobs/{name}")["properties"]
    assert found["status"] == "Failed"
    assert "does not exist" in found["statusMessage"]


def test_a_job_that_ran_may_be_the_definition(azure: LabAzure) -> None:
    definition = retraining(component(azure))["jobDefinition"]
    put(azure, "/jobs/rt-1", **definition)
    source = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Pipeline", "sourceJobId": "rt-1"}}
    put(azure, "/schedules/again", **hourly(**source))
    name = azure.call("POST", "/schedules/again/trigger", {}).body["submissionId"]
    assert get(azure, f"/jobs/{name}")["properties"]["componentId"] == definition["componentId"]
    gone = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Pipeline", "sourceJobId": "gone"}}
    assert "does not exist" in refused(azure, "/schedules/other", **hourly(**gone))


def test_a_schedule_may_invoke_a_batch_endpoint(azure: LabAzure) -> None:
    batch_endpoint(azure)
    asked = {"endpointId": "scoring", "inputData": {"training_data": {"jobInputType": "uri_folder", "uri": "x"}}}
    put(azure, "/schedules/score", **hourly(actionType="InvokeBatchEndpoint", endpointInvocationDefinition=asked))
    azure.advance(3 * 3600)
    statuses = [one["properties"]["status"] for one in get(azure, "/jobs?scheduleId=score")["value"]]
    assert len(statuses) == 3
    assert "Completed" in statuses


@pytest.mark.parametrize(
    "action", [{"actionType": "ImportData"}, {"actionType": "CreateJob"}, {"actionType": "InvokeBatchEndpoint"}]
)
def test_an_action_that_cannot_be_done_is_refused(azure: LabAzure, action: dict[str, Any]) -> None:
    assert refused(azure, "/schedules/retrain", **hourly(**action))


def test_nothing_is_due_before_its_time(azure: LabAzure) -> None:
    put(azure, "/schedules/retrain", **hourly(**retraining(component(azure))))
    now = azure.engine.now()
    left = (now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - now).total_seconds()
    azure.advance(left - 1)
    assert runs(azure) == []
    azure.advance(2)
    assert len(runs(azure)) == 1
