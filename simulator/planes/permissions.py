"""What a caller may do at a scope: Permissions - List For Resource, List For Resource Group.

Source: learn.microsoft.com, REST "Permissions": `value` holds the actions and notActions of each role of whoever asks,
inherited ones too. Conditions of assignments are not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from simulator.engine.declaration import Answer, JsonObject, Route, RouteContext
from simulator.planes.authority import above

if TYPE_CHECKING:
    from simulator.engine.core import Engine
    from simulator.planes.authority import Rights

_GROUP = "/subscriptions/{s}/resourceGroups/{g}"
_RESOURCE = _GROUP + "/providers/{namespace}/{type}/{name}"
_SUFFIX = "/providers/Microsoft.Authorization/permissions"
_READ = "Microsoft.Authorization/permissions/read"


def _list(ctx: RouteContext) -> Answer:
    engine = cast("Engine", ctx.engine)
    rights = cast("Rights", engine.authority)
    scope = ctx.path.lower().rpartition(_SUFFIX.lower())[0]
    found: list[JsonObject] = [
        {
            "actions": list(grant.role.actions),
            "notActions": list(grant.role.not_actions),
            "dataActions": list(grant.role.data_actions),
            "notDataActions": list(grant.role.not_data_actions),
        }
        for grant in rights.grants(ctx.caller)
        if above(engine, grant.scope, scope)
    ]
    return Answer(200, {"value": found})


ROUTES = tuple(Route("GET", scope + _SUFFIX, _READ, _list, scope=scope) for scope in (_GROUP, _RESOURCE))
