"""Who may waive a conflict: a lead outside of production, a Platform.Admin on it; and who is shown to have done it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api, error
from tests.support.blueprints import WAY_IN

OWNER = "00000000-0000-0000-0000-0000000000a1"
#: A change of something else.
OTHERS = {"workload": "cv"}
WAIVER = {"conflict": "X-01", "owner": OWNER, "reason": "A scanner signs in by password.", "endsOn": "2026-12-20"}


def waived(**changes: Any) -> dict[str, Any]:
    return {"registry": {"adminUser": True}, "waivers": [{**WAIVER, **changes}]}


async def lead(api: Api) -> str:
    await api.register()
    return api.member("churn", "Workspace.Contributor")


async def made(api: Api, environment: str, **changes: Any) -> str:
    """A workspace that stands; the admin asked for it."""
    token = await lead(api)
    await api.finish(await api.create(environment=environment, **changes))
    return token


@pytest.mark.parametrize("permission", ["PUT", "PATCH", "plan"])
async def test_a_lead_waives_nothing_on_production(api: Api, permission: str) -> None:
    token = await made(api, "prod")
    body = (await api.call("GET", "workspaces/churn-dev")).json()["spec"]
    match permission:
        case "PATCH":
            answer = await api.call("PATCH", "workspaces/churn-dev", waived(), token=token)
        case "PUT":
            answer = await api.call("PUT", "workspaces/churn-dev", {**body, **waived()}, token=token)
        case _:
            asked = {"spec": {**body, **waived()}}
            answer = await api.call("POST", "workspaces/churn-dev:plan", asked, token=token)
    refused = error(answer)
    assert (answer.status_code, refused["code"], refused["target"]) == (403, "WaiverNotAllowed", "$.waivers[0]")
    assert "Platform.Admin" in refused["message"]
    stored = (await api.call("GET", "workspaces/churn-dev")).json()
    assert stored["spec"] == body


@pytest.mark.parametrize("environment", ["dev", "test", "staging"])
async def test_a_lead_waives_elsewhere_and_is_named(api: Api, environment: str) -> None:
    token = await made(api, environment)
    answer = await api.call("PATCH", "workspaces/churn-dev", waived(), token=token)
    assert answer.status_code == 202, answer.text
    stored = (await api.call("GET", "workspaces/churn-dev")).json()
    principal = stored["lastModifiedBy"]
    assert stored["status"]["waivers"] == [{"conflict": "X-01", "by": principal, "at": stored["lastModifiedAt"]}]
    told = await api.call("GET", "audit", filter="object eq 'workspaces/churn-dev'")
    newest = told.json()["value"][0]
    assert (newest["actor"], newest["details"]["waivers"]) == (principal, [WAIVER])


CHANGED = {
    "longer": {"endsOn": "2026-12-21"},
    "another reason": {"reason": "Another scanner signs in by password."},
    "another owner": {"owner": "00000000-0000-0000-0000-0000000000a2"},
}


@pytest.mark.parametrize("changes", CHANGED.values(), ids=CHANGED)
async def test_a_lead_changes_no_waiver_of_production(api: Api, changes: dict[str, Any]) -> None:
    token = await made(api, "prod", **waived())
    answer = await api.call("PATCH", "workspaces/churn-dev", waived(**changes), token=token)
    assert (answer.status_code, error(answer)["code"]) == (403, "WaiverNotAllowed")
    accepted = await api.call("PATCH", "workspaces/churn-dev", waived(**changes))
    assert accepted.status_code == 202, accepted.text


async def test_what_was_accepted_passes_and_stays_the_admins(api: Api) -> None:
    token = await made(api, "prod", **waived())
    before = (await api.call("GET", "workspaces/churn-dev")).json()
    changed = await api.call("PATCH", "workspaces/churn-dev", OTHERS, token=token)
    assert changed.status_code == 202, changed.text
    await api.finish(changed.json()["id"])
    shorter = await api.call("PATCH", "workspaces/churn-dev", waived(endsOn="2026-12-01"), token=token)
    assert shorter.status_code == 202, shorter.text
    await api.finish(shorter.json()["id"])
    after = (await api.call("GET", "workspaces/churn-dev")).json()
    assert after["lastModifiedBy"] != before["createdBy"]
    assert after["status"]["waivers"] == before["status"]["waivers"] != []
    longer = await api.call("PATCH", "workspaces/churn-dev", waived(), token=token)
    assert longer.status_code == 403
    none = await api.call("PATCH", "workspaces/churn-dev", {"registry": None, "waivers": None}, token=token)
    assert none.status_code == 202, none.text
    assert (await api.call("GET", "workspaces/churn-dev")).json()["status"]["waivers"] == []


async def test_a_workspace_that_becomes_production_brings_no_waiver_along(api: Api) -> None:
    token = await made(api, "staging")
    waiving = await api.call("PATCH", "workspaces/churn-dev", waived(), token=token)
    await api.finish(waiving.json()["id"])
    answer = await api.call("PATCH", "workspaces/churn-dev", {"environment": "prod"}, token=token)
    assert (answer.status_code, error(answer)["code"]) == (403, "WaiverNotAllowed")
    accepted = await api.call("PATCH", "workspaces/churn-dev", {"environment": "prod"})
    assert accepted.status_code == 202, accepted.text
    stored = (await api.call("GET", "workspaces/churn-dev")).json()
    assert stored["status"]["waivers"][0]["by"] == stored["lastModifiedBy"] == stored["createdBy"]


@pytest.mark.parametrize("owner", ["", " ", "00000000-0000-0000-0000-000000000000", None])
async def test_somebody_answers_for_it(api: Api, owner: str | None) -> None:
    await made(api, "dev")
    answer = await api.call("PATCH", "workspaces/churn-dev", waived(owner=owner))
    assert answer.status_code == 400
    assert "$.waivers[0].owner" in {detail["target"] for detail in error(answer)["details"]}


async def test_a_lead_does_not_take_a_workspace_out_of_production(api: Api) -> None:
    """For a while it would not be guarded; an administrator may, and the other way is free."""
    token = await made(api, "prod")
    dev = {"environment": "dev"}
    answer = await api.call("PATCH", "workspaces/churn-dev", dev, token=token)
    assert (answer.status_code, error(answer)["code"]) == (403, "EnvironmentNotAllowed")
    assert error(answer)["target"] == "$.environment"
    body = (await api.call("GET", "workspaces/churn-dev")).json()["spec"]
    plan = await api.call("POST", "workspaces/churn-dev:plan", {"spec": {**body, **dev}}, token=token)
    assert plan.status_code == 403
    answer = await api.call("PATCH", "workspaces/churn-dev", dev)
    assert answer.status_code == 202, answer.text


async def test_a_lead_makes_a_workspace_productions(api: Api) -> None:
    token = await made(api, "dev")
    plain = await api.call("PATCH", "workspaces/churn-dev", {"environment": "prod"}, token=token)
    assert (plain.status_code, error(plain)["details"][0]["code"]) == (400, "NoWayIn")
    asked = {"environment": "prod", "network": {"hub": dict(WAY_IN)}}
    answer = await api.call("PATCH", "workspaces/churn-dev", asked, token=token)
    assert answer.status_code == 202, answer.text
    assert (await api.call("GET", "workspaces/churn-dev")).json()["spec"]["environment"] == "prod"
