"""A plan says which budgets hold something of its workspace, and what that does to its operation."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.governance.budgets.model import Budget
from controlplane.objects.repository import put
from tests.support.api import Api, spec

WORKSPACE = "workspaces/churn-dev"


async def held(api: Api, kind: str, name: str, **changes: Any) -> None:
    """What a tick of the budget left."""
    objects, now = api.services.governed, api.clock.now()
    assert objects is not None
    step = {"act": "blockJobs", "month": "2026-11", "state": "taken", "figure": "1", "announcedAt": now, **changes}
    budget = {
        "id": f"{kind}.{name}", "kind": kind, "name": name, "project": "churn", "incarnation": kind == "workspace",
        "rule": {"monthly": {"amount": 1, "currency": "USD"}, "tiers": [{"at": 50}, {"at": 90}]},
        "bornAt": now, "lastModifiedAt": now, "lastModifiedBy": "t/ada", "steps": [{**step, "effectiveAt": now}],
    }  # fmt: skip
    await objects.commit(put(None, Budget.model_validate(budget)))


async def warned(api: Api) -> list[str]:
    planned = await api.call("POST", f"{WORKSPACE}:plan", {"spec": spec()})
    assert planned.status_code == 200, planned.text
    return [one["message"] for one in planned.json()["warnings"] if one["code"] == "BudgetHolds"]


@pytest.mark.parametrize(("kind", "name"), [("workspace", "churn-dev"), ("project", "churn"), ("department", "retail")])
async def test_a_plan_names_the_budget_and_what_it_does(api: Api, kind: str, name: str) -> None:
    await api.register()
    await api.finish(await api.create())
    assert await warned(api) == []
    await held(api, kind, name)
    (said,) = await warned(api)
    assert said.startswith(f"The budget of {kind} {name} (blockJobs) holds: Azure denies new computes; clusters get no")


@pytest.mark.parametrize("changes", [{"state": "announced"}, {"state": "releasing"}])
async def test_what_is_not_taken_warns_of_nothing(api: Api, changes: dict[str, Any]) -> None:
    await api.register()
    await held(api, "project", "churn", **changes)
    assert await warned(api) == []


async def test_a_new_workspace_of_a_held_project_is_warned_of(api: Api) -> None:
    await api.register()
    await held(api, "project", "churn", act="blockComputes")
    (said,) = await warned(api)
    assert "Azure denies new computes. An operation" in said


async def test_what_the_record_still_has_is_said(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    frozen = stored.record.model_copy(update={"frozen": True})
    await api.services.repository.save_record(stored, frozen)
    (said,) = await warned(api)
    assert said.startswith("A budget that is being released still holds what it took.")
