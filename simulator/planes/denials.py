"""Deny assignments: made by Azure and by deployment stacks, read by everybody, written by nobody through their own API.

Sources: "Understand Azure deny assignments" (who is denied, `Everyone`, `excludePrincipals`,
`doNotApplyToChildScopes`; nobody can make one directly), REST reference "Deny Assignments - List For Scope" 2022-04-01.
A test puts one by the engine or by `inject arm`, as Azure would.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.engine.declaration import ListContext, Resource
from simulator.engine.hooks import Caller, JsonObject
from simulator.planes.authority_scopes import above
from simulator.planes.engine_of import engine_of
from simulator.planes.extensions import READ, scope_of
from simulator.planes.roles import Role

if TYPE_CHECKING:
    from simulator.engine.core import Engine

DENIALS = "Microsoft.Authorization/denyAssignments"
EVERYONE = "00000000-0000-0000-0000-000000000000"


def denied(engine: Engine, caller: Caller, permission: str, scope: str) -> bool:
    """Whether an action is denied to a caller at a scope, in lower case."""
    return any(_hits(engine, one, caller, permission, scope) for one in engine.store.of_type(DENIALS))


def _hits(engine: Engine, one: Resource, caller: Caller, permission: str, scope: str) -> bool:
    at, found = scope_of(one.id).lower(), one.properties
    here = scope == at if found.get("doNotApplyToChildScopes") else above(engine, at, scope)
    mine = {caller.object_id, *caller.groups}
    named, excluded = _ids(found, "principals"), _ids(found, "excludePrincipals")
    if not here or excluded & mine or not named & {EVERYONE, *mine}:
        return False
    blocks: list[JsonObject] = found.get("permissions") or []
    parts = ((tuple(block.get("actions", ())), tuple(block.get("notActions", ()))) for block in blocks)
    return any(Role("", "", "", actions, excepted).allows(permission) for actions, excepted in parts)


def _ids(properties: JsonObject, field: str) -> set[str]:
    return {str(one.get("id")) for one in properties.get(field) or ()}


def _listed(ctx: ListContext) -> list[Resource]:
    """At the scope, above it and below it; `atScope()` leaves those below out."""
    engine, scope = engine_of(ctx), ctx.scope.rstrip("/").lower()
    only = "atscope()" in ctx.query.get("$filter", "").lower()
    found = []
    for one in engine.all_of(DENIALS):
        at = scope_of(one.id).lower()
        if above(engine, at, scope) or (not only and at.startswith(scope + "/")):
            found.append(one)
    return found


TYPES = (replace(READ, name=DENIALS, lister=_listed),)
