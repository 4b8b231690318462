"""A Global Administrator takes rights over everything: the way to whoever first needs a management group.

Sources: learn.microsoft.com, "Elevate access to manage all Azure subscriptions and management groups" (a POST to
elevateAccess makes whoever asks User Access Administrator at `/`); the refusal of anybody else as
Azure/azure-rest-api-specs#10142 quotes it. Who is Global Administrator is Entra's, not Azure's: here it is the
administrator through whom `inject` acts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from simulator.engine import words
from simulator.engine.declaration import Answer, Route, RouteContext

if TYPE_CHECKING:
    from simulator.engine.core import Engine

_SCOPE = "/providers/Microsoft.Authorization"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"


def _elevate(ctx: RouteContext) -> Answer:
    engine, caller = cast("Engine", ctx.engine), ctx.caller
    if caller.object_id not in engine.store.kv["world"]["global_administrators"]:
        raise words.authorization_failed(
            caller.name, caller.object_id, "Microsoft.Authorization/elevateAccess/action", _SCOPE
        )
    engine.grant("", USER_ACCESS_ADMINISTRATOR, caller.object_id)
    return Answer(200)


ROUTES = (Route("POST", f"{_SCOPE}/elevateAccess", "", _elevate, scope=""),)
