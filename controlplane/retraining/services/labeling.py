"""Labelling projects: set, read, deleted with consent. What one needs is looked at before it is taken; ticks do the
rest."""

from __future__ import annotations

from datetime import datetime

from controlplane.audit.changes import changes
from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import message_of
from controlplane.operations.model import Condition, Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.known import Known
from controlplane.retraining.labeling.azure_side import DATA_API, data_path
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec, Progress, index_of, labeling_id
from controlplane.retraining.labeling.rules import parse_labeling, require_change
from controlplane.retraining.services.deps import ModelDeps, Put, current, workspace
from controlplane.retraining.signals.eventgrid import is_name

MOST = 50
"""Labelling projects of one workspace."""


class LabelingBody(Model):
    """A labelling project as the API answers it: what was asked, what stands, and how far people are."""

    id: str
    workspace: str
    name: str
    etag: str
    generation: int
    observed_generation: int
    """The generation that stands in Azure."""
    deleting: bool
    conditions: tuple[Condition, ...]
    progress: Progress
    last_modified_at: datetime
    last_modified_by: str
    spec: LabelingSpec


async def get_labeling(deps: ModelDeps, caller: Caller, name: str, labeling: str) -> LabelingBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``LabelingProjectNotFound``."""
    found = await workspace(deps, caller, Permission.LABELING_GET, name)
    stored = await _stored(deps, found, labeling)
    if stored is None:
        raise Rejected("LabelingProjectNotFound", f"There is no labelling project {labeling!r}.")
    return shown(stored.value)


async def list_labeling(deps: ModelDeps, caller: Caller, name: str) -> tuple[LabelingBody, ...]:
    """In the order of their names."""
    found = await workspace(deps, caller, Permission.LABELING_LIST, name)
    page = await deps.objects.page(LabelingProject, index_of(name), limit=MOST * 2)
    return tuple(shown(one) for one in page.values if one.incarnation == found.record.incarnation)


async def put_labeling(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str, bool], data: JsonObject, preconditions: Preconditions
) -> Put[LabelingBody]:
    """Sets or replaces it; ``asked`` is workspace, project and consent. Raises ``Rejected``: as ``parse_labeling``,
    ``LabelingNotPossible``, ``TooManyLabelingProjects``, ``LabelingProjectIsDeleting``; as ``require_change``."""
    name, labeling, consent = asked
    found = await workspace(deps, caller, Permission.LABELING_PUT, name)
    spec = parse_labeling(labeling, data, found.workload)
    await _require_data(deps, found, spec)

    async def attempt() -> Put[LabelingBody]:
        there = await deps.objects.get(LabelingProject, labeling_id(found.name, labeling))
        stored = current(found, there)
        preconditions.check(shown(stored.value).etag if stored else None)
        if stored is None:
            await _require_room(deps, found)
        elif stored.value.deleting:
            text = f"Labelling project {labeling!r} is being deleted; repeat it when it is gone."
            raise Rejected("LabelingProjectIsDeleting", text)
        elif stored.value.spec == spec:
            return Put(shown(stored.value), created=False, project=found.record.project)
        else:
            require_change(stored.value.spec, spec, consent=consent)
        after = _changed(deps, caller, (found, labeling), stored, spec)
        before = stored.value.spec.model_dump(mode="json") if stored else None
        told = {"generation": after.generation, "changes": changes(before, after.spec.model_dump(mode="json"))}
        await deps.objects.commit(put(there, after), _fact(deps, caller, after, told))
        await deps.workspaces.queue.send(message_of(LabelingProject.KIND, after.id))
        return Put(shown(after), created=stored is None, project=found.record.project)

    return await on_fresh_state(attempt)


async def delete_labeling(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str, bool], preconditions: Preconditions
) -> bool:
    """A tick deletes it in Azure; False when there was nothing. Raises ``Conflict("DestructiveChangeNotAllowed")``
    without consent: what people labelled goes with it."""
    name, labeling, consent = asked
    found = await workspace(deps, caller, Permission.LABELING_DELETE, name)

    async def attempt() -> bool:
        stored = await _stored(deps, found, labeling)
        preconditions.check(shown(stored.value).etag if stored else None)
        if stored is None or stored.value.deleting:
            return stored is not None
        if not consent:
            text = "What people labelled would be deleted with the project. Export it, and send allowDestructive=true."
            raise Conflict("DestructiveChangeNotAllowed", text, target="labelingProjects/" + labeling)
        update = {"deleting": True, "due_at": deps.clock.now(), "generation": stored.value.generation + 1}
        after = stored.value.model_copy(update=update)
        await deps.objects.commit(put(stored, after), _fact(deps, caller, after, {"change": "deletion asked for"}))
        await deps.workspaces.queue.send(message_of(LabelingProject.KIND, after.id))
        return True

    return await on_fresh_state(attempt)


async def _require_data(deps: ModelDeps, found: Known, spec: LabelingSpec) -> None:
    """Raises ``Rejected("LabelingNotPossible")``: the data is not there, or nobody could say."""
    path = data_path(found.workspace_id, spec.data)
    try:
        there = await deps.reader.get(path, DATA_API)
    except Rejected as error:
        detail = ErrorDetail("PreconditionUnknown", f"{path} could not be read: {error.code}.", "$.data")
    else:
        if there is not None:
            return
        detail = ErrorDetail("ResourceNotFound", f"Azure has no {path}.", "$.data")
    raise Rejected("LabelingNotPossible", detail.message, target=detail.target, details=(detail,))


async def _require_room(deps: ModelDeps, found: Known) -> None:
    if len(await deps.objects.ids(index_of(found.name), limit=MOST + 1)) >= MOST:
        raise Rejected("TooManyLabelingProjects", f"A workspace has {MOST} labelling projects at most.")


async def _stored(deps: ModelDeps, found: Known, labeling: str) -> Stored[LabelingProject] | None:
    if not is_name(labeling):
        return None
    return current(found, await deps.objects.get(LabelingProject, labeling_id(found.name, labeling)))


def _changed(
    deps: ModelDeps,
    caller: Caller,
    about: tuple[Known, str],
    stored: Stored[LabelingProject] | None,
    spec: LabelingSpec,
) -> LabelingProject:
    found, name = about
    now = deps.clock.now()
    told = {"due_at": now, "last_modified_at": now, "last_modified_by": caller.principal, "spec": spec}
    if stored is not None:
        return stored.value.model_copy(update={**told, "generation": stored.value.generation + 1})
    return LabelingProject(
        id=labeling_id(found.name, name),
        due_at=now,
        workspace=found.name,
        incarnation=found.record.incarnation,
        project=found.record.project,
        name=name,
        spec=spec,
        last_modified_at=now,
        last_modified_by=caller.principal,
    )


def _fact(deps: ModelDeps, caller: Caller, labeling: LabelingProject, told: JsonObject) -> Fact:
    about = About(labeling.workspace, labeling.project)
    details = {"labelingProject": labeling.name, **told}
    return by_person(about, deps.clock.now(), caller, Action.LABELING_CHANGED, details)


def shown(labeling: LabelingProject) -> LabelingBody:
    """What the API answers; the ETag changes with what was asked for, not with what was found."""
    return LabelingBody(
        id=f"workspaces/{labeling.workspace}/labelingProjects/{labeling.name}",
        workspace=labeling.workspace,
        name=labeling.name,
        etag=f'"{labeling.incarnation}.{labeling.generation}.{labeling.last_modified_at.timestamp():.6f}"',
        generation=labeling.generation,
        observed_generation=labeling.observed_generation,
        deleting=labeling.deleting,
        conditions=labeling.conditions,
        progress=labeling.progress,
        last_modified_at=labeling.last_modified_at,
        last_modified_by=labeling.last_modified_by,
        spec=labeling.spec,
    )
