"""What a look proposes: each with its proof, none where it was not read, as a task once a month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from controlplane.governance.expiry.look import look
from controlplane.governance.expiry.proposals import PROPOSALS
from controlplane.objects.repository import of_workspace
from controlplane.retraining.known import known
from controlplane.retraining.tasks import Task
from tests.support.expiry_world import DAY, ExpiryWorld, meaning
from tests.support.virtual_time import run

CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"


def proposed(change: Callable[[ExpiryWorld], object], environment: str = "dev") -> set[tuple[str, str]]:
    async def play() -> set[tuple[str, str]]:
        made = ExpiryWorld(environment=environment)
        with meaning(made):
            await made.begin()
            change(made)
            found = known(await made.record())
            evidence = await look((made.deps.reader, made.deps.polls), found, "P30D", made.now)
            assert evidence.calls <= 8
            return {(one.kind.value, one.target) for one in evidence.proposals}

    return run(play())


def instance(world: ExpiryWorld, role: str | None, idle: str | None = "PT1H") -> None:
    properties = {"computeType": "ComputeInstance", "properties": {"state": "Running", "idleTimeBeforeShutdown": idle}}
    identity = {"type": "SystemAssigned", "principalId": "p-9"}
    world.world.azure.plant(f"{world.workspace}/computes/ada", properties=properties, identity=identity)
    if role is not None:
        granted = {"principalId": "p-9", "roleDefinitionId": role}
        world.world.azure.plant(
            f"{world.workspace}/providers/Microsoft.Authorization/roleAssignments/one", properties=granted
        )  # fmt: skip


def test_an_instance_that_cannot_stop_is_found_and_proven() -> None:
    assert proposed(lambda w: instance(w, READER)) == {("idleShutdown", "ada")}
    assert proposed(lambda w: instance(w, None)) == {("idleShutdown", "ada")}
    assert proposed(lambda w: instance(w, CONTRIBUTOR)) == set()
    assert proposed(lambda w: instance(w, CONTRIBUTOR, None)) == {("idleShutdown", "ada")}


def test_nodes_without_jobs_are_to_be_released() -> None:
    assert proposed(lambda w: w.cluster(2)) == {("releaseNodes", "cpu")}

    def used(world: ExpiryWorld) -> None:
        world.cluster(2)
        world.job("train", "Running", world.now)
        world.world.azure.body("/jobs/train")["properties"]["computeId"] = f"{world.workspace}/computes/cpu"

    assert proposed(used) == set()


def test_an_endpoint_without_requests_is_proposed_for_retirement() -> None:
    assert proposed(lambda w: w.endpoint()) == {("retireEndpoint", "churn")}
    assert proposed(lambda w: w.endpoint(requests=None)) == set()


def serves(days: int) -> Callable[[ExpiryWorld], None]:
    def change(world: ExpiryWorld) -> None:
        world.endpoint(requests=2.0)
        world.logs.days = {"churn": days}

    return change


def test_a_dev_endpoint_that_serves_regularly_belongs_in_production() -> None:
    assert proposed(serves(22)) == {("productionise", "churn")}
    assert proposed(serves(5)) == set()
    assert proposed(serves(22), environment="prod") == set()


def test_a_proposal_is_one_task_a_month() -> None:
    async def play() -> list[Any]:
        made = ExpiryWorld(rule={"idleAfter": "P30D"})
        with meaning(made):
            await made.begin()
            made.endpoint()
            for _ in range(40):
                await made.look()
                await asyncio.sleep(DAY.total_seconds())
            page = await made.notifications.page(Task, of_workspace(Task, "ws"), limit=100)
            return [(one.kind.value, one.target, one.created_at.month) for one in page.values][::-1]

    assert run(play()) == [("retire", "churn", 11), ("retire", "churn", 12)]


def test_each_rule_proposes() -> None:
    assert set(PROPOSALS) == {"unused", "serves", "neverStops", "holdsNodes"}
