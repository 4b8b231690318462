"""Labelling projects by REST: data that is there, consent for what people labelled."""

from __future__ import annotations

from controlplane.errors import Rejected
from controlplane.http.examples import LABELING
from controlplane.retraining.known import known
from tests.support.api import Api, error

PATH = "workspaces/churn-dev/labelingProjects/parts"


async def ready(api: Api, workload: str = "cv") -> str:
    """A workspace for images with registered data; the id of that."""
    await api.register()
    await api.create(workload=workload)
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    data = f"{known(stored.record).workspace_id}/data/parts/versions/1"
    api.reader.put(data, properties={"dataUri": "azureml://datastores/images/paths/parts/"})
    return data


async def test_it_is_set_once_listed_and_read(api: Api) -> None:
    await ready(api)
    answer = await api.call("PUT", PATH, LABELING)
    assert answer.status_code == 201, answer.text
    again = await api.call("PUT", PATH, LABELING)
    assert (again.status_code, again.headers["ETag"]) == (200, answer.headers["ETag"])
    listed = (await api.call("GET", "workspaces/churn-dev/labelingProjects")).json()["value"]
    assert [(one["name"], one["deleting"], one["progress"]["total"]) for one in listed] == [("parts", False, None)]
    assert (await api.call("GET", PATH)).json()["spec"]["annotation"] == "BoundingBox"
    assert error(await api.call("GET", f"{PATH}2"))["code"] == "LabelingProjectNotFound"


async def test_what_people_labelled_is_deleted_with_consent_only(api: Api) -> None:
    await ready(api)
    assert (await api.call("DELETE", PATH)).status_code == 204
    first = await api.call("PUT", PATH, LABELING)
    fewer = {**LABELING, "categories": {"part": {"classes": {"sound": "Sound"}}}}
    for method, body in (("PUT", fewer), ("DELETE", None)):
        refused = await api.call(method, PATH, body)
        assert (refused.status_code, error(refused)["code"]) == (409, "DestructiveChangeNotAllowed")
    stale = {"If-Match": '"other"'}
    assert (await api.call("DELETE", PATH, headers=stale, allowDestructive="true")).status_code == 412
    assert (await api.call("PUT", PATH, fewer, allowDestructive="true")).json()["generation"] == 2
    assert (await api.call("DELETE", PATH, allowDestructive="true")).status_code == 204
    shown = (await api.call("GET", PATH)).json()
    assert (shown["deleting"], shown["etag"] != first.json()["etag"]) == (True, True)
    assert error(await api.call("PUT", PATH, LABELING))["code"] == "LabelingProjectIsDeleting"


async def test_data_that_is_not_there_or_may_not_be_read_is_named(api: Api) -> None:
    data = await ready(api)
    gone = error(await api.call("PUT", PATH, {**LABELING, "data": "azureml:gone:1"}))
    assert (gone["code"], [one["code"] for one in gone["details"]]) == ("LabelingNotPossible", ["ResourceNotFound"])
    api.reader.refusing[data.lower()] = Rejected("AuthorizationFailed", "No.", status=403)
    found = error(await api.call("PUT", PATH, LABELING))
    assert [(one["code"], one["target"]) for one in found["details"]] == [("PreconditionUnknown", "$.data")]


async def test_a_workspace_for_tables_has_nothing_to_label(api: Api) -> None:
    await ready(api, "classical")
    answer = await api.call("PUT", PATH, LABELING)
    assert (answer.status_code, error(answer)["code"]) == (409, "LabelingNotForWorkload")
