"""Expiries by request: the rule, what people decide about it, and the archive. Ticks do the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from controlplane.audit.changes import changes
from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.decide import last_day
from controlplane.governance.expiry.model import (
    KEPT,
    Cause,
    Decided,
    Evidence,
    Exemption,
    Expiry,
    Extension,
    Passed,
    Rule,
    Stage,
    expiry_id,
)
from controlplane.governance.expiry.rules import Ground, check, check_exemption, check_extension
from controlplane.governance.expiry.storing import made, rule_of
from controlplane.governance.facts import by_person
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.services.deps import RuleDeps, workspace
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put, remove
from controlplane.objects.tick import message_of
from controlplane.operations.model import Condition, ErrorBody, Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission, Role, app_roles
from controlplane.projects.model import Registration
from controlplane.projects.registration import details_of
from controlplane.retraining.known import Known
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.services.deps import registration_of
from controlplane.workspaces.spec_model import Environment

T = TypeVar("T", bound=Model)
INVALID = "InvalidExpiry"


class ExtensionRequest(Model):
    until: date = Field(description="New last day; later than the one that is.")
    reason: str = Field(min_length=3, max_length=1000, description="Why it is needed longer.")


class ExemptionRequest(Model):
    until: date = Field(description="Last day on which nothing happens; a year from now at most.")
    reason: str = Field(min_length=3, max_length=1000, description="Why it is exempt.")


class RetirementRequest(Model):
    reason: str = Field(min_length=3, max_length=1000, description="Why it may go.")


class ArchiveRequest(Model):
    reason: str = Field(default="", max_length=1000, description="Why it is archived now.")


class ArchiveBody(Model):
    """An archive as the API answers it."""

    id: str
    workspace: str
    etag: str
    state: ArchiveState
    by: str
    reason: str
    by_expiry: bool = Field(description="Whether the stages led to it.")
    changed_at: datetime
    kept: tuple[str, ...] = Field(description="ARM ids of endpoints and deployments that can be made again.")
    operation: str | None = Field(description="Id of the workspace's operation that takes computes away, or back.")
    problem: ErrorBody | None


class ExpiryBody(Model):
    """An expiry as the API answers it."""

    id: str
    workspace: str
    etag: str
    rule: Rule
    declared: bool = Field(description="Whether the workspace's spec declares the rule; then PUT is refused.")
    environment: str
    last_day: date | None = Field(description="With the project's end and an extension.")
    stage: Stage
    since: datetime
    next_at: datetime | None = Field(description="When the next stage begins at the earliest.")
    cause: Cause | None
    reasons: tuple[str, ...]
    escalations: int = Field(description="How often nobody answered.")
    consent: Decided | None = Field(description="The owner's yes.")
    extension: Extension | None
    exemption: Exemption | None
    evidence: Evidence | None
    history: tuple[Passed, ...]
    archive: ArchiveBody | None
    conditions: tuple[Condition, ...] = Field(
        description="`Elevated`, of a deletion: what it waits for, and the request."
    )
    last_modified_at: datetime
    last_modified_by: str


@dataclass(frozen=True, slots=True)
class Answered:
    """``created`` tells 201 from 200."""

    body: ExpiryBody
    project: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A workspace, what is stored of its expiry, and what it is held against."""

    found: Known
    stored: Stored[Expiry] | None
    archive: Stored[Archive] | None
    registration: Registration | None
    now: datetime

    @property
    def record(self) -> WorkspaceRecord:
        return self.found.record

    @property
    def ground(self) -> Ground:
        end = self.registration.ends_on if self.registration is not None else None
        return Ground(Environment(self.record.spec["environment"]), self.now.date(), end)

    @property
    def expiry(self) -> Expiry | None:
        """As it is, or as its first look would store it."""
        if self.stored is not None:
            return self.stored.value
        if rule_of(None, self.record) is None:
            return None
        return made(self.record, self.record.created_at, self.record.last_modified_by)


def not_found(name: str) -> Rejected:
    """The 404 of a workspace that has no rule."""
    return Rejected("ExpiryNotFound", f"Workspace {name!r} has no expiry.")


async def get_expiry(deps: RuleDeps, caller: Caller, name: str) -> ExpiryBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``ExpiryNotFound``."""
    asked = await _asked(deps, caller, Permission.EXPIRY_GET, name)
    if asked.expiry is None:
        raise not_found(name)
    return shown(asked, asked.expiry)


async def put_expiry(
    deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions
) -> Answered:
    """Sets the rule beside the spec. Raises ``Rejected("InvalidExpiry")`` with every reason; ``Conflict``:
    ``DeclaredBySpec``, ``ExpiryUnderWay`` once something was taken away."""

    async def attempt() -> Answered:
        asked = await _asked(deps, caller, Permission.EXPIRY_PUT, name)
        preconditions.check(asked.stored.value.etag if asked.stored else None)
        rule = _parse(Rule, data)
        _require_undeclared(asked)
        before = asked.stored.value.rule if asked.stored else None
        _refuse(check(rule, asked.ground, before))
        if asked.stored is not None and before == rule:
            return Answered(shown(asked, asked.stored.value), asked.record.project)
        if asked.stored is None:
            after = made(asked.record, asked.now, caller.principal, rule)
        else:
            _require_before_archive(asked.stored.value)
            after = _changed(asked.stored.value, caller, asked.now, {"rule": rule})
        old = before.model_dump(mode="json", by_alias=True) if before else None
        told = {"change": "rule", "changes": changes(old, rule.model_dump(mode="json", by_alias=True))}
        return await _commit(deps, caller, asked, after, told)

    return await on_fresh_state(attempt)


async def delete_expiry(deps: RuleDeps, caller: Caller, name: str, preconditions: Preconditions) -> bool:
    """Takes the rule away; nothing expires from then on. False when there was none."""

    async def attempt() -> bool:
        asked = await _asked(deps, caller, Permission.EXPIRY_DELETE, name)
        preconditions.check(asked.stored.value.etag if asked.stored else None)
        if asked.expiry is None:
            return False
        _require_undeclared(asked)
        assert asked.stored is not None
        _require_before_archive(asked.stored.value)
        fact = _fact(asked, caller, asked.stored.value, {"change": "rule taken away"})
        await deps.objects.commit(remove(asked.stored), fact)
        return True

    return await on_fresh_state(attempt)


async def extend(deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions) -> Answered:
    """The owner needs it longer. Raises ``Rejected``: ``NotTheOwner``, ``InvalidExpiry``; ``Conflict``."""

    def change(asked: _Asked, expiry: Expiry) -> dict[str, Any]:
        request = _parse(ExtensionRequest, data)
        rule = rule_of(expiry, asked.record) or Rule()
        _refuse(check_extension(request.until, last_day(rule, expiry, None), asked.ground))
        granted = Extension(by=caller.principal, at=asked.now, reason=request.reason, until=request.until)
        return {"extension": granted, **_anew(asked.now)}

    return await _decide(deps, caller, (name, Permission.EXPIRY_EXTEND, "extension"), preconditions, change)


async def exempt(deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions) -> Answered:
    """Nothing happens until a day. Raises as ``extend``."""

    def change(asked: _Asked, expiry: Expiry) -> dict[str, Any]:
        request = _parse(ExemptionRequest, data)
        _refuse(check_exemption(request.until, asked.ground))
        granted = Exemption(by=caller.principal, at=asked.now, reason=request.reason, until=request.until)
        return {"exemption": granted, **_anew(asked.now)}

    return await _decide(deps, caller, (name, Permission.EXPIRY_EXEMPT, "exemption"), preconditions, change)


async def retire(deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions) -> Answered:
    """The owner's yes: the grace starts with it. Raises as ``extend``; ``Conflict("NotAsked")``."""

    def change(asked: _Asked, expiry: Expiry) -> dict[str, Any]:
        request = _parse(RetirementRequest, data)
        if expiry.stage is not Stage.ASKED:
            text = f"The expiry of workspace {name!r} is {expiry.stage.value}: its owner is not asked now."
            raise Conflict("NotAsked", text)
        return {"consent": Decided(by=caller.principal, at=asked.now, reason=request.reason)}

    return await _decide(deps, caller, (name, Permission.EXPIRY_RETIRE, "consent"), preconditions, change)


# -- the archive -------------------------------------------------------------------------------------------------------


async def archive(deps: RuleDeps, caller: Caller, name: str, data: JsonObject) -> tuple[ArchiveBody, str]:
    """Begins to archive. Raises ``Conflict``: ``ProductionNotArchived``, ``WorkspaceDeleting``. One that is on its way
    is answered as it is."""
    request = _parse(ArchiveRequest, data)

    async def attempt() -> tuple[ArchiveBody, str]:
        asked = await _asked(deps, caller, Permission.WORKSPACES_ARCHIVE, name)
        _require_archivable(asked)
        before = asked.archive
        if before is not None and before.value.state.takes:
            return body_of(before.value), asked.record.project
        fresh = Archive(
            id=expiry_id(name),
            due_at=asked.now,
            workspace=name,
            incarnation=asked.record.incarnation,
            project=asked.record.project,
            by=caller.principal,
            reason=request.reason,
            kept=before.value.kept if before is not None else (),
            changed_at=asked.now,
            generation=1 if before is None else before.value.generation + 1,
        )
        return await _say(deps, caller, asked, fresh)

    return await on_fresh_state(attempt)


async def restore(deps: RuleDeps, caller: Caller, name: str) -> tuple[ArchiveBody, str]:
    """Takes an archive back, also one that is on its way. Raises ``Conflict``: ``NotArchived``, ``WorkspaceDeleting``,
    ``ExpiryUnderWay`` once its deletion has begun."""

    async def attempt() -> tuple[ArchiveBody, str]:
        asked = await _asked(deps, caller, Permission.WORKSPACES_RESTORE, name)
        before = asked.archive
        if before is None or before.value.state is ArchiveState.RESTORED:
            raise Conflict("NotArchived", f"Workspace {name!r} is not archived.")
        _require_kept(asked)
        if not before.value.state.takes:
            return body_of(before.value), asked.record.project
        update = {"state": ArchiveState.REFILLING, "due_at": asked.now, "by": caller.principal, "changed_at": asked.now}
        after = before.value.model_copy(update={**update, "problem": None, "generation": before.value.generation + 1})
        return await _say(deps, caller, asked, after)

    return await on_fresh_state(attempt)


async def _say(deps: RuleDeps, caller: Caller, asked: _Asked, after: Archive) -> tuple[ArchiveBody, str]:
    told = {"state": after.state.value, "kept": [one.id for one in after.kept], "reason": after.reason}
    about = (Scope(ScopeKind.WORKSPACE, after.workspace), after.project)
    fact = by_person(about, asked.now, caller, Action.ARCHIVE_CHANGED, told)
    await deps.objects.commit(put(asked.archive, after), fact)
    await deps.workspaces.queue.send(message_of(Archive.KIND, after.id))
    return body_of(after), after.project


def _require_archivable(asked: _Asked) -> None:
    if asked.ground.environment is Environment.PROD:
        raise Conflict("ProductionNotArchived", "A production workspace is never archived (X-12).")
    _require_kept(asked)


def _require_kept(asked: _Asked) -> None:
    if asked.record.deleting:
        raise Conflict("WorkspaceDeleting", f"Workspace {asked.record.name!r} is being deleted.")
    if asked.stored is not None and asked.stored.value.stage is Stage.DELETING:
        raise Conflict("ExpiryUnderWay", f"The deletion of workspace {asked.record.name!r} has begun.")


# -- what they share ---------------------------------------------------------------------------------------------------


async def _asked(deps: RuleDeps, caller: Caller, permission: Permission, name: str) -> _Asked:
    found = await workspace(deps, caller, permission, name)
    incarnation = found.record.incarnation
    stored = await deps.objects.get(Expiry, expiry_id(name))
    kept = await deps.objects.get(Archive, expiry_id(name))
    # A row that an earlier workspace of this name left goes with its next tick.
    if stored is not None and stored.value.incarnation != incarnation:
        raise Conflict("ConcurrentChange", "An earlier workspace of this name is just being forgotten; repeat it.")
    if kept is not None and kept.value.incarnation != incarnation:
        kept = None
    registration = await registration_of(deps.workspaces, found.record.project)
    return _Asked(found, stored, kept, registration, deps.clock.now())


async def _decide(
    deps: RuleDeps,
    caller: Caller,
    what: tuple[str, Permission, str],
    preconditions: Preconditions,
    change: Callable[[_Asked, Expiry], dict[str, Any]],
) -> Answered:
    name, permission, word = what

    async def attempt() -> Answered:
        asked = await _asked(deps, caller, permission, name)
        if asked.expiry is None:
            raise not_found(name)
        preconditions.check(asked.expiry.etag)
        _require_owner(asked, caller, permission)
        _require_before_archive(asked.expiry)
        update = change(asked, asked.expiry)
        after = _changed(asked.expiry, caller, asked.now, update)
        told = {"change": word, **update[word].model_dump(mode="json", by_alias=True)}
        return await _commit(deps, caller, asked, after, told)

    return await on_fresh_state(attempt)


def _require_owner(asked: _Asked, caller: Caller, permission: Permission) -> None:
    """S3-107: the project's owner decides, by name or as a member of a group of product owners that the project is
    registered with. A Platform.Admin may give more time, and never says the owner's yes."""
    named = {str(one).lower() for one in asked.record.spec.get("owners") or ()}
    groups = {str(one).lower() for one in (asked.record.spec.get("access") or {}).get("productOwners") or ()}
    known = {one.lower() for one in asked.registration.entra_groups} if asked.registration is not None else set()
    if caller.object_id.lower() in named or caller.groups & groups & known:
        return
    if permission is not Permission.EXPIRY_RETIRE and Role.ADMIN in app_roles(caller):
        return
    raise Rejected("NotTheOwner", f"Only an owner of workspace {asked.record.name!r} decides this.")


def _require_undeclared(asked: _Asked) -> None:
    if asked.record.spec.get("expiry") is not None:
        text = "The workspace's spec declares its expiry, and one place decides: change $.expiry of the spec."
        raise Conflict("DeclaredBySpec", text, target="$.expiry")


def _require_before_archive(expiry: Expiry) -> None:
    if expiry.stage in (Stage.ARCHIVING, Stage.ARCHIVED, Stage.DELETING):
        text = f"The expiry of workspace {expiry.workspace!r} is {expiry.stage.value}; restore the workspace first."
        raise Conflict("ExpiryUnderWay", text)


def _anew(now: datetime) -> dict[str, Any]:
    """More time takes the stages back; the next look decides where they are."""
    return {
        "stage": Stage.ACTIVE,
        "cause": None,
        "consent": None,
        "since": now,
        "lived": timedelta(),
        "looked_at": None,
        "escalations": 0,
    }


def _changed(expiry: Expiry, caller: Caller, now: datetime, update: dict[str, Any]) -> Expiry:
    more = {"due_at": now, "last_modified_at": now, "last_modified_by": caller.principal}
    after = expiry.model_copy(update={**update, **more, "generation": expiry.generation + 1})
    if after.stage is expiry.stage and after.since == expiry.since:
        return after
    passed = Passed(stage=after.stage, at=now, reasons=("A person decided so.",), by=caller.principal)
    return after.model_copy(update={"history": (*expiry.history, passed)[-KEPT:]})


async def _commit(deps: RuleDeps, caller: Caller, asked: _Asked, after: Expiry, told: JsonObject) -> Answered:
    await deps.objects.commit(put(asked.stored, after), _fact(asked, caller, after, told))
    await deps.workspaces.queue.send(message_of(Expiry.KIND, after.id))
    return Answered(shown(asked, after), after.project, created=asked.stored is None)


def _fact(asked: _Asked, caller: Caller, expiry: Expiry, told: JsonObject) -> Fact:
    about = (Scope(ScopeKind.WORKSPACE, expiry.workspace), expiry.project)
    details = {**told, "stage": expiry.stage.value, "incarnation": expiry.incarnation}
    return by_person(about, asked.now, caller, Action.EXPIRY_CHANGED, details)


def _parse(kind: type[T], data: JsonObject) -> T:
    try:
        return read_strictly(kind, data)
    except ValidationError as error:
        raise _rejected(details_of(error, kind)) from error


def _refuse(details: tuple[ErrorDetail, ...]) -> None:
    if details:
        raise _rejected(details)


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the expiry are not valid."
    return Rejected(INVALID, text, target=details[0].target, details=details)


def shown(asked: _Asked, expiry: Expiry) -> ExpiryBody:
    """What the API answers."""
    rule = rule_of(expiry, asked.record) or Rule()
    return ExpiryBody(
        id=f"workspaces/{expiry.workspace}/expiry",
        workspace=expiry.workspace,
        etag=expiry.etag,
        rule=rule,
        declared=asked.record.spec.get("expiry") is not None,
        environment=str(asked.record.spec["environment"]),
        last_day=last_day(rule, expiry, asked.ground.project_end),
        stage=expiry.stage,
        since=expiry.since,
        next_at=expiry.next_at,
        cause=expiry.cause,
        reasons=expiry.reasons,
        escalations=expiry.escalations,
        consent=expiry.consent,
        extension=expiry.extension,
        exemption=expiry.exemption,
        evidence=expiry.evidence,
        history=expiry.history,
        archive=body_of(asked.archive.value) if asked.archive is not None else None,
        conditions=expiry.conditions,
        last_modified_at=expiry.last_modified_at,
        last_modified_by=expiry.last_modified_by,
    )


def body_of(found: Archive) -> ArchiveBody:
    return ArchiveBody(
        id=f"workspaces/{found.workspace}/archive",
        workspace=found.workspace,
        etag=found.etag,
        state=found.state,
        by=found.by,
        reason=found.reason,
        by_expiry=found.by_expiry,
        changed_at=found.changed_at,
        kept=tuple(one.id for one in found.kept),
        operation=found.operation,
        problem=found.problem,
    )
