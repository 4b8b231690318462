"""What people may say to promotions and tasks, and what they are shown of notifications."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.http.examples import REMEDIATION
from controlplane.objects.repository import put
from controlplane.retraining.tasks import CAUSES, Step, Task, TaskKind, TaskState
from tests.support.api import Api, error
from tests.support.standing import waiting_run


async def begun(api: Api) -> None:
    await api.register()
    await api.create()
    await waiting_run(api)


async def test_a_rejected_promotion_stays_rejected_and_is_told(api: Api) -> None:
    await begun(api)
    approver = api.member("churn", "Approver")
    before = (await api.call("GET", "promotions/churn-dev.1")).json()
    stale = await api.call("POST", "promotions/churn-dev.1:reject", token=approver, headers={"If-Match": '"9"'})
    assert (stale.status_code, error(stale)["code"]) == (412, "ConditionNotMet")
    answer = await api.call(
        "POST", "promotions/churn-dev.1:reject", token=approver, headers={"If-Match": before["etag"]}
    )
    shown: dict[str, Any] = answer.json()["promotion"]
    assert (shown["state"], shown["dueAt"]) == ("rejected", None)
    assert shown["rejectedBy"] in shown["reason"]
    again = await api.call("POST", "promotions/churn-dev.1:reject", token=approver)
    assert (again.status_code, error(again)["code"]) == (409, "PromotionRejected")
    told = (await api.call("GET", "notifications", filter="type eq 'ControlPlane.Promotion.Rejected'")).json()["value"]
    assert [one["facts"] for one in told] == [{"promotion": "churn-dev.1"}]
    trail = (await api.call("GET", "audit", filter="action eq 'PromotionChanged'")).json()["value"]
    assert [(one["actor"], one["details"]["state"]) for one in trail] == [(shown["rejectedBy"], "rejected")]


async def test_a_task_that_is_acted_on_is_not_closed(api: Api) -> None:
    await begun(api)
    objects = api.services.for_models().objects
    stored = await objects.require(Task, "churn-dev.2")
    await objects.commit(put(stored, stored.value.model_copy(update={"state": TaskState.ACTING})))
    answer = await api.call("POST", "tasks/churn-dev.2:close")
    assert (answer.status_code, error(answer)["code"]) == (409, "TaskActing")
    stored = await objects.require(Task, "churn-dev.2")
    await objects.commit(put(stored, stored.value.model_copy(update={"state": TaskState.OPEN})))
    closed = [(await api.call("POST", "tasks/churn-dev.2:close")).json()["task"] for _ in range(2)]
    assert [one["state"] for one in closed] == ["closed", "closed"]
    assert closed[0] == closed[1]
    found = (await api.call("GET", "tasks", filter="state eq 'closed' and kind eq 'platform'")).json()["value"]
    assert [one["task"]["id"] for one in found] == ["churn-dev.2"]


async def scaled(api: Api, **changes: Any) -> None:
    """The task has scaled something."""
    objects = api.services.for_models().objects
    stored = await objects.require(Task, "churn-dev.2")
    action = Step(target="/subscriptions/x/d", before=1, after=2, limit=3)
    done = {"kind": TaskKind.SCALE_ENDPOINT, "state": TaskState.DONE, "action": action, **changes}
    await objects.commit(put(stored, stored.value.model_copy(update=done)))


async def test_a_step_is_taken_back_once(api: Api) -> None:
    await begun(api)
    refused = await api.call("POST", "tasks/churn-dev.2:revert")
    assert (refused.status_code, error(refused)["code"]) == (409, "NothingToRevert")
    await scaled(api)
    answer = await api.call("POST", "tasks/churn-dev.2:revert", token=api.member("churn", "Workspace.Contributor"))
    shown = answer.json()["task"]
    assert (shown["state"], shown["action"]["before"], shown["action"]["after"]) == ("acting", 2, 1)
    await scaled(api, action=Step.model_validate({**shown["action"]}))
    again = await api.call("POST", "tasks/churn-dev.2:revert")
    assert (again.status_code, error(again)["code"]) == (409, "NothingToRevert")


async def test_a_remediation_policy_is_set_read_and_taken_away(api: Api) -> None:
    await api.register()
    await api.create()
    path = "workspaces/churn-dev/remediation"
    assert error(await api.call("GET", path))["code"] == "RemediationNotFound"
    made = await api.call("PUT", path, REMEDIATION)
    assert (made.status_code, made.json()["policy"]["maxInstances"]) == (201, 4)
    assert (await api.call("PUT", path, REMEDIATION)).status_code == 200
    stale = await api.call("PUT", path, {}, headers={"If-Match": '"0.9"'})
    assert stale.status_code == 412
    for bad, target in (
        ({"maxInstances": 0}, "$.maxInstances"),
        ({"maxNodes": 100_000}, "$.maxNodes"),
        ({"step": 11}, "$.step"),
        ({"cooldown": "PT1S"}, "$.cooldown"),
        ({"cooldown": 600}, "$.cooldown"),
        ({"unlimited": True}, "$.unlimited"),
    ):
        answer = await api.call("PUT", path, bad)
        assert (answer.status_code, error(answer)["code"]) == (400, "InvalidRemediation"), bad
        assert error(answer)["target"] == target
    assert (await api.call("DELETE", path)).status_code == 204
    assert (await api.call("DELETE", path)).status_code == 204
    assert (await api.call("GET", path)).status_code == 404


@pytest.mark.parametrize("requirement", ["S3-88"])
async def test_report(api: Api, requirement: str) -> None:
    """What was behind a drift is recorded where it was looked into, and can be asked for."""
    assert [one for one, why in CAUSES.items() if requirement in why.requirements]
    await begun(api)
    for bad in ({"cause": "weather"}, {"because": "x"}, {"cause": "other", "note": 7}):
        answer = await api.call("POST", "tasks/churn-dev.2:close", bad)
        assert (answer.status_code, error(answer)["code"]) == (400, "InvalidClosing"), bad
    said = {"cause": "marketChange", "note": "A competitor closed."}
    shown = (await api.call("POST", "tasks/churn-dev.2:close", said)).json()["task"]
    assert {name: shown[name] for name in said} == said
    found = (await api.call("GET", "tasks", filter="cause eq 'marketChange'")).json()["value"]
    assert [one["task"]["id"] for one in found] == ["churn-dev.2"]
    (entry,) = (await api.call("GET", "audit", filter="action eq 'TaskChanged'")).json()["value"]
    assert entry["details"]["cause"] == "marketChange"
