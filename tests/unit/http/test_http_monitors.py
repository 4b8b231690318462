"""Monitors by REST: what they need is read first, everything that is missing is named, and nothing is assumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controlplane.errors import Rejected
from controlplane.http.examples import MONITOR
from controlplane.objects.repository import put
from controlplane.retraining.known import known
from controlplane.retraining.monitors.model import Monitor, MonitorSpec
from tests.support.api import Api, error, settings
from tests.support.blueprints import example

PATH = "workspaces/churn-dev/monitors/watch"


async def ready(api: Api, *, collected: bool = True, **workspace: Any) -> str:
    """A workspace on which monitors run, as Azure shows it; the id of the watched deployment."""
    await api.register()
    answer = await api.call("PUT", "workspaces/churn-dev", {**example("monitored-classical")})
    assert answer.status_code == 201, answer.text
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    ml = known(stored.record).workspace_id
    network = {"isolationMode": "AllowInternetOutbound", "status": {"sparkReady": True}}
    shown = {"managedNetwork": network, "systemDatastoresAuthMode": "Identity", **workspace}
    api.reader.put(ml, identity={"userAssignedIdentities": {"x": {}}}, properties=shown)
    mode = {"dataCollectionMode": "Enabled" if collected else "Disabled"}
    collections = {"model_inputs": mode, "model_outputs": mode}
    deployment = f"{ml}/onlineEndpoints/churn/deployments/blue"
    api.reader.put(deployment, properties={"dataCollector": {"collections": collections}})
    return deployment


async def test_one_that_can_work_is_taken_once(api: Api) -> None:
    await ready(api)
    answer = await api.call("PUT", PATH, MONITOR)
    assert answer.status_code == 201, answer.text
    again = await api.call("PUT", PATH, MONITOR)
    assert (again.status_code, again.headers["ETag"]) == (200, answer.headers["ETag"])
    changed = await api.call("PUT", PATH, {**MONITOR, "alerts": []}, headers={"If-Match": answer.headers["ETag"]})
    assert (changed.status_code, changed.json()["generation"]) == (200, 2)
    stale = await api.call("PUT", PATH, MONITOR, headers={"If-Match": answer.headers["ETag"]})
    assert stale.status_code == 412
    listed = (await api.call("GET", "workspaces/churn-dev/monitors")).json()["value"]
    assert [one["name"] for one in listed] == ["watch"]


async def test_everything_that_is_missing_is_named_at_once(api: Api) -> None:
    network = {"isolationMode": "AllowInternetOutbound", "status": {"sparkReady": False}}
    await ready(api, collected=False, managedNetwork=network, systemDatastoresAuthMode="AccessKey")
    answer = await api.call("PUT", PATH, MONITOR)
    found = error(answer)
    assert (answer.status_code, found["code"]) == (409, "MonitorNotPossible")
    codes = [one["code"] for one in found["details"]]
    assert codes == ["DataCollectionOff", "DataCollectionOff", "SparkNotProvisioned", "DatastoresNeedIdentity"]


async def test_what_could_not_be_read_is_not_taken_for_fine(api: Api) -> None:
    deployment = await ready(api)
    api.reader.refusing[deployment.lower()] = Rejected("AuthorizationFailed", "No.", status=403)
    found = error(await api.call("PUT", PATH, MONITOR))
    assert [(one["code"], one["target"]) for one in found["details"]] == [("PreconditionUnknown", "$.deployment")]


async def test_an_endpoint_that_is_not_there_is_named(api: Api) -> None:
    await ready(api)
    found = error(await api.call("PUT", PATH, {**MONITOR, "endpoint": "gone"}))
    assert [one["code"] for one in found["details"]] == ["ResourceNotFound"]


async def test_without_anybody_to_tell_there_are_no_monitors(api: Api) -> None:
    await ready(api)
    api.app.state.api.services = lambda: replace(api.services, settings=settings(alerts_url=""))
    answer = await api.call("PUT", PATH, MONITOR)
    assert (answer.status_code, error(answer)["code"]) == (400, "FeatureNotAvailable")
    assert "CONTROLPLANE_ALERTS_URL" in error(answer)["message"]


async def test_an_endpoint_is_held_against_one_set_of_thresholds(api: Api) -> None:
    await ready(api)
    assert (await api.call("PUT", PATH, MONITOR)).json()["spec"]["watch"]["latency"]["raiseAt"] == 500
    other = {**MONITOR, "watch": {"latency": {"raiseAt": 900, "clearAt": 800}}}
    refused = await api.call("PUT", f"{PATH}-2", other)
    assert (refused.status_code, error(refused)["code"], error(refused)["target"]) == (
        409, "WatchesDisagree", "$.watch"
    )  # fmt: skip
    for same in (MONITOR, {**MONITOR, "watch": None}):
        assert (await api.call("PUT", f"{PATH}-2", same)).status_code in (200, 201)
    assert (await api.call("PUT", PATH, other)).status_code == 200


async def test_one_that_is_going_is_not_set_again(api: Api) -> None:
    await ready(api)
    await api.call("PUT", PATH, MONITOR)
    assert (await api.call("DELETE", PATH)).status_code == 204
    assert (await api.call("GET", PATH)).json()["deleting"] is True
    assert error(await api.call("PUT", PATH, MONITOR))["code"] == "MonitorIsDeleting"


async def test_what_an_earlier_workspace_of_the_name_left_is_not_shown_and_not_in_the_way(api: Api) -> None:
    await ready(api)
    objects, now = api.services.objects, api.clock.now()
    assert objects is not None
    old = Monitor(
        id="churn-dev.watch", workspace="churn-dev", incarnation=0, project="other", name="watch", made=("/old",),
        spec=MonitorSpec.model_validate(MONITOR), last_modified_at=now, last_modified_by="t/ada",
    )  # fmt: skip
    await objects.commit(put(None, old))
    assert (await api.call("GET", PATH)).status_code == 404
    answer = await api.call("PUT", PATH, MONITOR)
    assert (answer.status_code, answer.json()["resources"]) == (201, [])
