"""Azure ML online endpoints and their deployments: what stands there; their calls are in traffic.py.

Shapes and what is required: API definition of 2024-10-01 (OnlineEndpoint: authMode; OnlineDeployment:
endpointComputeType; sku with a capacity).
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Required,
    ResourceType,
)
from simulator.types.machinelearning import _lro, secret_stores
from simulator.types.machinelearning import endpoint_rules as rules
from simulator.types.machinelearning.endpoint_rules import DEPLOYMENT, ENDPOINT, NAME
from simulator.types.machinelearning.legacy import LEGACY


def _computed(ctx: HookContext) -> JsonObject:
    host = f"https://{ctx.resource.name}.{ctx.resource.location}.inference.ml.azure.com"
    return {"properties": {"scoringUri": f"{host}/score", "swaggerUri": f"{host}/swagger.json"}}


def _keys(ctx: HookContext) -> Answer:
    found = {f"{one}Key": ctx.engine.digits("endpoint", ctx.resource.key, one, length=32) for one in ("primary",)}
    return Answer(200, {**found, "secondaryKey": ctx.engine.digits("endpoint", ctx.resource.key, "2", length=32)})


def _token(ctx: HookContext) -> Answer:
    """POST token, of endpoints that take Azure ML's own tokens."""
    now = int(ctx.engine.now().timestamp())
    token = ctx.engine.digits("token", ctx.resource.key, str(now), length=64)
    times = {"expiryTimeUtc": now + 43200, "refreshAfterTimeUtc": now + 21600}
    return Answer(200, {"accessToken": token, "tokenType": "Bearer", **times})


def _required(path: str, what: str) -> Required:
    leaf = path.rpartition(".")[2]
    return Required(path, "UserError", f"The property '{leaf}' of {what} '{{name}}' is required.")


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ENDPOINT,
        create=_lro.mfe("oe", 201, "Creating", 60),
        update=_lro.mfe("oe", 200, "Updating", 15),
        delete=_lro.mfe("oe", 202, "Deleting", 30),
        identity=True,
        system_data=True,
        keys=("id", "name", "type", "location", "tags", "identity", "kind", "properties", "systemData"),
        required=(_required("properties.authMode", "endpoint"),),
        read_only=(ReadOnly("properties.scoringUri"), ReadOnly("properties.swaggerUri")),
        defaults={"properties": {"traffic": {}, "mirrorTraffic": {}, "publicNetworkAccess": "Enabled"}},
        computed=_computed,
        name_rule=NAME,
        actions=(Action("listKeys", _keys), Action("token", _token)),
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "online-endpoint-rules", rules.endpoint_rules),
            Hook(Phase.VALIDATE, "endpoint-reads-connections", secret_stores.may_read_connections),
            Hook(Phase.COMPLETED, "endpoint-reads-connections", secret_stores.let_read_connections),
        ),
    ),
    ResourceType(
        name=DEPLOYMENT,
        create=_lro.mfe("oe", 201, "Creating", 480),
        update=_lro.mfe("oe", 200, "Updating", 120),
        delete=_lro.mfe("oe", 202, "Deleting", 60),
        system_data=True,
        keys=("id", "name", "type", "location", "tags", "sku", "properties", "systemData"),
        required=(_required("properties.endpointComputeType", "deployment"),),
        name_rule=NAME,
        defaults={
            "sku": {"name": "Default", "capacity": 1},
            "properties": {
                "instanceType": "Standard_DS3_v2",
                "scaleSettings": {"scaleType": "Default"},
                "appInsightsEnabled": False,
            },
        },
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "online-deployment-rules", rules.deployment_rules),
            Hook(Phase.VALIDATE, "endpoint-reads-connections", secret_stores.may_read_connections),
            Hook(Phase.ACCEPTED, "online-deployment-rules", rules.canonical),
            Hook(Phase.DELETING, "served-deployments-stay", rules.keep_served),
        ),
    ),
)
