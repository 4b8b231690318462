"""The nodes of a compute cluster: why they cannot come, how they come, idle and leave.

Nodes come only when the cluster can reach Azure: the workspace's endpoint is Approved (clusters without public
addresses) and the subnet has egress. Source: learn.microsoft.com "Secure an Azure Machine Learning training environment
with virtual networks" (no public IP needs a workspace private endpoint; egress through NAT gateway or a firewall). And
only when their network resolves the workspace's name to that endpoint: sources in resolution.py.
"""

from __future__ import annotations

import re

from simulator.engine.declaration import EngineApi, HookContext, JsonObject, Resource
from simulator.types._shared import add_reference, dig, drop_reference, iso, items, parent_id
from simulator.types.machinelearning.quotas import exceeded
from simulator.types.machinelearning.resolution import unresolved
from simulator.types.network.routes import ROUTE
from simulator.types.network.security_groups import RULE, lets_in
from simulator.types.private_link import approved_endpoints

ALLOCATION_SECONDS = 120.0
NODE_PORT = 44224
RELEASE_SECONDS = 15.0
SAMPLED = ("running", "idle", "leaving")
COUNTS = ("preparing", "running", "idle", "unusable", "leaving", "preempted")


def node_counts(**given: int) -> JsonObject:
    return {f"{name}NodeCount": given.get(name, 0) for name in COUNTS}


def inner(compute: Resource) -> JsonObject:
    """`properties.properties`: what the cluster is."""
    found: JsonObject = compute.properties.setdefault("properties", {})
    return found


HISTORY = "node_history"
KEPT = 2000


def sample(engine: EngineApi, compute: Resource) -> None:
    """Remember the node counts as they are now: [seconds since 1970, current, running, idle, leaving]. What the
    workspace's node metrics are made of."""
    state = inner(compute)
    counts = dict(state.get("nodeStateCounts") or {})
    row = [int(state.get("currentNodeCount", 0)), *(int(counts.get(f"{one}NodeCount", 0)) for one in SAMPLED)]
    history = [*compute.private.get(HISTORY, ()), [engine.now().timestamp(), *row]]
    compute.private[HISTORY] = history[-KEPT:]


def tell(engine: EngineApi, compute: Resource, event: str) -> None:
    """A row of the workspace's log. Source: learn.microsoft.com, table AmlComputeClusterEvent; types of events are
    assumed."""
    state, workspace = inner(compute), engine.get(parent_id(compute.id))
    counts = {f"{one.capitalize()}NodeCount": dig(state, f"nodeStateCounts.{one}NodeCount", 0) for one in SAMPLED}
    row = {
        "OperationName": "Microsoft.MachineLearningServices/workspaces/computes/write", "Level": "Informational",
        "ResultType": "Succeeded" if event == "ResizeCompleted" else "Started", "Location": compute.location,
        "WorkspaceName": workspace.name if workspace else "", "ClusterName": compute.name, "ClusterType": "AmlCompute",
        "VmSize": state.get("vmSize"), "VmPriority": state.get("vmPriority"), "EventType": event,
        "MinimumNodeCount": dig(state, "scaleSettings.minNodeCount", 0),
        "MaximumNodeCount": dig(state, "scaleSettings.maxNodeCount", 0),
        "CurrentNodeCount": state.get("currentNodeCount", 0), "TargetNodeCount": state.get("targetNodeCount", 0),
    }  # fmt: skip
    engine.record(parent_id(compute.id), "AmlComputeClusterEvent", {**row, **counts})


def reach_minimum(ctx: HookContext) -> None:
    """minNodeCount nodes are kept; those above a lowered minimum leave when they have been idle for long enough."""
    if dig(ctx.resource.body, "properties.computeType") != "AmlCompute":
        return
    least = int(dig(inner(ctx.resource), "scaleSettings.minNodeCount", 0))
    current = int(inner(ctx.resource).get("currentNodeCount", 0))
    if least > current:
        request_nodes(ctx.engine, ctx.resource, least)
    elif least < current:
        watch_idle(ctx.engine, ctx.resource)


def blocked(engine: EngineApi, compute: Resource) -> str | None:
    """Why no node can come up; None when they can."""
    workspace = engine.get(parent_id(compute.id))
    if workspace is None:
        return "The workspace does not exist."
    return _unreachable(engine, workspace, compute) or _unnamed(engine, workspace, compute) or _shut(engine, compute)


def _shut(engine: EngineApi, compute: Resource) -> str | None:
    """Nodes with public addresses are called on them by the service; nothing may stand between.

    Source: learn.microsoft.com, "Secure an Azure Machine Learning training environment with virtual networks":
    inbound TCP 44224 from AzureMachineLearning; with a firewall a route of that tag to Internet.
    """
    subnet = engine.get(str(dig(inner(compute), "subnet.id") or ""))
    if not engine.hook_on("public-nodes-need-inbound") or subnet is None:
        return None
    if not inner(compute).get("enableNodePublicIp", True):
        return None
    group = engine.get(str(dig(subnet.body, "properties.networkSecurityGroup.id") or ""))
    rules = [rule.properties for rule in engine.children(group.id, RULE)] if group else None
    if rules is not None and not lets_in(rules, "AzureMachineLearning", NODE_PORT):
        return (
            "The Azure Machine Learning service cannot reach the nodes: the network security group of subnet "
            f"{subnet.id} does not allow TCP {NODE_PORT} from AzureMachineLearning."
        )
    hops = {route.get("addressPrefix"): route.get("nextHopType") for route in routes_of(engine, subnet)}
    if hops.get("0.0.0.0/0") == "VirtualAppliance" and hops.get("AzureMachineLearning") != "Internet":
        return (
            "The Azure Machine Learning service cannot reach the nodes: their answers are routed to a virtual "
            "appliance. Add a route of AzureMachineLearning to Internet."
        )
    return None


def _unnamed(engine: EngineApi, workspace: Resource, compute: Resource) -> str | None:
    subnet = engine.get(str(dig(inner(compute), "subnet.id") or ""))
    if (
        not engine.hook_on("nodes-resolve-workspace")
        or subnet is None
        or inner(compute).get("enableNodePublicIp", True)
    ):
        return None
    name = unresolved(engine, workspace, subnet)
    return name and (
        f"The nodes cannot reach the workspace: {name} does not resolve to its private endpoint in the virtual network "
        f"of subnet {subnet.id}. Link the private DNS zone that holds the name to the network."
    )


def _unreachable(engine: EngineApi, workspace: Resource, compute: Resource) -> str | None:
    if not engine.hook_on("nodes-need-endpoint-and-egress"):
        return None
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
            f"The nodes cannot reach the Azure Batch service: subnet {subnet_id} has no outbound connectivity. "
            "Associate a NAT gateway with the subnet or route its traffic to a firewall."
        )
    return None


def has_egress(engine: EngineApi, subnet: Resource) -> bool:
    """A NAT gateway with an address, a default route to an appliance, or default outbound access."""
    gateway = engine.get(str(dig(subnet.body, "properties.natGateway.id") or ""))
    if gateway is not None and (
        items(gateway.body, "properties.publicIpAddresses") or items(gateway.body, "properties.publicIpPrefixes")
    ):
        return True
    if any(
        route.get("addressPrefix") == "0.0.0.0/0" and route.get("nextHopType") == "VirtualAppliance"
        for route in routes_of(engine, subnet)
    ):
        return True
    return subnet.properties.get("defaultOutboundAccess") is not False


def routes_of(engine: EngineApi, subnet: Resource) -> list[JsonObject]:
    """The routes of a subnet's table."""
    table = str(dig(subnet.body, "properties.routeTable.id") or "")
    return [route.properties for route in engine.children(table, ROUTE)] if table else []


def request_nodes(engine: EngineApi, compute: Resource, nodes: int) -> str | None:
    """Scale up to `nodes`; returns why it cannot be, if so. The cluster shows the reason under `errors`."""
    state = inner(compute)
    most = int(dig(state, "scaleSettings.maxNodeCount", 0))
    wanted = min(most, nodes)
    why = blocked(engine, compute)
    if why is None and wanted > int(state.get("currentNodeCount", 0)):
        why = exceeded(engine, parent_id(compute.id), state.get("vmSize"), wanted, but=compute.key)
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
        nodeStateCounts=node_counts(preparing=wanted - int(state.get("currentNodeCount", 0))),
    )
    engine.save(compute)
    tell(engine, compute, "ResizeStarted")
    engine.schedule(ALLOCATION_SECONDS, "cluster-allocates-nodes", compute.id)
    return None


def nodes_arrive(ctx: HookContext) -> None:
    state = inner(ctx.resource)
    target = int(state.get("targetNodeCount", 0))
    if (why := blocked(ctx.engine, ctx.resource)) is not None:
        # Said, so that whoever asks for nodes again starts a new allocation.
        state["errors"] = [{"error": {"code": "ResizeError", "message": why}}]
        return
    state.update(
        currentNodeCount=target,
        allocationState="Steady",
        allocationStateTransitionTime=iso(ctx.engine.now(), zulu=False),
        nodeStateCounts=node_counts(idle=target),
    )
    sample(ctx.engine, ctx.resource)
    tell(ctx.engine, ctx.resource, "ResizeCompleted")
    subnet = dig(state, "subnet.id")
    for number in range(target):
        add_reference(ctx.engine, subnet, "ipConfigurations", _node_ip(ctx.resource, number))
    for job in ctx.engine.children(parent_id(ctx.resource.id), "Microsoft.MachineLearningServices/workspaces/jobs"):
        if dig(job.body, "properties.status") == "Queued":
            ctx.engine.schedule(0, "job-runs", job.id, {"while": "Queued"})
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
    sample(engine, compute)
    engine.save(compute)
    return True


def vacate(engine: EngineApi, compute: Resource, nodes: int) -> None:
    counts = dict(inner(compute).get("nodeStateCounts") or {})
    counts["runningNodeCount"] = max(0, int(counts.get("runningNodeCount", 0)) - nodes)
    counts["idleNodeCount"] = int(counts.get("idleNodeCount", 0)) + nodes
    inner(compute)["nodeStateCounts"] = counts
    sample(engine, compute)
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
        nodeStateCounts=node_counts(running=running, idle=keep - running, leaving=current - keep),
    )
    sample(ctx.engine, compute)
    tell(ctx.engine, compute, "ResizeStarted")
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
        nodeStateCounts=node_counts(running=running, idle=max(0, target - running)),
    )
    sample(ctx.engine, compute)
    tell(ctx.engine, compute, "ResizeCompleted")


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
