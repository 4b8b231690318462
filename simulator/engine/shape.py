"""From what was sent to what is stored: the checks of the table and the values Azure fills in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.engine import words
from simulator.engine.declaration import Patch, ResourceType, Words
from simulator.engine.hooks import ArmError, HookContext, JsonObject, Resource
from simulator.engine.registry import GROUP_TYPE
from simulator.engine.values import (
    MISSING,
    assign,
    clone,
    discard,
    fill,
    keep,
    lookup,
    merge_patch,
    overlay,
    stamp,
    template,
)

if TYPE_CHECKING:
    from simulator.engine.core import Engine

# Members of ARM's own ResourceDefinition; another one is refused before the provider sees the request.
ENVELOPE = frozenset(
    ("id", "name", "type", "location", "tags", "properties", "sku", "kind", "identity", "zones", "plan", "managedBy")
) | {"managedByExtended", "extendedLocation", "scale", "etag", "systemData"}


def names(resource_id: str, rtype: ResourceType, location: str, version: str) -> dict[str, str]:
    """The values that templates may use."""
    parts = resource_id.split("/")
    lowered = [part.lower() for part in parts]
    parent = resource_id.rpartition("/")[0].rpartition("/")[0]
    return {
        "s": parts[2] if len(parts) > 2 and lowered[1] == "subscriptions" else "",
        "g": parts[4] if len(parts) > 4 and lowered[3] == "resourcegroups" else "",
        "l": location or "global",
        "location": location or "global",
        "name": parts[-1],
        "type": rtype.name,
        "namespace": rtype.namespace,
        "id": resource_id,
        "parent": parent,
        "parent_name": parent.rpartition("/")[2],
        "api_version": version,
    }


def worded(said: Words, values: dict[str, str], *, envelope: bool = True) -> ArmError:
    target = template(said.target, values) if said.target else None
    return ArmError(said.status, said.code, template(said.message, values), target=target, envelope=envelope)


def check(
    rtype: ResourceType, sent: JsonObject, existing: Resource | None, values: dict[str, str], method: str
) -> None:
    """The table's refusals: name rule, unknown, read-only and required properties. Raises ArmError."""
    for key in sent:
        if key not in ENVELOPE and key not in rtype.top_level:
            where = f"Path '{key}', line 1, position 1."
            raise words.invalid_content(
                f"Could not find member '{key}' on object of type 'ResourceDefinition'. {where}"
            )
    rule = rtype.name_rule
    if existing is None and rule is not None and not rule.accepts(values["name"]):
        raise ArmError(rule.status, rule.code, template(rule.message, values), envelope=rtype.error_envelope)
    properties = sent.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise words.invalid_content("Error converting value to type 'JObject'. Path 'properties'")
    if rtype.known_properties is not None and properties:
        for leaf in properties:
            if leaf not in rtype.known_properties:
                raise worded(rtype.unknown_property, {**values, "leaf": leaf, "path": f"properties.{leaf}"})
    _check_read_only(rtype, sent, existing, values)
    if method != "PATCH":
        _check_required(rtype, sent, existing, values)


def _check_read_only(rtype: ResourceType, sent: JsonObject, existing: Resource | None, values: dict[str, str]) -> None:
    for rule in rtype.read_only:
        if not rule.refuse or (existing is None and not rule.on_create_too):
            continue
        given = lookup(sent, rule.path)
        if given is MISSING or given is None:
            continue
        stored = lookup(existing.body, rule.path) if existing is not None else MISSING
        if rule.even_if_equal or given != stored:
            text = template(rule.message, {**values, "path": rule.path, "leaf": rule.path.rpartition(".")[2]})
            raise ArmError(rule.status, rule.code, text, envelope=rtype.error_envelope)


def _check_required(rtype: ResourceType, sent: JsonObject, existing: Resource | None, values: dict[str, str]) -> None:
    for rule in rtype.required:
        if existing is not None and rule.create_only:
            continue
        if lookup(sent, rule.path) in (MISSING, None):
            more = {**values, "path": rule.path, "leaf": rule.path.rpartition(".")[2]}
            target = template(rule.target, more) if rule.target else None
            text = template(rule.message, more)
            raise ArmError(rule.status, rule.code, text, target=target, envelope=rtype.error_envelope)


def location_of(engine: Engine, rtype: ResourceType, sent: JsonObject, existing: Resource | None, group: str) -> str:
    """The normalised location; raises ARM's errors for a missing, unknown or changed one."""
    given = sent.get("location")
    wanted = str(given).replace(" ", "").lower() if given else ""
    if rtype.location == "none":
        return ""
    if not wanted:
        if existing is not None:
            return existing.location
        if rtype.location == "required":
            raise words.location_required()
        return "global" if rtype.location == "global" else ""
    known = ("global",) if rtype.location == "global" else engine.locations
    if wanted not in known and rtype.name == GROUP_TYPE:
        raise words.location_not_available_for_group(wanted, known)
    if wanted not in known:
        raise words.location_not_available(wanted, rtype.name, known)
    if existing is not None and existing.location and existing.location != wanted:
        if rtype.name == GROUP_TYPE:
            raise words.invalid_group_location(wanted, existing.location)
        raise words.invalid_location(existing.name, existing.location, group, wanted)
    return wanted


def put_body(rtype: ResourceType, sent: JsonObject, existing: Resource | None, location: str) -> JsonObject:
    """The stored body before defaults, from a PUT."""
    body: JsonObject = {}
    if existing is not None and rtype.put_keeps:
        body = clone(existing.body)
    if location:
        body["location"] = location
    if rtype.tags and sent.get("tags") is not None:
        body["tags"] = sent["tags"]
    elif rtype.empty_tags:
        body.setdefault("tags", {})
    for key in rtype.top_level:
        if sent.get(key) is not None:
            body[key] = sent[key]
    properties = sent.get("properties") or {}
    if existing is not None and rtype.put_keeps:
        fill(properties, body.get("properties") or {})
    body["properties"] = properties
    if existing is not None:
        for path in rtype.keep_on_put:
            keep(body, existing.body, path)
    return body


def patch_body(rtype: ResourceType, sent: JsonObject, existing: Resource) -> JsonObject:
    body: JsonObject = clone(existing.body)
    if rtype.tags and isinstance(sent.get("tags"), dict):
        body["tags"] = sent["tags"]
    if rtype.patch_style is Patch.MERGE:
        allowed = {key: sent[key] for key in (*rtype.top_level, "properties") if key in sent}
        merge_patch(body, allowed)
    return body


def settle_body(engine: Engine, rtype: ResourceType, ctx: HookContext) -> None:
    """Read-only values dropped, secrets moved, defaults and computed values filled in: `ctx.resource` afterwards
    holds what would be stored."""
    resource, previous = ctx.resource, ctx.previous
    body = resource.body
    discard(body, "properties.provisioningState")
    for rule in rtype.read_only:
        discard(body, rule.path)
        if previous is not None:
            keep(body, previous, rule.path)
    for path in rtype.not_returned:
        discard(body, path)
    for path in rtype.write_only:
        value = discard(body, path)
        if value is not MISSING:
            resource.private[path] = value
    fill(body, rtype.defaults(ctx) if callable(rtype.defaults) else rtype.defaults)
    _computed(rtype, ctx)
    if rtype.system_data:
        body["systemData"] = _system_data(engine, ctx)
    if not body.get("properties"):
        body["properties"] = {}


def _computed(rtype: ResourceType, ctx: HookContext) -> None:
    resource = ctx.resource
    if ctx.previous is None or "_computed" not in resource.private:
        values = rtype.computed(ctx) if callable(rtype.computed) else rtype.computed
        overlay(resource.body, values)
        resource.private["_computed"] = list(_leaves(values, ()))
        return
    for path in resource.private["_computed"]:
        value: Any = ctx.previous
        for part in path:
            value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
        if value is not MISSING:
            assign_path(resource.body, path, clone(value))


def _leaves(values: JsonObject, above: tuple[str, ...]) -> Any:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield [*above, key]


def assign_path(body: JsonObject, path: list[str], value: Any) -> None:
    if any("." in part for part in path):
        current = body
        for part in path[:-1]:
            current = current.setdefault(part, {})
        current[path[-1]] = value
    else:
        assign(body, ".".join(path), value)


def _system_data(engine: Engine, ctx: HookContext) -> JsonObject:
    now = stamp(engine.now())
    who = {"createdBy": ctx.caller.name, "createdByType": ctx.caller.kind, "createdAt": now}
    before = (ctx.previous or {}).get("systemData")
    if isinstance(before, dict):
        who = {key: before[key] for key in who if key in before}
    return {**who, "lastModifiedBy": ctx.caller.name, "lastModifiedByType": ctx.caller.kind, "lastModifiedAt": now}


def show(resource: Resource, rtype: ResourceType) -> JsonObject:
    """The resource as a GET in this api-version prints it (before READ hooks). Two top levels are fresh dicts."""
    body = resource.body
    shown: JsonObject = {}
    for key in rtype.keys:
        if key == "etag":
            if rtype.etag is not None and rtype.etag.in_body:
                shown["etag"] = rtype.etag.form.format(guid=resource.etag)
        elif key == "id":
            shown["id"] = rtype.id_format(resource.id)
        elif key == "name":
            shown["name"] = resource.name
        elif key == "type":
            shown["type"] = rtype.type_shown or rtype.name
        elif key in body:
            shown[key] = body[key]
    for key, value in body.items():
        if key not in shown:
            shown[key] = value
    if "properties" in shown and isinstance(shown["properties"], dict):
        shown["properties"] = dict(shown["properties"])
    return shown
