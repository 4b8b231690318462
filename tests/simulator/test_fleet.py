"""An estate at once: it stands there as if it had been made, in subscriptions that are opened for it."""

from __future__ import annotations

from typing import Any

import pytest

from simulator import fleet
from simulator.engine.hooks import Caller
from tests.simulator.effects_costs import DAY
from tests.simulator.lab import Lab
from tests.simulator.refusals_costs import asked

ML = "Microsoft.MachineLearningServices/workspaces"
SUBSCRIPTIONS = [f"00000000-0000-0000-0000-{number:012d}" for number in (101, 102)]


def workspace(number: int, **more: Any) -> dict[str, Any]:
    group = f"/subscriptions/{SUBSCRIPTIONS[number % 2]}/resourceGroups/rg-{number}"
    return {"id": f"{group}/providers/{ML}/w{number}", "location": "northeurope", "tags": {"project": "churn"}, **more}


@pytest.fixture
def lab() -> Lab:
    found = Lab()
    busy = {"clusters": [{"name": "cpu", "nodes": 2, "days": 3}], "instances": [{"name": "ada"}], "ageDays": 60}
    spaces = [workspace(number) for number in range(5)]
    wish = {"workspaces": [*spaces, workspace(5, **busy, endpoints=[{"name": "churn", "requestsPerMinute": 30}])]}
    assert fleet.grow(found.world, wish)["workspaces"] == 6
    return found


def test_it_can_be_read_by_whoever_could_read_the_others(lab: Lab) -> None:
    who = lab.world.seeded("operator")
    operator = Caller(who["id"], who["client_id"], "operator", "ManagedIdentity")
    for number in range(6):
        found = lab.get(workspace(number)["id"], caller=operator)
        assert (found["location"], found["tags"]) == ("northeurope", {"project": "churn"})
    seen = lab.get("/subscriptions", api="2022-12-01", caller=operator)["value"]
    assert {one["subscriptionId"] for one in seen} >= set(SUBSCRIPTIONS)


def test_what_is_busy_is_old_holds_nodes_and_costs(lab: Lab) -> None:
    lab.switch(cost_comes_late=False)
    arm_id = workspace(5)["id"]
    assert lab.get(arm_id)["systemData"]["createdAt"].startswith("2026-11-16")
    assert lab.get(f"{arm_id}/computes/cpu")["properties"]["properties"]["currentNodeCount"] == 2
    lab.advance(DAY)
    query = f"/subscriptions/{SUBSCRIPTIONS[1]}/providers/Microsoft.CostManagement/query"
    answer = lab.call("POST", query, asked("None", "ResourceId", "ServiceName")).body["properties"]["rows"]
    (machines,) = [row[0] for row in answer if row[1:3] == [arm_id.lower(), "Virtual Machines"]]
    assert machines == pytest.approx(2 * 24 * 0.293)


def test_it_grows_once_more(lab: Lab) -> None:
    before = len(lab.world.store.resources)
    fleet.grow(lab.world, {"workspaces": [workspace(0), workspace(6)]})
    assert lab.get(workspace(6)["id"])["name"] == "w6"
    assert len(lab.world.store.kv["world"]["subscriptions"]) == len({*SUBSCRIPTIONS}) + 4
    assert len(lab.world.store.resources) == before + 2
