"""A labelling project as it is asked for and as it is stored. Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from controlplane.operations.model import Model
from controlplane.retraining.declared import Declared

#: Of projects, categories and classes; Azure ML's names of jobs take more.
LABEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{1,63}$"
LabelName = Annotated[str, StringConstraints(pattern=LABEL_NAME)]


class AnnotationKind(StrEnum):
    """What people do to an image or a text, in Azure's words."""

    CLASSIFICATION = "Classification"
    BOUNDING_BOX = "BoundingBox"
    INSTANCE_SEGMENTATION = "InstanceSegmentation"
    NAMED_ENTITY_RECOGNITION = "NamedEntityRecognition"


class Category(Model):
    """A question with the answers that people choose from."""

    display_name: str = Field(default="", max_length=200, description="None: its name.")
    multi_select: bool = Field(default=False, description="Several classes may be chosen.")
    classes: dict[LabelName, str] = Field(min_length=1, max_length=200, description="Class → what people are shown.")


class LabelingSpec(Model):
    """What ``PUT /workspaces/{name}/labelingProjects/{project}`` takes."""

    annotation: AnnotationKind
    data: str = Field(
        pattern=r"^azureml:[A-Za-z0-9][A-Za-z0-9._-]{0,254}:[A-Za-z0-9][A-Za-z0-9._-]{0,29}$",
        description="Registered data of the workspace, `azureml:name:version`: what is to be labelled.",
    )
    incremental_refresh: bool = Field(
        default=True, description="Azure ML looks for new files below the data's folder and adds them."
    )
    categories: dict[LabelName, Category] = Field(min_length=1, max_length=50)
    instructions: str | None = Field(
        default=None, pattern=r"^https://[^\s\"'<>\\]{1,1000}$", description="Address of a page for those who label."
    )
    description: str = Field(default="", max_length=1000)


class Progress(Model):
    """As Azure last told it."""

    status: str = ""
    total: int | None = None
    completed: int | None = None
    skipped: int | None = None


class LabelingProject(Declared):
    """With how far people are."""

    KIND: ClassVar[str] = "labeling"
    INDEX: ClassVar[str] = "la"

    spec: LabelingSpec
    announced: bool = False
    """Nothing of this name stood in Azure when its first write was stored, or what stands is ours."""
    progress: Progress = Progress()
