"""What online endpoints and their deployments may be.

Sources: learn.microsoft.com, "Troubleshoot online endpoints" (OutOfQuota and its words), "Safe rollout for online
endpoints" (traffic adds up to 0 or 100; up to 50 percent is mirrored, to one deployment; a deployment with traffic is
not deleted), "Collect production data" (collections, sampling rate), "Managed online endpoints SKU list". Other
sentences are assumed, the code is the provider's.
"""

from __future__ import annotations

from simulator.engine.declaration import ArmError, EngineApi, HookContext, JsonObject, NameRule, Resource
from simulator.planes.skus import SIZES
from simulator.types._shared import dig, parent_id, subscription_of
from simulator.types.machinelearning.steps import version_at
from simulator.types.machinelearning.workspaces import WORKSPACE

ENDPOINT = f"{WORKSPACE}/onlineEndpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"
AUTH_MODES = {mode.lower(): mode for mode in ("Key", "AMLToken", "AADToken")}
MOST_MIRRORED = 50
#: Cores of one family for endpoints in a region and subscription, unless `endpointCores` of the settings says else.
QUOTA, QUOTA_KEY = 100, "endpoint_cores"
CORES = {size[0].lower(): (size[1], size[2]) for size in SIZES}

NAME = NameRule(
    "[a-z][a-z0-9-]{1,30}[a-z0-9]",  # azure-ai-ml 1.35.2, validate_endpoint_or_deployment_name
    "UserError",
    "The name '{name}' is invalid: 3 to 32 lower-case letters, digits and hyphens, beginning with a letter.",
)


def _bad(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def endpoint_rules(ctx: HookContext) -> None:
    """A name once in a region, a way to sign in, traffic that adds up and goes to deployments that are there."""
    endpoint, properties = ctx.resource, ctx.resource.properties
    mode = str(properties.get("authMode") or "")
    if mode.lower() not in AUTH_MODES:
        raise _bad(f"The auth mode '{mode}' is not one of {', '.join(AUTH_MODES.values())}.")
    if ctx.previous is not None and mode.lower() != str(dig(ctx.previous, "properties.authMode")).lower():
        raise _bad(f"The auth mode of endpoint '{endpoint.name}' cannot be changed.")
    others = [one for one in ctx.engine.all_of(ENDPOINT) if one.key != endpoint.key]
    if (endpoint.name.lower(), endpoint.location) in {(one.name.lower(), one.location) for one in others}:
        raise _bad(f"An endpoint with the name '{endpoint.name}' exists already in {endpoint.location}.")
    traffic, mirrored = properties.get("traffic") or {}, properties.get("mirrorTraffic") or {}
    _check_shares({**traffic, **mirrored})
    for name in (*traffic, *mirrored):
        if ctx.engine.get(f"{endpoint.id}/deployments/{name}") is None:
            raise _bad(f"The deployment '{name}' of the traffic of endpoint '{endpoint.name}' does not exist.")
    if sum(traffic.values()) not in (0, 100):
        raise _bad(f"The traffic of endpoint '{endpoint.name}' adds up to {sum(traffic.values())}, not to 0 or 100.")
    if len(mirrored) > 1 or sum(mirrored.values()) > MOST_MIRRORED:
        raise _bad(f"At most {MOST_MIRRORED} percent of the traffic are mirrored, to one deployment.")


def _check_shares(shares: JsonObject) -> None:
    for name, share in shares.items():
        if not isinstance(share, int) or isinstance(share, bool) or not 0 <= share <= 100:
            raise _bad(f"The traffic of deployment '{name}' is a whole number between 0 and 100.")


def deployment_rules(ctx: HookContext) -> None:
    """A model that is there, a size that is known, as many instances as the quota allows, collections that are such."""
    deployment, properties = ctx.resource, ctx.resource.properties
    if str(properties.get("endpointComputeType") or "").lower() != "managed":
        raise _bad(f"The compute type '{properties.get('endpointComputeType')}' is not supported here: Managed is.")
    model = str(properties.get("model") or "")
    workspace_id = parent_id(parent_id(deployment.id))
    own = model and not model.startswith("azureml://registries/")
    if own and version_at(ctx.engine, workspace_id, "models", model) is None:
        raise _bad(f"The model '{model}' of deployment '{deployment.name}' does not exist.")
    _check_collections(properties.get("dataCollector") or {})
    capacity = dig(deployment.body, "sku.capacity", 1)
    if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
        raise _bad(f"The instance count '{capacity}' of deployment '{deployment.name}' is not a positive number.")
    _check_quota(ctx.engine, deployment)


def _check_collections(collector: JsonObject) -> None:
    for name, one in (collector.get("collections") or {}).items():
        if str((one or {}).get("dataCollectionMode") or "").lower() not in ("enabled", "disabled"):
            raise _bad(f"The dataCollectionMode of collection '{name}' is Enabled or Disabled.")
        rate = one.get("samplingRate", 1)
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= 1:
            raise _bad(f"The samplingRate of collection '{name}' lies between 0 and 1.")


def canonical(ctx: HookContext) -> None:
    """Azure answers `Enabled` where azure-ai-ml sends `enabled`, and looks for that (deployment_collection.py)."""
    for one in (dig(ctx.resource.body, "properties.dataCollector.collections", {})).values():
        one["dataCollectionMode"] = str(one["dataCollectionMode"]).capitalize()


def _check_quota(engine: EngineApi, deployment: Resource) -> None:
    """Words: "Troubleshoot online endpoints", OutOfQuota. A fifth more is set aside for upgrades (same page)."""
    size = str(deployment.properties.get("instanceType") or "").lower()
    if size not in CORES:
        raise _bad(f"The instance type '{deployment.properties.get('instanceType')}' is not supported.")
    family, limit = CORES[size][0], int(engine.store.kv.get(QUOTA_KEY, QUOTA))
    subscription, region = subscription_of(deployment.id), deployment.location
    used = 0
    for other in engine.all_of(DEPLOYMENT, f"/subscriptions/{subscription}"):
        if other.key != deployment.key and other.location == region:
            used += _cores(other, family)
    wanted = _cores(deployment, family)
    if used + wanted > limit:
        raise ArmError(
            400,
            "OutOfQuota",
            f"Not enough quota available for {deployment.properties['instanceType']} in SubscriptionId {subscription}. "
            f"Current usage/limit: {used}/{limit}. Additional needed: {wanted}",
        )


def _cores(deployment: Resource, family: str) -> int:
    known = CORES.get(str(deployment.properties.get("instanceType") or "").lower())
    if known is None or known[0] != family:
        return 0
    count = int(dig(deployment.body, "sku.capacity", 1))
    return (count + (count + 4) // 5) * known[1]


def keep_served(ctx: HookContext) -> None:
    """A deployment that gets traffic is not deleted by itself."""
    endpoint = ctx.engine.get(parent_id(ctx.resource.id))
    share = dig(endpoint.body if endpoint else {}, "properties.traffic", {}).get(ctx.resource.name, 0)
    if share:
        raise _bad(f"The deployment '{ctx.resource.name}' gets {share} percent of the traffic and cannot be deleted.")
