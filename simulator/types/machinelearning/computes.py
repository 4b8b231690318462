"""Azure ML computes: clusters here, instances in instances.py. Recording: aml-computes-list-2022 (two levels of
`properties`, node state counts)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    NameRule,
    Phase,
    Required,
    ResourceType,
    Style,
)
from simulator.types._shared import dig, iso, parent_id
from simulator.types.machinelearning import instances, quotas
from simulator.types.machinelearning._lro import LOCATION
from simulator.types.machinelearning.managed_network import compute_seconds, first_compute, holds_computes
from simulator.types.machinelearning.nodes import (
    inner,
    leave_subnet,
    node_counts,
    nodes_arrive,
    reach_minimum,
    scale_down,
)
from simulator.types.machinelearning.workspace_effects import ACR_PULL
from simulator.types.machinelearning.workspaces import WORKSPACE
from simulator.types.private_link import approved_endpoints

COMPUTE = f"{WORKSPACE}/computes"
#: Set once: the API accepts other values and keeps the old ones (Azure/azure-rest-api-specs#18889 for vmSize).
SET_ONCE = ("vmSize", "vmPriority", "osType", "subnet", "enableNodePublicIp", "isolatedNetwork")


def _defaults(ctx: HookContext) -> JsonObject:
    region = ctx.resource.location or _workspace_location(ctx)
    now = iso(ctx.engine.now(), zulu=False)
    return {
        "location": region,
        "properties": {
            "computeLocation": region,
            "description": None,
            "resourceId": None,
            "disableLocalAuth": False,
            "provisioningErrors": None,
            "isAttachedCompute": False,
            "properties": instances.defaults(ctx) if _asks_for_instance(ctx) else _cluster_defaults(now),
        },
    }


def _asks_for_instance(ctx: HookContext) -> bool:
    asked = dig(ctx.request, "properties.computeType") or dig(ctx.previous, "properties.computeType")
    return bool(asked == instances.INSTANCE)


def _cluster_defaults(now: str) -> JsonObject:
    return {
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2M"},
        "subnet": None,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": node_counts(),
        "allocationState": "Steady",
        "allocationStateTransitionTime": now,
        "errors": None,
        "remoteLoginPortPublicAccess": "Enabled",
        "osType": "Linux",
        "virtualMachineImage": None,
        "isolatedNetwork": False,
        "enableNodePublicIp": True,
        "idleTimeBeforeShutdown": "PT120M",
    }


def _workspace_location(ctx: HookContext) -> str:
    workspace = ctx.engine.get(parent_id(ctx.resource.id))
    return workspace.location if workspace else ""


def _computed(ctx: HookContext) -> JsonObject:
    now = iso(ctx.engine.now(), zulu=False)
    return {"properties": {"createdOn": now, "modifiedOn": now}}


# ---------------------------------------------------------------------------------------------- validation


def _error(message: str) -> ArmError:
    """Azure/data-product-analytics#70 quotes the envelope: code UserError."""
    return ArmError(400, "UserError", message)


def refuse_other_type(ctx: HookContext) -> None:
    """A compute stays what it is: a name is a cluster's or an instance's until it is deleted.

    No public quotation of Azure's words was found; the code is the provider's.
    """
    was, asked = (dig(body, "properties.computeType") for body in (ctx.previous, ctx.resource.body))
    if ctx.previous is not None and was != asked:
        raise _error(f"The compute type of '{ctx.resource.name}' cannot be changed from '{was}' to '{asked}'.")


def validate(ctx: HookContext) -> None:
    compute = ctx.resource
    if instances.is_instance(compute):
        return
    if dig(compute.body, "properties.computeType") != "AmlCompute":
        raise _error(
            f"Compute type '{dig(compute.body, 'properties.computeType')}' is not supported by this simulator: "
            "AmlCompute and ComputeInstance only."
        )
    settings = dig(inner(compute), "scaleSettings", {})
    most, least = settings.get("maxNodeCount"), settings.get("minNodeCount") or 0
    if not inner(compute).get("vmSize") or most is None:
        raise _error("The vmSize and scaleSettings.maxNodeCount of an AmlCompute must be specified.")
    if not isinstance(most, int) or not 0 <= least <= most:
        raise _error(f"The minimum node count {least} must not be greater than the maximum node count {most}.")
    if why := quotas.least_allowed(ctx.engine, parent_id(compute.id), inner(compute)["vmSize"], least):
        raise ArmError(400, "ClusterMinNodesExceedCoreQuota", why)
    subnet = dig(inner(compute), "subnet.id")
    if subnet and ctx.engine.get(str(subnet)) is None:
        raise _error(f"The specified subnet {subnet} could not be found.")
    kinds = str(dig(compute.body, "identity.type", "None")).lower()
    if "systemassigned" in kinds and "userassigned" in kinds:
        # learn.microsoft.com "Set up authentication": one system-assigned identity or many user-assigned, not both.
        raise _error("A compute cluster supports either a system-assigned identity or user-assigned identities.")


def says_how(ctx: HookContext) -> None:
    """Required in the API definition (Compute_Delete); no public quotation of Azure's words was found."""
    said = {name.lower(): value.lower() for name, value in ctx.query.items()}.get("underlyingresourceaction")
    if said not in ("delete", "detach"):
        raise _error("The query parameter 'underlyingResourceAction' is required: Delete or Detach.")


def needs_endpoint(ctx: HookContext) -> None:
    """Words: Azure/data-product-analytics#70."""
    if ctx.previous is not None or inner(ctx.resource).get("enableNodePublicIp", True):
        return
    workspace = ctx.engine.get(parent_id(ctx.resource.id))
    if workspace is None or not approved_endpoints(ctx.engine, workspace):
        raise _error("Provided EnableNodePublicIp 'False' requires workspace private endpoint.")


# ---------------------------------------------------------------------------------------------- effects


def keep_what_is_set_once(ctx: HookContext) -> None:
    """The cluster's size and place stay, and so does what the service counts."""
    ctx.resource.properties["modifiedOn"] = iso(ctx.engine.now(), zulu=False)
    if instances.is_instance(ctx.resource):
        instances.keep_what_is(ctx)
        return
    if ctx.previous is None:
        return
    before = dict(dig(ctx.previous, "properties.properties", {}))
    served = ("currentNodeCount", "targetNodeCount", "nodeStateCounts", "allocationState", "errors")
    for field in (*SET_ONCE, *served, "allocationStateTransitionTime"):
        if field in before:
            inner(ctx.resource)[field] = before[field]


def pull_from_registry(ctx: HookContext) -> None:
    """A cluster with a system identity may pull from the workspace's registry, when the registry is there already.

    Source: learn.microsoft.com "Set up authentication between Azure Machine Learning and other services": the ACR pull
    role is assigned on creation; a cluster made before the registry needs it by hand.
    """
    principal = dig(ctx.resource.body, "identity.principalId")
    workspace = ctx.engine.get(parent_id(ctx.resource.id))
    registry = dig(workspace.body, "properties.containerRegistry") if workspace else None
    # A cluster whose creation failed has not been made yet.
    made = ctx.previous is not None and dig(ctx.previous, "properties.provisioningState") != "Failed"
    made = made or instances.is_instance(ctx.resource)
    if principal and registry and ctx.engine.get(str(registry)) is not None and not made:
        ctx.engine.grant(str(registry), ACR_PULL, str(principal))


def list_nodes(ctx: HookContext) -> Answer:
    count = int(inner(ctx.resource).get("currentNodeCount", 0))
    nodes = [
        {"nodeId": f"tvmps_{ctx.engine.digits('node', ctx.resource.key, str(number))}_d", "nodeState": "idle"}
        for number in range(count)
    ]
    return Answer(200, {"nodes": nodes})


def _write(status: int, state: str, seconds: float | Callable[[HookContext], float]) -> Lro:
    return Lro(
        Style.ASYNC_OPERATION,
        status,
        state=state,
        seconds=seconds,
        # `service=new` as in Cloud Custodian's cassettes of this provider.
        operation_url=LOCATION + "/computeOperationsStatus/{guid}",
        url_query="service=new",
    )


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=COMPUTE,
        create=_write(201, "Creating", compute_seconds),
        update=_write(200, "Updating", 10),
        delete=Lro(
            Style.BOTH,
            202,
            Body.EMPTY,
            state="Deleting",
            seconds=30,
            operation_url=LOCATION + "/computeOperationsStatus/{guid}",
            location_url=LOCATION + "/computeOperationResults/{guid}",
            url_query="service=new",
        ),
        location="optional",
        identity=True,
        empty_tags=True,
        keys=("id", "name", "type", "location", "tags", "identity", "sku", "properties"),
        name_rule=NameRule(
            "[a-zA-Z](?!.*--)[a-zA-Z0-9-]{0,22}[a-zA-Z0-9]",
            "UserError",
            "Compute name '{name}' is invalid. It can include letters, digits and dashes. It must start with a letter, "
            "end with a letter or digit, and be between 2 and 24 characters in length.",
        ),
        required=(
            # No public quotation of Azure's words was found; the code is the provider's.
            Required(
                "properties.computeType", "UserError", "The property 'computeType' of compute '{name}' is required."
            ),
        ),
        defaults=_defaults,
        computed=_computed,
        actions=(Action("listNodes", list_nodes), *instances.ACTIONS),
        hooks=(
            Hook(Phase.VALIDATE, "compute-keeps-its-type", refuse_other_type),
            *instances.HOOKS,
            Hook(Phase.VALIDATE, "compute-rules", validate),
            Hook(Phase.VALIDATE, "compute-needs-endpoint", needs_endpoint),
            Hook(Phase.VALIDATE, "managed-network-holds-computes", holds_computes),
            Hook(Phase.DELETING, "compute-deletion-says-how", says_how),
            Hook(Phase.ACCEPTED, "compute-keeps-what-is-set-once", keep_what_is_set_once),
            Hook(Phase.COMPLETED, "compute-pulls-from-registry", pull_from_registry),
            Hook(Phase.COMPLETED, "first-compute-builds-network", first_compute),
            Hook(Phase.COMPLETED, "cluster-allocates-nodes", reach_minimum),
            Hook(Phase.EVENT, "cluster-allocates-nodes", nodes_arrive),
            Hook(Phase.EVENT, "cluster-scales-down", scale_down),
            # Asked for by request_nodes; hooks of their own so that they can be switched off.
            Hook(Phase.EVENT, "nodes-need-endpoint-and-egress", lambda ctx: None),
            Hook(Phase.EVENT, "nodes-resolve-workspace", lambda ctx: None),
            Hook(Phase.EVENT, "public-nodes-need-inbound", lambda ctx: None),
            Hook(Phase.EVENT, quotas.HOOK, lambda ctx: None),
            Hook(Phase.DELETED, "cluster-allocates-nodes", leave_subnet),
        ),
    ),
)
