"""Checking a job before it is sent: what the workspace's datastores and registries say of it."""

from __future__ import annotations

from pydantic import ValidationError

from controlplane.arm import name_of
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission
from controlplane.projects.registration import details_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.clouds import CLOUDS
from controlplane.workspaces.jobs.check import check_job as judged
from controlplane.workspaces.jobs.model import JobCheck, JobFacts, JobQuestion
from controlplane.workspaces.services.deps import ServiceDeps, blueprint_of, require, stored_spec


async def check_job(deps: ServiceDeps, caller: Caller, data: JsonObject) -> JobCheck:
    """Reads the list of datastores and nothing else; nothing is sent anywhere.

    Raises ``Rejected``: ``InvalidRequestContent``, ``WorkspaceNotFound``, ``AuthorizationFailed``; ``Transient``.
    """
    try:
        question = read_strictly(JobQuestion, data)
    except ValidationError as error:
        details = details_of(error, JobQuestion)
        message = "The request has fields that are not valid."
        raise Rejected("InvalidRequestContent", message, target=details[0].target, details=details) from error
    stored = await require(deps, caller, Permission.JOBS_CHECK, question.workspace)
    spec = stored_spec(stored.record)
    brought = spec.registry.existing
    registries = (*((brought,) if brought is not None else ()), *spec.registry.private_images)
    home = str(blueprint_of(deps, stored.record).by_key["workspace"].id)
    facts = JobFacts(
        await _datastores(deps, home),
        tuple(name_of(registry) for registry in registries),
        CLOUDS[deps.cloud].zones["registry"].removeprefix("privatelink."),
    )
    return judged(question, facts)


async def _datastores(deps: ServiceDeps, workspace_id: str) -> dict[str, JsonObject] | None:
    """None where Azure refuses: nobody knows then, and the answer says so."""
    try:
        found = await deps.reader.list(f"{workspace_id}/datastores", k.API_VERSIONS[k.DATASTORE])
    except Rejected:
        return None
    return {name_of(str(body["id"])): body.get("properties") or {} for body in found}
