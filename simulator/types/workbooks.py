"""Microsoft.Insights/workbooks: documents that the portal shows; nothing here reads what stands in them.

Shapes: API definition of 2023-06-01 (PUT 200 or 201, synchronous; category, displayName and serializedData are
required; content is answered to a list that says `canFetchContent`, a plain GET has the summary). Refusals: "Invalid
Workbook resource name: '...'" (MicrosoftDocs/azure-docs#52844), "A Workbook with the same name already exists within
this subscription." (microsoft/ApplicationInsights-Home#476); their status and the sentences of what is missing are
assumed.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    ListContext,
    Lro,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Style,
)
from simulator.types._shared import iso

WORKBOOK = "Microsoft.Insights/workbooks"
CONTENT = "serializedData"


def check(ctx: HookContext) -> None:
    book = ctx.resource
    try:
        UUID(book.name)
    except ValueError:
        raise ArmError(400, "BadRequest", f"Invalid Workbook resource name: '{book.name}'") from None
    shown, subscription = str(book.properties.get("displayName")).lower(), "/".join(book.id.split("/")[:3])
    for other in ctx.engine.all_of(WORKBOOK, subscription):
        if other.key != book.key and str(other.properties.get("displayName")).lower() == shown:
            text = "A Workbook with the same name already exists within this subscription."
            raise ArmError(409, "Conflict", text)


def listed(ctx: ListContext) -> list[Resource]:
    """Of one category, which has to be named; with content where that is asked for."""
    category = ctx.query.get("category")
    if not category:
        raise ArmError(400, "BadRequest", "The query parameter 'category' is required.")
    found = [one for one in ctx.engine.all_of(WORKBOOK, ctx.scope) if one.properties.get("category") == category]
    return [_whole(one) for one in found] if ctx.query.get("canFetchContent", "").lower() == "true" else found


def _whole(book: Resource) -> Resource:
    properties = {**book.properties, CONTENT: book.private[f"properties.{CONTENT}"]}
    return replace(book, body={**book.body, "properties": properties})


def _computed(ctx: HookContext) -> JsonObject:
    revision = ctx.engine.guid("workbook", ctx.resource.key).replace("-", "")
    return {"properties": {"revision": revision, "timeModified": iso(ctx.engine.now()), "userId": ""}}


def _required(leaf: str) -> Required:
    return Required(f"properties.{leaf}", "BadRequest", f"The property '{leaf}' of workbook '{{name}}' is required.")


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=WORKBOOK,
        create=Lro(Style.SYNC, 201),
        update=Lro(Style.SYNC, 200),
        delete=Lro(Style.SYNC, 200),
        provisioning_state=False,
        keys=("name", "type", "id", "kind", "location", "tags", "properties"),
        required=tuple(_required(leaf) for leaf in ("category", "displayName", CONTENT)),
        read_only=tuple(ReadOnly(f"properties.{leaf}") for leaf in ("revision", "timeModified", "userId")),
        defaults={"kind": "shared", "properties": {"storageUri": None, "version": "Notebook/1.0"}},
        computed=_computed,
        write_only=(f"properties.{CONTENT}",),
        lister=listed,
        hooks=(Hook(Phase.VALIDATE, "workbook-rules", check),),
    ),
)
