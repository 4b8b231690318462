"""Resource groups, their deletion in reverse dependency order, and locks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from simulator.engine.declaration import (
    Action,
    Answer,
    Body,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    ListContext,
    Lro,
    NameRule,
    Phase,
    Poll,
    Required,
    Resource,
    ResourceType,
    Scope,
    Style,
)
from simulator.engine.registry import GROUP_TYPE
from simulator.engine.values import strings

if TYPE_CHECKING:
    from simulator.engine.core import Engine

STAY = ("Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/locks")  # go with the group itself
OVERHEAD_SECONDS = 10.0
# In a circle of references these go first: they are what holds the others.
HOLDERS = (
    "privateendpoints",
    "virtualnetworklinks",
    "workspaces",
    "virtualmachines",
    "networkinterfaces",
    "natgateways",
)


def layers(engine: EngineApi, group_id: str) -> list[list[Resource]]:
    """The group's resources in the order in which they can be deleted: first those that nothing else refers to."""
    left = {one.key: one for one in engine.children(group_id) if one.type not in STAY}
    uses = {key: _references(engine, one, left) for key, one in left.items()}
    found: list[list[Resource]] = []
    while left:
        used = {target for key in left for target in uses[key] if target in left}
        free = [key for key in left if key not in used]
        if not free:
            free = [key for key in left if key.split("/")[-2] in HOLDERS] or list(left)
        found.append([left.pop(key) for key in free])
    return found


def _references(engine: EngineApi, resource: Resource, others: dict[str, Resource]) -> set[str]:
    mentioned: set[str] = set()
    waiting = [resource]
    while waiting:
        one = waiting.pop()
        waiting += engine.children(one.id)
        for text in strings(one.body.get("properties")):
            if text[:15].lower() == "/subscriptions/":
                parts = text.lower().split("/")
                mentioned.add("/".join(parts[:9]))
    return {key for key in mentioned if key in others and key != resource.key}


def _layer_seconds(engine: Engine, layer: list[Resource]) -> float:
    found = [0.0]
    for one in layer:
        seconds = engine.registry.type(one.type).delete.seconds
        found.append(10.0 if callable(seconds) else seconds)
    return max(found)


def _delete_seconds(ctx: HookContext) -> float:
    engine = cast("Engine", ctx.engine)
    return OVERHEAD_SECONDS + sum(_layer_seconds(engine, layer) for layer in layers(engine, ctx.resource.id))


def _delete_contents(ctx: HookContext) -> None:
    engine = cast("Engine", ctx.engine)
    after = OVERHEAD_SECONDS / 2
    for layer in layers(engine, ctx.resource.id):
        after += _layer_seconds(engine, layer)
        engine.schedule(after, "resource-group-deletes-contents", ctx.resource.id, {"ids": [one.id for one in layer]})


def _delete_layer(ctx: HookContext) -> None:
    for resource_id in ctx.data.get("ids", ()):
        ctx.engine.delete(resource_id)


def _by_tag(ctx: ListContext) -> list[Resource]:
    """`$filter=tagname eq 'a' and tagvalue eq 'b'`."""
    text = ctx.query.get("$filter", "")
    name = re.search(r"tagname\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    value = re.search(r"tagvalue\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    found = []
    for group in ctx.engine.all_of(GROUP_TYPE, ctx.scope):
        tags: JsonObject = group.body.get("tags") or {}
        if name and name[1] not in tags:
            continue
        if name and value and tags[name[1]] != value[1]:
            continue
        found.append(group)
    return found


def _export(_: HookContext) -> Answer:
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    empty = {"$schema": schema, "contentVersion": "1.0.0.0", "parameters": {}, "variables": {}, "resources": []}
    return Answer(200, {"template": empty})


# Recorded: PUT 201 then 200; HEAD 204 / 404; DELETE 202 with Location only, polls 202 empty, then 200 empty.
RESOURCE_GROUP = ResourceType(
    name=GROUP_TYPE,
    permission="Microsoft.Resources/subscriptions/resourceGroups",
    scope=Scope.SUBSCRIPTION,
    keys=("id", "name", "type", "location", "managedBy", "tags", "properties"),
    top_level=("managedBy",),
    create=Lro(Style.SYNC, 201),
    update=Lro(Style.SYNC, 200),
    delete=Lro(
        Style.LOCATION,
        202,
        Body.EMPTY,
        seconds=_delete_seconds,
        location_url="/subscriptions/{s}/operationresults/{b64}",
        operation_id='{{"jobId":"RESOURCEGROUPDELETIONJOB-{g}-{guid}","jobLocation":"{l}"}}',
        location_running=Poll(202, Body.EMPTY, headers=True),
        location_done=Poll(200, Body.EMPTY),
        retry_after=15.0,
    ),
    delete_missing=404,
    # Source: "The name can only be a letter, digit, '-', '.', '(', ')' or '_'", 1-90, not ending in a period.
    name_rule=NameRule(
        r"[-\w._()]{0,89}[-\w_()]",
        "InvalidResourceGroup",
        "The provided resource group name '{name}' has invalid characters. The name can only be a letter, digit, '-', "
        "'.', '(', ')' or '_'.",
    ),
    lister=_by_tag,
    actions=(Action("exportTemplate", _export),),
    hooks=(
        Hook(Phase.DELETE_ACCEPTED, "resource-group-deletes-contents", _delete_contents),
        Hook(Phase.EVENT, "resource-group-deletes-contents", _delete_layer),
    ),
)

LOCK = ResourceType(
    name="Microsoft.Authorization/locks",
    scope=Scope.EXTENSION,
    location="none",
    tags=False,
    top_level=(),
    keys=("properties", "id", "type", "name"),
    create=Lro(Style.SYNC, 201),
    update=Lro(Style.SYNC, 200),
    provisioning_state=False,
    required=(Required("properties.level", "LockLevelMissing", "The lock level is not specified."),),
)
TYPES = (RESOURCE_GROUP, LOCK)
