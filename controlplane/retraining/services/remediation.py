"""How far we may scale what serves a workspace's models: set, read, taken away."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from controlplane.audit.changes import changes
from controlplane.audit.model import Action
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.operations.model import Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission
from controlplane.projects.registration import details_of
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.known import Known
from controlplane.retraining.remediation.model import Remediation, RemediationPolicy
from controlplane.retraining.services.deps import ModelDeps, Put, workspace


class RemediationBody(Model):
    """A remediation policy as the API answers it."""

    id: str
    workspace: str
    etag: str
    generation: int
    last_modified_at: datetime | None
    last_modified_by: str | None
    policy: RemediationPolicy


async def get_remediation(deps: ModelDeps, caller: Caller, name: str) -> RemediationBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``RemediationNotFound``."""
    found = await workspace(deps, caller, Permission.REMEDIATION_GET, name)
    stored = await _stored(deps, found)
    if stored is None or stored.value.policy is None:
        raise Rejected("RemediationNotFound", f"Workspace {name!r} has no remediation policy.")
    return _shown(stored.value, stored.value.policy)


async def put_remediation(
    deps: ModelDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions
) -> Put[RemediationBody]:
    """Raises ``Rejected``: ``InvalidRemediation`` with every bad field, …"""
    found = await workspace(deps, caller, Permission.REMEDIATION_PUT, name)
    policy = _parsed(data)

    async def attempt() -> Put[RemediationBody]:
        stored = await _stored(deps, found)
        before = stored.value.policy if stored else None
        preconditions.check(_etag(stored.value) if stored and before else None)
        if stored is not None and before == policy:
            return Put(_shown(stored.value, policy), False, found.record.project)
        after = await _save(deps, caller, (stored, found), policy)
        return Put(_shown(after, policy), before is None, found.record.project)

    return await on_fresh_state(attempt)


async def delete_remediation(deps: ModelDeps, caller: Caller, name: str, preconditions: Preconditions) -> None:
    """Nothing is scaled from then on; a step that is on its way goes on."""
    found = await workspace(deps, caller, Permission.REMEDIATION_DELETE, name)

    async def attempt() -> None:
        stored = await _stored(deps, found)
        before = stored.value.policy if stored else None
        preconditions.check(_etag(stored.value) if stored and before else None)
        if before is not None:
            await _save(deps, caller, (stored, found), None)

    await on_fresh_state(attempt)


def _parsed(data: JsonObject) -> RemediationPolicy:
    try:
        return read_strictly(RemediationPolicy, data)
    except ValidationError as error:
        details = details_of(error, RemediationPolicy)
        raise Rejected("InvalidRemediation", details[0].message, target=details[0].target, details=details) from error


async def _stored(deps: ModelDeps, found: Known) -> Stored[Remediation] | None:
    """What an earlier workspace of this name had does not count; its row is written over."""
    stored = await deps.objects.get(Remediation, found.name)
    if stored is None or stored.value.incarnation == found.record.incarnation:
        return stored
    return Stored(_new(found), stored.etag)


def _new(found: Known) -> Remediation:
    return Remediation(id=found.name, incarnation=found.record.incarnation, project=found.record.project)


async def _save(
    deps: ModelDeps,
    caller: Caller,
    about: tuple[Stored[Remediation] | None, Known],
    policy: RemediationPolicy | None,
) -> Remediation:
    stored, found = about
    now, before = deps.clock.now(), stored.value if stored else _new(found)
    after = before.model_copy(
        update={
            "policy": policy,
            "generation": before.generation + 1,
            "last_modified_at": now,
            "last_modified_by": caller.principal,
        }
    )
    told = {"remediation": True, "changes": changes(_dump(before.policy), _dump(policy))}
    fact = by_person(About(found.name, found.record.project), now, caller, Action.POLICY_CHANGED, told)
    await deps.objects.commit(put(stored, after), fact)
    return after


def _dump(policy: RemediationPolicy | None) -> JsonObject | None:
    return policy.model_dump(mode="json", by_alias=True) if policy else None


def _etag(remediation: Remediation) -> str:
    return f'"{remediation.incarnation}.{remediation.generation}"'


def _shown(remediation: Remediation, policy: RemediationPolicy) -> RemediationBody:
    return RemediationBody(
        id=f"workspaces/{remediation.id}/remediation",
        workspace=remediation.id,
        etag=_etag(remediation),
        generation=remediation.generation,
        last_modified_at=remediation.last_modified_at,
        last_modified_by=remediation.last_modified_by,
        policy=policy,
    )
