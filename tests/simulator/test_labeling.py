"""Labelling projects: what is refused when one is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.effects_learning import LabAzure
from tests.simulator.lab import Lab
from tests.simulator.learning import get, labelling, put, refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobType": "Command"}, "is not Labeling"),
        ({"labelingJobMediaProperties": {"mediaType": "Sound"}}, "The media type 'Sound'"),
        ({"labelCategories": {}}, "has no label category with a class"),
        ({"labelCategories": {"part": {"classes": {}}}}, "has no label category with a class"),
        ({"dataConfiguration": {"dataId": "azureml:gone:1"}}, "The data asset 'azureml:gone:1'"),
        ({"mlAssistConfiguration": {"mlAssist": "Enabled"}}, "Unknown compute target"),
    ],
)
def test_a_project_that_nobody_could_label_is_refused(changes: dict[str, Any], message: str) -> None:
    azure = LabAzure(Lab())
    assert message in refused(azure, "/labelingJobs/l1", **labelling(azure, **changes))


def test_texts_are_labelled_by_entities() -> None:
    azure = LabAzure(Lab())
    media = {"mediaType": "Text", "annotationType": "NamedEntityRecognition"}
    put(azure, "/labelingJobs/l1", **labelling(azure, labelingJobMediaProperties=media))
    shown = get(azure, "/labelingJobs/l1")["properties"]
    assert (shown["status"], shown["labelingJobMediaProperties"]) == ("Running", media)
    assert [one["name"] for one in get(azure, "/labelingJobs")["value"]] == ["l1"]
