"""CV and NLP models are never trained again on their own: their worst samples go to people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlplane.http.examples import LABELING
from controlplane.retraining.annotation import TAG, added, samples_of
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec
from controlplane.retraining.model import Outcome
from controlplane.retraining.signal import Signal, SignalKind, SignalState, Source
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.tasks import Task, TaskKind, TaskState
from tests.support.retraining_world import RetrainingWorld

POLICY: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
    "annotation": {"labelingProject": "label", "worstSamples": 2},
}
WORST = [f"azureml://datastores/images/paths/{n}.png" for n in range(4)]


def project(world: RetrainingWorld, media: str, name: str = "label", **properties: Any) -> None:
    """Its data is the folder in which the worst samples lie."""
    ml = world.known.workspace_id
    data = {"dataId": f"{ml}/data/samples/versions/1", "incrementalDataRefresh": "Enabled"}
    body = {"labelingJobMediaProperties": {"mediaType": media}, "dataConfiguration": data, **properties}
    world.azure.plant(f"{ml}/labelingJobs/{name}", properties=body)
    world.azure.plant(f"{ml}/data/samples/versions/1", properties={"dataUri": "azureml://datastores/images/paths/"})


async def opened(world: RetrainingWorld, **tags: str) -> Task:
    """A breach of the model's monitor, decided; the task that it opened."""
    await world.begin(POLICY)
    event = world.breach("step-1")
    world.azure.body("/jobs/step-1")["properties"]["tags"].update(tags)
    await hear(world.intake, event)
    await world.tick()
    (decision,) = await world.decisions()
    assert decision.outcome is Outcome.ANNOTATE
    (signal,) = await world.signals()
    return (await world.objects.require(Task, signal.id)).value


def standing(world: RetrainingWorld, name: str) -> LabelingProject:
    """One that was set, and is looked at another time."""
    now = world.clock.now()
    return LabelingProject(
        id=f"ws.{name}", workspace="ws", incarnation=1, project="churn", name=name,
        spec=LabelingSpec.model_validate(LABELING), last_modified_at=now, last_modified_by="t/ada",
    )  # fmt: skip


async def planted(world: RetrainingWorld, *, begun: bool = False, **tags: str) -> Task:
    """As :func:`opened`, whatever was heard and decided."""
    if not begun:
        await world.begin(POLICY)
    world.breach("step-1")
    world.azure.body("/jobs/step-1")["properties"]["tags"].update(tags)
    now = world.clock.now()
    about: dict[str, Any] = {"workspace": "ws", "project": "churn", "model": "churn"}
    signal = Signal(
        id="ws.0", kind=SignalKind.DATA_DRIFT, source=Source.EVENT, dedupe_key="k", observed_at=now, received_at=now,
        state=SignalState.DECIDED, run_id="step-1", **about,
    )  # fmt: skip
    await world.add(signal)
    task = Task(
        id="ws.0", due_at=now, kind=TaskKind.ANNOTATION, signal_id="ws.0", title="Annotate", created_at=now,
        assignees="dataScientists", last_modified_at=now, **about,
    )  # fmt: skip
    await world.add(task)
    await world.tick()
    return (await world.objects.require(Task, "ws.0")).value


async def untouched(world: RetrainingWorld) -> bool:
    return await world.runs() == () and world.ml.jobs == {} and world.azure.writes() == []


@pytest.mark.parametrize(
    ("workload", "noun"), [pytest.param("cv", "images", id="S3-43"), pytest.param("nlp", "texts", id="S3-48")]
)
async def test_react(workload: str, noun: str) -> None:
    world = RetrainingWorld(workload=workload)
    project(world, {"cv": "Image", "nlp": "Text"}[workload])
    task = await planted(world, **{TAG: json.dumps(WORST)})
    assert (task.kind, task.state, task.assignees) == (TaskKind.ANNOTATION, TaskState.OPEN, "dataScientists")
    assert (task.samples, task.labeling_project, task.due_at) == (tuple(WORST[:2]), "label", None)
    says = f"2 {noun} to look at. Labelling project label takes them: they lie below its data, and Azure ML adds them"
    assert says in task.text


@pytest.mark.parametrize(
    ("workload", "media"), [pytest.param("cv", "Image", id="S3-43"), pytest.param("nlp", "Text", id="S3-48")]
)
async def test_never_trained(workload: str, media: str) -> None:
    """Whatever the policy says: nothing is trained."""
    world = RetrainingWorld(workload=workload)
    project(world, media)
    task = await opened(world)
    assert await untouched(world)
    assert f"project is for {media}" not in task.text


@pytest.mark.parametrize(
    ("media", "says"),
    [
        pytest.param(None, "Labelling project label does not exist.", id="none"),
        pytest.param("Text", "Labelling project label is for Text, not for images.", id="S3-40"),
    ],
)
async def test_validate(media: str | None, says: str) -> None:
    world = RetrainingWorld(workload="cv")
    if media is not None:
        project(world, media)
    task = await planted(world)
    assert says in task.text
    assert "Which images were worst, no run says" in task.text


FOLDER = "azureml://subscriptions/s/resourceGroups/g/workspaces/w/datastores/images/paths/new"


@pytest.mark.parametrize(
    ("folder", "refreshes", "says"),
    [
        (FOLDER, True, "takes them: they lie below its data, and Azure ML adds them with its next refresh."),
        (FOLDER, False, f"does not look for new files (`incrementalRefresh`): a person adds them to {FOLDER}."),
        (f"{FOLDER}er", True, f"takes them: 2 a person copies to {FOLDER}er, where Azure ML finds them"),
        (None, True, "where its data lies could not be read, so a person adds them."),
    ],
)
def test_who_adds_the_samples_is_said(folder: str | None, refreshes: bool, says: str) -> None:
    samples = tuple(f"azureml://datastores/images/paths/new/{n}.png" for n in range(2))
    assert says in added("label", samples, folder, refreshes=refreshes)
    assert added("label", (), folder, refreshes=refreshes) == "Labelling project label takes them."


async def test_where_no_policy_names_one_the_workspaces_only_project_is_taken() -> None:
    world = RetrainingWorld(workload="cv")
    project(world, "Image", "parts", status="Paused")
    await world.add(standing(world, "parts"))
    await world.begin({**POLICY, "annotation": {}})
    task = await planted(world, begun=True, **{TAG: json.dumps(WORST)})
    assert task.labeling_project == "parts"
    assert "It is paused: a person resumes it." in task.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (json.dumps(WORST), WORST[:3]),
        (WORST[0], WORST[:1]),
        (
            json.dumps([WORST[0], WORST[0], 7, None, "javascript:alert(1)", "http://x/y", "azureml://a b", WORST[1]]),
            WORST[:2],
        ),
        ("[" * 100_000, []),
        ("{}", []),
        ("", []),
        (json.dumps({"uris": WORST}), []),
        ("x" * 2_000_000, []),
    ],
)
def test_what_a_run_says_of_samples_is_not_believed_to_be_uris(text: str, found: list[str]) -> None:
    assert samples_of({"properties": {"tags": {TAG: text}}}, 3) == tuple(found)


def test_a_runs_output_is_where_samples_may_lie() -> None:
    outputs = {"worst_samples": {"jobOutputType": "uri_file", "uri": WORST[0]}}
    assert samples_of({"properties": {"outputs": outputs}}, 3) == (WORST[0],)
    assert samples_of({"properties": {"outputs": {"worst_samples": None}}}, 3) == ()
    assert samples_of({}, 3) == ()
