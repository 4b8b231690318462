"""Workspaces by REST: what is accepted, what is refused, and what is stored of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from controlplane.errors import Transient
from controlplane.operations.model import OperationStatus
from controlplane.workspaces.records import Owned
from tests.support.api import GROUPS, SUBSCRIPTION, Api, registration, spec
from tests.support.api_fakes import FakeCatalog


def error(answer: Any) -> dict[str, Any]:
    """The error object; the header must say the same code."""
    found: dict[str, Any] = answer.json()["error"]
    assert answer.headers["x-ms-error-code"] == found["code"]
    return found


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
    asked = spec(network={"addressSpace": "10.40.0.0/22", "hub": {"bastion": True}})
    answer = await api.call("PUT", "workspaces/churn-dev", asked)
    assert (answer.status_code, error(answer)["code"]) == (400, "FeatureNotAvailable")
    assert error(answer)["details"][0]["target"] == "$.network.hub.bastion"


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


# -- the same again, and again after a failure -------------------------------------------------------------------------


async def test_second_operation_on_a_busy_workspace_is_refused_with_the_id_of_the_first(api: Api) -> None:
    await api.register()
    first = await api.create()
    for method, path, body in (
        ("PUT", "workspaces/churn-dev", spec()),
        ("PATCH", "workspaces/churn-dev", {"environment": "prod"}),
        ("DELETE", "workspaces/churn-dev", None),
        ("POST", "workspaces/churn-dev:repair", None),
    ):
        answer = await api.call(method, path, body)
        assert (answer.status_code, error(answer)["code"]) == (409, "AnotherOperationInProgress")
        assert first in error(answer)["message"]
        assert error(answer)["target"] == f"operations/{first}"


async def test_same_spec_on_a_workspace_that_has_it_starts_nothing(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    sent = len(api.queue.sent)
    answer = await api.call("PUT", "workspaces/churn-dev", spec())
    assert answer.status_code == 200
    assert answer.json()["status"]["generation"] == 1
    assert answer.headers["ETag"] == answer.json()["etag"]
    assert len(api.queue.sent) == sent
    operations = (await api.call("GET", "operations")).json()["value"]
    assert len(operations) == 1


@pytest.mark.parametrize("ended", [OperationStatus.FAILED, OperationStatus.CANCELED])
async def test_same_spec_after_a_failure_starts_an_operation_that_goes_on(api: Api, ended: OperationStatus) -> None:
    await api.register()
    first = await api.create()
    await api.finish(first, ended)
    answer = await api.call("PUT", "workspaces/churn-dev", spec())
    assert answer.status_code == 202
    assert answer.json()["id"] != first
    assert answer.json()["kind"] == "create"
    assert answer.json()["generation"] == 1


async def test_changed_spec_is_a_new_generation_and_etag(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    before = (await api.call("GET", "workspaces/churn-dev")).json()
    api.clock.advance(60)
    answer = await api.call("PUT", "workspaces/churn-dev", spec(environment="prod"))
    assert (answer.status_code, answer.json()["kind"], answer.json()["generation"]) == (202, "update", 2)
    after = (await api.call("GET", "workspaces/churn-dev")).json()
    assert answer.headers["ETag"] == after["etag"] != before["etag"]
    assert after["createdAt"] == before["createdAt"] < after["lastModifiedAt"]


IMMUTABLE = {"subscriptionId": FakeCatalog.invisible, "location": "northeurope"}


@pytest.mark.parametrize("field", IMMUTABLE)
async def test_fields_fixed_at_creation_cannot_change(api: Api, field: str) -> None:
    await api.register()
    await api.finish(await api.create())
    for method, body in (("PUT", spec(**{field: IMMUTABLE[field]})), ("PATCH", {field: IMMUTABLE[field]})):
        answer = await api.call(method, "workspaces/churn-dev", body)
        assert (answer.status_code, error(answer)["code"]) == (400, "PropertyChangeNotAllowed")
        assert error(answer)["details"][0]["target"] == f"$.{field}"


async def test_project_cannot_change(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.finish(await api.create())
    patched = await api.call("PATCH", "workspaces/churn-dev", {"project": "fraud"})
    assert (patched.status_code, error(patched)["target"]) == (400, "$.project")
    put = await api.call("PUT", "workspaces/churn-dev", spec("fraud"))
    assert put.status_code == 409


# -- merge patch -------------------------------------------------------------------------------------------------------


async def test_patch_merges_and_null_gives_the_default_back(api: Api) -> None:
    await api.register()
    await api.finish(await api.create(workload="nlp", storage={"sharedKeyAccess": True}))
    answer = await api.call("PATCH", "workspaces/churn-dev", {"workload": None, "environment": "test"})
    assert answer.status_code == 202
    found = (await api.call("GET", "workspaces/churn-dev")).json()["spec"]
    assert (found["workload"], found["environment"]) == ("classical", "test")
    assert found["storage"] == {"sharedKeyAccess": True}


async def test_patch_that_changes_nothing_starts_nothing(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    assert (await api.call("PATCH", "workspaces/churn-dev", {})).status_code == 200


async def test_patch_of_what_is_not_there(api: Api) -> None:
    await api.register()
    assert (await api.call("PATCH", "workspaces/churn-dev", {})).status_code == 404


# -- preconditions -----------------------------------------------------------------------------------------------------


async def test_two_writers_one_gets_412(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    etag = (await api.call("GET", "workspaces/churn-dev")).headers["ETag"]
    headers = {"If-Match": etag}
    first = await api.call("PATCH", "workspaces/churn-dev", {"environment": "test"}, headers=headers)
    await api.finish(first.json()["id"])
    second = await api.call("PATCH", "workspaces/churn-dev", {"environment": "prod"}, headers=headers)
    assert (first.status_code, second.status_code) == (202, 412)
    assert error(second)["code"] == "ConditionNotMet"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "workspaces/churn-dev"),
        ("PATCH", "workspaces/churn-dev"),
        ("DELETE", "workspaces/churn-dev"),
        ("POST", "workspaces/churn-dev:repair"),
    ],
)
async def test_every_write_honours_if_match(api: Api, method: str, path: str) -> None:
    await api.register()
    await api.finish(await api.create())
    body = {"PUT": spec(environment="test"), "PATCH": {"environment": "test"}}.get(method)
    stale = await api.call(method, path, body, headers={"If-Match": '"9.9"'})
    assert stale.status_code == 412
    etag = (await api.call("GET", "workspaces/churn-dev")).json()["etag"]
    good = await api.call(method, path, body, headers={"If-Match": f'"9.9", {etag}'})
    assert good.status_code == 202


async def test_if_none_match_star_is_create_only_and_if_match_star_update_only(api: Api) -> None:
    await api.register()
    update_only = await api.call("PUT", "workspaces/churn-dev", spec(), headers={"If-Match": "*"})
    assert update_only.status_code == 412
    create_only = {"If-None-Match": "*"}
    assert (await api.call("PUT", "workspaces/churn-dev", spec(), headers=create_only)).status_code == 201
    assert (await api.call("PUT", "workspaces/churn-dev", spec(), headers=create_only)).status_code == 412


async def test_weak_etag_matches_no_write(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    etag = (await api.call("GET", "workspaces/churn-dev")).json()["etag"]
    assert (await api.call("DELETE", "workspaces/churn-dev", headers={"If-Match": f"W/{etag}"})).status_code == 412


async def test_concurrent_creations_of_one_name_make_one(api: Api) -> None:
    await api.register()
    answers = await asyncio.gather(*(api.call("PUT", "workspaces/churn-dev", spec()) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len((await api.call("GET", "operations")).json()["value"]) == 1


async def test_concurrent_creations_cannot_take_the_same_addresses(api: Api) -> None:
    await api.register()
    answers = await asyncio.gather(*(api.call("PUT", f"workspaces/team-{n}", spec()) for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 3


async def test_concurrent_creations_cannot_exceed_the_limit(api: Api) -> None:
    limited = registration(limits={"maxWorkspaces": 2})
    assert (await api.call("PUT", "projects/churn", limited)).status_code == 201
    answers = await asyncio.gather(
        *(api.call("PUT", f"workspaces/team-{n}", spec(address_space=f"10.{n}.0.0/22")) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]


async def test_two_projects_cannot_meet_in_one_resource_group(api: Api) -> None:
    await api.call("PUT", "projects/churn", registration(resourceGroupPrefix="rg-"))
    await api.call("PUT", "projects/fraud", registration("fraud", resourceGroupPrefix="rg-team-"))
    await api.create("team-one")
    answer = await api.call("PUT", "workspaces/one", spec("fraud", "10.60.0.0/22"))
    assert (answer.status_code, error(answer)["code"]) == (409, "ResourceGroupUnavailable")


# -- destruction -------------------------------------------------------------------------------------------------------


async def existing_cluster(api: Api) -> str:
    """A workspace with a cluster that exists in Azure and is in the inventory; returns the cluster's id."""
    clusters = {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 1}]}
    await api.register()
    await api.finish(await api.create(compute=clusters))
    plan = (await api.call("POST", "workspaces/churn-dev:plan")).json()
    by_key = {change["key"]: change for change in plan["changes"]}
    cluster = next(change for change in plan["changes"] if change["type"].endswith("/computes"))
    for key in ("resource-group", "workspace", cluster["key"]):
        api.reader.put(by_key[key]["id"], properties={}, location="westeurope")
    repository = api.services.repository
    stored = await repository.load("churn-dev")
    assert stored is not None
    owned = Owned(resource_id=cluster["id"], type=cluster["type"], api_version="2025-06-01")
    lease = await repository.take_lease("churn-dev", "test", api.clock.now(), 90)
    assert lease is not None
    status = stored.status.model_copy(update={"inventory": {cluster["key"]: owned}})
    await repository.save_progress(stored, None, lease, status=status)
    await repository.release(lease)
    return str(cluster["id"])


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_update_that_would_destroy_needs_consent(api: Api, method: str) -> None:
    cluster = await existing_cluster(api)
    body = spec() if method == "PUT" else {"compute": None}
    refused = await api.call(method, "workspaces/churn-dev", body)
    assert (refused.status_code, error(refused)["code"]) == (409, "DestructiveChangeNotAllowed")
    assert any(cluster in detail["message"] for detail in error(refused)["details"])
    assert (await api.call("GET", "workspaces/churn-dev")).json()["status"]["generation"] == 1
    agreed = await api.call(method, "workspaces/churn-dev", body, allowDestructive="true")
    assert agreed.status_code == 202
    operation = await api.services.repository.load_operation(agreed.json()["id"])
    assert operation is not None
    assert operation.operation.allow_destructive is True


async def test_plan_says_that_consent_is_needed(api: Api) -> None:
    cluster = await existing_cluster(api)
    plan = (await api.call("POST", "workspaces/churn-dev:plan", {"spec": spec()})).json()
    assert plan["requiresAllowDestructive"] is True
    assert [change["id"] for change in plan["changes"] if change["action"] == "delete"] == [cluster]


async def test_update_whose_plan_cannot_be_read_is_refused_for_now(api: Api) -> None:
    await existing_cluster(api)
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-churn-churn-dev"
    api.reader.refusing[group.lower()] = Transient("TooManyRequests", "Slow down.", retry_after=7)
    answer = await api.call("PATCH", "workspaces/churn-dev", {"environment": "test"})
    assert (answer.status_code, error(answer)["code"]) == (503, "ResourceUnreadable")
    assert int(answer.headers["Retry-After"]) > 0
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    assert stored.record.generation == 1


async def test_consent_has_to_be_said_clearly(api: Api) -> None:
    await api.register()
    answer = await api.call("PUT", "workspaces/churn-dev", spec(), allowDestructive="perhaps")
    assert (answer.status_code, error(answer)["target"]) == (400, "allowDestructive")


# -- plan, validate, repair --------------------------------------------------------------------------------------------


async def test_plan_of_what_does_not_exist_creates_everything_and_stores_nothing(api: Api) -> None:
    await api.register()
    answer = await api.call("POST", "workspaces/churn-dev:plan", {"spec": spec()})
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["exists"], plan["isEmpty"]) == (False, False)
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert plan["expectedDuration"].startswith("PT")
    assert plan["criticalPath"]
    assert plan["monthlyCost"] is None
    assert plan["monthlyCostReason"]["code"]
    assert await api.services.repository.load("churn-dev") is None
    assert api.queue.sent == []


async def test_plan_without_a_spec_is_of_the_accepted_one(api: Api) -> None:
    await api.register()
    assert (await api.call("POST", "workspaces/churn-dev:plan")).status_code == 404
    await api.create()
    for body in (None, {}, {"spec": None}):
        answer = await api.call("POST", "workspaces/churn-dev:plan", body)
        assert (answer.status_code, answer.json()["exists"]) == (200, True)


async def test_plan_takes_a_spec_and_nothing_else(api: Api) -> None:
    await api.register()
    answer = await api.call("POST", "workspaces/churn-dev:plan", {**spec(), "spec": spec()})
    assert answer.status_code == 400
    assert "$.project" in {detail["target"] for detail in error(answer)["details"]}


async def test_validate_reads_as_observer_and_shows_evidence(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    answer = await api.call("POST", "workspaces/churn-dev:validate")
    assert answer.status_code == 200
    report = answer.json()
    assert report["isClean"] is False
    failing = [finding for finding in report["findings"] if finding["status"] == "Fail"]
    assert failing
    assert all(finding["readFrom"] and finding["message"] for finding in failing)
    assert api.reader.asked


async def test_repair_starts_an_operation_of_the_same_generation(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    answer = await api.call("POST", "workspaces/churn-dev:repair")
    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["generation"]) == ("repair", 1)


# -- deletion ----------------------------------------------------------------------------------------------------------


async def test_delete_of_what_is_not_there_or_not_known_is_204(api: Api) -> None:
    await api.register("churn", "fraud")
    await api.finish(await api.create())
    stranger = api.member("fraud", "Workspace.Contributor")
    for name in ("absent", "churn-dev"):
        assert (await api.call("DELETE", f"workspaces/{name}", token=stranger)).status_code == 204
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    assert stored.record.deleting is False


async def test_delete_starts_one_operation_however_often_it_is_sent(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    first = await api.call("DELETE", "workspaces/churn-dev")
    again = await api.call("DELETE", "workspaces/churn-dev")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["kind"] == "delete"
    assert (await api.call("GET", "workspaces/churn-dev")).json()["status"]["state"] == "Deleting"


async def test_after_a_failed_deletion_only_deletion_goes_on(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    first = (await api.call("DELETE", "workspaces/churn-dev")).json()["id"]
    await api.finish(first, OperationStatus.FAILED)
    put = await api.call("PUT", "workspaces/churn-dev", spec())
    assert (put.status_code, error(put)["code"]) == (409, "WorkspaceDeleting")
    again = await api.call("DELETE", "workspaces/churn-dev")
    assert again.status_code == 202
    assert again.json()["id"] != first


# -- lists -------------------------------------------------------------------------------------------------------------


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
