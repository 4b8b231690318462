"""``POST /api/jobs:check``: read-only, for whoever may ask of the workspace."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.http.examples import JOB
from tests.support.api import Api, error


async def with_datastore(api: Api, credentials: str) -> None:
    """The workspace, and its datastore in Azure."""
    await api.register()
    await api.finish(await api.create())
    plan = (await api.call("POST", "workspaces/churn-dev:plan")).json()
    home = next(change["id"] for change in plan["changes"] if change["key"] == "workspace")
    api.reader.put(f"{home}/datastores/sales", properties={"credentials": {"credentialsType": credentials}})


@pytest.mark.parametrize(("credentials", "valid"), [("None", True), ("AccountKey", False)])
async def test_a_job_is_held_against_the_datastores_in_azure(api: Api, credentials: str, valid: bool) -> None:
    await with_datastore(api, credentials)
    found = (await api.call("POST", "jobs:check", JOB)).json()
    assert (found["valid"], found["job"]) == (valid, JOB["job"])
    assert [read["identity"] for read in found["reads"]] == ["userIdentity" if valid else "storedCredential"]


async def test_the_answer_has_the_job_as_it_should_be_sent(api: Api) -> None:
    await with_datastore(api, "None")
    job = {name: value for name, value in JOB["job"].items() if name != "identity"}
    found = (await api.call("POST", "jobs:check", {**JOB, "job": job, "dataAccess": "userIdentity"})).json()
    assert found["job"]["identity"] == {"type": "user_identity"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"job": {}}, 400, "InvalidRequestContent"),
        ({"workspace": "churn-dev", "job": [], "more": 1}, 400, "InvalidRequestContent"),
        ({"workspace": "nobody", "job": {}}, 404, "WorkspaceNotFound"),
    ],
    ids=["no workspace", "no job and more", "not there"],
)
async def test_what_cannot_be_checked(api: Api, body: Any, status: int, code: str) -> None:
    await api.register()
    answer = await api.call("POST", "jobs:check", body)
    assert (answer.status_code, error(answer)["code"]) == (status, code)
