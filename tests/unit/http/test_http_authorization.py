"""The authorisation table, once and whole: every operation × every role × two projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from controlplane.http.examples import (
    ALERT,
    BUDGET,
    BUDGET_ANSWER,
    EXEMPTION,
    EXPIRY,
    EXTENSION,
    LABELING,
    MONITOR,
    POLICY,
    REMEDIATION,
    RETIREMENT,
    SIMULATION,
    WISH,
)
from controlplane.objects.repository import put
from controlplane.projects.access import TABLE, Permission, Role
from controlplane.promotion.facts import told_of
from controlplane.promotion.model import Promotion
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec
from controlplane.retraining.monitors.model import Monitor, MonitorSpec
from controlplane.retraining.policy import Gate, Pipeline
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.signal import Signal, SignalKind, Source
from controlplane.retraining.tasks import Task, TaskKind
from tests.support.api import Api, registration, spec

#: How each operation is called on project ``churn``; ``{op}`` is an operation of its workspace.
CALLS: Mapping[Permission, tuple[str, str, Any]] = {
    Permission.PROJECTS_LIST: ("GET", "projects", None),
    Permission.PROJECTS_GET: ("GET", "projects/churn", None),
    Permission.PROJECTS_PUT: ("PUT", "projects/churn", registration("churn")),
    Permission.PROJECTS_DELETE: ("DELETE", "projects/churn", None),
    Permission.WORKSPACES_LIST: ("GET", "workspaces", None),
    Permission.WORKSPACES_GET: ("GET", "workspaces/churn-dev", None),
    Permission.WORKSPACES_PUT: ("PUT", "workspaces/churn-dev", spec()),
    Permission.WORKSPACES_PATCH: ("PATCH", "workspaces/churn-dev", {}),
    Permission.WORKSPACES_DELETE: ("DELETE", "workspaces/churn-dev", None),
    Permission.WORKSPACES_PLAN: ("POST", "workspaces/churn-dev:plan", None),
    Permission.WORKSPACES_VALIDATE: ("POST", "workspaces/churn-dev:validate", None),
    Permission.WORKSPACES_PROVISION_NETWORK: ("POST", "workspaces/churn-dev:provisionNetwork", None),
    Permission.WORKSPACES_TOPOLOGY: ("GET", "workspaces/churn-dev/topology", None),
    Permission.WORKSPACES_TEMPLATE: ("GET", "workspaces/churn-dev/template", None),
    Permission.WORKSPACES_DATASTORES: ("GET", "workspaces/churn-dev/datastores", None),
    Permission.WORKSPACES_REPAIR: ("POST", "workspaces/churn-dev:repair", None),
    Permission.ACCESS_GET: ("GET", "workspaces/churn-dev/access", None),
    Permission.ACCESS_PUT: ("PUT", "workspaces/churn-dev/access", {}),
    Permission.ACCESS_RECONCILE: ("POST", "workspaces/churn-dev/access:reconcile", None),
    Permission.ACCESS_APPROVE: ("POST", "workspaces/churn-dev/access:approve", None),
    Permission.ACCESS_EXPLAIN: ("GET", "workspaces/churn-dev/access/explanation", None),
    Permission.JOBS_CHECK: ("POST", "jobs:check", {"workspace": "churn-dev", "job": {"command": "ls"}}),
    Permission.ALERTS_SEND: ("POST", "alerts", ALERT),
    Permission.SIGNALS_LIST: ("GET", "signals", None),
    Permission.SIGNALS_GET: ("GET", "signals/churn-dev.0", None),
    Permission.DECISIONS_LIST: ("GET", "decisions", None),
    Permission.RETRAININGS_LIST: ("GET", "retrainings", None),
    Permission.RETRAININGS_GET: ("GET", "retrainings/rt-0-1", None),
    Permission.RETRAININGS_POST: ("POST", "retrainings", WISH),
    Permission.RETRAININGS_APPROVE: ("POST", "retrainings/rt-0-1:approve", None),
    Permission.RETRAININGS_REJECT: ("POST", "retrainings/rt-0-1:reject", None),
    Permission.RETRAININGS_CANCEL: ("POST", "retrainings/rt-0-1:cancel", None),
    Permission.PROMOTIONS_LIST: ("GET", "promotions", None),
    Permission.PROMOTIONS_GET: ("GET", "promotions/churn-dev.1", None),
    Permission.PROMOTIONS_REJECT: ("POST", "promotions/churn-dev.1:reject", None),
    Permission.TASKS_LIST: ("GET", "tasks", None),
    Permission.TASKS_GET: ("GET", "tasks/churn-dev.2", None),
    Permission.TASKS_CLOSE: ("POST", "tasks/churn-dev.2:close", None),
    Permission.TASKS_REVERT: ("POST", "tasks/churn-dev.2:revert", None),
    Permission.REMEDIATION_GET: ("GET", "workspaces/churn-dev/remediation", None),
    Permission.REMEDIATION_PUT: ("PUT", "workspaces/churn-dev/remediation", REMEDIATION),
    Permission.REMEDIATION_DELETE: ("DELETE", "workspaces/churn-dev/remediation", None),
    Permission.NOTIFICATIONS_LIST: ("GET", "notifications", None),
    Permission.POLICIES_LIST: ("GET", "workspaces/churn-dev/retrainingPolicies", None),
    Permission.POLICIES_GET: ("GET", "workspaces/churn-dev/retrainingPolicies/churn", None),
    Permission.POLICIES_PUT: ("PUT", "workspaces/churn-dev/retrainingPolicies/churn", POLICY),
    Permission.POLICIES_DELETE: ("DELETE", "workspaces/churn-dev/retrainingPolicies/churn", None),
    Permission.POLICIES_SIMULATE: ("POST", "workspaces/churn-dev/retrainingPolicies/churn:simulate", SIMULATION),
    Permission.POLICIES_RESET_BREAKER: (
        "POST",
        "workspaces/churn-dev/retrainingPolicies/churn:resetBreaker",
        None,
    ),
    Permission.MONITORS_LIST: ("GET", "workspaces/churn-dev/monitors", None),
    Permission.MONITORS_GET: ("GET", "workspaces/churn-dev/monitors/watch", None),
    Permission.MONITORS_PUT: ("PUT", "workspaces/churn-dev/monitors/watch", MONITOR),
    Permission.LABELING_LIST: ("GET", "workspaces/churn-dev/labelingProjects", None),
    Permission.LABELING_GET: ("GET", "workspaces/churn-dev/labelingProjects/parts", None),
    Permission.LABELING_PUT: ("PUT", "workspaces/churn-dev/labelingProjects/parts", LABELING),
    Permission.LABELING_DELETE: ("DELETE", "workspaces/churn-dev/labelingProjects/parts", None),
    Permission.MONITORS_DELETE: ("DELETE", "workspaces/churn-dev/monitors/watch", None),
    Permission.EXPIRY_GET: ("GET", "workspaces/churn-dev/expiry", None),
    Permission.EXPIRY_PUT: ("PUT", "workspaces/churn-dev/expiry", {**EXPIRY, "idleAfter": "P60D"}),
    Permission.EXPIRY_DELETE: ("DELETE", "workspaces/churn-dev/expiry", None),
    Permission.EXPIRY_EXTEND: ("POST", "workspaces/churn-dev/expiry:extend", EXTENSION),
    Permission.EXPIRY_EXEMPT: ("POST", "workspaces/churn-dev/expiry:exempt", EXEMPTION),
    Permission.EXPIRY_RETIRE: ("POST", "workspaces/churn-dev/expiry:retire", RETIREMENT),
    Permission.WORKSPACES_ARCHIVE: ("POST", "workspaces/churn-dev:archive", None),
    Permission.WORKSPACES_RESTORE: ("POST", "workspaces/churn-dev:restore", None),
    Permission.COSTS_GET: ("GET", "workspaces/churn-dev/costs", None),
    Permission.FLEET_COSTS: ("GET", "fleet/costs", None),
    Permission.FLEET_SUMMARY: ("GET", "fleet/summary", None),
    Permission.BUDGETS_GET: ("GET", "workspaces/churn-dev/budget", None),
    Permission.BUDGETS_PUT: ("PUT", "workspaces/churn-dev/budget", BUDGET),
    Permission.BUDGETS_DELETE: ("DELETE", "workspaces/churn-dev/budget", None),
    Permission.BUDGETS_ANSWER: ("POST", "workspaces/churn-dev/budget:answer", BUDGET_ANSWER),
    Permission.PROJECT_BUDGETS_GET: ("GET", "projects/churn/budget", None),
    Permission.PROJECT_BUDGETS_PUT: ("PUT", "projects/churn/budget", BUDGET),
    Permission.PROJECT_BUDGETS_DELETE: ("DELETE", "projects/churn/budget", None),
    Permission.PROJECT_BUDGETS_ANSWER: ("POST", "projects/churn/budget:answer", BUDGET_ANSWER),
    Permission.DEPARTMENT_BUDGETS_GET: ("GET", "departments/retail/budget", None),
    Permission.DEPARTMENT_BUDGETS_PUT: ("PUT", "departments/retail/budget", BUDGET),
    Permission.DEPARTMENT_BUDGETS_DELETE: ("DELETE", "departments/retail/budget", None),
    Permission.DEPARTMENT_BUDGETS_ANSWER: ("POST", "departments/retail/budget:answer", BUDGET_ANSWER),
    Permission.OPERATIONS_LIST: ("GET", "operations", None),
    Permission.OPERATIONS_GET: ("GET", "operations/{op}", None),
    Permission.OPERATIONS_CANCEL: ("POST", "operations/{op}:cancel", None),
    Permission.AUDIT_LIST: ("GET", "audit", None),
    Permission.AUDIT_VERIFY: ("POST", "audit:verify", {"object": "workspaces/churn-dev"}),
}
#: Written by hand from api.md, not from the product's table: who may.
ADMIN, CONTRIBUTOR, READER, APPROVER = Role.ADMIN, Role.CONTRIBUTOR, Role.READER, Role.APPROVER
MAY: Mapping[Permission, set[Role]] = {
    Permission.PROJECTS_LIST: {ADMIN},
    Permission.PROJECTS_GET: {ADMIN},
    Permission.PROJECTS_PUT: {ADMIN},
    Permission.PROJECTS_DELETE: {ADMIN},
    Permission.WORKSPACES_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.WORKSPACES_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.WORKSPACES_PUT: {ADMIN, CONTRIBUTOR},
    Permission.WORKSPACES_PATCH: {ADMIN, CONTRIBUTOR},
    Permission.WORKSPACES_DELETE: {ADMIN, CONTRIBUTOR},
    Permission.WORKSPACES_PLAN: {ADMIN, CONTRIBUTOR, READER},
    Permission.WORKSPACES_VALIDATE: {ADMIN, CONTRIBUTOR, READER},
    Permission.WORKSPACES_PROVISION_NETWORK: {ADMIN, CONTRIBUTOR},
    Permission.WORKSPACES_TOPOLOGY: {ADMIN, CONTRIBUTOR, READER},
    Permission.WORKSPACES_TEMPLATE: {ADMIN, CONTRIBUTOR, READER},
    Permission.WORKSPACES_DATASTORES: {ADMIN, CONTRIBUTOR, READER},
    Permission.WORKSPACES_REPAIR: {ADMIN, CONTRIBUTOR},
    Permission.ACCESS_GET: {ADMIN, CONTRIBUTOR, READER},
    Permission.ACCESS_PUT: {ADMIN, CONTRIBUTOR},
    Permission.ACCESS_RECONCILE: {ADMIN, CONTRIBUTOR},
    Permission.ACCESS_APPROVE: {ADMIN},
    Permission.ACCESS_EXPLAIN: {ADMIN, CONTRIBUTOR, READER},
    Permission.JOBS_CHECK: {ADMIN, CONTRIBUTOR, READER},
    Permission.ALERTS_SEND: set(),
    Permission.SIGNALS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.SIGNALS_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.DECISIONS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.RETRAININGS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.RETRAININGS_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.RETRAININGS_POST: {ADMIN, CONTRIBUTOR},
    Permission.RETRAININGS_APPROVE: {ADMIN, APPROVER},
    Permission.RETRAININGS_REJECT: {ADMIN, APPROVER},
    Permission.RETRAININGS_CANCEL: {ADMIN, CONTRIBUTOR},
    Permission.PROMOTIONS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.PROMOTIONS_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.PROMOTIONS_REJECT: {ADMIN, APPROVER},
    Permission.TASKS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.TASKS_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.TASKS_CLOSE: {ADMIN, CONTRIBUTOR},
    Permission.TASKS_REVERT: {ADMIN, CONTRIBUTOR},
    Permission.REMEDIATION_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.REMEDIATION_PUT: {ADMIN, CONTRIBUTOR},
    Permission.REMEDIATION_DELETE: {ADMIN, CONTRIBUTOR},
    Permission.NOTIFICATIONS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.POLICIES_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.POLICIES_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.POLICIES_PUT: {ADMIN, CONTRIBUTOR},
    Permission.POLICIES_DELETE: {ADMIN, CONTRIBUTOR},
    Permission.POLICIES_SIMULATE: {ADMIN, CONTRIBUTOR, READER},
    Permission.POLICIES_RESET_BREAKER: {ADMIN, CONTRIBUTOR},
    Permission.MONITORS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.MONITORS_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.MONITORS_PUT: {ADMIN, CONTRIBUTOR},
    Permission.LABELING_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.LABELING_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.LABELING_PUT: {ADMIN, CONTRIBUTOR},
    Permission.LABELING_DELETE: {ADMIN, CONTRIBUTOR},
    Permission.MONITORS_DELETE: {ADMIN, CONTRIBUTOR},
    Permission.EXPIRY_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.EXPIRY_PUT: {ADMIN, CONTRIBUTOR},
    Permission.EXPIRY_DELETE: {ADMIN, CONTRIBUTOR},
    Permission.EXPIRY_EXTEND: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.EXPIRY_EXEMPT: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.EXPIRY_RETIRE: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.WORKSPACES_ARCHIVE: {ADMIN, CONTRIBUTOR},
    Permission.WORKSPACES_RESTORE: {ADMIN, CONTRIBUTOR},
    Permission.COSTS_GET: set(Role),
    Permission.FLEET_COSTS: set(Role),
    Permission.FLEET_SUMMARY: set(Role),
    Permission.BUDGETS_GET: set(Role),
    Permission.BUDGETS_PUT: {ADMIN, CONTRIBUTOR, APPROVER},
    Permission.BUDGETS_DELETE: {ADMIN, APPROVER},
    Permission.BUDGETS_ANSWER: {ADMIN, APPROVER},
    Permission.PROJECT_BUDGETS_GET: set(Role),
    Permission.PROJECT_BUDGETS_PUT: {ADMIN, CONTRIBUTOR, APPROVER},
    Permission.PROJECT_BUDGETS_DELETE: {ADMIN, APPROVER},
    Permission.PROJECT_BUDGETS_ANSWER: {ADMIN, APPROVER},
    Permission.DEPARTMENT_BUDGETS_GET: {ADMIN},
    Permission.DEPARTMENT_BUDGETS_PUT: {ADMIN},
    Permission.DEPARTMENT_BUDGETS_DELETE: {ADMIN},
    Permission.DEPARTMENT_BUDGETS_ANSWER: {ADMIN},
    Permission.OPERATIONS_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.OPERATIONS_GET: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.OPERATIONS_CANCEL: {ADMIN, CONTRIBUTOR},
    Permission.AUDIT_LIST: {ADMIN, CONTRIBUTOR, READER, APPROVER},
    Permission.AUDIT_VERIFY: {ADMIN, CONTRIBUTOR, READER, APPROVER},
}
#: What an owner of the workspace decides: who else may. No caller of these is one.
OWNERS: Mapping[Permission, set[Role]] = {
    Permission.EXPIRY_PUT: {ADMIN},
    Permission.EXPIRY_DELETE: {ADMIN},
    Permission.EXPIRY_EXTEND: {ADMIN},
    Permission.EXPIRY_EXEMPT: {ADMIN},
    Permission.EXPIRY_RETIRE: set(),
}
#: With which code; ``NotTheOwner`` where it is not one of these.
EXTENSIONS = (Permission.EXPIRY_PUT, Permission.EXPIRY_DELETE)
#: What callers with no role in the project get, where it is not 404: the answer for what does not exist.
HIDDEN = {
    Permission.DEPARTMENT_BUDGETS_GET: 403,
    Permission.DEPARTMENT_BUDGETS_PUT: 403,
    Permission.DEPARTMENT_BUDGETS_DELETE: 403,
    Permission.DEPARTMENT_BUDGETS_ANSWER: 403,
    Permission.PROJECTS_LIST: 403,
    Permission.PROJECTS_PUT: 403,
    Permission.PROJECTS_DELETE: 403,
    Permission.ALERTS_SEND: 403,
    Permission.WORKSPACES_LIST: 200,
    Permission.FLEET_COSTS: 200,
    Permission.FLEET_SUMMARY: 200,
    Permission.SIGNALS_LIST: 200,
    Permission.DECISIONS_LIST: 200,
    Permission.RETRAININGS_LIST: 200,
    Permission.PROMOTIONS_LIST: 200,
    Permission.TASKS_LIST: 200,
    Permission.NOTIFICATIONS_LIST: 200,
    Permission.OPERATIONS_LIST: 200,
    Permission.AUDIT_LIST: 200,
    Permission.WORKSPACES_DELETE: 204,
    # The name is taken, and that cannot be hidden from somebody who asks for it; but the project can.
    Permission.WORKSPACES_PUT: 404,
}


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


async def waiting_run(api: Api) -> None:
    """A signal and a run that waits for approval."""
    objects, now = api.services.objects, api.clock.now()
    assert objects is not None
    about = {"workspace": "churn-dev", "project": "churn"}
    heard = {"kind": SignalKind.DATA_DRIFT, "source": Source.EVENT, "dedupe_key": "k", "observed_at": now}
    signal = Signal.model_validate({"id": "churn-dev.0", **about, **heard, "received_at": now})
    run = Run(
        id="rt-0-1",
        **about,
        incarnation=1,
        model="churn",
        workspace_id="/subscriptions/x",
        state=RunState.WAITING_APPROVAL,
        deadline=now,
        decision_id="d",
        signal_id=signal.id,
        policy_generation=1,
        pipeline=Pipeline(name="retrain"),
        gate=Gate(),
        created_at=now,
    )
    await objects.commit([*put(None, signal), *put(None, run)])
    times = {"created_at": now, "last_modified_at": now}
    promotion = Promotion(id="churn-dev.1", **about, incarnation=1, model="churn", version="1", **times)
    task = Task(id="churn-dev.2", **about, kind=TaskKind.PLATFORM, signal_id=signal.id, title="Look", **times)
    await objects.commit([*put(None, promotion), *put(None, task), *put(None, told_of(promotion, now))])


async def standing(api: Api) -> None:
    """A monitor and a labelling project that were set once; they cannot be set in this workspace."""
    objects, now = api.services.objects, api.clock.now()
    assert objects is not None
    monitor = Monitor(
        id="churn-dev.watch",
        workspace="churn-dev",
        incarnation=1,
        project="churn",
        name="watch",
        spec=MonitorSpec.model_validate(MONITOR),
        last_modified_at=now,
        last_modified_by="t/ada",
    )
    labeling = LabelingProject(
        id="churn-dev.parts",
        workspace="churn-dev",
        incarnation=1,
        project="churn",
        name="parts",
        spec=LabelingSpec.model_validate(LABELING),
        last_modified_at=now,
        last_modified_by="t/ada",
    )
    await objects.commit([*put(None, monitor), *put(None, labeling)])


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
