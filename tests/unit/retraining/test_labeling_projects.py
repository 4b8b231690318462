"""Labelling projects: the extra step of a CV or NLP set-up; made, repaired, deleted, and never somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.errors import Conflict, Rejected
from controlplane.http.examples import LABELING
from controlplane.objects.repository import put
from controlplane.operations.model import ConditionStatus
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec
from controlplane.retraining.labeling.rules import parse_labeling, require_change
from controlplane.retraining.labeling.tick import STANDS
from tests.support.retraining_world import RetrainingWorld

TEXTS: dict[str, Any] = {
    "annotation": "NamedEntityRecognition",
    "data": "azureml:letters:2",
    "categories": {"entity": {"classes": {"name": "", "place": ""}}},
}


async def asked(workload: str, body: dict[str, Any] | None = None) -> RetrainingWorld:
    """A world with a project that was just set."""
    world = RetrainingWorld(workload=workload)
    await world.begin()
    world.azure.plant(world.known.workspace_id, properties={})
    spec = parse_labeling("parts", body or LABELING, workload)
    now = world.clock.now()
    await world.add(
        LabelingProject(
            id="ws.parts", workspace="ws", incarnation=1, project="churn", name="parts", spec=spec, due_at=now,
            last_modified_at=now, last_modified_by="t/ada",
        )
    )  # fmt: skip
    return world


def path(world: RetrainingWorld) -> str:
    return f"{world.known.workspace_id}/labelingJobs/parts"


def shown(world: RetrainingWorld) -> dict[str, Any]:
    found: dict[str, Any] = world.azure.resources[fold(path(world))]["properties"]
    return found


async def stored(world: RetrainingWorld) -> LabelingProject:
    return (await world.objects.require(LabelingProject, "ws.parts")).value


async def settled(world: RetrainingWorld, seconds: int = 60) -> LabelingProject:
    """After some looks."""
    for _ in range(3):
        await world.tick()
        world.clock.advance(seconds)
    await world.tick()
    return await stored(world)


def says(project: LabelingProject) -> tuple[ConditionStatus, str]:
    (one,) = project.conditions
    assert one.type == STANDS
    return one.status, one.reason


async def _images() -> None:
    world = await asked("cv")
    project = await settled(world)
    assert says(project) == (ConditionStatus.TRUE, "Stands")
    found, ml = shown(world), world.known.workspace_id
    assert found["labelingJobMediaProperties"] == {"mediaType": "Image", "annotationType": "BoundingBox"}
    assert found["dataConfiguration"] == {
        "dataId": f"{ml}/data/parts/versions/1", "incrementalDataRefresh": "Enabled"
    }  # fmt: skip
    assert found["labelCategories"]["part"]["classes"]["broken"] == {"displayName": "Broken", "subclasses": {}}
    assert (project.observed_generation, project.announced) == (1, True)


async def _texts() -> None:
    world = await asked("nlp", TEXTS)
    assert says(await settled(world)) == (ConditionStatus.TRUE, "Stands")
    found = shown(world)
    assert found["labelingJobMediaProperties"] == {"mediaType": "Text", "annotationType": "NamedEntityRecognition"}
    assert set(found["labelCategories"]["entity"]["classes"]) == {"name", "place"}


CREATED = {"S3-39": _images, "S3-45": _texts}


@pytest.mark.parametrize("requirement", CREATED)
async def test_create(requirement: str) -> None:
    await CREATED[requirement]()


# -- kept --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["deleted", "class", "added", "refresh", "failed"])
async def test_what_somebody_changes_goes_back(what: str) -> None:
    world = await asked("cv")
    await settled(world)
    if what == "deleted":
        del world.azure.resources[fold(path(world))]
    else:
        found = shown(world)
        found["mlAssistConfiguration"] = {"mlAssist": "Enabled"}
        classes = found["labelCategories"]["part"]["classes"]
        changes: dict[str, Any] = {
            "class": lambda: classes.pop("broken"),
            "added": lambda: classes.update(mine={}),
            "refresh": lambda: found["dataConfiguration"].update(incrementalDataRefresh="Disabled"),
            "failed": lambda: found.update(provisioningState="Failed"),
        }
        changes[what]()
    world.clock.advance(6 * 3600)
    assert says(await settled(world)) == (ConditionStatus.TRUE, "Stands")
    assert set(shown(world)["labelCategories"]["part"]["classes"]) == {"sound", "broken"}
    assert shown(world)["dataConfiguration"]["incrementalDataRefresh"] == "Enabled"
    kept = {"deleted": None}.get(what, {"mlAssist": "Enabled"})
    assert shown(world).get("mlAssistConfiguration") == kept


async def test_what_azure_takes_and_does_not_keep_is_written_every_few_minutes_and_not_each_look() -> None:
    world = await asked("cv")
    await settled(world)
    world.clock.advance(6 * 3600)
    writes = 0
    for _ in range(180):
        shown(world)["dataConfiguration"]["incrementalDataRefresh"] = "Disabled"
        before = len([one for one in world.azure.calls if one.method == "PUT"])
        await world.tick()
        writes += len([one for one in world.azure.calls if one.method == "PUT"]) - before
        world.clock.advance(20)
    assert says(await stored(world)) == (ConditionStatus.FALSE, "InProgress")
    assert 12 <= writes <= 14  # in an hour


async def test_what_azure_says_in_addition_is_no_difference() -> None:
    """Nulls in the place of what was not sent, and other case."""
    world = await asked("cv")
    await settled(world)
    writes = len(world.azure.writes())
    shown(world).update(description=None, mlAssistConfiguration=None, componentId=None, isArchived=False)
    shown(world)["dataConfiguration"]["dataId"] = shown(world)["dataConfiguration"]["dataId"].lower()
    for one in shown(world)["labelCategories"]["part"]["classes"].values():
        one["subclasses"] = None
    world.clock.advance(6 * 3600)
    assert says(await settled(world)) == (ConditionStatus.TRUE, "Stands")
    assert len(world.azure.writes()) == writes


async def test_whether_it_is_paused_people_say_and_how_far_they_are_is_shown() -> None:
    world = await asked("cv")
    await settled(world)
    metrics = {"totalDatapointCount": 9, "completedDatapointCount": 4, "skippedDatapointCount": 1}
    shown(world).update(status="Paused", progressMetrics=metrics)
    writes = len(world.azure.writes())
    world.clock.advance(6 * 3600)
    project = await settled(world)
    assert len(world.azure.writes()) == writes
    assert project.progress.model_dump() == {"status": "Paused", "total": 9, "completed": 4, "skipped": 1}


async def test_somebody_elses_project_of_that_name_is_left_alone_also_at_the_end() -> None:
    world = await asked("cv")
    world.azure.plant(path(world), properties={"jobType": "Labeling", "tags": {"by": "them"}})
    project = await settled(world)
    assert says(project) == (ConditionStatus.FALSE, "NotOurs")
    row = await world.objects.require(LabelingProject, "ws.parts")
    await world.objects.commit(put(row, row.value.model_copy(update={"deleting": True, "due_at": world.clock.now()})))
    await world.tick()
    assert await world.objects.get(LabelingProject, "ws.parts") is None
    assert world.azure.writes() == []


async def test_it_is_deleted_in_azure_and_then_forgotten() -> None:
    world = await asked("cv")
    await settled(world)
    row = await world.objects.require(LabelingProject, "ws.parts")
    await world.objects.commit(put(row, row.value.model_copy(update={"deleting": True, "due_at": world.clock.now()})))
    for _ in range(4):
        await world.tick()
        world.clock.advance(60)
    assert fold(path(world)) not in world.azure.resources
    assert await world.objects.get(LabelingProject, "ws.parts") is None


async def test_with_its_workspace_it_is_forgotten_and_nothing_is_written() -> None:
    world = await asked("cv")
    row = await world.objects.require(LabelingProject, "ws.parts")
    await world.objects.commit(put(row, row.value.model_copy(update={"incarnation": 0})))
    await world.tick()
    assert await world.objects.get(LabelingProject, "ws.parts") is None
    assert world.azure.writes() == []


# -- what it may be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workload", "changes", "code", "target"),
    [
        ("classical", {}, "LabelingNotForWorkload", "$"),
        ("nlp", {}, "AnnotationNotOfMedium", "$.annotation"),
        ("cv", {"annotation": "Singing"}, "InvalidValue", "$.annotation"),
        ("cv", {"data": "azureml:parts"}, "InvalidValue", "$.data"),
        ("cv", {"categories": {}}, "InvalidValue", "$.categories"),
        ("cv", {"categories": {"part": {"classes": {}}}}, "InvalidValue", "$.categories.part.classes"),
        ("cv", {"instructions": "http://x"}, "InvalidValue", "$.instructions"),
        (
            "cv",
            {"categories": {"part": {"multiSelect": True, "classes": {"a1": "A"}}}},
            "MultiSelectNotPossible",
            "$.categories.part.multiSelect",
        ),
    ],
)
def test_what_could_not_be_labelled_is_refused(workload: str, changes: dict[str, Any], code: str, target: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_labeling("parts", {**LABELING, **changes}, workload)
    found = [(one.code, one.target) for one in refused.value.details] or [(refused.value.code, refused.value.target)]
    assert found == [(code, target)]


def test_a_name_that_azure_would_not_take_is_refused() -> None:
    with pytest.raises(Rejected, match="is no project's name"):
        parse_labeling("a b", LABELING, "cv")


def test_what_azure_keeps_stays_and_a_class_goes_with_consent_only() -> None:
    before = LabelingSpec.model_validate(LABELING)
    other = before.model_copy(update={"data": "azureml:parts:2"})
    with pytest.raises(Conflict, match="make another project"):
        require_change(before, other, consent=True)
    fewer = LabelingSpec.model_validate({**LABELING, "categories": {"part": {"classes": {"sound": "Sound"}}}})
    with pytest.raises(Conflict) as refused:
        require_change(before, fewer, consent=False)
    assert [one.message for one in refused.value.details] == ["Class part/broken would go."]
    require_change(before, fewer, consent=True)
    require_change(fewer, before, consent=False)
