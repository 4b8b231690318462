"""Outbound rules of a managed network, one resource each.

Sources: [MN] and [API] as in managed_network.py; [961] github.com/microsoft-foundry/foundry-samples/pull/961 (words of
the refusal of other rules than private endpoints); [2990] github.com/Azure/azureml-examples/pull/2990 (a second rule to
a destination is refused); [ONE] public Terraform modules for these rules: "the next outbound rule in a list can only be
added after the previous rule has been added successfully" (they lock the workspace). Where no source is named words are
assumed; the code is the provider's.
"""

from __future__ import annotations

import re

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    NameRule,
    Phase,
    Required,
    Resource,
    ResourceType,
)
from simulator.types._shared import dig, same_id, state_of
from simulator.types.machinelearning._lro import write
from simulator.types.machinelearning.managed_network import (
    DISABLED,
    FIREWALL_SECONDS,
    INTERNET,
    RULE,
    RULE_SECONDS,
    endpoint_of,
    is_active,
    mode_of,
    open_rule,
    refused,
)
from simulator.types.private_link import connection_id

_STORAGE = re.compile(r"\.(blob|file|dfs|queue|table|web)\.core\.windows\.net$")


def fits_network(ctx: HookContext) -> None:
    """Which rules there may be [MN]."""
    workspace, rule = _workspace(ctx), ctx.resource.properties
    kind, destination = rule.get("type"), rule.get("destination")
    mode = mode_of(workspace.body)
    if mode == DISABLED:
        raise refused("Outbound rules need a managed network: the isolation mode of the workspace is 'Disabled'.")
    if mode == INTERNET and kind != "PrivateEndpoint":
        raise refused(
            'Only "PrivateEndpoint" outbound rules are supported when managed network isolation mode is '
            '"AllowInternetOutbound".'
        )
    if kind == "FQDN" and _STORAGE.search(str(destination).lower()):
        raise refused("FQDN outbound rules to Azure Storage are not supported. Use a private endpoint outbound rule.")
    if kind == "PrivateEndpoint" and ctx.engine.get(str(dig(rule, "destination.serviceResourceId"))) is None:
        raise refused(f"The resource '{dig(rule, 'destination.serviceResourceId')}' was not found.")
    if kind not in ("FQDN", "ServiceTag", "PrivateEndpoint"):
        raise refused(f"Outbound rule type '{kind}' is not valid.")


def destination_is_new(ctx: HookContext) -> None:
    """[2990]: a rule to a destination that another rule has is refused."""
    for other in ctx.engine.children(_workspace(ctx).id, RULE):
        if other.key != ctx.resource.key and _same(other.properties, ctx.resource.properties):
            raise refused(f"An outbound rule to the same destination already exists: '{other.name}'.")


def _same(one: JsonObject, other: JsonObject) -> bool:
    if one.get("type") != other.get("type") or one.get("type") == "ServiceTag":
        return False
    if one.get("type") == "FQDN":
        return str(one.get("destination")).lower() == str(other.get("destination")).lower()
    groups = [str(dig(rule, "destination.subresourceTarget")).lower() for rule in (one, other)]
    ids = [dig(rule, "destination.serviceResourceId") for rule in (one, other)]
    return groups[0] == groups[1] and same_id(*ids)


def one_at_a_time(ctx: HookContext) -> None:
    """[ONE]."""
    busy = [rule for rule in ctx.engine.children(_workspace(ctx).id, RULE) if rule.operation is not None]
    if any(rule.key != ctx.resource.key for rule in busy):
        raise ArmError(
            409,
            "Conflict",
            f"Another outbound rule of workspace '{_workspace(ctx).name}' is being changed. Try again when it is done.",
        )


def shape_rule(ctx: HookContext) -> None:
    """[API]: category and status are what Azure says of a rule."""
    before = dig(ctx.previous or {}, "properties") or {}
    ctx.resource.properties["category"] = before.get("category", "UserDefined")
    ctx.resource.properties["status"] = before.get("status", "Inactive")


def rule_seconds(ctx: HookContext) -> float:
    """Nothing is built for a network that is not there yet."""
    workspace = _workspace(ctx)
    if not is_active(workspace):
        return 5.0
    others = [rule for rule in ctx.engine.children(workspace.id, RULE) if rule.key != ctx.resource.key]
    first = ctx.resource.properties.get("type") == "FQDN" and not any(r.properties["type"] == "FQDN" for r in others)
    return RULE_SECONDS + (FIREWALL_SECONDS if first else 0.0)


def takes_effect(ctx: HookContext) -> None:
    """A rule of a network that stands is active when it is done, of one that does not yet: when that is built."""
    workspace = _workspace(ctx)
    if is_active(workspace):
        open_rule(ctx.engine, workspace, ctx.resource)


def disconnect(ctx: HookContext) -> None:
    target = ctx.engine.get(str(dig(ctx.resource.properties, "destination.serviceResourceId") or ""))
    if ctx.resource.properties.get("type") == "PrivateEndpoint" and target is not None:
        ctx.engine.delete(connection_id(ctx.engine, target, endpoint_of(ctx.resource).id))


def required_stays(ctx: HookContext) -> None:
    """[MN]: "There are no alternatives to replacing certain required service tags"."""
    if ctx.resource.properties.get("category") == "Required" and state_of(_workspace(ctx)) != "Deleting":
        raise refused(f"Outbound rule '{ctx.resource.name}' is required and cannot be removed.")


def _workspace(ctx: HookContext) -> Resource:
    found = ctx.engine.get(ctx.resource.id.rpartition("/outboundRules/")[0])
    assert found is not None
    return found


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=RULE,
        create=write(202, "Creating", rule_seconds),
        update=write(202, "Updating", rule_seconds),
        delete=write(202, "Deleting", 10),
        location="none",
        tags=False,
        provisioning_state=False,
        system_data=True,
        keys=("id", "name", "type", "properties", "systemData"),
        name_rule=NameRule(
            "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,79}",
            "ValidationError",
            "Outbound rule name '{name}' is invalid.",
        ),
        required=(
            Required("properties.type", "ValidationError", "The type of outbound rule '{name}' is required."),
            Required("properties.destination", "ValidationError", "The destination of rule '{name}' is required."),
        ),
        hooks=(
            Hook(Phase.VALIDATE, "outbound-rule-fits-network", fits_network),
            Hook(Phase.VALIDATE, "outbound-rule-destination", destination_is_new),
            Hook(Phase.VALIDATE, "outbound-rules-one-at-a-time", one_at_a_time),
            Hook(Phase.ACCEPTED, "outbound-rule-shape", shape_rule),
            Hook(Phase.COMPLETED, "outbound-rule-takes-effect", takes_effect),
            Hook(Phase.DELETING, "outbound-rules-one-at-a-time", one_at_a_time),
            Hook(Phase.DELETING, "outbound-rule-required-stays", required_stays),
            Hook(Phase.DELETED, "outbound-rule-disconnects", disconnect),
        ),
    ),
)
