"""Service endpoint policies: which storage accounts a subnet may reach through its service endpoint.

No recording. API definition: `ServiceEndpointPolicy` and `ServiceEndpointPolicyDefinition` of 2024-05-01. Definitions
are child resources that the policy's body lists. The alias of a service under `Global`:
learn.microsoft.com/azure/machine-learning/how-to-prevent-data-loss-exfiltration, and the aliases that clients list.
"""

from __future__ import annotations

import re
from dataclasses import replace

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    ResourceType,
)
from simulator.types._shared import drop_children, items, parent_id, settle_children
from simulator.types.network import _lro

POLICY = "Microsoft.Network/serviceEndpointPolicies"
DEFINITION = f"{POLICY}/serviceEndpointPolicyDefinitions"
ALIASES = frozenset(
    f"/services/Azure{name}"
    for name in ("", "/Batch", "/Databricks", "/DataFactory", "/MachineLearning", "/ManagedInstance", "/WebPI")
)
#: A storage account, or everything of a group or a subscription.
_STORAGE = re.compile(
    r"/subscriptions/[^/]+(/resourceGroups/[^/]+(/providers/Microsoft\.(Classic)?Storage/storageAccounts/[^/]+)?)?",
    re.IGNORECASE,
)


def _wanted(ctx: HookContext) -> dict[str, JsonObject] | None:
    """The definitions that a policy's body names; None when it names none and so keeps what there is."""
    properties = ctx.request.get("properties")
    field = "serviceEndpointPolicyDefinitions"
    if not isinstance(properties, dict) or properties.get(field) is None:
        return None if ctx.previous is not None else {}
    found = items(ctx.request, f"properties.{field}")
    return {str(one.get("name")): dict(one.get("properties") or {}) for one in found}


def check(name: str, definition: JsonObject) -> None:
    """A known service, and resources of it: accounts of storage, or aliases. The codes and words stand in for Azure's,
    of which no public quotation was found; the rules are the API definition's and the documents'."""
    service, resources = definition.get("service"), definition.get("serviceResources")
    if service not in ("Microsoft.Storage", "Global"):
        message = f"Service {service} is not supported in service endpoint policy definition {name}."
        raise ArmError(400, "ServiceEndpointPolicyDefinitionHasInvalidService", message)
    fits = _STORAGE.fullmatch if service == "Microsoft.Storage" else ALIASES.__contains__
    if not isinstance(resources, list) or not resources or not all(fits(str(one)) for one in resources):
        message = f"Service endpoint policy definition {name} has invalid service resources for service {service}."
        raise ArmError(400, "ServiceEndpointPolicyDefinitionHasInvalidServiceResources", message)


def validate_policy(ctx: HookContext) -> None:
    for name, definition in (_wanted(ctx) or {}).items():
        check(name, definition)


def validate_definition(ctx: HookContext) -> None:
    check(ctx.resource.name, ctx.resource.properties)


def write_inline(ctx: HookContext) -> None:
    wanted = _wanted(ctx)
    ctx.resource.properties.pop("serviceEndpointPolicyDefinitions", None)
    if wanted is None:
        return
    drop_children(ctx, DEFINITION, wanted)
    for name, definition in wanted.items():
        arm_id = f"{ctx.resource.id}/serviceEndpointPolicyDefinitions/{name}"
        ctx.engine.put(arm_id, {"properties": definition}, state="Updating")


def settle_inline(ctx: HookContext) -> None:
    settle_children(ctx, DEFINITION)


def show(ctx: HookContext) -> None:
    """The policy's body lists its definitions, each under the policy's etag."""
    etag = ctx.body.get("etag", "")
    shown = [
        {"name": one.name, "id": one.id, "etag": etag, "properties": one.properties, "type": DEFINITION}
        for one in ctx.engine.children(ctx.resource.id, DEFINITION)
    ]
    ctx.body["properties"] = {**(ctx.body.get("properties") or {}), "serviceEndpointPolicyDefinitions": shown}


def in_use(ctx: HookContext) -> None:
    """Code and words as clients that destroy a policy before its subnet quote them."""
    if items(ctx.resource.body, "properties.subnets"):
        raise ArmError(
            400,
            "ServiceEndpointPolicyCannotBeDeletedIfReferencedBySubnet",
            "Service Endpoint Policy cannot be deleted because it is in use with subnet(s).",
        )


def endpoints_shown(ctx: HookContext) -> None:
    """Of a subnet: where its service endpoints lead; Network fills it in. Storage's lead to the paired region too, of
    which the simulator knows none. Source: learn.microsoft.com/azure/virtual-network, "Service endpoints"."""
    endpoints = items(ctx.resource.body, "properties.serviceEndpoints")
    if not endpoints:
        return
    network = ctx.engine.get(parent_id(ctx.resource.id))
    region = network.location if network else ""
    for endpoint in endpoints:
        endpoint["provisioningState"] = "Succeeded"
        endpoint.setdefault("locations", [region])
    ctx.resource.properties["serviceEndpoints"] = endpoints


def policies_of(properties: JsonObject) -> list[str]:
    """Ids of the policies that a subnet names."""
    return [str(one.get("id") or "") for one in items({"properties": properties}, "properties.serviceEndpointPolicies")]


SUBNET_HOOK = Hook(Phase.ACCEPTED, "subnet-endpoints-shown", endpoints_shown)

TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.tracked(POLICY, 4),
        read_only=(ReadOnly("properties.resourceGuid"), ReadOnly("properties.subnets")),
        keep_on_put=("properties.subnets",),
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "endpoint-policy-rules", validate_policy),
            Hook(Phase.ACCEPTED, "endpoint-policy-inline-definitions", write_inline),
            Hook(Phase.COMPLETED, "endpoint-policy-inline-definitions", settle_inline),
            Hook(Phase.READ, "endpoint-policy-shows-definitions", show),
            Hook(Phase.DELETING, "endpoint-policy-in-use", in_use),
        ),
    ),
    replace(
        _lro.nested(DEFINITION, 4),
        keys=("name", "id", "etag", "properties", "type"),
        hooks=(Hook(Phase.VALIDATE, "endpoint-policy-rules", validate_definition),),
    ),
)
