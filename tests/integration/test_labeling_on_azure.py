"""Labelling projects against the simulator, by the product's adapters with the operator's own rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.reader import ArmReader
from controlplane.azure.writer import ArmWriter
from controlplane.http.examples import LABELING
from controlplane.objects.repository import put
from controlplane.operations.model import ConditionStatus
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec
from controlplane.retraining.parts import parts
from controlplane.retraining.tasks import Task, TaskKind
from tests.support.clock import FrozenClock
from tests.support.monitored import Monitored
from tests.support.own_roles import LABELING as RIGHTS
from tests.support.own_roles import ROLE_FILES, role
from tests.support.retraining_world import RetrainingWorld
from tests.support.simulator import start_simulator

ROLES = "Microsoft.Authorization/roleDefinitions"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """One for the module; the workspace has the data that is labelled."""
    with start_simulator(tmp_path_factory.mktemp("labeling"), time_scale=100) as running:
        running.settings(throttling=False)
        made = Monitored(running)
        made.place(RetrainingWorld().known.workspace_id)
        try:
            made.build()
            data = {"dataUri": "azureml://datastores/images/paths/parts/", "dataType": "uri_folder"}
            made.put(f"{made.workspace}/data/parts/versions/1", {"properties": data})
            yield made
        finally:
            made.http.close()


@pytest.fixture
async def world(azure: Monitored, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RetrainingWorld]:
    running = azure.running
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, running.env[name])
    made = RetrainingWorld(clock=FrozenClock(datetime.now(UTC)), workload="cv")
    arm = ArmClient(running.env["ARM_ENDPOINT"], running.env["OPERATOR_CLIENT_ID"])
    made.deps = replace(made.deps, reader=ArmReader(arm), writer=ArmWriter(arm))
    made.machines = replace(made.machines, parts=parts(made.deps))
    await made.begin()
    yield made
    await arm.close()


async def standing(world: RetrainingWorld, azure: Monitored, name: str = "parts") -> LabelingProject:
    """One that was set, after its looks."""
    now = world.clock.now()
    await world.add(
        LabelingProject(
            id=f"ws.{name}", due_at=now, workspace="ws", incarnation=1, project="churn", name=name,
            spec=LabelingSpec.model_validate(LABELING), last_modified_at=now, last_modified_by="t/ada",
        )
    )  # fmt: skip
    return await settled(world, azure, name)


async def settled(world: RetrainingWorld, azure: Monitored, name: str = "parts") -> LabelingProject:
    for _ in range(4):
        await world.tick()
        azure.running.control("PUT", "clock", json={"advanceSeconds": 60, "azure": True})
        world.clock.advance(60)
    await world.tick()
    return (await world.objects.require(LabelingProject, f"ws.{name}")).value


def says(project: LabelingProject) -> tuple[ConditionStatus, str]:
    (one,) = project.conditions
    return one.status, one.reason


def shown(azure: Monitored, name: str = "parts") -> dict[str, Any] | None:
    answer = azure.call("GET", f"{azure.workspace}/labelingJobs/{name}")
    return None if answer.status_code == 404 else answer.json()["properties"]


async def test_it_stands_is_repaired_takes_samples_and_goes(world: RetrainingWorld, azure: Monitored) -> None:
    project = await standing(world, azure)
    assert says(project) == (ConditionStatus.TRUE, "Stands"), project.conditions
    assert (project.progress.status, project.progress.total) == ("Running", 0)
    # Somebody adds a class.
    body = shown(azure)
    assert body is not None
    body["labelCategories"]["part"]["classes"]["mine"] = {"displayName": "Mine"}
    sent = {name: one for name, one in body.items() if name not in ("status", "progressMetrics", "statusMessages")}
    azure.put(f"{azure.workspace}/labelingJobs/parts", {"properties": sent})
    world.clock.advance(6 * 3600)
    assert says(await settled(world, azure)) == (ConditionStatus.TRUE, "Stands")
    after = shown(azure)
    assert after is not None
    assert set(after["labelCategories"]["part"]["classes"]) == {"sound", "broken"}
    assert "takes them" in (await task(world)).text
    row = await world.objects.require(LabelingProject, "ws.parts")
    await world.objects.commit(put(row, row.value.model_copy(update={"deleting": True, "due_at": world.clock.now()})))
    for _ in range(4):
        await world.tick()
        azure.running.control("PUT", "clock", json={"advanceSeconds": 60, "azure": True})
        world.clock.advance(60)
    assert shown(azure) is None
    assert await world.objects.get(LabelingProject, "ws.parts") is None


async def task(world: RetrainingWorld) -> Task:
    """An annotation task of a model whose policy names no project."""
    now = world.clock.now()
    made = Task(
        id="ws.0", due_at=now, workspace="ws", project="churn", kind=TaskKind.ANNOTATION, signal_id="ws.0",
        model="churn", title="Annotate", created_at=now, assignees="dataScientists", last_modified_at=now,
    )  # fmt: skip
    await world.add(made)
    await world.tick()
    return (await world.objects.require(Task, "ws.0")).value


async def test_somebody_elses_is_left_alone(world: RetrainingWorld, azure: Monitored) -> None:
    data = {"dataId": f"{azure.workspace}/data/parts/versions/1"}
    media = {"mediaType": "Image", "annotationType": "Classification"}
    theirs = {"jobType": "Labeling", "labelingJobMediaProperties": media, "dataConfiguration": data}
    theirs["labelCategories"] = {"a1": {"displayName": "A", "classes": {"b1": {}}}}
    azure.put(f"{azure.workspace}/labelingJobs/theirs", {"properties": theirs})
    assert says(await standing(world, azure, "theirs")) == (ConditionStatus.FALSE, "NotOurs")
    assert (shown(azure, "theirs") or {})["labelCategories"] == theirs["labelCategories"]


@pytest.mark.parametrize("missing", sorted(one for one in RIGHTS if "labeling" in one))
async def test_without_a_right_it_is_said(world: RetrainingWorld, azure: Monitored, missing: str) -> None:
    verb = missing.rpartition("/")[2]
    name = f"without-{verb}"
    if verb == "delete":
        await standing(world, azure, name)
        row = await world.objects.require(LabelingProject, f"ws.{name}")
        going = row.value.model_copy(update={"deleting": True, "due_at": world.clock.now()})
    give(azure, missing)
    try:
        if verb == "delete":
            await world.objects.commit(put(row, going))
            project = await settled(world, azure, name)
        else:
            project = await standing(world, azure, name)
    finally:
        give(azure, None)
    assert says(project) == (ConditionStatus.FALSE, "AuthorizationFailed")


def give(azure: Monitored, missing: str | None) -> None:
    """The operator's role for labelling, without one of its actions."""
    scope, query = azure.running.subscription, {"api-version": "2022-04-01"}
    listed = azure.http.get(f"{scope}/providers/{ROLES}", params=query).json()["value"]
    (file,) = [one for one in ROLE_FILES if "labeling" in one]
    found = role(file)
    name = next(one["name"] for one in listed if one["properties"]["roleName"] == found["Name"])
    body = {
        "roleName": found["Name"], "type": "CustomRole", "description": found["Description"],
        "assignableScopes": [scope], "permissions": [{"actions": [one for one in found["Actions"] if one != missing]}],
    }  # fmt: skip
    url = f"{scope}/providers/{ROLES}/{name}"
    azure.http.put(url, params=query, json={"properties": body}).raise_for_status()
