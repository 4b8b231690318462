"""Writing again: the same, another, at the same time; merge patches and preconditions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controlplane.operations.model import OperationStatus
from tests.support.api import SUBSCRIPTION, Api, error, registration, spec
from tests.support.api_fakes import FakeCatalog
from tests.support.blueprints import WAY_IN


async def test_second_operation_on_a_busy_workspace_is_refused_with_the_id_of_the_first(api: Api) -> None:
    await api.register()
    first = await api.create()
    for method, path, body in (
        ("PUT", "workspaces/churn-dev", spec()),
        ("PATCH", "workspaces/churn-dev", {"workload": "nlp"}),
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


async def test_patch_merges_and_null_gives_the_default_back(api: Api) -> None:
    await api.register()
    await api.finish(await api.create(workload="nlp", environment="prod", storage={"sharedKeyAccess": True}))
    answer = await api.call(
        "PATCH", "workspaces/churn-dev", {"workload": None, "environment": "test", "network": {"hub": WAY_IN}}
    )
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


async def test_two_writers_one_gets_412(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    etag = (await api.call("GET", "workspaces/churn-dev")).headers["ETag"]
    headers = {"If-Match": etag}
    first = await api.call("PATCH", "workspaces/churn-dev", {"workload": "cv"}, headers=headers)
    await api.finish(first.json()["id"])
    second = await api.call("PATCH", "workspaces/churn-dev", {"workload": "nlp"}, headers=headers)
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
    body = {"PUT": spec(workload="cv"), "PATCH": {"workload": "cv"}}.get(method)
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
    """A project keeps the groups of its workspaces when its prefix changes, whoever may have the old one then."""
    await api.call("PUT", "projects/churn", registration(resourceGroupPrefix="rg-"))
    await api.create("team-one")
    await api.call("PUT", "projects/churn", registration())
    other = registration("fraud", resourceGroupPrefix="rg-team-")
    assert (await api.call("PUT", "projects/fraud", other)).status_code == 201
    answer = await api.call("PUT", "workspaces/one", spec("fraud", "10.60.0.0/22"))
    assert (answer.status_code, error(answer)["code"]) == (409, "ResourceGroupUnavailable")


@pytest.mark.parametrize(("method", "path"), [("PUT", "workspaces/churn-dev"), ("POST", "workspaces/churn-dev:plan")])
async def test_a_group_that_exists_in_another_region_is_refused(api: Api, method: str, path: str) -> None:
    """It could only be deleted and made again, with whatever others keep in it."""
    await api.register()
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-churn-churn-dev"
    api.reader.put(group, location="northeurope", tags={})
    answer = await api.call(method, path, spec() if method == "PUT" else {"spec": spec()})
    assert (answer.status_code, error(answer)["code"]) == (409, "ResourceGroupUnavailable"), answer.text
    assert "northeurope" in error(answer)["message"]


TAKEN_GROUPS: dict[str, tuple[dict[str, Any], bool, str, int]] = {
    "somebody else's, with a network of our names": ({"team": "other"}, True, "false", 409),
    "without tags, with a network of our names": ({}, True, "false", 409),
    "another workspace's leftovers": ({"cp-workspace": "dev"}, True, "false", 409),
    "consented to": ({"team": "other"}, True, "true", 201),
    "a former workspace's of this name": ({"CP-Workspace": "churn-dev"}, True, "false", 201),
    "somebody else's, with nothing of our names": ({"team": "other"}, False, "false", 201),
}


@pytest.mark.parametrize("case", TAKEN_GROUPS)
async def test_what_others_made_under_our_names_is_not_taken_over_unasked(api: Api, case: str) -> None:
    """It would be written over now, and deleted with the workspace later."""
    tags, has_network, consent, status = TAKEN_GROUPS[case]
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-churn-churn-dev"
    network = f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-churn-dev-ml"
    await api.register()
    api.reader.put(group, location="westeurope", tags=tags)
    if has_network:
        api.reader.put(
            network, location="westeurope", properties={"addressSpace": {"addressPrefixes": ["10.40.0.0/23"]}}
        )
    answer = await api.call("PUT", "workspaces/churn-dev", spec(), allowDestructive=consent)
    assert answer.status_code == status, answer.text
    if status == 409:
        found = error(answer)
        assert (found["code"], found["details"][0]["target"]) == ("ResourceGroupUnavailable", "vnet/ml")
        assert (await api.call("GET", "workspaces/churn-dev")).status_code == 404


async def test_a_day_that_is_over_is_refused_when_it_is_asked_for(api: Api) -> None:
    await api.register()
    late = await api.call("PUT", "workspaces/churn-dev", spec(expiry={"expiresOn": "2026-10-31"}))
    assert (late.status_code, late.json()["error"]["details"][0]["code"]) == (400, "ExpiryInThePast")
    assert late.json()["error"]["details"][0]["target"] == "$.expiry.expiresOn"
    await api.finish(await api.create(expiry={"expiresOn": "2026-11-01"}))
    api.clock.advance(86400)
    again = await api.call("PUT", "workspaces/churn-dev", spec(expiry={"expiresOn": "2026-11-01"}, environment="test"))
    assert again.status_code == 202, "what has passed meanwhile is no obstacle to other changes"
    earlier = await api.call("PATCH", "workspaces/churn-dev", {"expiry": {"expiresOn": "2026-10-31"}})
    assert earlier.status_code == 400
