"""The meter map: what a resource uses while it is as it is now, as meter → how many at once.

Sources: learn.microsoft.com, pricing pages of each service and "Manage Azure Machine Learning costs" (a compute
instance pays its P10 disk and its load balancer while it is stopped; a load balancer for each compute instance and for
every 50 nodes of a cluster, until the compute is deleted; no surcharge on computes and endpoints); "Workspace managed
virtual network isolation" (the network is free, its endpoints and its firewall are not; the firewall comes with the
first FQDN rule). A size without a price in the list is an error of the list, and a test finds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from simulator.billing.prices import COUNTED, Price, known
from simulator.engine.declaration import EngineApi, JsonObject, Resource
from simulator.types._shared import dig, items, parent_id
from simulator.types.alert_rules import DYNAMIC
from simulator.types.machinelearning.jobs import SERVERLESS_SIZE
from simulator.types.machinelearning.managed_network import APPROVED, RULE, mode_of
from simulator.types.machinelearning.nodes import duration, inner

Uses = dict[str, float]
ML = "microsoft.machinelearningservices/workspaces"
NODES_A_BALANCER = 50
DISKS = ((32, "4"), (128, "10"), (512, "20"), (1024, "30"))
SERIES = {"premium_lrs": "p", "standardssd_lrs": "e", "standard_lrs": "s"}


def machine(size: object) -> str:
    """The meter of one hour of a size."""
    return f"vm.{str(size).lower().removeprefix('standard_').replace('_', '-')}.linux.hour"


def per_unit(price: Price) -> float:
    """How many of what people count make one of what is priced."""
    return COUNTED[price.unit]


def _flat(meter: str) -> Callable[[EngineApi, Resource], Uses]:
    return lambda engine, resource: {meter: 1.0}


def _public_ip(engine: EngineApi, address: Resource) -> Uses:
    tier = str(dig(address.body, "sku.tier", "Regional"))
    standard = str(dig(address.body, "sku.name", "Standard")) == "Standard"
    kind = ("global-static" if tier == "Global" else "standard-static") if standard else "basic-dynamic"
    return {f"public-ip.{kind}.hour": 1.0}


def _bastion(engine: EngineApi, bastion: Resource) -> Uses:
    """Two instances are in the price of the SKU."""
    sku = str(dig(bastion.body, "sku.name", "Standard")).lower()
    more = int(bastion.properties.get("scaleUnits") or 2) - 2
    return {f"bastion.{sku}.hour": 1.0, **({"bastion.standard.scale-unit.hour": float(more)} if more > 0 else {})}


def _gateway(engine: EngineApi, gateway: Resource) -> Uses:
    sku = str(dig(gateway.body, "properties.sku.name", "")).lower()
    if str(gateway.properties.get("gatewayType")).lower() == "vpn":
        return {f"vpn-gateway.{sku}.hour": 1.0}
    return {f"expressroute-gateway.{'high-performance' if sku == 'highperformance' else sku}.hour": 1.0}


def _connection(engine: EngineApi, connection: Resource) -> Uses:
    site = str(connection.properties.get("connectionType")).lower() == "ipsec"
    return {"vpn-gateway.s2s-connection.hour": 1.0} if site else {}


def _circuit(engine: EngineApi, circuit: Resource) -> Uses:
    sku = circuit.body.get("sku") or {}
    plan = f"{str(sku.get('tier')).lower()}-{str(sku.get('family')).lower().removesuffix('data')}"
    speed = int(dig(circuit.body, "properties.serviceProviderProperties.bandwidthInMbps", 50))
    return {f"expressroute-circuit.{plan}.{f'{speed // 1000}g' if speed >= 1000 else f'{speed}m'}.month": 1.0}


def _registry(engine: EngineApi, registry: Resource) -> Uses:
    return {f"acr.{str(dig(registry.body, 'sku.name', 'Basic')).lower()}.day": 1.0}


def _metric_alert(engine: EngineApi, rule: Resource) -> Uses:
    """A time series for each criterion and resource; what dimensions would split is not known before it fires."""
    criteria = items(rule.properties, "criteria.allOf")
    scopes = len(rule.properties.get("scopes") or ()) or 1
    dynamic = sum(scopes for one in criteria if one.get("criterionType") == DYNAMIC)
    found = {"monitor.metric-alert.series-month": float(scopes * len(criteria))}
    return {**found, **({"monitor.metric-alert.dynamic-series-month": float(dynamic)} if dynamic else {})}


def _log_alert(engine: EngineApi, rule: Resource) -> Uses:
    minutes = duration(str(rule.properties.get("evaluationFrequency", "PT5M"))) / 60
    name = next((text for most, text in ((1, "1min"), (5, "5min"), (10, "10min")) if minutes <= most), "15min")
    return {f"monitor.log-alert.{name}.rule-month": 1.0}


def _disk(engine: EngineApi, disk: Resource) -> Uses:
    series = SERIES.get(str(dig(disk.body, "sku.name", "Standard_LRS")).lower(), "s")
    size = int(disk.properties.get("diskSizeGB") or 30)
    for most, number in DISKS:
        if size <= most and known(f"disk.{series}{number}-lrs.month"):
            return {f"disk.{series}{number}-lrs.month": 1.0}
    return {f"disk.{series}{'30' if series != 's' else '10'}-lrs.month": math.ceil(size / DISKS[-1][0]) * 1.0}


def _virtual_machine(engine: EngineApi, vm: Resource) -> Uses:
    off = "deallocated" in str(vm.private.get("power", "")).lower()
    return {} if off else {machine(dig(vm.body, "properties.hardwareProfile.vmSize")): 1.0}


def _scale_set(engine: EngineApi, scale_set: Resource) -> Uses:
    sku: JsonObject = scale_set.body.get("sku") or {}
    return {machine(sku.get("name")): float(sku.get("capacity") or 0)}


# -- Azure ML ----------------------------------------------------------------------------------------------------------


def _compute(engine: EngineApi, compute: Resource) -> Uses:
    state = inner(compute)
    meter = machine(state.get("vmSize"))
    if dig(compute.body, "properties.computeType") == "ComputeInstance":
        running = {meter: 1.0} if state.get("state") in ("Running", "Restarting") else {}
        return {**running, "disk.p10-lrs.month": 1.0, "ml.compute.load-balancer.day": 1.0}
    nodes = int(state.get("currentNodeCount") or 0)
    balancers = float(max(1, math.ceil(nodes / NODES_A_BALANCER)))
    return {**({hours_of(compute): float(nodes)} if nodes else {}), "ml.compute.load-balancer.day": balancers}


def hours_of(compute: Resource) -> str:
    """The meter of an hour of a compute's machine."""
    state = inner(compute)
    meter, low = machine(state.get("vmSize")), str(state.get("vmPriority")).lower() == "lowpriority"
    return meter.replace(".hour", ".low-priority.hour") if low else meter


def _serverless(engine: EngineApi, job: Resource) -> Uses:
    """A job without a compute pays for the machines it runs on, while it runs."""
    if job.properties.get("computeId") or job.properties.get("jobType") not in ("Command", "Spark"):
        return {}
    asked = job.properties.get("resources") or {}
    meter = machine(asked.get("instanceType") or SERVERLESS_SIZE)
    runs = job.properties.get("status") in ("Preparing", "Running", "Finalizing")
    return {meter: float(asked.get("instanceCount") or 1)} if runs and known(meter) else {}


def _deployment(engine: EngineApi, deployment: Resource) -> Uses:
    if str(deployment.properties.get("endpointComputeType")).lower() == "kubernetes":
        return {}
    instances = float(dig(deployment.body, "sku.capacity", 1))
    return {machine(deployment.properties.get("instanceType")): instances}


def _outbound_rule(engine: EngineApi, rule: Resource) -> Uses:
    active = rule.properties.get("type") == "PrivateEndpoint" and rule.properties.get("status") == "Active"
    return {"private-endpoint.hour": 1.0} if active else {}


def _workspace(engine: EngineApi, workspace: Resource) -> Uses:
    """Nothing but its managed network's firewall."""
    if mode_of(workspace.body) != APPROVED:
        return {}
    rules = [one.properties for one in engine.children(workspace.id, RULE)]
    if not any(rule.get("type") == "FQDN" and rule.get("status") == "Active" for rule in rules):
        return {}
    return {
        f"firewall.{str(dig(workspace.body, 'properties.managedNetwork.firewallSku', 'Standard')).lower()}.hour": 1.0
    }


MAP: dict[str, Callable[[EngineApi, Resource], Uses]] = {
    "microsoft.network/privateendpoints": _flat("private-endpoint.hour"),
    "microsoft.network/privatednszones": _flat("private-dns.zone.month"),
    "microsoft.network/publicipaddresses": _public_ip,
    "microsoft.network/natgateways": _flat("nat-gateway.hour"),
    "microsoft.network/bastionhosts": _bastion,
    "microsoft.network/virtualnetworkgateways": _gateway,
    "microsoft.network/connections": _connection,
    "microsoft.network/expressroutecircuits": _circuit,
    "microsoft.containerregistry/registries": _registry,
    "microsoft.insights/metricalerts": _metric_alert,
    "microsoft.insights/scheduledqueryrules": _log_alert,
    "microsoft.compute/disks": _disk,
    "microsoft.compute/virtualmachines": _virtual_machine,
    "microsoft.compute/virtualmachinescalesets": _scale_set,
    ML: _workspace,
    f"{ML}/computes": _compute,
    f"{ML}/jobs": _serverless,
    f"{ML}/onlineendpoints/deployments": _deployment,
    f"{ML}/outboundrules": _outbound_rule,
}
#: What is said of a resource that a change of this type's may change, too.
ABOUT_PARENT = frozenset({f"{ML}/outboundrules"})


def uses(engine: EngineApi, resource: Resource) -> Uses | None:
    """None where nothing can be told yet: what is being made is not charged, what failed goes on as it was."""
    state = str(resource.properties.get("provisioningState") or "")
    if resource.hidden or state in ("Creating", "Accepted"):
        return {}
    if state == "Failed":
        return None
    return {meter: count for meter, count in MAP[resource.type.lower()](engine, resource).items() if count}


def billed(engine: EngineApi, resource: Resource) -> tuple[str, JsonObject]:
    """(the resource that its costs are shown of, their tags).

    Computes, endpoints and rules are shown as their workspace's, with its tags below their own; those of managed online
    endpoints say which by tags of Azure's own ("View costs for managed online endpoints"). That tags are joined so is
    assumed.
    """
    kind = resource.type.lower()
    tags = dict(resource.body.get("tags") or {})
    if not kind.startswith(f"{ML}/"):
        return resource.id, tags
    workspace_id = "/".join(resource.id.split("/")[:9])
    workspace = engine.get(workspace_id)
    above = dict(workspace.body.get("tags") or {}) if workspace is not None else {}
    if kind.endswith("/deployments"):
        endpoint = engine.get(parent_id(resource.id))
        above |= dict(endpoint.body.get("tags") or {}) if endpoint is not None else {}
        tags |= {"azuremlendpoint": resource.id.split("/")[-3], "azuremldeployment": resource.name}
    return workspace_id, {**above, **tags}
