"""Consent to destruction, plan, validate, repair, delete."""

from __future__ import annotations

import pytest

from controlplane.errors import Throttled, Transient
from controlplane.operations.model import OperationStatus
from controlplane.workspaces.records import Owned
from tests.support.api import SUBSCRIPTION, Api, error, spec


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
    answer = await api.call("PATCH", "workspaces/churn-dev", {"workload": "nlp"})
    assert (answer.status_code, error(answer)["code"]) == (503, "ResourceUnreadable")
    assert int(answer.headers["Retry-After"]) > 0
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    assert stored.record.generation == 1


@pytest.mark.parametrize("action", ["plan", "validate"])
async def test_what_azure_throttles_is_answered_later_and_says_when(api: Api, action: str) -> None:
    await existing_cluster(api)
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-churn-churn-dev"
    api.reader.refusing[group.lower()] = Throttled("TooManyRequests", "Slow down.", retry_after=7)
    answer = await api.call("POST", f"workspaces/churn-dev:{action}")
    assert (answer.status_code, error(answer)["code"]) == (503, "TooManyRequests")
    assert answer.headers["Retry-After"] == "7"


async def test_consent_has_to_be_said_clearly(api: Api) -> None:
    await api.register()
    answer = await api.call("PUT", "workspaces/churn-dev", spec(), allowDestructive="perhaps")
    assert (answer.status_code, error(answer)["target"]) == (400, "allowDestructive")


async def test_plan_of_what_does_not_exist_creates_everything_and_stores_nothing(api: Api) -> None:
    await api.register()
    answer = await api.call("POST", "workspaces/churn-dev:plan", {"spec": spec()})
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["exists"], plan["isEmpty"]) == (False, False)
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert plan["expectedDuration"].startswith("PT")
    assert plan["criticalPath"]
    assert plan["monthlyCost"]["after"]["low"] == {"amount": 126.69, "currency": "USD"}
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
