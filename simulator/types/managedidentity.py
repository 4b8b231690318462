"""Microsoft.ManagedIdentity. Recording: identity-user-assigned-create-list-delete (201 with a relative Location,
`resourcegroups` in lower case, no provisioningState)."""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    Hook,
    HookContext,
    Lro,
    Phase,
    ReadOnly,
    ResourceType,
    Style,
    lower_group_id,
)

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"


def make_principal(ctx: HookContext) -> None:
    principal, client = ctx.engine.create_principal(ctx.resource.id)
    ctx.resource.properties.update(tenantId=ctx.engine.tenant_id, principalId=principal, clientId=client)


def drop_principal(ctx: HookContext) -> None:
    ctx.engine.delete_principal(ctx.resource.id)


def associated(ctx: HookContext) -> Answer:
    """Resources that carry the identity. The types that may are those with `identity` in this simulator."""
    del ctx
    return Answer(200, {"totalCount": 0, "value": []})


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=IDENTITY,
        create=Lro(
            Style.SYNC,
            201,
            headers={
                "location": "/subscriptions/{s}/resourcegroups/{g}/providers/Microsoft.ManagedIdentity/"
                "userAssignedIdentities/{name}"
            },
        ),
        update=Lro(Style.SYNC, 200),
        provisioning_state=False,
        empty_tags=True,
        keys=("id", "name", "type", "location", "tags", "properties"),
        id_format=lower_group_id,
        read_only=tuple(ReadOnly(f"properties.{field}") for field in ("tenantId", "principalId", "clientId")),
        actions=(Action("listAssociatedResources", associated),),
        hooks=(
            Hook(Phase.ACCEPTED, "identity-has-principal", make_principal),
            Hook(Phase.DELETED, "identity-has-principal", drop_principal),
        ),
    ),
)
