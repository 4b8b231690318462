"""Operations by REST: read, list, cancel."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from controlplane.errors import Conflict
from controlplane.operations.model import Operation, OperationStatus, Step
from controlplane.workspaces.deadlines import CEILING, FLOOR
from controlplane.workspaces.repository import StoredOperation
from tests.support.api import Api, spec
from tests.support.tokens import TENANT


async def begin(api: Api, operation_id: str) -> None:
    """What the first tick stores."""
    stored = await api.services.repository.load_operation(operation_id)
    assert stored is not None
    running = stored.operation.model_copy(update={"status": OperationStatus.RUNNING})
    await api.services.repository.request_cancel(stored, running)


async def test_operation_shows_steps_but_not_the_urls_of_azure(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    stored = await api.services.repository.load_operation(operation_id)
    assert stored is not None
    step = Step(key="storage", action="create", operation_url="https://arm.test/op?s=signature", correlation_id="c-1")
    changed = stored.operation.model_copy(update={"steps": (step,), "status": OperationStatus.RUNNING})
    await api.services.repository.request_cancel(stored, changed)
    answer = await api.call("GET", f"operations/{operation_id}")
    body = answer.json()
    assert body["steps"][0]["correlationId"] == "c-1"
    assert "signature" not in answer.text
    assert (body["status"], body["isTerminal"], body["percentComplete"]) == ("Running", False, 0)
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["ETag"] == body["etag"]


async def test_ended_operation_is_terminal_and_asks_for_no_other_look(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    await api.finish(operation_id)
    answer = await api.call("GET", f"operations/{operation_id}")
    body = answer.json()
    assert (body["status"], body["isTerminal"], body["percentComplete"]) == ("Succeeded", True, 100)
    assert body["endedAt"]
    assert "Retry-After" not in answer.headers


async def test_list_is_newest_first(api: Api) -> None:
    await api.register()
    first = await api.create()
    await api.finish(first)
    api.clock.advance(1)
    second = (await api.call("DELETE", "workspaces/churn-dev")).json()["id"]
    listed = (await api.call("GET", "operations")).json()["value"]
    assert [item["id"] for item in listed] == [second, first]
    part = (await api.call("GET", "operations", token=api.member("churn", "Approver"))).json()["value"]
    assert part == listed


async def test_cancel_is_a_wish_that_is_stored_once(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    await begin(api, operation_id)
    hints = len(api.queue.sent)
    for _ in range(2):
        answer = await api.call("POST", f"operations/{operation_id}:cancel")
        assert (answer.status_code, answer.json()["cancelRequested"]) == (202, True)
        assert answer.json()["isTerminal"] is False
        assert operation_id in answer.headers["Operation-Location"]
    assert len(api.queue.sent) > hints


async def test_cancel_says_who_wished_it_first(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    await begin(api, operation_id)
    assert (await api.call("GET", f"operations/{operation_id}")).json()["cancelRequestedBy"] is None
    for user in ("grace", "later"):
        token = api.member("churn", "Workspace.Contributor", user)
        answer = (await api.call("POST", f"operations/{operation_id}:cancel", token=token)).json()
        assert answer["cancelRequestedBy"] == f"{TENANT}/oid-grace"
        assert answer["createdBy"] == f"{TENANT}/oid-root"


async def test_cancel_of_what_has_ended(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    await api.finish(operation_id)
    answer = await api.call("POST", f"operations/{operation_id}:cancel")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (409, "OperationNotCancelable")


async def test_cancel_honours_if_match(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    await begin(api, operation_id)
    etag = (await api.call("GET", f"operations/{operation_id}")).json()["etag"]
    stale = await api.call("POST", f"operations/{operation_id}:cancel", headers={"If-Match": '"x"'})
    assert stale.status_code == 412
    assert (await api.call("POST", f"operations/{operation_id}:cancel", headers={"If-Match": etag})).status_code == 202


@pytest.mark.parametrize(("rivals", "status"), [(1, 202), (5, 202), (6, 409)])
async def test_cancel_beside_a_tick_that_writes(
    api: Api, rivals: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.register()
    operation_id = await api.create()
    await begin(api, operation_id)
    repository = api.services.repository
    commit, left = repository.request_cancel, [rivals]

    async def after_a_rival(stored: StoredOperation, changed: Operation, *more: Any) -> StoredOperation:
        """Another writer commits between the read and the commit, as often as is left."""
        if left[0]:
            left[0] -= 1
            step = Step(key=f"step-{left[0]}", action="create")
            await commit(stored, stored.operation.model_copy(update={"steps": (step,)}))
        return await commit(stored, changed, *more)

    monkeypatch.setattr(repository, "request_cancel", after_a_rival)
    answer = await api.call("POST", f"operations/{operation_id}:cancel")
    assert answer.status_code == status
    found = await repository.load_operation(operation_id)
    assert found is not None
    assert found.operation.steps[0].key == "step-0", "what the tick wrote last must not be lost"
    assert found.operation.cancel_requested is (status == 202)
    if status == 409:
        assert answer.headers["x-ms-error-code"] == "ConcurrentChange"


async def test_unknown_ids(api: Api) -> None:
    for operation_id in ("nothing", "a%23b", "x" * 300, "..%2Fw"):
        for method, path in (("GET", f"operations/{operation_id}"), ("POST", f"operations/{operation_id}:cancel")):
            assert (await api.call(method, path)).status_code in (404, 405), path


async def test_cancel_of_what_no_tick_has_begun_is_done_at_once(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    answer = (await api.call("POST", f"operations/{operation_id}:cancel")).json()
    assert (answer["status"], answer["cancelRequested"], answer["isTerminal"]) == ("Canceled", True, True)
    workspace = (await api.call("GET", "workspaces/churn-dev")).json()["status"]
    assert (workspace["state"], workspace["activeOperation"]) == ("NotReady", None)
    assert [c["reason"] for c in workspace["conditions"]] == ["OperationCanceled"]
    again = await api.call("POST", f"operations/{operation_id}:cancel")
    assert (again.status_code, again.json()["etag"]) == (202, answer["etag"])
    assert await api.services.repository.due(api.clock.now()) == (), "nothing is left for a tick"


@pytest.mark.parametrize("then", ["PUT", "DELETE"])
async def test_what_was_cancelled_can_be_resumed_or_deleted(api: Api, then: str) -> None:
    await api.register()
    operation_id = await api.create()
    await api.call("POST", f"operations/{operation_id}:cancel")
    api.clock.advance(1)
    answer = await api.call(then, "workspaces/churn-dev", spec() if then == "PUT" else None)
    assert (answer.status_code, answer.json()["status"]) == (202, "NotStarted")
    assert answer.json()["kind"] == ("create" if then == "PUT" else "delete")


async def test_cancel_of_a_deletion_that_no_tick_has_begun_takes_the_wish_back(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    api.clock.advance(1)
    deletion = (await api.call("DELETE", "workspaces/churn-dev")).json()["id"]
    await api.call("POST", f"operations/{deletion}:cancel")
    assert (await api.call("GET", "workspaces/churn-dev")).json()["status"]["state"] == "NotReady"
    assert (await api.call("PUT", "workspaces/churn-dev", spec())).status_code == 202


async def test_deadline_is_told_and_makes_room(api: Api) -> None:
    """409 until the deadline; after it the new request takes the place of what no tick ends, in one commit."""
    await api.register()
    first = await api.create()
    await begin(api, first)
    shown = (await api.call("GET", f"operations/{first}")).json()
    deadline = datetime.fromisoformat(shown["deadlineAt"])
    assert FLOOR <= deadline - api.clock.now() <= CEILING
    lease = await api.services.repository.take_lease("churn-dev", "stuck", api.clock.now(), 90)
    assert lease is not None
    api.clock.advance((deadline - api.clock.now()).total_seconds())
    changed = spec(environment="test")
    busy = await api.call("PUT", "workspaces/churn-dev", changed)
    assert (busy.status_code, busy.headers["x-ms-error-code"]) == (409, "AnotherOperationInProgress")
    api.clock.advance(1)
    second = await api.call("PUT", "workspaces/churn-dev", changed)
    assert second.status_code == 202, second.text
    ended = (await api.call("GET", f"operations/{first}")).json()
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "OperationSuperseded")
    assert ended["error"]["target"] == f"operations/{second.json()['id']}"
    workspace = (await api.call("GET", "workspaces/churn-dev")).json()["status"]
    assert workspace["activeOperation"] == second.json()["id"]
    with pytest.raises(Conflict):
        await api.services.repository.leases.renew(lease, api.clock.now(), 90)


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_deletion_and_repair_too_take_the_place_of_what_is_past_its_deadline(api: Api, method: str) -> None:
    await api.register()
    first = await api.create()
    await begin(api, first)
    path = "workspaces/churn-dev" + (":repair" if method == "POST" else "")
    assert (await api.call(method, path)).status_code == 409
    api.clock.advance(CEILING.total_seconds() + 1)
    answer = await api.call(method, path)
    assert answer.status_code == 202
    assert (await api.call("GET", f"operations/{first}")).json()["error"]["code"] == "OperationSuperseded"


async def test_a_deletion_past_its_deadline_is_not_answered_with_itself(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    api.clock.advance(1)
    first = (await api.call("DELETE", "workspaces/churn-dev")).json()["id"]
    await begin(api, first)
    assert (await api.call("DELETE", "workspaces/churn-dev")).json()["id"] == first
    api.clock.advance(CEILING.total_seconds() + 1)
    second = (await api.call("DELETE", "workspaces/churn-dev")).json()
    assert (second["id"] != first, second["kind"], second["status"]) == (True, "delete", "NotStarted")
