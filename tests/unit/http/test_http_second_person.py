"""Two people for what trains production: who sets a policy does not drop approvals, and a yes has its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.http.examples import POLICY
from controlplane.objects.repository import put
from controlplane.retraining.model import ModelState
from controlplane.retraining.runs.model import Run, RunState
from tests.support.api import GROUPS, Api, error
from tests.support.standing import waiting_run

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


async def test_a_waiver_is_of_the_pipeline_that_it_was_given_for(api: Api) -> None:
    await api.register()
    await api.create(environment="prod")
    lead = api.member("churn", "Workspace.Contributor")
    objects = api.services.for_models().objects

    async def waived_by() -> str | None:
        return (await objects.require(ModelState, "churn-dev.churn")).value.waived_by

    assert (await api.call("PUT", PATH, FREE)).status_code == 201
    administrator = await waived_by()
    assert administrator is not None
    other = {**FREE, "cooldown": "P9D"}
    assert (await api.call("PUT", PATH, other, token=lead)).status_code == 200
    assert await waived_by() == administrator
    swapped = {**other, "pipeline": {**POLICY["pipeline"], "compute": "serverless"}}
    assert (await api.call("PUT", PATH, swapped, token=lead)).status_code == 200
    assert await waived_by() is None, "its runs ask for approval again"


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


async def says_yes(api: Api, who: str) -> str:
    """Who approved the run, or why it may not be who tries to."""
    objects = api.services.for_models().objects
    before = await objects.require(Run, "rt-0-1")
    waits = {"state": RunState.WAITING_APPROVAL, "deadline": api.clock.now() + timedelta(hours=1), "approved_by": None}
    await objects.commit(put(before, before.value.model_copy(update=waits)))
    answer = await api.call("POST", "retrainings/rt-0-1:approve", token=both(api, who))
    return str(error(answer)["code"]) if answer.is_error else str(answer.json()["run"]["approvedBy"])


def both(api: Api, who: str) -> str:
    return api.issuer.token(who, groups=[GROUPS["churn", "Workspace.Contributor"], GROUPS["churn", "Approver"]])


async def test_who_set_the_policy_or_its_pipeline_does_not_approve_its_runs(api: Api) -> None:
    await api.register()
    await api.create()
    await waiting_run(api)
    assert (await api.call("PUT", PATH, POLICY, token=both(api, "ada"))).status_code == 201
    assert await says_yes(api, "ada") == "ApproverSetPolicy"
    assert (await says_yes(api, "grace")).endswith("oid-grace")
    assert (await api.call("PUT", PATH, {**POLICY, "cooldown": "P9D"}, token=both(api, "grace"))).status_code == 200
    assert [await says_yes(api, who) for who in ("ada", "grace")] == ["ApproverSetPolicy"] * 2, "ada set the pipeline"
    other = {**POLICY, "cooldown": "P9D", "pipeline": {**POLICY["pipeline"], "experiment": "another"}}
    assert (await api.call("PUT", PATH, other, token=both(api, "grace"))).status_code == 200
    assert await says_yes(api, "grace") == "ApproverSetPolicy"
    assert (await says_yes(api, "ada")).endswith("oid-ada")


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
