"""Lists: pages, filters, order, and what they cost the store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import Rejected
from controlplane.operations.model import Condition, ConditionStatus, OperationStatus
from controlplane.operations.paging import Operator, Term, key_of, parse_filter, token_of
from controlplane.ports.store import Entity, Page, Upsert, Write
from controlplane.workspaces.records import WorkspaceStatus
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.api import GROUPS, Api, error

FIELDS = {"project": None, "state": frozenset({"Ready", "NotReady"}), "condition": re.compile(r"\w+:(True|False)")}


async def fill(api: Api, count: int = 12) -> list[str]:
    """Workspaces of two projects in turn; each third one is not Ready, each fourth one is a test environment."""
    await api.register("churn", "fraud")
    repository, store = api.services.repository, api.services.repository.store
    names = [f"ws-{number:04d}" for number in range(count)]
    await api.create(names[0])
    first = await repository.load(names[0])
    assert first is not None
    writes: list[Write] = []
    for number, name in enumerate(names):
        project = ("churn", "fraud")[number % 2]
        environment = "test" if number % 4 == 0 else "dev"
        changes = {"name": name, "project": project, "active_operation": None, "due_at": None}
        record = first.record.model_copy(
            update={**changes, "spec": {**first.record.spec, "project": project, "environment": environment}}
        )
        ready = ConditionStatus.FALSE if number % 3 == 0 else ConditionStatus.TRUE
        condition = Condition(type="Ready", status=ready, reason="x", message="x", last_transition_time=api.clock.now())
        status = WorkspaceStatus(conditions=(condition,))
        writes.append(Upsert(f"w!{name}", record.model_dump(mode="json", by_alias=True)))
        writes.append(Upsert(f"p!{project}!{name}", {"name": name}))
        if number % 5:
            writes.append(Upsert(f"s!{name}", status.model_dump(mode="json", by_alias=True)))
    for start in range(0, len(writes), 90):
        await store.commit("workspaces", writes[start : start + 90])
    return names


async def everything(api: Api, path: str, token: str | None = None, **query: str) -> list[list[str]]:
    """Names on each page, following nextLink."""
    pages = []
    for _ in range(50):
        answer = await api.call("GET", path, token=token, **query)
        assert answer.status_code == 200, answer.text
        pages.append([item["name"] for item in answer.json()["value"]])
        link = answer.json().get("nextLink")
        if link is None:
            return pages
        query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    raise AssertionError("the list does not end")


def flat(pages: Sequence[Sequence[str]]) -> list[str]:
    return [name for page in pages for name in page]


@pytest.mark.parametrize("size", [1, 5, 12, 13, 1000])
@pytest.mark.parametrize("who", ["admin", "member of both", "member of one"])
async def test_pages_of_any_size_hold_everything_once_in_order(api: Api, size: int, who: str) -> None:
    names = await fill(api)
    groups = [GROUPS["churn", "Workspace.Reader"], GROUPS["fraud", "Approver"]]
    token = {
        "admin": None,
        "member of both": api.issuer.token("grace", groups=groups),
        "member of one": api.issuer.token("grace", groups=groups[:1]),
    }[who]
    wanted = names[::2] if who == "member of one" else names
    pages = await everything(api, "workspaces", token, maxpagesize=str(size))
    assert flat(pages) == wanted
    assert max(map(len, pages)) <= size


FILTERS = {
    "project eq 'fraud'": lambda n: n % 2 == 1,
    "project ne 'fraud'": lambda n: n % 2 == 0,
    "environment eq 'test'": lambda n: n % 4 == 0,
    "state eq 'NotReady'": lambda n: n % 3 == 0 and n % 5 != 0,
    "state eq 'Unknown'": lambda n: n % 5 == 0,
    "condition eq 'Ready:False'": lambda n: n % 3 == 0 and n % 5 != 0,
    "condition ne 'Ready:False'": lambda n: not (n % 3 == 0 and n % 5 != 0),
    "project eq 'churn' and environment eq 'dev' and state eq 'Ready'": lambda n: n % 4 == 2 and n % 3 and n % 5,
    "project eq 'nobody'": lambda n: False,
    "project eq 'No Such Name!'": lambda n: False,
    "project eq 'churn' and project eq 'fraud'": lambda n: False,
    "project eq 'churn' and project ne 'churn'": lambda n: False,
}


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("member", [False, True])
async def test_filters(api: Api, text: str, member: bool) -> None:
    names = await fill(api)
    wanted = [name for number, name in enumerate(names) if FILTERS[text](number) and not (member and number % 2)]
    token = api.member("churn", "Workspace.Reader") if member else None
    for size in ("1000", "2"):
        assert flat(await everything(api, "workspaces", token, filter=text, maxpagesize=size)) == wanted


async def test_a_thousand_workspaces_are_two_round_trips(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    names = await fill(api, 1005)
    store, trips = api.services.repository.store, [0]
    query, get = type(store).query, type(store).get

    async def counted(self: Any, partition: str, **more: Any) -> Page:
        trips[0] += 1
        return await query(self, partition, **more)

    async def counted_get(self: Any, partition: str, row: str) -> Entity | None:
        trips[0] += 1
        return await get(self, partition, row)

    monkeypatch.setattr(type(store), "query", counted)
    monkeypatch.setattr(type(store), "get", counted_get)
    for more in ({}, {"filter": "state ne 'Deleting'"}):
        trips[0] = 0
        answer = (await api.call("GET", "workspaces", maxpagesize="1000", **more)).json()
        assert [item["name"] for item in answer["value"]] == names[:1000]
        assert "nextLink" in answer
        assert trips[0] <= 2


async def test_what_matches_nothing_is_bounded_work_and_goes_on(api: Api) -> None:
    """1,000 looked through per request: an empty page with a nextLink, then the rest."""
    names = await fill(api, 1001)
    store = api.services.repository.store
    last = await api.services.repository.load(names[-1])
    assert last is not None
    record = last.record.model_copy(update={"deleting": True})
    await store.commit("workspaces", [Upsert(f"w!{names[-1]}", record.model_dump(mode="json", by_alias=True))])
    assert await everything(api, "workspaces", filter="state eq 'Deleting'") == [[], [names[-1]]]


async def test_operations_and_projects_are_filtered_too(api: Api) -> None:
    await api.register("churn", "fraud")
    made = await api.create("churn-dev")
    await api.finish(made, OperationStatus.FAILED)
    api.clock.advance(1)
    other = await api.create("fraud-dev", project="fraud", address_space="10.44.0.0/22")
    cases = {
        "project eq 'fraud'": [other],
        "target eq 'workspaces/churn-dev'": [made],
        "kind eq 'create'": [other, made],
        "kind eq 'delete'": [],
        "status eq 'Failed' and kind eq 'create'": [made],
        "status ne 'Failed'": [other],
    }
    for text, wanted in cases.items():
        for size in ("1", "100"):
            assert flat(await everything(api, "operations", filter=text, maxpagesize=size)) == wanted, text
    part = api.member("fraud", "Approver")
    assert flat(await everything(api, "operations", part, maxpagesize="1")) == [other]
    assert flat(await everything(api, "operations", part, filter="project eq 'churn'")) == []
    assert flat(await everything(api, "projects", maxpagesize="1")) == ["churn", "fraud"]
    assert flat(await everything(api, "projects", filter="name ne 'churn' and region eq 'westeurope'")) == ["fraud"]


BAD = {
    "": 1,
    "   ": 4,
    "colour eq 'blue'": 1,
    "project = 'x'": 9,
    "project like 'x'": 9,
    "project eq x": 12,
    "project eq 'x": 12,
    "project eq 'x' or state eq 'Ready'": 16,
    "project eq 'x' and": 19,
    "state eq 'Perfect'": 10,
    "condition eq 'Ready'": 14,
    "condition eq 'Ready:Maybe'": 14,
    "(project eq 'x')": 1,
}


@pytest.mark.parametrize("text", BAD)
async def test_a_bad_filter_is_refused_with_the_place(api: Api, text: str) -> None:
    answer = await api.call("GET", "workspaces", filter=text)
    assert answer.status_code == 400
    assert (error(answer)["code"], error(answer)["target"]) == ("InvalidFilter", "filter")
    assert f"At character {BAD[text]} of the filter" in error(answer)["message"]


@pytest.mark.parametrize("size", ["0", "-1", "1001", "ten", "1.5"])
async def test_a_bad_page_size_is_refused(api: Api, size: str) -> None:
    answer = await api.call("GET", "workspaces", maxpagesize=size)
    assert (answer.status_code, error(answer)["target"]) == (400, "maxpagesize")


@pytest.mark.parametrize("token", ["x", "%%%", "d28", "w:ws", token_of("o", "ws-0001"), token_of("w", "ws 1"), "é"])
@pytest.mark.parametrize("who", ["admin", "member"])
async def test_a_token_of_something_else_is_refused(api: Api, token: str, who: str) -> None:
    await fill(api, 2)
    caller = api.member("churn", "Approver") if who == "member" else None
    answer = await api.call("GET", "workspaces", token=caller, skipToken=token)
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidContinuation")


async def test_what_is_deleted_between_two_pages_is_not_missed_by_others(api: Api) -> None:
    names = await fill(api, 4)
    first = (await api.call("GET", "workspaces", maxpagesize="2")).json()
    repository: WorkspaceRepository = api.services.repository
    for row in (f"w!{names[1]}", f"s!{names[1]}"):
        entity = await repository.store.get("workspaces", row)
        assert entity is not None
    token = parse_qs(urlsplit(first["nextLink"]).query)["skipToken"][0]
    assert flat(await everything(api, "workspaces", skipToken=token)) == names[2:]


async def test_a_member_learns_no_name_outside_his_projects(api: Api) -> None:
    names = await fill(api)
    token = api.member("churn", "Workspace.Reader")
    seen = []
    query = {"maxpagesize": "1"}
    while True:
        answer = (await api.call("GET", "workspaces", token=token, **query)).json()
        if "nextLink" not in answer:
            break
        query = {name: values[0] for name, values in parse_qs(urlsplit(answer["nextLink"]).query).items()}
        seen.append(key_of("w", query["skipToken"]))
    assert set(seen) <= set(names[::2])


@given(st.lists(st.tuples(st.sampled_from(["eq", "ne"]), st.text(max_size=12)), min_size=1, max_size=4))
def test_any_text_can_be_asked_for(terms: list[tuple[str, str]]) -> None:
    text = " and ".join(f"project {operator} '{value.replace(chr(39), chr(39) * 2)}'" for operator, value in terms)
    assert parse_filter(text, FIELDS) == tuple(Term("project", Operator(op), value) for op, value in terms)


@given(st.text(max_size=60))
def test_no_filter_does_more_than_be_refused(text: str) -> None:
    try:
        parse_filter(text, FIELDS)
    except Rejected as refused:
        assert refused.code == "InvalidFilter"


@given(st.text(max_size=60), st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True))
def test_tokens_are_ours_or_refused(text: str, key: str) -> None:
    assert key_of("w", token_of("w", key)) == key
    try:
        assert token_of("w", key_of("w", text)) == text
    except Rejected as refused:
        assert refused.code == "InvalidContinuation"
