"""Labelling projects (`labelingJobs`) of images and texts, as far as they are made, shown, paused and resumed.

Shapes: API definition of 2023-06-01-preview (LabelingJob, LabelCategory, LabelingJobImageProperties,
LabelingJobTextProperties, MLAssistConfiguration). Nobody labels here: progress stays at nothing. Refusals' sentences
are assumed.
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Required,
    ResourceType,
)
from simulator.types._shared import dig, iso, parent_id
from simulator.types.machinelearning import _lro
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.steps import compute_id, version_at
from simulator.types.machinelearning.workspaces import WORKSPACE

LABELING = f"{WORKSPACE}/labelingJobs"
ANNOTATIONS = {
    "Image": ("Classification", "BoundingBox", "InstanceSegmentation"),
    "Text": ("Classification", "NamedEntityRecognition"),
}


def _bad(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def validate(ctx: HookContext) -> None:
    """Media and kind of annotation belong together; there is something to choose from; data and computes are there."""
    job, properties = ctx.resource, ctx.resource.properties
    if properties.get("jobType") != "Labeling":
        raise _bad(f"The job type '{properties.get('jobType')}' of labeling job '{job.name}' is not Labeling.")
    media = dig(properties, "labelingJobMediaProperties.mediaType")
    annotation = dig(properties, "labelingJobMediaProperties.annotationType")
    if media not in ANNOTATIONS:
        raise _bad(f"The media type '{media}' is not one of {', '.join(ANNOTATIONS)}.")
    if annotation not in ANNOTATIONS[media]:
        known = ", ".join(ANNOTATIONS[media])
        raise _bad(f"The annotation type '{annotation}' of {media} is not one of {known}.")
    before = dig(ctx.previous or {}, "properties.labelingJobMediaProperties")
    if before is not None and before != properties["labelingJobMediaProperties"]:
        raise _bad(f"The media and the annotation type of labeling job '{job.name}' cannot be changed.")
    categories = properties.get("labelCategories")
    if not isinstance(categories, dict) or not any(dig(one, "classes") for one in categories.values()):
        raise _bad(f"Labeling job '{job.name}' has no label category with a class.")
    data = str(dig(properties, "dataConfiguration.dataId") or "")
    shared = data.startswith("azureml://registries/")
    if not shared and version_at(ctx.engine, parent_id(job.id), "data", data) is None:
        raise _bad(f"The data asset '{data}' of labeling job '{job.name}' does not exist.")
    if str(dig(properties, "mlAssistConfiguration.mlAssist") or "Disabled") == "Enabled":
        for name in ("inferencingComputeBinding", "trainingComputeBinding"):
            compute_id(ctx.engine, parent_id(job.id), str(dig(properties, f"mlAssistConfiguration.{name}") or "none"))


def _computed(ctx: HookContext) -> JsonObject:
    progress = {"totalDatapointCount": 0, "completedDatapointCount": 0, "skippedDatapointCount": 0}
    return {
        "properties": {
            "status": "Running",
            "projectId": ctx.engine.guid("labeling", ctx.resource.key),
            "createdDateTime": iso(ctx.engine.now()),
            "progressMetrics": {**progress, "incrementalDataLastRefreshDateTime": None},
            "statusMessages": [],
        }
    }


def _set(status: str) -> Action:
    def run(ctx: HookContext) -> Answer:
        ctx.resource.properties["status"] = status
        ctx.engine.save(ctx.resource)
        return Answer(200, None)

    return Action("pause" if status == "Paused" else "resume", run)


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=LABELING,
        create=_lro.mfe("lj", 201, "InProgress", 20),
        update=_lro.mfe("lj", 200, "InProgress", 20),
        delete=_lro.mfe("lj", 202, "Deleting", 20),
        location="none",
        tags=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        required=(
            Required("properties.jobType", "UserError", "The property 'jobType' of labeling job '{name}' is required."),
        ),
        read_only=tuple(
            ReadOnly(f"properties.{leaf}")
            for leaf in ("status", "projectId", "createdDateTime", "progressMetrics", "statusMessages")
        ),
        defaults={"properties": {"tags": {}, "properties": {}, "isArchived": False, "experimentName": "Default"}},
        computed=_computed,
        actions=(_set("Paused"), _set("Running")),
        hooks=(LEGACY, Hook(Phase.VALIDATE, "labeling-job-rules", validate)),
    ),
)
