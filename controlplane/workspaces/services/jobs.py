"""Checking a job before it is sent: what the workspace's datastores and registries say of it."""

from __future__ import annotations

import asyncio

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
from controlplane.workspaces.jobs.granted import readers
from controlplane.workspaces.jobs.model import Asset, JobCheck, JobFacts, JobQuestion
from controlplane.workspaces.jobs.parts import steps
from controlplane.workspaces.jobs.places import asset_of, assets
from controlplane.workspaces.resolve import at
from controlplane.workspaces.services.deps import ServiceDeps, blueprint_of, require, stored_spec

#: Each is up to two reads of Azure.
MOST_ASSETS = 50


async def check_job(deps: ServiceDeps, caller: Caller, data: JsonObject) -> JobCheck:
    """Reads the lists of datastores and computes and the assets that the job names; nothing is sent anywhere.

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
    blueprint = blueprint_of(deps, stored.record)
    home, zones = str(blueprint.by_key["workspace"].id), CLOUDS[deps.cloud].zones
    stores, machines, lies = await asyncio.gather(
        _listed(deps, f"{home}/datastores", k.DATASTORE),
        _listed(deps, f"{home}/computes", k.COMPUTE),
        _assets(deps, home, question),
    )
    facts = JobFacts(
        stores,
        tuple(name_of(registry) for registry in registries),
        zones["registry"].removeprefix("privatelink."),
        zones["blob"].removeprefix("privatelink.blob."),
        home,
        lies,
        None if machines is None else frozenset(name.lower() for name in machines),
        readers(spec, blueprint),
    )
    return judged(question, facts)


async def _listed(deps: ServiceDeps, path: str, kind: str) -> dict[str, JsonObject] | None:
    """None where Azure refuses: nobody knows then, and the answer says so."""
    try:
        found = await deps.reader.list(path, k.API_VERSIONS[kind])
    except Rejected:
        return None
    return {name_of(str(body["id"])): body.get("properties") or {} for body in found}


async def _assets(deps: ServiceDeps, home: str, question: JobQuestion) -> dict[Asset, str | None]:
    """Where the assets lie that a job names, those included that an asset leads to; without what could not be read."""
    found: dict[Asset, str | None] = {}
    wanted = {one for step in steps(question.job) for one in assets(step)}
    if len(wanted) > MOST_ASSETS:
        message = f"The job names {len(wanted)} data assets; {MOST_ASSETS} are looked up at most. Check it in parts."
        raise Rejected("InvalidRequestContent", message, target="$.job")
    while wanted:
        asked = sorted(wanted, key=str)
        answers = await asyncio.gather(*(_asset(deps, home, one) for one in asked))
        found |= {one: answer[0] for one, answer in zip(asked, answers, strict=True) if answer is not None}
        further = (asset_of(where) for where in found.values() if where is not None)
        wanted = {one for one in further if one is not None and one not in {*found, *asked}}
    return found


async def _asset(deps: ServiceDeps, home: str, asset: Asset) -> tuple[str | None] | None:
    """Where it lies, or None in a tuple for what is not there; None where Azure refuses, or the label says nothing."""
    path, version = f"{home}/{asset.kind}/{asset.name}", asset.version
    kind = k.DATA_ASSET if asset.kind == "data" else k.MODEL
    try:
        if version is None:
            if asset.label != "latest":
                return None
            container = await deps.reader.get(path, k.API_VERSIONS[kind])
            version = str(at(container, "properties.latestVersion") or "") if container is not None else ""
            if not version:
                return (None,)
        body = await deps.reader.get(f"{path}/versions/{version}", k.API_VERSIONS[kind])
    except Rejected:
        return None
    if body is None:
        return (None,)
    where = at(body, "properties.dataUri" if asset.kind == "data" else "properties.modelUri")
    return (where,) if isinstance(where, str) else None
