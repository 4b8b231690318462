"""Azure ML compute clusters. Recording: aml-computes-list-2022 (two levels of `properties`, node state counts).

Nodes come only when the cluster can reach Azure: the workspace's endpoint is Approved (clusters without public
addresses) and the subnet has egress. Source: learn.microsoft.com "Secure an Azure Machine Learning training environment
with virtual networks" (no public IP needs a workspace private endpoint; egress through NAT gateway or a firewall).
"""

from __future__ import annotations

import re

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    NameRule,
    Phase,
    Required,
    Resource,
    ResourceType,
    Style,
)
from simulator.types._shared import add_reference, dig, drop_reference, iso, items, parent_id
from simulator.types.machinelearning.workspaces import ACR_PULL, LOCATION, WORKSPACE
from simulator.types.private_link import approved_endpoints

COMPUTE = f"{WORKSPACE}/computes"
ALLOCATION_SECONDS = 120.0
RELEASE_SECONDS = 15.0
#: Set once: the API accepts other values and keeps the old ones (Azure/azure-rest-api-specs#18889 for vmSize).
SET_ONCE = ("vmSize", "vmPriority", "osType", "subnet", "enableNodePublicIp", "isolatedNetwork")

COUNTS = ("preparing", "running", "idle", "unusable", "leaving", "preempted")


def _counts(**given: int) -> JsonObject:
    return {f"{name}NodeCount": given.get(name, 0) for name in COUNTS}


def inner(compute: Resource) -> JsonObject:
    """`properties.properties`: what the cluster is."""
    found: JsonObject = compute.properties.setdefault("properties", {})
    return found


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
            "properties": {
                "vmPriority": "Dedicated",
                "scaleSettings": {"minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2M"},
                "subnet": None,
                "currentNodeCount": 0,
                "targetNodeCount": 0,
                "nodeStateCounts": _counts(),
                "allocationState": "Steady",
                "allocationStateTransitionTime": now,
                "errors": None,
                "remoteLoginPortPublicAccess": "Enabled",
                "osType": "Linux",
                "virtualMachineImage": None,
                "isolatedNetwork": False,
                "enableNodePublicIp": True,
                "idleTimeBeforeShutdown": "PT120M",
            },
        },
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


def validate(ctx: HookContext) -> None:
    compute = ctx.resource
    if dig(compute.body, "properties.computeType") != "AmlCompute":
        raise _error(
            f"Compute type '{dig(compute.body, 'properties.computeType')}' is not supported by this simulator: "
            "AmlCompute only."
        )
    settings = dig(inner(compute), "scaleSettings", {})
    most, least = settings.get("maxNodeCount"), settings.get("minNodeCount") or 0
    if not inner(compute).get("vmSize") or most is None:
        raise _error("The vmSize and scaleSettings.maxNodeCount of an AmlCompute must be specified.")
    if not isinstance(most, int) or not 0 <= least <= most:
        raise _error(f"The minimum node count {least} must not be greater than the maximum node count {most}.")
    subnet = dig(inner(compute), "subnet.id")
    if subnet and ctx.engine.get(str(subnet)) is None:
        raise _error(f"The specified subnet {subnet} could not be found.")
    kinds = str(dig(compute.body, "identity.type", "None")).lower()
    if "systemassigned" in kinds and "userassigned" in kinds:
        # learn.microsoft.com "Set up authentication": one system-assigned identity or many user-assigned, not both.
        raise _error("A compute cluster supports either a system-assigned identity or user-assigned identities.")


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
    if principal and registry and ctx.engine.get(str(registry)) is not None and ctx.previous is None:
        ctx.engine.grant(str(registry), ACR_PULL, str(principal))


def reach_minimum(ctx: HookContext) -> None:
    """minNodeCount nodes are kept."""
    least = int(dig(inner(ctx.resource), "scaleSettings.minNodeCount", 0))
    if least > int(inner(ctx.resource).get("currentNodeCount", 0)):
        request_nodes(ctx.engine, ctx.resource, least)


# ---------------------------------------------------------------------------------------------- nodes


def blocked(engine: EngineApi, compute: Resource) -> str | None:
    """Why no node can come up; None when they can."""
    if not engine.hook_on("nodes-need-endpoint-and-egress"):
        return None
    workspace = engine.get(parent_id(compute.id))
    if workspace is None:
        return "The workspace does not exist."
    if not inner(compute).get("enableNodePublicIp", True) and not approved_endpoints(engine, workspace):
        return "The nodes cannot reach the workspace: it has no approved private endpoint connection."
    subnet_id = dig(inner(compute), "subnet.id")
    if subnet_id is None or inner(compute).get("enableNodePublicIp", True):
        return None
    subnet = engine.get(str(subnet_id))
    if subnet is None:
        return f"The subnet {subnet_id} does not exist."
    if not has_egress(engine, subnet):
        return (
            f"The nodes cannot reach the Azure Batch service: subnet {subnet_id} has no outbound connectivity. Associate "
            "a NAT gateway with the subnet or route its traffic to a firewall."
        )
    return None


def has_egress(engine: EngineApi, subnet: Resource) -> bool:
    """A NAT gateway with an address, a default route to an appliance, or default outbound access."""
    gateway = engine.get(str(dig(subnet.body, "properties.natGateway.id") or ""))
    if gateway is not None and (
        items(gateway.body, "properties.publicIpAddresses") or items(gateway.body, "properties.publicIpPrefixes")
    ):
        return True
    table = engine.get(str(dig(subnet.body, "properties.routeTable.id") or ""))
    routes = items(table.body, "properties.routes") if table else []
    if any(
        dig(route, "properties.addressPrefix") == "0.0.0.0/0"
        and dig(route, "properties.nextHopType") == "VirtualAppliance"
        for route in routes
    ):
        return True
    return subnet.properties.get("defaultOutboundAccess") is not False


def request_nodes(engine: EngineApi, compute: Resource, nodes: int) -> str | None:
    """Scale up to `nodes`; returns why it cannot be, if so. The cluster shows the reason under `errors`."""
    state = inner(compute)
    most = int(dig(state, "scaleSettings.maxNodeCount", 0))
    wanted = min(most, nodes)
    why = blocked(engine, compute)
    if why is not None:
        error = {"error": {"code": "ResizeError", "message": why}}
        if state.get("errors") != [error] or state.get("targetNodeCount") != wanted:
            state.update(targetNodeCount=wanted, allocationState="Resizing", errors=[error])
            engine.save(compute)
        return why
    if int(state.get("currentNodeCount", 0)) >= wanted:
        return None
    if state.get("allocationState") == "Resizing" and state.get("errors") is None:
        return None
    state.update(
        targetNodeCount=wanted,
        allocationState="Resizing",
        allocationStateTransitionTime=iso(engine.now(), zulu=False),
        errors=None,
        nodeStateCounts=_counts(preparing=wanted - int(state.get("currentNodeCount", 0))),
    )
    engine.save(compute)
    engine.schedule(ALLOCATION_SECONDS, "cluster-allocates-nodes", compute.id)
    return None


def nodes_arrive(ctx: HookContext) -> None:
    state = inner(ctx.resource)
    target = int(state.get("targetNodeCount", 0))
    if blocked(ctx.engine, ctx.resource) is not None:
        return
    state.update(
        currentNodeCount=target,
        allocationState="Steady",
        allocationStateTransitionTime=iso(ctx.engine.now(), zulu=False),
        nodeStateCounts=_counts(idle=target),
    )
    subnet = dig(state, "subnet.id")
    for number in range(target):
        add_reference(ctx.engine, subnet, "ipConfigurations", _node_ip(ctx.resource, number))
    for job in ctx.engine.children(parent_id(ctx.resource.id), f"{WORKSPACE}/jobs"):
        if dig(job.body, "properties.status") == "Queued":
            ctx.engine.schedule(0, "job-runs", job.id)
    watch_idle(ctx.engine, ctx.resource)


def _node_ip(compute: Resource, number: int) -> str:
    group = "/".join(compute.id.split("/")[:5])
    return (
        f"{group}/providers/Microsoft.Network/networkInterfaces/{compute.name}-node-{number}/ipConfigurations/ipconfig"
    )


def occupy(engine: EngineApi, compute: Resource, nodes: int) -> bool:
    """Take idle nodes for a job; False when there are not enough."""
    counts = dict(inner(compute).get("nodeStateCounts") or {})
    if int(counts.get("idleNodeCount", 0)) < nodes:
        return False
    counts["idleNodeCount"] = int(counts["idleNodeCount"]) - nodes
    counts["runningNodeCount"] = int(counts.get("runningNodeCount", 0)) + nodes
    inner(compute)["nodeStateCounts"] = counts
    engine.save(compute)
    return True


def vacate(engine: EngineApi, compute: Resource, nodes: int) -> None:
    counts = dict(inner(compute).get("nodeStateCounts") or {})
    counts["runningNodeCount"] = max(0, int(counts.get("runningNodeCount", 0)) - nodes)
    counts["idleNodeCount"] = int(counts.get("idleNodeCount", 0)) + nodes
    inner(compute)["nodeStateCounts"] = counts
    engine.save(compute)
    watch_idle(engine, compute)


def watch_idle(engine: EngineApi, compute: Resource) -> None:
    """After nodeIdleTimeBeforeScaleDown without work the idle nodes leave."""
    mark = engine.now().isoformat()
    compute.private["idle_since"] = mark
    engine.save(compute)
    seconds = duration(str(dig(inner(compute), "scaleSettings.nodeIdleTimeBeforeScaleDown", "PT2M")))
    engine.schedule(seconds, "cluster-scales-down", compute.id, {"mark": mark})


def scale_down(ctx: HookContext) -> None:
    compute, state = ctx.resource, inner(ctx.resource)
    if ctx.data.get("left"):
        _leave(ctx)
        return
    if compute.private.get("idle_since") != ctx.data.get("mark"):
        return
    running = int(dig(state, "nodeStateCounts.runningNodeCount", 0))
    keep = max(int(dig(state, "scaleSettings.minNodeCount", 0)), running)
    current = int(state.get("currentNodeCount", 0))
    if current <= keep:
        return
    state.update(
        targetNodeCount=keep,
        allocationState="Resizing",
        allocationStateTransitionTime=iso(ctx.engine.now(), zulu=False),
        nodeStateCounts=_counts(running=running, idle=keep - running, leaving=current - keep),
    )
    ctx.engine.schedule(RELEASE_SECONDS, "cluster-scales-down", compute.id, {"left": True})


def _leave(ctx: HookContext) -> None:
    compute, state = ctx.resource, inner(ctx.resource)
    target = int(state.get("targetNodeCount", 0))
    for number in range(target, int(state.get("currentNodeCount", 0))):
        drop_reference(ctx.engine, dig(state, "subnet.id"), "ipConfigurations", _node_ip(compute, number))
    running = int(dig(state, "nodeStateCounts.runningNodeCount", 0))
    state.update(
        currentNodeCount=target,
        allocationState="Steady",
        allocationStateTransitionTime=iso(ctx.engine.now(), zulu=False),
        nodeStateCounts=_counts(running=running, idle=max(0, target - running)),
    )


def leave_subnet(ctx: HookContext) -> None:
    state = inner(ctx.resource)
    for number in range(int(state.get("currentNodeCount", 0))):
        drop_reference(ctx.engine, dig(state, "subnet.id"), "ipConfigurations", _node_ip(ctx.resource, number))


_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def duration(text: str) -> float:
    """Seconds of an ISO 8601 duration; two minutes when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return 120.0
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def list_nodes(ctx: HookContext) -> Answer:
    count = int(inner(ctx.resource).get("currentNodeCount", 0))
    nodes = [
        {"nodeId": f"tvmps_{ctx.engine.digits('node', ctx.resource.key, str(number))}_d", "nodeState": "idle"}
        for number in range(count)
    ]
    return Answer(200, {"nodes": nodes})


def _write(status: int, state: str, seconds: float) -> Lro:
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
        create=_write(201, "Creating", 60),
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
        actions=(Action("listNodes", list_nodes),),
        hooks=(
            Hook(Phase.VALIDATE, "compute-rules", validate),
            Hook(Phase.VALIDATE, "compute-needs-endpoint", needs_endpoint),
            Hook(Phase.ACCEPTED, "compute-keeps-what-is-set-once", keep_what_is_set_once),
            Hook(Phase.COMPLETED, "compute-pulls-from-registry", pull_from_registry),
            Hook(Phase.COMPLETED, "cluster-allocates-nodes", reach_minimum),
            Hook(Phase.EVENT, "cluster-allocates-nodes", nodes_arrive),
            Hook(Phase.EVENT, "cluster-scales-down", scale_down),
            # Asked for by request_nodes; a hook of its own so that it can be switched off.
            Hook(Phase.EVENT, "nodes-need-endpoint-and-egress", lambda ctx: None),
            Hook(Phase.DELETED, "cluster-allocates-nodes", leave_subnet),
        ),
    ),
)
