"""The control plane's own roles follow the personas: leads see and change, data scientists see, nobody else knows."""

from __future__ import annotations

import httpx
import pytest

from tests.support.api import Api, error, registration

LEADS, SCIENTISTS, TESTERS = (f"00000000-0000-0000-0000-0000000000{end}" for end in ("d5", "d1", "d3"))
ACCESS = {"projectLeads": [LEADS], "dataScientists": [SCIENTISTS], "modelTesters": [TESTERS]}
#: Method and path, by what it takes: to see or to change.
SEES = [
    ("GET", "workspaces/churn-dev"),
    ("GET", "workspaces/churn-dev/topology"),
    ("GET", "workspaces/churn-dev/template"),
    ("GET", "workspaces/churn-dev/access"),
    ("POST", "workspaces/churn-dev:validate"),
    ("GET", "operations/{op}"),
]
CHANGES = [
    ("PATCH", "workspaces/churn-dev"),
    ("POST", "workspaces/churn-dev:repair"),
    ("POST", "workspaces/churn-dev/access:reconcile"),
    ("POST", "operations/{op}:cancel"),
]


async def prepared(api: Api) -> str:
    """Two workspaces of a project, one of which names its personas; the operation of that one."""
    groups = {"entraGroups": [LEADS, SCIENTISTS, TESTERS]}
    assert (await api.call("PUT", "projects/churn", registration(**groups))).status_code == 201
    await api.create("churn-other", address_space="10.44.0.0/22")
    return await api.create(access=ACCESS)


def names(answer: httpx.Response) -> list[str]:
    return [item["name"] for item in answer.json()["value"]]


async def test_a_lead_sees_and_changes_and_a_scientist_sees(api: Api) -> None:
    operation = await prepared(api)
    lead, scientist = (api.issuer.token("ada", groups=[group]) for group in (LEADS, SCIENTISTS))
    for method, path in SEES:
        for token in (lead, scientist):
            answer = await api.call(method, path.format(op=operation), token=token)
            assert answer.status_code == 200, (path, answer.text)
    for method, path in CHANGES:
        body = {} if method == "PATCH" else None
        refused = await api.call(method, path.format(op=operation), body, token=scientist)
        assert (refused.status_code, error(refused)["code"]) == (403, "AuthorizationFailed"), path
        done = await api.call(method, path.format(op=operation), body, token=lead)
        assert done.status_code in (200, 202, 409), (path, done.text)


async def test_who_did_what_is_for_whoever_changes_access(api: Api) -> None:
    """Names of colleagues, what they did and which groups they are in: a scientist who sees the workspace sees none."""
    await prepared(api)
    readers = (api.member("churn", "Workspace.Reader"), api.issuer.token("ada", groups=[SCIENTISTS]))
    for token in readers:
        refused = await api.call("GET", "workspaces/churn-dev/access", token=token, activity="30d")
        assert (refused.status_code, error(refused)["code"]) == (403, "AuthorizationFailed")
        assert (await api.call("GET", "workspaces/churn-dev/access", token=token)).json()["activity"] is None
    for token in (api.admin, api.member("churn", "Workspace.Contributor"), api.issuer.token("ada", groups=[LEADS])):
        answer = await api.call("GET", "workspaces/churn-dev/access", token=token, activity="30d")
        assert (answer.status_code, answer.json()["activity"]["actors"]) == (200, None)


async def test_lists_show_what_a_persona_may_see(api: Api) -> None:
    operation = await prepared(api)
    for group, expected in ((LEADS, ["churn-dev"]), (SCIENTISTS, ["churn-dev"]), (TESTERS, [])):
        token = api.issuer.token("ada", groups=[group])
        assert names(await api.call("GET", "workspaces", token=token)) == expected
        seen = names(await api.call("GET", "operations", token=token))
        assert seen == ([operation] if expected else [])
        other = await api.call("GET", "workspaces", token=token, filter="project eq 'fraud'")
        assert names(other) == []


@pytest.mark.parametrize("group", [TESTERS, "00000000-0000-0000-0000-00000000dead"])
async def test_nobody_else_knows_that_it_exists(api: Api, group: str) -> None:
    """Testers have roles in Azure and none here; strangers have neither."""
    operation = await prepared(api)
    token = api.issuer.token("eve", groups=[group])
    for method, path in (*SEES, *CHANGES):
        answer = await api.call(method, path.format(op=operation), {} if method == "PATCH" else None, token=token)
        assert answer.status_code == 404, (path, answer.text)


async def test_a_persona_is_of_its_workspace(api: Api) -> None:
    """Not of the project's others, nor of new ones; and no more when the spec does not name the group."""
    await prepared(api)
    lead = api.issuer.token("ada", groups=[LEADS])
    assert (await api.call("GET", "workspaces/churn-other", token=lead)).status_code == 404
    stored = await api.call("GET", "workspaces/churn-dev", token=lead)
    fresh = await api.call("PUT", "workspaces/churn-new", stored.json()["spec"], token=lead)
    assert fresh.status_code == 404
    moved = await api.call("PUT", "workspaces/churn-dev", {**stored.json()["spec"], "project": "fraud"}, token=lead)
    assert moved.status_code == 404


async def test_a_group_that_leaves_the_registration_loses_what_the_spec_gave_it(api: Api) -> None:
    """The spec names it still; another group of the same person, with no persona here, brings nothing back."""
    operation = await prepared(api)
    once = {
        "Repeatability-Request-ID": "6e0bb5c4-7f0c-4f3e-a1c6-6d8f2e0f7d12",
        "Repeatability-First-Sent": api.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    lead, both = (api.issuer.token("ada", groups=groups) for groups in ([LEADS], [LEADS, TESTERS]))
    asked = {"workload": "cv"}
    await api.finish(operation)
    done = await api.call("PATCH", "workspaces/churn-dev", asked, token=lead, headers=once)
    assert done.status_code == 202, done.text
    shrunk = registration(entraGroups=[SCIENTISTS, TESTERS])
    assert (await api.call("PUT", "projects/churn", shrunk)).status_code == 200
    for token in (lead, both):
        for method, path in (*SEES, *CHANGES):
            answer = await api.call(method, path.format(op=operation), {} if method == "PATCH" else None, token=token)
            assert answer.status_code == 404, (path, answer.text)
        assert names(await api.call("GET", "workspaces", token=token)) == []
        assert names(await api.call("GET", "operations", token=token)) == []
    again = await api.call("PATCH", "workspaces/churn-dev", asked, token=lead, headers=once)
    assert again.status_code == 404
    scientist = api.issuer.token("ada", groups=[SCIENTISTS])
    assert names(await api.call("GET", "workspaces", token=scientist)) == ["churn-dev"]


async def test_a_leads_repeated_request_has_one_effect(api: Api) -> None:
    operation = await prepared(api)
    await api.finish(operation)
    lead = api.issuer.token("ada", groups=[LEADS])
    once = {
        "Repeatability-Request-ID": "6e0bb5c4-7f0c-4f3e-a1c6-6d8f2e0f7d11",
        "Repeatability-First-Sent": api.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    first = await api.call("POST", "workspaces/churn-dev:repair", token=lead, headers=once)
    again = await api.call("POST", "workspaces/churn-dev:repair", token=lead, headers=once)
    assert first.status_code == again.status_code == 202, again.text
    assert first.json()["id"] == again.json()["id"]
