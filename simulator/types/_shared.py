"""What several provider modules need: reading nested bodies, ids as text, references between resources."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from simulator.engine.declaration import ArmError, EngineApi, HookContext, JsonObject, Resource

PROVISIONED = ("Succeeded", "")


def dig(body: Any, path: str, default: Any = None) -> Any:
    """`dig(body, "properties.subnet.id")`; `default` when a step is missing or null."""
    for step in path.split("."):
        if not isinstance(body, dict) or body.get(step) is None:
            return default
        body = body[step]
    return body


def items(body: Any, path: str) -> list[JsonObject]:
    """The list of objects at `path`, [] when it is missing."""
    found = dig(body, path, [])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def same_id(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and str(one).rstrip("/").lower() == str(other).rstrip("/").lower()


def name_of(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2]


def parent_id(resource_id: str) -> str:
    """The id two segments up: a child's parent."""
    return "/".join(resource_id.rstrip("/").split("/")[:-2])


def scope_of_extension(resource_id: str) -> str:
    """The id an extension resource is set at: what comes before the last `/providers/`."""
    lowered = resource_id.lower()
    return resource_id[: lowered.rindex("/providers/")]


def type_of(resource_id: str) -> str:
    """`microsoft.network/virtualnetworks/subnets`: the full type in lower case, "" for ids without a provider."""
    _, found, tail = resource_id.lower().rpartition("/providers/")
    if not found:
        return ""
    parts = tail.strip("/").split("/")
    return "/".join([parts[0], *parts[1::2]])


def subscription_of(resource_id: str) -> str:
    return resource_id.split("/")[2]


def group_of(resource_id: str) -> str:
    """`/subscriptions/S/resourceGroups/G` of a resource's id."""
    return "/".join(resource_id.split("/")[:5])


def group_name_of(resource_id: str) -> str:
    return resource_id.split("/")[4]


def iso(when: datetime, *, zulu: bool = True) -> str:
    """Seven fractional digits, as .NET prints them."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("0Z" if zulu else "0+00:00")


def seconds_iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def state_of(resource: Resource) -> str:
    return str(resource.properties.get("provisioningState") or "")


def network_reference(ctx: HookContext, target_id: str) -> Resource:
    """The resource that a Microsoft.Network resource refers to, which must be there and be provisioned.

    Raises InvalidResourceReference (Azure's words: azure-databases-docs, "Networking with private endpoint") and
    ReferencedResourceNotProvisioned (words from logs of azurerm's subnet resource).
    """
    target = ctx.engine.get(target_id)
    if target is None:
        raise ArmError(
            400,
            "InvalidResourceReference",
            f"Resource {target_id} referenced by resource {ctx.resource.id} was not found. Please make sure that the "
            "referenced resource exists, and that both resources are in the same region.",
        )
    state = state_of(target)
    if state not in PROVISIONED:
        raise ArmError(
            400,
            "ReferencedResourceNotProvisioned",
            f"Cannot proceed with operation because resource {target.id} used by resource {ctx.resource.id} is not in "
            f"Succeeded state. Resource is in {state} state and the last operation that updated/is updating the "
            f"resource is {operation_word(target)}.",
        )
    return target


def operation_word(resource: Resource) -> str:
    """`PutSubnetOperation`, as Network names operations."""
    kind = resource.type.rpartition("/")[2]
    singular = kind[:-2] if kind.endswith("sses") else kind.removesuffix("s")
    verb = "Delete" if state_of(resource) == "Deleting" else "Put"
    return f"{verb}{singular[:1].upper()}{singular[1:]}Operation"


def missing_reference(path: str) -> ArmError:
    """Network's answer to `{"subnet": {}}` and the like.

    Source: 40net-cloud/fortinet-azure-solutions#90, Azure-Samples/compute-node-manage-vm#15.
    """
    return ArmError(
        400,
        "InvalidRequestFormat",
        "Cannot parse the request.",
        details=({"code": "MissingJsonReferenceId", "message": f"Value for reference id is missing. Path {path}."},),
    )


def drop_children(ctx: HookContext, kind: str, wanted: Iterable[str]) -> None:
    """An inline list is the whole truth: children that it does not name are deleted."""
    kept = {name.lower() for name in wanted}
    for child in ctx.engine.children(ctx.resource.id, kind):
        if child.name.lower() not in kept:
            ctx.engine.delete(child.id)


def settle_children(ctx: HookContext, kind: str) -> None:
    """Children that were written with their parent are done when it is."""
    for child in ctx.engine.children(ctx.resource.id, kind):
        if state_of(child) == "Updating" and child.operation is None:
            child.properties["provisioningState"] = "Succeeded"
            ctx.engine.save(child)


def add_reference(engine: EngineApi, target_id: str | None, field: str, referrer: str) -> None:
    """List `referrer` under `properties.{field}` of the target, as Network shows who uses a resource."""
    target = engine.get(target_id) if target_id else None
    if target is None:
        return
    known = items(target.body, f"properties.{field}")
    if not any(same_id(entry.get("id"), referrer) for entry in known):
        target.properties[field] = [*known, {"id": referrer}]
        engine.save(target)


def drop_reference(engine: EngineApi, target_id: str | None, field: str, referrer: str) -> None:
    target = engine.get(target_id) if target_id else None
    if target is None or field not in target.properties:
        return
    known = items(target.body, f"properties.{field}")
    left = [entry for entry in known if not same_id(entry.get("id"), referrer)]
    if len(left) == len(known):
        return
    if left:
        target.properties[field] = left
    else:
        del target.properties[field]
    engine.save(target)
