"""Serverless endpoints: a model of the catalog by the token, without a deployment and without a machine.

Shapes and what is required: API definition of 2024-04-01 (ServerlessEndpoint: authMode; inferenceEndpoint,
endpointState, marketplaceSubscriptionId and provisioningState are readOnly). Name rule of the same. Words of refusals
are assumed; calls, keys and their meters are not there.
"""

from __future__ import annotations

from simulator.engine.declaration import HookContext, JsonObject, NameRule, ReadOnly, Required, ResourceType
from simulator.types.machinelearning import _lro
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.workspaces import WORKSPACE

ENDPOINT = f"{WORKSPACE}/serverlessEndpoints"
NAME = NameRule(
    "[a-zA-Z][a-zA-Z0-9-]{0,51}",
    "UserError",
    "The name '{name}' is invalid: 1 to 52 letters, digits and hyphens, beginning with a letter.",
)


def _computed(ctx: HookContext) -> JsonObject:
    uri = f"https://{ctx.resource.name.lower()}.{ctx.resource.location}.models.ai.azure.com"
    shown = {"inferenceEndpoint": {"uri": uri, "headers": {}}, "endpointState": "Online"}
    return {"properties": shown}


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ENDPOINT,
        create=_lro.mfe("se", 201, "Creating", 60),
        update=_lro.mfe("se", 200, "Updating", 15),
        delete=_lro.mfe("se", 202, "Deleting", 30),
        system_data=True,
        identity=True,
        keys=("id", "name", "type", "location", "tags", "identity", "kind", "sku", "properties", "systemData"),
        name_rule=NAME,
        required=(
            Required("properties.authMode", "UserError", "The property 'authMode' of endpoint '{name}' is required."),
        ),
        read_only=(
            ReadOnly("properties.inferenceEndpoint"),
            ReadOnly("properties.endpointState"),
            ReadOnly("properties.marketplaceSubscriptionId"),
        ),
        computed=_computed,
        hooks=(LEGACY,),
    ),
)
