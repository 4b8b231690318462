"""Workspaces by REST: what is accepted, what is refused, and what is stored of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api import GROUPS, Api, error, registration, spec
from tests.support.api_fakes import FakeCatalog


async def test_create_stores_record_operation_and_due_row_and_sends_a_hint(api: Api) -> None:
    await api.register()
    answer = await api.call("PUT", "workspaces/churn-dev", spec())
    assert answer.status_code == 201
    operation = answer.json()
    assert operation["status"] == "NotStarted"
    assert operation["kind"] == "create"
    assert operation["isTerminal"] is False
    location = answer.headers["Operation-Location"]
    assert location == f"https://cp.example.test/api/operations/{operation['id']}?api-version=2026-11-01"
    assert int(answer.headers["Retry-After"]) > 0
    followed = await api.client.get(location, headers={"Authorization": f"Bearer {api.admin}"})
    assert followed.json() == operation
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    assert stored.record.active_operation == operation["id"]
    assert stored.record.resource_group == "rg-churn-churn-dev"
    assert stored.record.created_by == "11111111-1111-1111-1111-111111111111/oid-root"
    assert await api.services.repository.due(api.clock.now()) == ("churn-dev",)
    assert [json.loads(message) for message in api.queue.sent] == [{"kind": "workspace", "name": "churn-dev"}]


async def test_lost_hint_is_no_error(api: Api) -> None:
    await api.register()
    api.queue.is_down = True
    assert (await api.call("PUT", "workspaces/churn-dev", spec())).status_code == 201
    assert await api.services.repository.due(api.clock.now()) == ("churn-dev",)


async def test_workspace_shows_spec_with_defaults_status_and_audit_fields(api: Api) -> None:
    await api.register()
    operation = await api.create()
    answer = await api.call("GET", "workspaces/churn-dev")
    body = answer.json()
    assert answer.headers["ETag"] == body["etag"]
    assert body["spec"]["storage"] == {"sharedKeyAccess": False}
    assert body["status"]["state"] == "Converging"
    assert body["status"]["activeOperation"] == operation
    assert (body["status"]["generation"], body["status"]["observedGeneration"]) == (1, 0)
    assert {"id", "name", "createdAt", "createdBy", "lastModifiedAt", "lastModifiedBy"} <= body.keys()
    assert body["createdAt"] == "2026-11-01T12:00:00Z"


BAD_SPECS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "two unknown fields": ({"colour": 1, "shape": 2}, {"$.colour", "$.shape"}),
    "nested and listed": (
        {"network": {"addressSpace": "10.40.0.0/22", "mode": "open"}, "owners": [GROUPS["churn", "Approver"], "me"]},
        {"$.network.mode", "$.owners[1]"},
    ),
    "address space too small": ({"network": {"addressSpace": "10.40.0.0/28"}}, {"$.network.addressSpace"}),
    "missing project": ({"project": None}, {"$.project"}),
}


@pytest.mark.parametrize("case", BAD_SPECS)
async def test_wrong_spec_names_every_bad_field_and_touches_nothing(api: Api, case: str) -> None:
    changes, targets = BAD_SPECS[case]
    await api.register()
    answer = await api.call("PUT", "workspaces/churn-dev", spec(**changes))
    assert answer.status_code == 400
    assert error(answer)["code"] == "InvalidSpec"
    assert {detail["target"] for detail in error(answer)["details"]} == targets
    assert await api.services.repository.load("churn-dev") is None
    assert not (api.reader.asked or api.catalog.asked or api.queue.sent)


async def test_field_that_is_not_built_is_refused_by_name(api: Api) -> None:
    await api.register()
    asked = spec(management="observe")
    answer = await api.call("PUT", "workspaces/churn-dev", asked)
    assert (answer.status_code, error(answer)["code"]) == (400, "FeatureNotAvailable")
    assert error(answer)["details"][0]["target"] == "$.management"


async def test_ids_outside_the_registration_are_refused_before_azure_is_asked(api: Api) -> None:
    await api.register()
    asked = spec(subscriptionId="00000000-0000-0000-0000-00000000dead", location="eastus")
    for method, path, body in (
        ("PUT", "workspaces/churn-dev", asked),
        ("POST", "workspaces/churn-dev:plan", {"spec": asked}),
    ):
        answer = await api.call(method, path, body)
        assert (answer.status_code, error(answer)["code"]) == (403, "ScopeNotAllowedForProject")
        assert {d["target"] for d in error(answer)["details"]} == {"$.subscriptionId", "$.location"}
    assert not (api.reader.asked or api.catalog.asked)


PLAN_TIME: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "unknown region": ({"location": "marseurope"}, 400, "LocationNotAvailable", "$.location"),
    "unknown size": (
        {"compute": {"clusters": [{"name": "cpu", "size": "Standard_Nope", "maxNodes": 1}]}},
        400,
        "VmSizeNotAvailable",
        "$.compute.clusters[0].size",
    ),
    "invisible subscription": (
        {"subscriptionId": FakeCatalog.invisible},
        400,
        "SubscriptionNotVisible",
        "$.subscriptionId",
    ),
    "overlap": ({"address_space": "10.50.0.0/23"}, 409, "AddressSpaceOverlaps", "$.network.addressSpace"),
}


@pytest.mark.parametrize("case", PLAN_TIME)
@pytest.mark.parametrize("verb", ["PUT", "plan"])
async def test_what_azure_would_refuse_is_refused_at_plan_time(api: Api, case: str, verb: str) -> None:
    changes, status, code, target = PLAN_TIME[case]
    await api.register()
    await api.create("neighbour", address_space="10.50.0.0/22")
    asked = spec(**changes)
    answer = (
        await api.call("PUT", "workspaces/churn-dev", asked)
        if verb == "PUT"
        else await api.call("POST", "workspaces/churn-dev:plan", {"spec": asked})
    )
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert [detail["target"] for detail in error(answer)["details"]] == [target]
    assert await api.services.repository.load("churn-dev") is None


@pytest.mark.parametrize("name", ["A", "ab", "has_underscore", "x" * 40, "a:plan", "a%23b"])
async def test_name_that_azure_would_refuse(api: Api, name: str) -> None:
    await api.register()
    put = await api.call("PUT", f"workspaces/{name}", spec())
    assert (put.status_code, error(put)["code"]) == (400, "InvalidResourceName")
    assert (await api.call("GET", f"workspaces/{name}")).status_code == 404


async def test_name_of_another_project_is_unavailable_and_says_nothing_else(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.create("shared")
    stranger = api.member("fraud", "Workspace.Contributor")
    answer = await api.call("PUT", "workspaces/shared", spec("fraud"), token=stranger)
    assert (answer.status_code, error(answer)["code"]) == (409, "WorkspaceNameUnavailable")
    assert "churn" not in answer.text
    absent, hidden = [await api.call("GET", f"workspaces/{name}", token=stranger) for name in ("absent", "shared")]
    assert hidden.status_code == 404
    assert hidden.json()["error"]["code"] == absent.json()["error"]["code"]
    assert hidden.json()["error"]["message"].replace("shared", "absent") == absent.json()["error"]["message"]


async def test_addresses_of_other_projects_are_not_told_by_name(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.create("secret-place")
    answer = await api.call("PUT", "workspaces/mine", spec("fraud"), token=api.member("fraud", "Workspace.Contributor"))
    assert (answer.status_code, error(answer)["code"]) == (409, "AddressSpaceOverlaps")
    assert "secret-place" not in answer.text


async def test_project_that_is_unknown_or_hidden_answers_the_same(api: Api) -> None:
    await api.register("churn", "fraud")
    token = api.member("fraud", "Workspace.Contributor")
    answers = [await api.call("PUT", "workspaces/new", spec(project), token=token) for project in ("churn", "ghost")]
    assert [(a.status_code, error(a)["code"], error(a)["target"]) for a in answers] == [
        (404, "ProjectNotFound", "$.project")
    ] * 2


async def test_list_shows_what_the_caller_may_read(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.create("churn-dev")
    await api.create("fraud-dev", project="fraud", address_space="10.60.0.0/22")
    everything = (await api.call("GET", "workspaces")).json()
    assert [item["name"] for item in everything["value"]] == ["churn-dev", "fraud-dev"]
    assert "nextLink" not in everything
    part = await api.call("GET", "workspaces", token=api.member("fraud", "Approver"))
    assert [item["name"] for item in part.json()["value"]] == ["fraud-dev"]
    nothing = await api.call("GET", "workspaces", token=api.issuer.token("eve"))
    assert nothing.json() == {"value": []}


async def test_next_link_leads_through_the_whole_fleet(api: Api) -> None:
    await api.register()
    unlimited = registration(limits={"maxWorkspaces": 1000})
    await api.call("PUT", "projects/churn", unlimited)
    await api.create("team-000")
    template = await api.services.repository.load("team-000")
    operation = await api.services.repository.load_operation(str(template and template.record.active_operation))
    assert template is not None
    assert operation is not None
    for number in range(1, 130):
        name, op = f"team-{number:03d}", f"{number:014d}-abc"
        record = template.record.model_copy(update={"name": name, "active_operation": op})
        await api.services.repository.accept(record, operation.operation.model_copy(update={"id": op}), None)
    names: list[str] = []
    url = "https://cp.example.test/api/workspaces?api-version=2026-11-01"
    while url:
        page = (await api.client.get(url, headers={"Authorization": f"Bearer {api.admin}"})).json()
        names += [item["name"] for item in page["value"]]
        url = page.get("nextLink", "")
    assert names == [f"team-{number:03d}" for number in range(130)]


async def test_skip_token_that_no_page_gave_is_refused(api: Api) -> None:
    assert (await api.call("GET", "workspaces", skipToken="%%%")).status_code == 400


def test_groups_of_the_two_projects_differ() -> None:
    """The helper above would otherwise prove nothing."""
    assert len(set(GROUPS.values())) == 6
