"""The tick of a labelling project: read, made, repaired, or deleted; it is looked at again for ever.

Level-triggered. That nothing of its name stood in Azure is stored before the first write; what stands without our mark
is neither written over nor deleted. Whether it is paused, and whether a model helps, people say, and so it stays.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from controlplane.audit.model import Action
from controlplane.errors import Conflict, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import ConditionStatus
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import Known, known
from controlplane.retraining.labeling.azure_side import (
    API,
    body_of,
    is_busy,
    is_ours,
    keeping,
    progress_of,
    wrong_with,
)
from controlplane.retraining.labeling.model import LabelingProject
from controlplane.retraining.labeling.rules import MEDIA
from controlplane.retraining.monitors.telling import WRITTEN, is_in_vain
from controlplane.workspaces.ending import condition

_log = logging.getLogger(__name__)
STANDS = "ProjectStands"
#: Looked at again: what stands, what somebody has to change first, what Azure is at work on.
REST, RETRY, SOON = timedelta(hours=6), timedelta(minutes=15), timedelta(seconds=20)
#: After a write that changed nothing of what Azure shows.
AGAIN = timedelta(minutes=5)
_Told = tuple[ConditionStatus, str, str]


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(LabelingProject, thing_id)
    if stored is None:
        return None
    project = stored.value
    space = await deps.workspaces.load(project.workspace)
    if space is None or space.record.incarnation != project.incarnation:
        await _forget(deps, hold, stored, "gone with its workspace")
        return None
    if space.record.deleting:
        # It may be taken back, and then the project is still ours to keep.
        return await _store(deps, hold, stored, project, RETRY)
    found = known(space.record)
    if project.deleting:
        return await _end(deps, hold, stored, found)
    return await _keep(deps, hold, stored, found)


def path_of(found: Known, name: str) -> str:
    """ARM id of a project."""
    return f"{found.workspace_id}/labelingJobs/{name}"


async def _keep(deps: RetrainingDeps, hold: Hold, stored: Stored[LabelingProject], found: Known) -> datetime:
    project = stored.value
    medium = MEDIA.get(found.workload)
    if medium is None:
        text = f"The workspace's workload is {found.workload} now: nothing is labelled there."
        return await _tell(deps, hold, stored, (ConditionStatus.FALSE, "LabelingNotForWorkload", text), None)
    asked = body_of(project, medium.media, found.workspace_id)
    arm_id = path_of(found, project.name)
    try:
        there = await deps.reader.get(arm_id, API)
        told = _judged(project, asked, there)
        if told is not None:
            return await _tell(deps, hold, stored, told, there)
        if not project.announced:
            after = project.model_copy(update={"announced": True})
            await deps.objects.commit_held(hold, put(stored, after))
            stored = await deps.objects.require(LabelingProject, project.id)
        wrong = "it was not there" if there is None else wrong_with(asked, there)
        _log.info("labelling project is written id=%s because=%s", arm_id, wrong)
        await deps.writer.put(arm_id, API, keeping(asked, there))
    except (Rejected, Conflict) as error:
        told = (ConditionStatus.FALSE, error.code, f"{error.code}: {error.message}")
        return await _tell(deps, hold, stored, told, None)
    told = (ConditionStatus.FALSE, "InProgress", f"It{WRITTEN}{wrong}.")
    return await _tell(deps, hold, stored, told, there)


def _judged(project: LabelingProject, asked: JsonObject, there: JsonObject | None) -> _Told | None:
    """What is told; None: it is to be written."""
    if there is None:
        return None
    if not is_ours(there, project.workspace):
        text = f"NotOurs: a labelling project {project.name} stands, and does not carry this control plane's mark."
        return ConditionStatus.FALSE, "NotOurs", text
    if is_busy(there):
        return ConditionStatus.FALSE, "InProgress", "Azure ML is at work on it."
    if wrong_with(asked, there) is not None:
        return None
    return ConditionStatus.TRUE, "Stands", "As declared."


async def _tell(
    deps: RetrainingDeps, hold: Hold, stored: Stored[LabelingProject], told: _Told, there: JsonObject | None
) -> datetime:
    project, now = stored.value, deps.clock.now()
    status, reason, text = told
    stands = status is ConditionStatus.TRUE
    now_told = (condition(STANDS, status, reason, text[:1000], project.conditions, now),)
    update = {
        "conditions": now_told,
        "observed_generation": project.generation if stands else project.observed_generation,
        "progress": progress_of(there) if there is not None and reason != "NotOurs" else project.progress,
        "announced": project.announced or stands,
    }
    vain = is_in_vain(project.conditions, now_told)
    pause = REST if stands else AGAIN if vain else SOON if reason == "InProgress" else RETRY
    return await _store(deps, hold, stored, project.model_copy(update=update), pause)


async def _end(deps: RetrainingDeps, hold: Hold, stored: Stored[LabelingProject], found: Known) -> datetime | None:
    """Until Azure does not show it; somebody else's of that name stays."""
    project = stored.value
    arm_id = path_of(found, project.name)
    try:
        there = await deps.reader.get(arm_id, API)
        if there is None or not is_ours(there, project.workspace):
            await _forget(deps, hold, stored, "deleted")
            return None
        if not is_busy(there):
            await deps.writer.delete(arm_id, API)
    except (Rejected, Conflict) as error:
        told = (ConditionStatus.FALSE, error.code, f"It could not be deleted: {error.code}: {error.message}")
        return await _tell(deps, hold, stored, told, None)
    return await _store(deps, hold, stored, project, SOON)


async def _store(
    deps: RetrainingDeps, hold: Hold, stored: Stored[LabelingProject], after: LabelingProject, pause: timedelta
) -> datetime:
    due = deps.clock.now() + pause
    await deps.objects.commit_held(hold, put(stored, after.model_copy(update={"due_at": due})))
    return due


async def _forget(deps: RetrainingDeps, hold: Hold, stored: Stored[LabelingProject], why: str) -> None:
    project = stored.value
    about = About(project.workspace, project.project)
    told = {"labelingProject": project.name, "change": why}
    fact = by_us(about, deps.clock.now(), Action.LABELING_CHANGED, told)
    await deps.objects.commit_held(hold, remove(stored), fact)
