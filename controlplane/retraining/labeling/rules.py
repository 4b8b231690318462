"""What a labelling project may be, and what of a standing one may change. Pure.

Media and kinds of annotation: API definition of 2023-06-01-preview (LabelingJobImageProperties and
LabelingJobTextProperties), "Set up an image labeling project", "Set up a text labeling project". Which workload labels
what: S3-39, S3-45.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.projects.registration import details_of
from controlplane.retraining.labeling.model import LABEL_NAME, AnnotationKind, LabelingSpec

INVALID = "InvalidLabelingProject"
_K = AnnotationKind


@dataclass(frozen=True, slots=True)
class Medium:
    """What a workload's projects are about, as Azure calls it, and what can be done with it."""

    media: str
    annotations: tuple[AnnotationKind, ...]
    requirements: tuple[str, ...] = ()


#: Workload → its medium. Of tables there is nothing to label here.
MEDIA: Mapping[str, Medium] = {
    "cv": Medium("Image", (_K.CLASSIFICATION, _K.BOUNDING_BOX, _K.INSTANCE_SEGMENTATION), ("S3-39",)),
    "nlp": Medium("Text", (_K.CLASSIFICATION, _K.NAMED_ENTITY_RECOGNITION), ("S3-45",)),
}


def parse_labeling(name: str, data: JsonObject, workload: str) -> LabelingSpec:
    """Raises ``Rejected``: ``InvalidResourceName``; ``LabelingNotForWorkload``; ``InvalidLabelingProject``, whose
    details name every bad field."""
    if not re.fullmatch(LABEL_NAME, name):
        text = f"{name!r} is no project's name: 2 to 64 letters, digits, hyphens and underscores."
        raise Rejected("InvalidResourceName", text, target="project")
    medium = MEDIA.get(workload)
    if medium is None:
        text = f"Images and texts are labelled in workspaces of workload {' and '.join(MEDIA)}; this one is {workload}."
        raise Rejected("LabelingNotForWorkload", text, target="$")
    try:
        spec = read_strictly(LabelingSpec, data)
    except ValidationError as error:
        raise _rejected(details_of(error, LabelingSpec)) from error
    if details := tuple(_problems(spec, medium)):
        raise _rejected(details)
    return spec


def _problems(spec: LabelingSpec, medium: Medium) -> Iterator[ErrorDetail]:
    if spec.annotation not in medium.annotations:
        known = ", ".join(medium.annotations)
        text = f"Of {medium.media} the kinds of annotation are {known}."
        yield ErrorDetail("AnnotationNotOfMedium", text, "$.annotation")
    for name, category in spec.categories.items():
        if category.multi_select and spec.annotation is not AnnotationKind.CLASSIFICATION:
            text = "Several classes may be chosen of a whole image or text only."
            yield ErrorDetail("MultiSelectNotPossible", text, f"$.categories.{name}.multiSelect")


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the project are not valid."
    return Rejected(INVALID, text, target=details[0].target, details=details)


def require_change(before: LabelingSpec, after: LabelingSpec, *, consent: bool) -> None:
    """Raises ``Conflict``: ``TransitionNotAllowed`` for what Azure keeps; without consent
    ``DestructiveChangeNotAllowed`` for classes that go, and people's labels with them."""
    for field in ("annotation", "data"):
        if getattr(before, field) != getattr(after, field):
            text = f"The {field} of a labelling project stays: make another project."
            raise Conflict("TransitionNotAllowed", text, target=f"$.{field}")
    gone = sorted(_classes(before) - _classes(after))
    if gone and not consent:
        details = tuple(ErrorDetail("Deletion", f"Class {one} would go.", "$.categories") for one in gone)
        text = "Labels of people would be deleted with their classes. Send allowDestructive=true to consent."
        raise Conflict("DestructiveChangeNotAllowed", text, target="$.categories", details=details)


def _classes(spec: LabelingSpec) -> set[str]:
    return {f"{name}/{one}" for name, category in spec.categories.items() for one in category.classes}
