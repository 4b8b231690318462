"""Two people for what trains production: who sets a policy does not drop approvals, and a yes has its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.http.examples import POLICY
from controlplane.objects.repository import put
from controlplane.retraining.model import ModelState
from controlplane.retraining.runs.model import Run, RunState
from tests.support.api import Api, error
from tests.unit.http.test_http_authorization import waiting_run

PATH = "workspaces/churn-dev/retrainingPolicies/churn"
FREE: dict[str, Any] = {**POLICY, "approval": {"required": False}}


@pytest.mark.parametrize(("environment", "status"), [("prod", 403), ("dev", 201), ("staging", 201)])
async def test_a_lead_does_without_approvals_outside_of_production_only(
    api: Api, environment: str, status: int
) -> None:
    await api.register()
    await api.create(environment=environment)
    lead = api.member("churn", "Workspace.Contributor")
    answer = await api.call("PUT", PATH, FREE, token=lead)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert (error(answer)["code"], error(answer)["target"]) == ("ApprovalNotWaived", "$.approval.required")
        assert (await api.call("GET", PATH)).status_code == 404


async def test_what_an_administrator_set_a_lead_keeps(api: Api) -> None:
    await api.register()
    await api.create(environment="prod")
    lead = api.member("churn", "Workspace.Contributor")
    assert (await api.call("PUT", PATH, FREE)).status_code == 201
    assert (await api.call("PUT", PATH, {**FREE, "cooldown": "P9D"}, token=lead)).status_code == 200
    assert (await api.call("PUT", PATH, {**POLICY, "approval": {}}, token=lead)).status_code == 200
    assert (await api.call("PUT", PATH, FREE, token=lead)).status_code == 403


async def test_a_yes_that_comes_too_late_is_none(api: Api) -> None:
    """Before any tick has seen that the time is over."""
    await api.register()
    await api.create()
    await waiting_run(api)
    objects = api.services.for_models().objects
    stored = await objects.require(Run, "rt-0-1")
    now = api.clock.now()
    late = stored.value.model_copy(update={"state": RunState.WAITING_APPROVAL, "deadline": now + timedelta(hours=1)})
    await objects.commit(put(stored, late))
    api.clock.advance(3600)
    answer = await api.call("POST", "retrainings/rt-0-1:approve", token=api.member("churn", "Approver"))
    assert (answer.status_code, error(answer)["code"]) == (409, "ApprovalExpired")
    assert (await objects.require(Run, "rt-0-1")).value.state is RunState.WAITING_APPROVAL


async def test_a_workspace_that_becomes_productions_asks_until_an_administrator_says_otherwise(api: Api) -> None:
    """On dev its lead did without approvals alone."""
    await api.register()
    await api.create()
    lead = api.member("churn", "Workspace.Contributor")
    assert (await api.call("PUT", PATH, FREE, token=lead)).status_code == 201
    objects = api.services.for_models().objects
    assert (await objects.require(ModelState, "churn-dev.churn")).value.waived_by is None
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    prod = stored.record.model_copy(update={"spec": {**stored.record.spec, "environment": "prod"}})
    await api.services.repository.save_record(stored, prod)
    assert (await api.call("PUT", PATH, FREE, token=lead)).status_code == 200, "nothing is changed by it"
    assert (await objects.require(ModelState, "churn-dev.churn")).value.waived_by is None
    assert (await api.call("PUT", PATH, FREE)).status_code == 200
    assert (await objects.require(ModelState, "churn-dev.churn")).value.waived_by is not None
