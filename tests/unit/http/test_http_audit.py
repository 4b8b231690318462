"""``/api/audit``: what is told of each change, who sees it, page by page, and whether it was changed since."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.audit import proof, reading
from controlplane.audit.checkpoints import take
from controlplane.audit.model import Kind, entry_row
from controlplane.audit.service import AT_ONCE
from controlplane.ports.store import Upsert
from tests.support.api import Api, error, registration, spec
from tests.support.audit import MemoryAnchor

TRACE = "0af7651916cd43dd8448eb211c80319c"
WS = "workspaces/churn-dev"
OF_WS = f"object eq '{WS}'"


async def entries(api: Api, token: str | None = None, **query: str) -> list[dict[str, Any]]:
    """Every entry, over all pages."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await api.call("GET", "audit", token=token, **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["value"]
        if "nextLink" not in body:
            return found
        query = {key: values[0] for key, values in parse_qs(urlsplit(body["nextLink"]).query).items()}


async def test_what_a_request_leaves(api: Api) -> None:
    await api.register()
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "If-None-Match": "*"}
    await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers)
    (entry,) = await entries(api, filter=OF_WS)
    assert (entry["action"], entry["actorKind"], entry["project"]) == ("OperationAccepted", "User", "churn")
    assert entry["actor"].endswith("/oid-root")
    details = entry["details"]
    assert (details["kind"], details["generation"], details["allowDestructive"]) == ("create", 1, False)
    assert details["correlationId"] == TRACE
    assert details["conditions"] == {"ifMatch": None, "ifNoneMatch": ["*"]}
    assert {"path": "$.network.addressSpace", "new": "10.40.0.0/22"} in details["changes"]
    assert (await api.call("GET", f"operations/{details['operation']}")).status_code == 200


async def test_a_change_is_told_by_its_paths(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    token = api.issuer.app_token(roles=["Platform.Admin"])
    await api.call("PATCH", "workspaces/churn-dev", {"compute": {"clusters": []}, "workload": "cv"}, token=token)
    newest = (await entries(api, filter=OF_WS))[0]
    assert newest["actorKind"] == "Application"
    assert newest["details"]["changes"] == [{"path": "$.workload", "old": "classical", "new": "cv"}]


async def test_a_cancellation_and_the_end_of_an_operation(api: Api) -> None:
    await api.register()
    operation = await api.create()
    await api.call("POST", f"operations/{operation}:cancel", token=api.member("churn", "Workspace.Contributor"))
    found = await entries(api, filter=OF_WS)
    assert [entry["action"] for entry in found][-2:] == ["CancelRequested", "OperationAccepted"]
    assert found[-2]["actor"].endswith("/oid-grace")
    if found[0]["action"] == "CancelRequested":
        await api.finish(operation)
        found = await entries(api, filter=OF_WS)
    ended = found[0]
    assert (ended["action"], ended["actor"], ended["actorKind"]) == ("OperationEnded", "controlplane", "ControlPlane")
    assert ended["details"]["cancelRequestedBy"].endswith("/oid-grace")


async def test_registrations_are_told_to_who_may_read_them(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.call("PUT", "projects/fraud", registration("fraud", regions=["westeurope"]))
    await api.call("DELETE", "projects/fraud")
    found = await entries(api, filter="object eq 'projects/fraud'")
    assert [entry["action"] for entry in found] == ["ProjectDeleted", "ProjectChanged", "ProjectRegistered"]
    assert found[1]["details"]["changes"][0]["path"] == "$.regions"
    await api.register("fraud")
    again = await entries(api, filter="object eq 'projects/fraud'")
    assert (again[0]["sequence"], again[0]["previousHash"]) == (4, found[0]["hash"])
    assert await entries(api, api.member("fraud", "Workspace.Contributor")) == []
    assert (await api.call("GET", "projects")).json()["value"][0]["name"] == "churn"


async def test_a_caller_sees_the_entries_of_own_projects(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.create()
    await api.create("fraud-dev", project="fraud", address_space="10.41.0.0/22")
    for role in ("Workspace.Contributor", "Workspace.Reader", "Approver"):
        seen = await entries(api, api.member("churn", role))
        assert {entry["object"] for entry in seen} == {WS}
    assert await entries(api, api.member("churn", "Approver"), filter="object eq 'workspaces/fraud-dev'") == []
    assert await entries(api, api.issuer.token("eve")) == []
    assert {entry["object"] for entry in await entries(api)} == {
        WS, "workspaces/fraud-dev", "projects/churn", "projects/fraud",
    }  # fmt: skip


async def test_a_next_page_tells_nothing_of_what_was_passed_over(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row at which looking ends may be of another project; a nextLink is no way to learn its name."""
    await api.register("churn", "fraud")
    await api.create()
    api.clock.advance(60)
    await api.create("fraud-dev", project="fraud", address_space="10.41.0.0/22")
    monkeypatch.setattr(reading, "MAX_SCAN", 1)
    reader = api.member("churn", "Workspace.Reader")
    tokens: list[str] = []
    seen: list[str] = []
    query: dict[str, str] | None = {}
    while query is not None:
        body = (await api.call("GET", "audit", token=reader, **query)).json()
        seen += [entry["object"] for entry in body["value"]]
        link = parse_qs(urlsplit(body.get("nextLink", "")).query)
        tokens += link.get("skipToken", [])
        query = {key: values[0] for key, values in link.items()} if link else None
    assert seen == [WS]
    assert len(tokens) >= 3
    assert not [text for text in map(urlsafe_b64decode, tokens) if b"fraud" in text or b"churn" in text]
    nothing = await api.call("GET", "audit", token=api.issuer.token("eve"))
    assert nothing.json() == {"value": []}
    forged = urlsafe_b64encode(b"workspaces|~xt!98206999999999!" + b"0" * 64).decode()
    assert error(await api.call("GET", "audit", skipToken=forged))["code"] == "InvalidContinuation"


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"])
async def test_a_time_long_ago_hides_nothing(api: Api, since: str) -> None:
    await api.register()
    assert [entry["object"] for entry in await entries(api, since=since, until="9999-12-31T00:00:00Z")] == [
        "projects/churn"
    ]


async def busy(api: Api) -> list[dict[str, Any]]:
    """Twelve entries of four objects, some at the same instant."""
    await api.register("churn", "fraud")
    for name, project, space in (("churn-dev", "churn", "10.40.0.0/22"), ("fraud-dev", "fraud", "10.41.0.0/22")):
        operation = await api.create(name, project=project, address_space=space)
        api.clock.advance(60)
        await api.finish(operation)
        for workload in ("cv", "nlp"):
            answer = await api.call("PATCH", f"workspaces/{name}", {"workload": workload})
            api.clock.advance(60)
            await api.finish(answer.json()["id"])
    return await entries(api)


@pytest.mark.parametrize("size", ["1", "2", "3", "5", "13"])
async def test_pages_of_any_size_hold_the_same_newest_first(api: Api, size: str) -> None:
    everything = await busy(api)
    assert len(everything) == 14
    assert [e["at"] for e in everything] == sorted((e["at"] for e in everything), reverse=True)
    assert await entries(api, maxpagesize=size) == everything
    mine = [entry for entry in everything if entry["object"] == WS]
    assert [entry["sequence"] for entry in mine] == [6, 5, 4, 3, 2, 1]
    assert await entries(api, maxpagesize=size, filter=OF_WS) == mine
    by_product = [entry for entry in everything if entry["actor"] == "controlplane"]
    assert await entries(api, maxpagesize=size, filter="actor eq 'controlplane'") == by_product
    others = [entry for entry in everything if entry["actor"] != "controlplane" and entry["project"] == "churn"]
    assert await entries(api, maxpagesize=size, filter="actor ne 'controlplane' and project eq 'churn'") == others
    accepted = [entry for entry in mine if entry["action"] == "OperationAccepted"]
    assert await entries(api, maxpagesize=size, filter=f"action eq 'OperationAccepted' and {OF_WS}") == accepted


async def test_filters_by_time(api: Api) -> None:
    everything = await busy(api)
    times = sorted({entry["at"] for entry in everything})
    for since in times:
        wanted = [entry for entry in everything if entry["at"] >= since]
        assert await entries(api, since=since, maxpagesize="2") == wanted
    low, high = times[1], times[3]
    wanted = [entry for entry in everything if low <= entry["at"] <= high]
    assert await entries(api, since=low, until=high) == wanted
    both = [entry for entry in wanted if entry["object"] == WS and entry["actor"] == "controlplane"]
    assert await entries(api, since=low, until=high, filter=f"{OF_WS} and actor eq 'controlplane'") == both


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"maxpagesize": "0"}, "InvalidParameter"),
        ({"maxpagesize": "1001"}, "InvalidParameter"),
        ({"since": "yesterday"}, "InvalidParameter"),
        ({"filter": "object eq 'vaults/x'"}, "InvalidFilter"),
        ({"filter": "action eq 'Slept'"}, "InvalidFilter"),
        ({"filter": "sequence eq '1'"}, "InvalidFilter"),
        ({"skipToken": "nonsense"}, "InvalidContinuation"),
        ({"skipToken": "bm90aGluZ3xhdCBhbGw="}, "InvalidContinuation"),
    ],
)
async def test_bad_questions(api: Api, query: dict[str, str], code: str) -> None:
    answer = await api.call("GET", "audit", **query)
    assert (answer.status_code, error(answer)["code"]) == (400, code)


@pytest.mark.parametrize(
    "thing", ["", "workspaces", "workspaces/", "vaults/x", "workspaces/a b", "projects/../x", "x/y/z"]
)
async def test_nothing_is_told_of_what_cannot_exist(api: Api, thing: str) -> None:
    await api.register()
    assert await entries(api, filter="object eq 'workspaces/-'") == []
    answer = await api.call("POST", "audit:verify", {"object": thing})
    assert (answer.status_code, error(answer)["code"]) == (404, "AuditObjectNotFound")
    names = "workspaces/{name}, projects/{name}, retraining/{workspace}.{model} or governance/{scope}.{name}"
    assert f"it is {names}" in error(answer)["message"]


# -- verification ------------------------------------------------------------------------------------------------------


async def test_without_an_anchor_it_says_so(api: Api) -> None:
    await api.register()
    await api.create()
    for body in (None, {}, {"object": None}, {"object": WS}):
        answer = await api.call("POST", "audit:verify", body)
        found = answer.json()
        assert (answer.status_code, found["consistent"], found["anchored"]) == (200, True, False)
        assert (found["checkpoint"], found["firstBad"]) == (None, None)
    assert found["checkedEntries"] == 1


async def test_a_changed_entry_is_named(api: Api) -> None:
    await api.register()
    await api.create()
    store = api.services.for_audit().store
    row = entry_row("churn-dev", 1)
    entity = await store.get(Kind.WORKSPACES, row)
    assert entity is not None
    await store.commit(Kind.WORKSPACES, [Upsert(row, {**entity.value, "actor": "somebody else"})])
    for body in (None, {"object": WS}):
        found = (await api.call("POST", "audit:verify", body)).json()
        assert found["consistent"] is False
        assert (found["firstBad"]["object"], found["firstBad"]["sequence"]) == (WS, 1)
        assert found["firstBad"]["reason"] == "HashMismatch"


async def test_with_an_anchor(api: Api) -> None:
    await api.register()
    await api.create()
    deps, anchor = api.services.for_audit(), MemoryAnchor()
    object.__setattr__(deps, "anchor", anchor)
    taken = await take(deps.store, anchor, api.clock.now())
    found = (await api.call("POST", "audit:verify")).json()
    assert (found["consistent"], found["anchored"], found["unanchoredEntries"]) == (True, True, 0)
    assert (found["checkpoint"]["root"], found["checkpoint"]["count"]) == (taken.root, 2)


async def test_all_chains_take_a_role_of_the_token(api: Api) -> None:
    await api.register()
    await api.create()
    member = api.member("churn", "Workspace.Contributor")
    refused = await api.call("POST", "audit:verify", token=member)
    assert (refused.status_code, error(refused)["code"]) == (403, "AuthorizationFailed")
    assert "a role of the token itself" in error(refused)["message"]
    assert (await api.call("POST", "audit:verify", {"object": WS}, token=member)).status_code == 200
    for thing in (WS, "workspaces/absent"):
        stranger = await api.call("POST", "audit:verify", {"object": thing}, token=api.issuer.token("eve"))
        assert (stranger.status_code, error(stranger)["code"]) == (404, "AuditObjectNotFound")


@pytest.mark.parametrize("body", [{"objekt": WS}, {"object": 1}])
async def test_bad_bodies(api: Api, body: dict[str, Any]) -> None:
    answer = await api.call("POST", "audit:verify", body)
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidRequestContent")


async def test_a_process_verifies_so_many_chains_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.register()
    await api.create()
    running, most, prove = 0, 0, proof.prove_object

    async def counted(*asked: Any) -> proof.Proof:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20):
            await asyncio.sleep(0)
        running -= 1
        return await prove(*asked)

    monkeypatch.setattr(proof, "prove_object", counted)
    answers = await asyncio.gather(*(api.call("POST", "audit:verify", {"object": WS}) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert most == AT_ONCE
