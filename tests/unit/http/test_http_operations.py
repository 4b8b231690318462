"""Operations by REST: read, list, cancel."""

from __future__ import annotations

import pytest

from controlplane.operations.model import Operation, OperationStatus, Step
from controlplane.workspaces.repository import StoredOperation
from tests.support.api import Api
from tests.support.tokens import TENANT


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
    repository = api.services.repository
    commit, left = repository.request_cancel, [rivals]

    async def after_a_rival(stored: StoredOperation, changed: Operation) -> StoredOperation:
        """Another writer commits between the read and the commit, as often as is left."""
        if left[0]:
            left[0] -= 1
            step = Step(key=f"step-{left[0]}", action="create")
            await commit(stored, stored.operation.model_copy(update={"steps": (step,)}))
        return await commit(stored, changed)

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
