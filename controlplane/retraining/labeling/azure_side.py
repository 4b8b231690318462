"""A labelling project as Azure ML has it: what is written, whose it is, and whether it is as asked for. Pure.

Source: API definition of Microsoft.MachineLearningServices/workspaces/labelingJobs, 2023-06-01-preview (LabelingJob,
LabelCategory, LabelClass, LabelingDataConfiguration, ProgressMetrics). A preview: whoever depends on it pins it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec, Progress
from controlplane.retraining.monitors.wanted import differs

API, DATA_API = "2023-06-01-preview", "2024-04-01"
#: Tag of the job whose value is the workspace's name.
MARK = "cp-labeling"
_BUSY = frozenset({"creating", "updating", "deleting", "inprogress"})


def data_path(workspace_id: str, data: str) -> str:
    """ARM id of ``azureml:name:version``."""
    _, name, version = data.split(":")
    return f"{workspace_id}/data/{name}/versions/{version}"


def body_of(project: LabelingProject, media: str, workspace_id: str) -> JsonObject:
    """What is written."""
    spec = project.spec
    properties: dict[str, Any] = {
        "jobType": "Labeling",
        "displayName": project.name,
        "labelingJobMediaProperties": {"mediaType": media, "annotationType": spec.annotation.value},
        "labelCategories": _categories(spec),
        "dataConfiguration": {
            "dataId": data_path(workspace_id, spec.data),
            "incrementalDataRefresh": _switch(spec.incremental_refresh),
        },
        "tags": {MARK: project.workspace},
    }
    if spec.description:
        properties["description"] = spec.description
    if spec.instructions is not None:
        properties["jobInstructions"] = {"uri": spec.instructions}
    return {"properties": properties}


def keeping(asked: JsonObject, there: JsonObject | None) -> JsonObject:
    """What is written over what stands: whether a model helps those who label is their own choice."""
    kept = part(there, "properties", "mlAssistConfiguration")
    if not kept:
        return asked
    return {"properties": {**asked["properties"], "mlAssistConfiguration": dict(kept)}}


def _categories(spec: LabelingSpec) -> JsonObject:
    return {
        name: {
            "displayName": category.display_name or name,
            "multiSelect": _switch(category.multi_select),
            "classes": {
                one: {"displayName": shown or one, "subclasses": {}} for one, shown in category.classes.items()
            },
        }
        for name, category in spec.categories.items()
    }


def _switch(on: bool) -> str:
    return "Enabled" if on else "Disabled"


def is_ours(found: JsonObject, workspace: str) -> bool:
    """What stands without our mark is somebody else's."""
    return part(found, "properties", "tags").get(MARK) == workspace


def wrong_with(asked: JsonObject, found: JsonObject) -> str | None:
    """JSON path of the first difference; None when it is as asked for. Classes that somebody added are one."""
    wanted, have = part(asked, "properties", "labelCategories"), part(found, "properties", "labelCategories")
    if set(wanted) != set(have):
        return "$.properties.labelCategories"
    for name in wanted:
        if set(part(wanted, name, "classes")) != set(part(have, name, "classes")):
            return f"$.properties.labelCategories.{name}.classes"
    path = differs(asked, found)
    if path is not None:
        return path
    failed = str(part(found, "properties").get("provisioningState")).lower() == "failed"
    return "$.properties.provisioningState" if failed else None


def is_busy(found: JsonObject) -> bool:
    return str(part(found, "properties").get("provisioningState")).lower() in _BUSY


def progress_of(found: JsonObject) -> Progress:
    """How far people are."""
    metrics = part(found, "properties", "progressMetrics")
    return Progress(
        status=str(part(found, "properties").get("status") or "")[:50],
        total=_count(metrics.get("totalDatapointCount")),
        completed=_count(metrics.get("completedDatapointCount")),
        skipped=_count(metrics.get("skippedDatapointCount")),
    )


def part(value: Any, *names: str) -> Mapping[str, Any]:
    """What lies there, or nothing where it has another shape."""
    found = value
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
