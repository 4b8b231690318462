"""Online endpoints that enforce access to the workspace's connections.

Sources: learn.microsoft.com "Authentication and authorization for online endpoints" (who makes such an endpoint or a
deployment of it must be able to read secrets of connections, else the creation is rejected; the endpoint's system
identity then gets the role by itself) and "Deploy … with secret injection" (the property's name; a user-assigned
identity is not allowed with it). No public quotation of Azure's words was found.
"""

from __future__ import annotations

from simulator.engine.declaration import ArmError, HookContext, Resource
from simulator.types._shared import dig, parent_id

SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
ACTIONS = (
    "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action",
    "Microsoft.MachineLearningServices/workspaces/metadata/secrets/read",
)
_FLAG = "enforce_access_to_default_secret_stores"


def _enforces(endpoint: Resource) -> bool:
    return str((endpoint.properties.get("properties") or {}).get(_FLAG)).lower() in ("enabled", "true")


def may_read_connections(ctx: HookContext) -> None:
    """Of the creation of an endpoint, and of a deployment."""
    if not ctx.creating:
        return
    child = "/deployments/" in ctx.resource.id.lower()
    endpoint = ctx.engine.get(parent_id(ctx.resource.id)) if child else ctx.resource
    if endpoint is None or not _enforces(endpoint):
        return
    if "userassigned" in str(dig(endpoint.body, "identity.type", "")).lower():
        raise ArmError(400, "UserError", f"The property '{_FLAG}' is not allowed with a user-assigned identity.")
    workspace = parent_id(endpoint.id)
    for action in ACTIONS:
        if not ctx.engine.may(ctx.caller, action, workspace):
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{ctx.caller.name}' with object id '{ctx.caller.object_id}' does not have authorization "
                f"to perform action '{action}' over scope '{workspace}', which '{_FLAG}' asks for.",
            )


def let_read_connections(ctx: HookContext) -> None:
    """The endpoint's own identity gets the role when the endpoint is made."""
    principal = dig(ctx.resource.body, "identity.principalId")
    if principal and _enforces(ctx.resource) and ctx.resource.private.get("reads_connections") is None:
        ctx.resource.private["reads_connections"] = True
        ctx.engine.grant(parent_id(ctx.resource.id), SECRETS_READER, str(principal))
