"""Repeatable requests: one effect, one answer, whatever happens in between."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import Rejected
from controlplane.operations.repeatability import KEPT, SKEW, read_headers
from controlplane.workspaces.upkeep import Upkeep
from tests.support.api import GROUPS, Api, error, registration, spec

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
CONTRIBUTORS = GROUPS["churn", "Workspace.Contributor"]
ID = "7f8d1f9e-0000-4000-8000-000000000001"


def headers(request_id: str = ID, sent: datetime = NOW, **more: str) -> dict[str, str]:
    return {
        "Repeatability-Request-ID": request_id,
        "Repeatability-First-Sent": format_datetime(sent, usegmt=True),
        **more,
    }


def same(first: httpx.Response, second: httpx.Response) -> bool:
    """Status, body, and the headers that belong to the answer."""
    parts = [
        (answer.status_code, answer.content, [answer.headers.get(name) for name in ("etag", "operation-location")])
        for answer in (first, second)
    ]
    return parts[0] == parts[1]


async def operations(api: Api) -> int:
    return len((await api.call("GET", "operations")).json()["value"])


WRITES: dict[str, tuple[str, str, Any]] = {
    "creation": ("PUT", "workspaces/churn-dev", spec()),
    "change": ("PATCH", "workspaces/known", {"workload": "nlp"}),
    "repair": ("POST", "workspaces/known:repair", None),
    "deletion": ("DELETE", "workspaces/known", None),
    "plan": ("POST", "workspaces/known:plan", {"spec": spec(address_space="10.44.0.0/22")}),
    "validation": ("POST", "workspaces/known:validate", None),
    "registration": ("PUT", "projects/other", registration("fraud", resourceGroupPrefix="rg-other-")),
    "end of a registration": ("DELETE", "projects/fraud", None),
}


@pytest.mark.parametrize("name", WRITES)
async def test_the_same_request_twice_has_one_effect_and_one_answer(api: Api, name: str) -> None:
    await api.register("churn", "fraud")
    await api.finish(await api.create("known", address_space="10.44.0.0/22"))
    method, path, body = WRITES[name]
    api.clock.advance(1)
    first = await api.call(method, path, body, headers=headers())
    assert first.is_success, first.text
    assert first.headers["Repeatability-Result"] == "accepted"
    before, hints = await operations(api), len(api.queue.sent)
    api.clock.advance(60)
    second = await api.call(method, path, body, headers=headers())
    assert same(first, second)
    assert second.headers["Repeatability-Result"] == "accepted"
    assert (await operations(api), len(api.queue.sent)) == (before, hints)
    other = await api.call(method, path, body, headers=headers(str(uuid.uuid4())))
    assert other.status_code != 500


async def test_cancel_twice_is_answered_as_it_was(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    first = await api.call("POST", f"operations/{operation_id}:cancel", headers=headers())
    assert first.json()["status"] == "Canceled"
    assert same(first, await api.call("POST", f"operations/{operation_id}:cancel", headers=headers()))


async def test_a_repetition_is_answered_when_the_first_one_would_not_be_taken_any_more(api: Api) -> None:
    """201 again, although the workspace has been made and deleted meanwhile."""
    await api.register()
    first = await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers(**{"If-None-Match": "*"}))
    await api.finish(first.json()["id"])
    api.clock.advance(1)
    await api.call("DELETE", "workspaces/churn-dev")
    second = await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers(**{"If-None-Match": "*"}))
    assert same(first, second)


@pytest.mark.parametrize(
    "other",
    [
        {"body": spec(environment="test")},
        {"allowDestructive": "true"},
        {"headers": headers(**{"If-None-Match": "*"})},
    ],
    ids=["body", "query", "preconditions"],
)
async def test_another_content_under_the_id_is_refused(api: Api, other: dict[str, Any]) -> None:
    await api.register()
    await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers())
    sent = {"body": spec(), "headers": headers(), **other}
    answer = await api.call("PUT", "workspaces/churn-dev", **sent)
    assert (answer.status_code, error(answer)["code"]) == (409, "RepeatabilityRequestMismatch")
    assert answer.headers["Repeatability-Result"] == "rejected"


async def test_the_id_is_of_one_caller_one_method_and_one_path(api: Api) -> None:
    await api.register()
    await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers())
    grace = api.member("churn", "Workspace.Contributor")
    elsewhere = await api.call("PUT", "workspaces/churn-two", spec(address_space="10.44.0.0/22"), headers=headers())
    assert elsewhere.status_code == 201
    assert (await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers(), token=grace)).status_code == 409
    assert (await api.call("DELETE", "workspaces/churn-dev", headers=headers())).status_code == 409


@pytest.mark.parametrize("name", ["creation", "change", "repair", "deletion", "plan", "validation"])
async def test_an_answer_is_for_whoever_still_may_ask(api: Api, name: str) -> None:
    """A group that the registration no longer lists gets what a stranger gets; listed again, the answer as it was."""
    await api.register()
    await api.finish(await api.create("known", address_space="10.44.0.0/22"))
    grace = api.member("churn", "Workspace.Contributor")
    method, path, body = WRITES[name]
    api.clock.advance(1)
    first = await api.call(method, path, body, headers=headers(), token=grace)
    assert first.is_success, first.text
    before = await operations(api)
    for members, status in (({}, 204 if method == "DELETE" else 404), ({"approvers": [CONTRIBUTORS]}, 403)):
        assert (await api.call("PUT", "projects/churn", registration(members=members))).status_code == 200
        refused = await api.call(method, path, body, headers=headers(), token=grace)
        assert refused.status_code == status, refused.text
    assert await operations(api) == before
    await api.register()
    assert same(first, await api.call(method, path, body, headers=headers(), token=grace))


async def test_deleting_nothing_twice_deletes_nothing_that_came_meanwhile(api: Api) -> None:
    await api.register()
    grace = api.member("churn", "Workspace.Contributor")
    assert (await api.call("DELETE", "workspaces/churn-dev", headers=headers(), token=grace)).status_code == 204
    await api.finish(await api.create())
    assert (await api.call("DELETE", "workspaces/churn-dev", headers=headers(), token=grace)).status_code == 204
    assert await operations(api) == 1


async def test_ten_at_once_have_one_effect_and_one_answer(api: Api) -> None:
    await api.register()
    call = api.call
    answers = await asyncio.gather(*(call("PUT", "workspaces/churn-dev", spec(), headers=headers()) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await operations(api) == 1


async def test_an_answer_that_was_lost_is_given_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends right after the commit: the effect is there, and with it its answer."""
    await api.register()

    async def gone(message: str, *, delay_seconds: float = 0.0) -> None:
        raise MemoryError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(api.queue, "send", gone)
        assert (await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers())).status_code == 500
    again = await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers())
    assert again.status_code == 201
    assert (await api.call("GET", again.headers["operation-location"].partition("/api/")[2].partition("?")[0])).json()[
        "status"
    ] == "NotStarted"
    assert await operations(api) == 1


async def test_what_was_refused_is_decided_anew(api: Api) -> None:
    await api.register()
    await api.create()
    busy = await api.call("PUT", "workspaces/churn-dev", spec(environment="test"), headers=headers())
    assert (busy.status_code, busy.headers["Repeatability-Result"]) == (409, "accepted")
    await api.finish(next(iter((await api.call("GET", "operations")).json()["value"]))["id"])
    api.clock.advance(1)
    later = await api.call("PUT", "workspaces/churn-dev", spec(environment="test"), headers=headers())
    assert later.status_code == 202


SENT = format_datetime(NOW, usegmt=True)
BAD: dict[str, tuple[dict[str, str], str]] = {
    "no first sent": ({"Repeatability-Request-ID": ID}, "MissingRequiredHeader"),
    "no id": ({"Repeatability-First-Sent": SENT}, "MissingRequiredHeader"),
    "id is no UUID": (headers("seven"), "InvalidHeaderValue"),
    "id is empty": (headers(""), "InvalidHeaderValue"),
    "ISO date": ({**headers(), "Repeatability-First-Sent": NOW.isoformat()}, "InvalidHeaderValue"),
    "wrong weekday": ({**headers(), "Repeatability-First-Sent": SENT.replace("Sun", "Mon")}, "InvalidHeaderValue"),
    "no such day": ({**headers(), "Repeatability-First-Sent": "Sun, 31 Feb 2026 12:00:00 GMT"}, "InvalidHeaderValue"),
    "no such month": ({**headers(), "Repeatability-First-Sent": SENT.replace("Nov", "Nix")}, "InvalidHeaderValue"),
    "too old": (headers(sent=NOW - KEPT - timedelta(seconds=1)), "RepeatabilityFirstSentOutOfRange"),
    "in the future": (headers(sent=NOW + SKEW + timedelta(seconds=1)), "RepeatabilityFirstSentOutOfRange"),
}


@pytest.mark.parametrize("name", BAD)
async def test_headers_that_are_not_right(api: Api, name: str) -> None:
    await api.register()
    sent, code = BAD[name]
    answer = await api.call("PUT", "workspaces/churn-dev", spec(), headers=sent)
    assert (answer.status_code, error(answer)["code"]) == (400, code)
    assert error(answer)["target"].startswith("Repeatability-")
    assert answer.headers["Repeatability-Result"] == "rejected"
    assert await operations(api) == 0


async def test_answers_are_forgotten_when_their_time_is_over(api: Api) -> None:
    await api.register()
    await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers())
    upkeep, store = Upkeep(api.services.repository.store), api.services.repository.store

    async def rows() -> list[str]:
        found = (await store.query("workspaces", prefix="q!")).entities + (
            await store.query("workspaces", prefix="r!")
        ).entities
        return [entity.row for entity in found]

    api.clock.advance(KEPT.total_seconds() - 1)
    assert await upkeep.forget_answers(api.clock.now()) == 0
    assert len(await rows()) == 2
    api.clock.advance(2)
    assert await upkeep.forget_answers(api.clock.now()) == 1
    assert await rows() == []


@given(st.integers(-3 * 86400, 3 * 86400), st.uuids())
def test_first_sent_is_taken_within_its_window_and_nowhere_else(seconds: int, identity: uuid.UUID) -> None:
    sent = NOW + timedelta(seconds=seconds)
    text = format_datetime(sent, usegmt=True)
    if NOW - KEPT <= sent <= NOW + SKEW:
        assert read_headers(str(identity).upper(), text, NOW) == str(identity)
    else:
        with pytest.raises(Rejected):
            read_headers(str(identity), text, NOW)


@given(st.text(max_size=60))
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        assert read_headers(ID, text, NOW) == ID
    except Rejected as refused:
        assert refused.code in ("InvalidHeaderValue", "RepeatabilityFirstSentOutOfRange")
