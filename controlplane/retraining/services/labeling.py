"""Labelling projects: set, read, deleted with consent. What one needs is looked at before it is taken; ticks do the
rest."""

from __future__ import annotations

from controlplane.audit.model import Action
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.store import Write
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.declared import DeclaredBody
from controlplane.retraining.known import Known
from controlplane.retraining.labeling.azure_side import DATA_API, data_path
from controlplane.retraining.labeling.model import LabelingProject, LabelingSpec, Progress
from controlplane.retraining.labeling.rules import parse_labeling, require_change
from controlplane.retraining.services.declared import Asked, Collection, declare, described, withdraw
from controlplane.retraining.services.deps import ModelDeps, Put, workspace

PROJECTS: Collection[LabelingProject] = Collection(
    kind=LabelingProject,
    noun="labelling project",
    code="LabelingProject",
    path="labelingProjects",
    label="labelingProject",
    action=Action.LABELING_CHANGED,
    most=50,
    spec_of=lambda project: project.spec,
)


class LabelingBody(DeclaredBody):
    """A labelling project as the API answers it: what was asked, what stands, and how far people are."""

    progress: Progress
    spec: LabelingSpec


async def get_labeling(deps: ModelDeps, caller: Caller, name: str, labeling: str) -> LabelingBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``LabelingProjectNotFound``."""
    found = await workspace(deps, caller, Permission.LABELING_GET, name)
    return _shown(await PROJECTS.require(deps, found, labeling))


async def list_labeling(deps: ModelDeps, caller: Caller, name: str) -> tuple[LabelingBody, ...]:
    """In the order of their names."""
    found = await workspace(deps, caller, Permission.LABELING_LIST, name)
    return tuple(_shown(one) for one in await PROJECTS.all(deps, found))


async def put_labeling(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str, bool], data: JsonObject, preconditions: Preconditions
) -> Put[LabelingBody]:
    """Sets or replaces it; ``asked`` is workspace, project and consent. Raises ``Rejected``: as ``parse_labeling``,
    ``LabelingNotPossible``, ``TooManyLabelingProjects``, ``LabelingProjectIsDeleting``; as ``require_change``."""
    name, labeling, consent = asked
    found = await workspace(deps, caller, Permission.LABELING_PUT, name)
    spec = parse_labeling(labeling, data, found.workload)
    await _require_data(deps, found, spec)

    async def guard(stored: Stored[LabelingProject] | None) -> list[Write]:
        if stored is not None:
            require_change(stored.value.spec, spec, consent=consent)
        return []

    after, new = await declare(deps, PROJECTS, Asked(caller, found, labeling, preconditions), spec, guard)
    return Put(_shown(after), created=new, project=found.record.project)


async def delete_labeling(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str, bool], preconditions: Preconditions
) -> bool:
    """A tick deletes it in Azure; False when there was nothing. Raises ``Conflict("DestructiveChangeNotAllowed")``
    without consent: what people labelled goes with it."""
    name, labeling, consent = asked
    found = await workspace(deps, caller, Permission.LABELING_DELETE, name)

    def allow() -> None:
        if not consent:
            text = "What people labelled would be deleted with the project. Export it, and send allowDestructive=true."
            raise Conflict("DestructiveChangeNotAllowed", text, target="labelingProjects/" + labeling)

    return await withdraw(deps, PROJECTS, Asked(caller, found, labeling, preconditions), allow)


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


def _shown(project: LabelingProject) -> LabelingBody:
    return LabelingBody(**described(PROJECTS, project), progress=project.progress, spec=project.spec)
