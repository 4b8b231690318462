"""Microsoft.Management/managementGroups: what subscriptions lie in. Shown only: the tree is the world's.

Sources: REST reference 2021-04-01, "Management Groups - Get" and "- List" ("for the authenticated user": those that
the caller may read, without their details). What is granted there is inherited by the subscriptions below
(`simulator.planes.authority.above`).
"""

from __future__ import annotations

from simulator.engine.declaration import Answer, ResourceType, Route, RouteContext, Scope

GROUP = "Microsoft.Management/managementGroups"


def _list(ctx: RouteContext) -> Answer:
    shown = [
        {
            "id": one.id,
            "type": one.type,
            "name": one.name,
            "properties": {key: one.properties[key] for key in ("tenantId", "displayName")},
        }
        for one in ctx.engine.all_of(GROUP)
        if ctx.engine.may(ctx.caller, f"{GROUP}/read", one.id)
    ]
    return Answer(200, {"value": shown})


ROUTES = (Route("GET", f"/providers/{GROUP}", "", _list, scope=""),)
TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=GROUP,
        scope=Scope.TENANT,
        location="none",
        tags=False,
        top_level=(),
        keys=("id", "type", "name", "properties"),
        methods=frozenset({"GET"}),
        provisioning_state=False,
    ),
)
