"""Expiries by request: the rule, and what people decide about it. Ticks do the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.changes import changes
from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, Rejected
from controlplane.governance.expiry.decide import last_day
from controlplane.governance.expiry.model import KEPT, Decided, Exemption, Expiry, Extension, Passed, Rule, Stage
from controlplane.governance.expiry.moves import BEFORE, BEGUN, newer_word, superseded
from controlplane.governance.expiry.rules import check, check_exemption, check_extension
from controlplane.governance.expiry.storing import made, rule_of
from controlplane.governance.facts import by_person
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.services.deps import RuleDeps
from controlplane.governance.services.expiry_bodies import (
    Answered,
    Asked,
    ExemptionRequest,
    ExpiryBody,
    ExtensionRequest,
    RetirementRequest,
    asked_of,
    parse,
    refuse,
    shown,
)
from controlplane.json_types import JsonObject
from controlplane.objects.repository import put, remove
from controlplane.objects.tick import message_of
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission
from controlplane.workspaces.lasting import Life, is_owner, later, longer, may_extend, refusal


def not_found(name: str) -> Rejected:
    """The 404 of a workspace that has no rule."""
    return Rejected("ExpiryNotFound", f"Workspace {name!r} has no expiry.")


async def get_expiry(deps: RuleDeps, caller: Caller, name: str) -> ExpiryBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``ExpiryNotFound``."""
    asked = await asked_of(deps, caller, Permission.EXPIRY_GET, name)
    if asked.expiry is None:
        raise not_found(name)
    return shown(asked, asked.expiry)


async def put_expiry(
    deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions
) -> Answered:
    """Sets the rule beside the spec; another last day ends an extension that was given before. Raises ``Rejected``:
    ``InvalidExpiry`` with every reason, ``ExtensionNotAllowed``; ``Conflict``: ``DeclaredBySpec``, ``ExpiryUnderWay``
    once something was taken away."""

    async def attempt() -> Answered:
        asked = await asked_of(deps, caller, Permission.EXPIRY_PUT, name)
        preconditions.check(asked.stored.value.etag if asked.stored else None)
        rule = parse(Rule, data)
        _require_undeclared(asked)
        before = asked.stored.value.rule if asked.stored else None
        refuse(check(rule, asked.ground, before))
        if asked.stored is not None and before == rule:
            return Answered(shown(asked, asked.stored.value), asked.record.project)
        _require_no_extension(asked, caller, rule)
        if asked.stored is None:
            after = made(asked.record, asked.now, caller.principal, rule)
        else:
            _require_before_archive(asked, asked.stored.value)
            over = superseded(asked.stored.value, before or Rule(), rule, asked.now, caller.principal)
            after = _changed(asked.stored.value, caller, asked.now, {"rule": rule, **over})
        old = before.model_dump(mode="json", by_alias=True) if before else None
        told: JsonObject = {
            "change": "rule",
            "changes": changes(old, rule.model_dump(mode="json", by_alias=True)),
            "later": [said for _, said in later(before, rule)],
            **({"superseded": gone} if (gone := _gone(asked, after)) else {}),
        }
        return await _commit(deps, caller, asked, after, told)

    return await on_fresh_state(attempt)


def _gone(asked: Asked, after: Expiry) -> JsonObject | None:
    return None if asked.stored is None else newer_word(asked.stored.value, after)


async def delete_expiry(deps: RuleDeps, caller: Caller, name: str, preconditions: Preconditions) -> bool:
    """Takes the rule away; nothing expires from then on. What is told of the end of the project stands: another rule,
    or none, gives nobody's access more time. False when there was none. Raises ``Rejected("ExtensionNotAllowed")``."""

    async def attempt() -> bool:
        asked = await asked_of(deps, caller, Permission.EXPIRY_DELETE, name)
        preconditions.check(asked.stored.value.etag if asked.stored else None)
        if asked.expiry is None:
            return False
        _require_undeclared(asked)
        assert asked.stored is not None
        rule = asked.stored.value.rule
        if rule is None:
            return False
        _require_before_archive(asked, asked.stored.value)
        _require_no_extension(asked, caller, None)
        fact = _fact(
            asked,
            caller,
            asked.stored.value,
            {"change": "rule taken away", "rule": rule.model_dump(mode="json", by_alias=True)},
        )
        if not _stays(asked, asked.stored.value):
            await deps.objects.commit(remove(asked.stored), fact)
            return True
        without = {"rule": None, "ruled": Rule(), "extension": None, "exemption": None}
        begun = {"reasons": (), "next_at": None, "problem": None, "problem_told_at": None}
        after = _changed(asked.stored.value, caller, asked.now, {**without, **begun, **_anew(asked.now)})
        await deps.objects.commit(put(asked.stored, after), fact)
        await deps.workspaces.queue.send(message_of(Expiry.KIND, after.id))
        return True

    return await on_fresh_state(attempt)


def _stays(asked: Asked, expiry: Expiry) -> bool:
    """Whether there is more to it than the rule: the project's end, and what was told of it (S3-70)."""
    told = expiry.access_notice is not None or asked.record.access_ended
    return told or asked.ground.project_end is not None


async def extend(deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions) -> Answered:
    """The owner needs it longer; in the archive, the archive. Raises ``Rejected``: ``NotTheOwner``, ``InvalidExpiry``;
    ``Conflict``: ``ExpiryUnderWay`` while it is archived, where nothing would be deleted, and once the archiver has
    begun."""

    def change(asked: Asked, expiry: Expiry) -> dict[str, Any]:
        request = parse(ExtensionRequest, data)
        rule = rule_of(expiry, asked.record) or Rule()
        refuse(check_extension(request.until, last_day(rule, expiry, None), asked.ground))
        granted = Extension(by=caller.principal, at=asked.now, reason=request.reason, until=request.until)
        return {"extension": granted, "ruled": rule, **_more_time(asked, expiry)}

    return await _decide(deps, caller, (name, Permission.EXPIRY_EXTEND, "extension"), preconditions, change)


async def exempt(deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions) -> Answered:
    """Nothing happens until a day. Raises as ``extend``."""

    def change(asked: Asked, expiry: Expiry) -> dict[str, Any]:
        request = parse(ExemptionRequest, data)
        refuse(check_exemption(request.until, asked.ground))
        granted = Exemption(by=caller.principal, at=asked.now, reason=request.reason, until=request.until)
        rule = rule_of(expiry, asked.record) or Rule()
        return {"exemption": granted, "ruled": rule, **_more_time(asked, expiry)}

    return await _decide(deps, caller, (name, Permission.EXPIRY_EXEMPT, "exemption"), preconditions, change)


async def retire(deps: RuleDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions) -> Answered:
    """The owner's yes: the grace starts with it. Raises as ``extend``; ``Conflict("NotAsked")``."""

    def change(asked: Asked, expiry: Expiry) -> dict[str, Any]:
        request = parse(RetirementRequest, data)
        _require_before_archive(asked, expiry)
        if expiry.stage is not Stage.ASKED:
            text = f"The expiry of workspace {name!r} is {expiry.stage.value}: its owner is not asked now."
            raise Conflict("NotAsked", text)
        return {"consent": Decided(by=caller.principal, at=asked.now, reason=request.reason)}

    return await _decide(deps, caller, (name, Permission.EXPIRY_RETIRE, "consent"), preconditions, change)


async def _decide(
    deps: RuleDeps,
    caller: Caller,
    what: tuple[str, Permission, str],
    preconditions: Preconditions,
    change: Callable[[Asked, Expiry], dict[str, Any]],
) -> Answered:
    name, permission, word = what

    async def attempt() -> Answered:
        asked = await asked_of(deps, caller, permission, name)
        if asked.expiry is None:
            raise not_found(name)
        preconditions.check(asked.expiry.etag)
        _require_owner(asked, caller, permission)
        update = change(asked, asked.expiry)
        after = _changed(asked.expiry, caller, asked.now, update)
        told = {"change": word, **update[word].model_dump(mode="json", by_alias=True)}
        return await _commit(deps, caller, asked, after, told)

    return await on_fresh_state(attempt)


def _require_owner(asked: Asked, caller: Caller, permission: Permission) -> None:
    """S3-107: the project's owner decides. A Platform.Admin may give more time, and never says the owner's yes."""
    may = is_owner if permission is Permission.EXPIRY_RETIRE else may_extend
    if not may(caller, asked.record.spec, asked.registration):
        raise Rejected("NotTheOwner", f"Only an owner of workspace {asked.record.name!r} decides this.")


def _require_no_extension(asked: Asked, caller: Caller, rule: Rule | None) -> None:
    """A later or milder rule is an extension by another name, and is for who may extend."""
    if asked.stored is None or may_extend(caller, asked.record.spec, asked.registration):
        return
    expiry, environment = asked.stored.value, asked.ground.environment
    before, after = Life(expiry.rule, environment), Life(rule, environment)
    if found := longer(before, after, under_way=expiry.stage in BEGUN):
        raise refusal(asked.record.name, found)


def _require_undeclared(asked: Asked) -> None:
    if asked.record.spec.get("expiry") is not None:
        text = "The workspace's spec declares its expiry, and one place decides: change $.expiry of the spec."
        raise Conflict("DeclaredBySpec", text, target="$.expiry")


def _require_before_archive(asked: Asked, expiry: Expiry) -> None:
    if expiry.stage in BEFORE or asked.given_up:
        return
    raise _under_way(asked, expiry, "restore the workspace first")


def _under_way(asked: Asked, expiry: Expiry, what: str) -> Conflict:
    said = f"The expiry of workspace {expiry.workspace!r} is {expiry.stage.value}"
    if asked.deletion_begun:
        return Conflict("ExpiryUnderWay", f"{said}, and the archiver has begun: nothing brings it back.")
    return Conflict("ExpiryUnderWay", f"{said}; {what}.")


def _more_time(asked: Asked, expiry: Expiry) -> dict[str, Any]:
    """Before the archive the stages begin anew. In it, where it would be deleted, it is kept longer."""
    if expiry.stage in BEFORE or asked.given_up:
        return _anew(asked.now)
    rule = rule_of(expiry, asked.record) or Rule()
    if expiry.stage is Stage.ARCHIVING or rule.action != "delete" or asked.deletion_begun:
        raise _under_way(asked, expiry, "restore the workspace first")
    if expiry.stage is Stage.ARCHIVED:
        return {}
    anew = {"since": asked.now, "lived": timedelta(), "looked_at": None}
    return {**anew, "stage": Stage.ARCHIVED, "conditions": (), "next_at": None}


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
        "conditions": (),
    }


def _changed(expiry: Expiry, caller: Caller, now: datetime, update: dict[str, Any]) -> Expiry:
    more = {"due_at": now, "last_modified_at": now, "last_modified_by": caller.principal}
    after = expiry.model_copy(update={**update, **more, "generation": expiry.generation + 1})
    if after.stage is expiry.stage and after.since == expiry.since:
        return after
    passed = Passed(stage=after.stage, at=now, reasons=("A person decided so.",), by=caller.principal)
    return after.model_copy(update={"history": (*expiry.history, passed)[-KEPT:]})


async def _commit(deps: RuleDeps, caller: Caller, asked: Asked, after: Expiry, told: JsonObject) -> Answered:
    await deps.objects.commit(put(asked.stored, after), _fact(asked, caller, after, told))
    await deps.workspaces.queue.send(message_of(Expiry.KIND, after.id))
    return Answered(shown(asked, after), after.project, created=asked.stored is None)


def _fact(asked: Asked, caller: Caller, expiry: Expiry, told: JsonObject) -> Fact:
    about = (Scope(ScopeKind.WORKSPACE, expiry.workspace), expiry.project)
    details = {**told, "stage": expiry.stage.value, "incarnation": expiry.incarnation}
    return by_person(about, asked.now, caller, Action.EXPIRY_CHANGED, details)
