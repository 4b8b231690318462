"""The authorisation table, once and whole: every operation × every role × two projects."""

from __future__ import annotations

import pytest

from controlplane.http.examples import (
    BUDGET,
    EXPIRY,
    POLICY,
    REMEDIATION,
)
from controlplane.projects.access import TABLE, Permission, Role
from tests.support.api import Api, spec
from tests.support.permissions import CALLS, EXTENSIONS, HIDDEN, MAY, OWNERS
from tests.support.standing import standing, waiting_run


def callers(api: Api) -> dict[str, tuple[str, Role | None]]:
    """Name → token and the role it gives in ``churn``; None for none."""
    people: dict[str, tuple[str, Role | None]] = {"nobody": (api.issuer.token("eve"), None)}
    for role in Role:
        people[f"app role {role}"] = (api.issuer.token("ada", roles=[role.value]), role)
        people[f"application with {role}"] = (api.issuer.app_token(roles=[role.value]), role)
        if role is not Role.ADMIN:
            people[f"member of churn, {role}"] = (api.member("churn", role.value), role)
            people[f"member of fraud, {role}"] = (api.member("fraud", role.value), None)
    people["group called Platform.Admin"] = (api.issuer.token("eve", groups=["Platform.Admin"]), None)
    people["unknown app role"] = (api.issuer.token("eve", roles=["Owner", "Some.Other.Role"]), None)
    return people


@pytest.mark.parametrize("permission", list(Permission))
async def test_every_cell(api: Api, permission: Permission) -> None:
    method, path, body = CALLS[permission]
    await api.register("churn", "fraud")
    operation = await api.create()
    await api.call("PUT", "workspaces/churn-dev/retrainingPolicies/churn", POLICY)
    await api.call("PUT", "workspaces/churn-dev/remediation", REMEDIATION)
    await api.call("PUT", "workspaces/churn-dev/expiry", EXPIRY)
    for scope in ("workspaces/churn-dev", "projects/churn", "departments/retail"):
        assert (await api.call("PUT", f"{scope}/budget", BUDGET)).status_code == 201
    await waiting_run(api)
    await standing(api)
    for name, (token, role) in callers(api).items():
        if permission in EXTENSIONS:
            assert (await api.call("PUT", "workspaces/churn-dev/expiry", EXPIRY)).status_code in (200, 201)
        answer = await api.call(method, path.format(op=operation), body, token=token)
        if role in MAY[permission] and permission is Permission.RETRAININGS_APPROVE and name.startswith("application"):
            # A role is not enough for an application: the registration has to list it.
            assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "ApproverNotListed"), name
        elif role in MAY[permission] and role not in OWNERS.get(permission, {role}):
            # A role is not enough: the owner decides.
            code = "ExtensionNotAllowed" if permission in EXTENSIONS else "NotTheOwner"
            assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, code), name
        elif role in MAY[permission]:
            # Busy (409) and not empty (409) are answers to somebody who may.
            assert answer.status_code in (200, 201, 202, 204, 409), (name, answer.text)
        elif role is not None:
            assert answer.status_code == 403, (name, answer.text)
            assert answer.headers["x-ms-error-code"] == "AuthorizationFailed"
        else:
            assert answer.status_code == HIDDEN.get(permission, 404), (name, answer.text)
            if HIDDEN.get(permission) == 200:
                found = answer.json()
                # A summary has a row of each project that somebody may read, with its workspaces counted.
                assert [one for one in found["value"] if one.get("workspaces", 1)] == [], name
    assert await api.services.repository.load("churn-dev") is not None


@pytest.mark.parametrize("permission", [p for p in Permission if "{op}" in CALLS[p][1] or "churn" in CALLS[p][1]])
async def test_what_is_hidden_answers_as_what_is_not_there(api: Api, permission: Permission) -> None:
    method, path, body = CALLS[permission]
    await api.register("churn", "fraud")
    operation = await api.create()
    stranger = api.member("fraud", "Workspace.Contributor")
    absent = path.replace("churn-dev", "absent").replace("projects/churn", "projects/absent")
    missing = f"{operation[:-1]}{'0' if operation[-1] != '0' else '1'}"
    if permission is Permission.WORKSPACES_PUT:
        body = spec("absent")
    there = await api.call(method, path.format(op=operation), CALLS[permission][2], token=stranger)
    nowhere = await api.call(method, absent.format(op=missing), body, token=stranger)
    assert there.status_code == nowhere.status_code
    if there.content:
        shown, other = there.json()["error"], nowhere.json()["error"]
        assert (shown["code"], shown["target"], shown["details"]) == (other["code"], other["target"], other["details"])
        for name in ("churn-dev", "churn-dev.0", "churn-dev.1", "churn-dev.2", "churn", operation):
            shown["message"] = shown["message"].replace(f"'{name}'", "…")
        for name in ("absent", "absent.0", "absent.1", "absent.2", missing):
            other["message"] = other["message"].replace(f"'{name}'", "…")
        assert shown["message"] == other["message"]


async def test_every_documented_operation_has_a_row(api: Api) -> None:
    document = (await api.client.get("/api/openapi.json")).json()
    guarded = {
        operation["operationId"]
        for path, item in document["paths"].items()
        for operation in item.values()
        if not path.startswith(("/api/health/", "/api/catalog/"))
    }
    assert guarded == {permission.value for permission in Permission} == {p.value for p in TABLE}


@pytest.mark.parametrize("permission", list(Permission))
async def test_no_operation_without_a_token(api: Api, permission: Permission) -> None:
    method, path, body = CALLS[permission]
    answer = await api.call(method, path.format(op="x"), body, token="")
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
