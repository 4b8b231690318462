"""Resource type → meters: every type that a blueprint or an estimate knows, in the shapes that are billed otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.governance.pricing.estimate import Line, Status, estimate
from controlplane.governance.pricing.meter_map import FIREWALL, METERS
from controlplane.governance.pricing.table import Confidence, snapshot
from controlplane.governance.pricing.uses import Item
from controlplane.workspaces import kinds as k

REGION = "westeurope"
Body = dict[str, Any]
ENDPOINT = ("private-endpoint.hour", "private-link.data-in.gb", "private-link.data-out.gb")


def sku(name: str, **more: Any) -> Body:
    return {"sku": {"name": name}, **more}


def gateway(name: str, kind: str = "Vpn", **more: Any) -> Body:
    return {"properties": {"gatewayType": kind, "sku": {"name": name}, **more}}


def circuit(tier: str, family: str, speed: int) -> Body:
    return {
        "sku": {"tier": tier, "family": family},
        "properties": {"serviceProviderProperties": {"bandwidthInMbps": speed}},
    }


def compute(kind: str, **inner: Any) -> Body:
    return {"properties": {"computeType": kind, "properties": {"vmSize": "Standard_D4s_v3", **inner}}}


def machine(path: str) -> Body:
    disk = {"osDisk": {"managedDisk": {"storageAccountType": "StandardSSD_LRS"}}}
    if path == "vm":
        return {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v3"}, "storageProfile": disk}}
    return {
        "sku": {"name": "Standard_D2s_v3", "capacity": 2},
        "properties": {"virtualMachineProfile": {"storageProfile": disk}},
    }


MANAGED: Body = {
    "properties": {"managedNetwork": {"isolationMode": "AllowInternetOutbound", "status": {"status": "Active"}}}
}
RETENTION: Body = {"properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 90}}
AGENT = "vm/agent-1"

#: (key, type, body) → meters.
PRICED: list[tuple[str, str, Body, tuple[str, ...]]] = [
    ("pe", k.PRIVATE_ENDPOINT, {}, ENDPOINT),
    ("zone", k.DNS_ZONE, {}, ("private-dns.zone.month", "private-dns.queries.million")),
    ("peering", k.PEERING, {}, ("vnet-peering.intra-region.out.gb", "vnet-peering.intra-region.in.gb")),
    ("pip", k.PUBLIC_IP, sku("Standard"), ("public-ip.standard-static.hour",)),
    ("nat", k.NAT_GATEWAY, sku("Standard"), ("nat-gateway.hour", "nat-gateway.data.gb")),
    ("bastion", k.BASTION, sku("Basic"), ("bastion.basic.hour", "bastion.basic.egress.gb")),
    ("bastion", k.BASTION, sku("Standard"), ("bastion.standard.hour", "bastion.standard.egress.gb")),
    ("bastion", k.BASTION, sku("Standard", properties={"scaleUnits": 4}),
     ("bastion.standard.hour", "bastion.standard.scale-unit.hour", "bastion.standard.egress.gb")),
    *(
        ("vpn", k.VPN_GATEWAY, gateway(f"VpnGw{number}{az}"),
         (f"vpn-gateway.vpngw{number}{az.lower()}.hour", "egress.internet.mgn.gb"))
        for number in range(1, 6) for az in ("", "AZ")
    ),
    ("vpn", k.VPN_GATEWAY, gateway("VpnGw1AZ", vpnClientConfiguration={"vpnClientProtocols": ["OpenVPN"]}),
     ("vpn-gateway.vpngw1az.hour", "egress.internet.mgn.gb", "vpn-gateway.p2s-connection.hour")),
    *(
        ("er", k.VPN_GATEWAY, gateway(name, "ExpressRoute"), (f"expressroute-gateway.{meter}.hour",))
        for name, meter in (
            ("Standard", "standard"), ("HighPerformance", "high-performance"), ("ErGw1AZ", "ergw1az"),
            ("ErGw2AZ", "ergw2az"), ("ErGw3AZ", "ergw3az"), ("ErGwScale", "ergwscale-unit"),
        )
    ),
    ("site", k.CONNECTION, {"properties": {"connectionType": "IPsec"}}, ("vpn-gateway.s2s-connection.hour",)),
    ("line", k.CIRCUIT, circuit("Standard", "MeteredData", 1000),
     ("expressroute-circuit.standard-metered.1g.month", "expressroute-circuit.metered-egress.zone1.gb")),
    ("line", k.CIRCUIT, circuit("Premium", "MeteredData", 50),
     ("expressroute-circuit.premium-metered.50m.month", "expressroute-circuit.metered-egress.zone1.gb")),
    ("line", k.CIRCUIT, circuit("Standard", "UnlimitedData", 200),
     ("expressroute-circuit.standard-unlimited.200m.month",)),
    *(
        ("firewall", FIREWALL, {"properties": {"sku": {"tier": tier}}},
         (f"firewall.{tier.lower()}.hour", f"firewall.{tier.lower()}.data.gb"))
        for tier in ("Basic", "Standard", "Premium")
    ),
    *(("acr", k.REGISTRY, sku(name), (f"acr.{name.lower()}.day", "acr.storage-overage.gb-month"))
      for name in ("Basic", "Standard", "Premium")),
    ("storage", k.STORAGE, sku("Standard_LRS"),
     ("storage.blob.hot-lrs.gb-month", "storage.blob.hot-lrs.write.10k", "storage.blob.hot-lrs.read.10k",
      "storage.files.transaction-optimized-lrs.gb-month")),
    ("vault", k.VAULT, {}, ("key-vault.operations.10k",)),
    ("logs", k.LOG_ANALYTICS, {}, ("log-analytics.ingestion.gb",)),
    ("logs", k.LOG_ANALYTICS, RETENTION, ("log-analytics.ingestion.gb", "log-analytics.retention.gb-month")),
    ("insights", k.COMPONENT, {}, ("application-insights.ingestion.gb",)),
    ("workspace", k.ML_WORKSPACE, MANAGED, ENDPOINT),
    ("rule", k.OUTBOUND_RULE, {"properties": {"type": "PrivateEndpoint"}}, ENDPOINT),
    ("cluster", k.COMPUTE, compute("AmlCompute", scaleSettings={"maxNodeCount": 4}),
     ("vm.d4s-v3.linux.hour", "ml.compute.load-balancer.day")),
    ("cluster", k.COMPUTE, compute("AmlCompute", vmPriority="LowPriority", scaleSettings={"maxNodeCount": 4}),
     ("vm.d4s-v3.linux.low-priority.hour", "ml.compute.load-balancer.day")),
    ("instance", k.COMPUTE, compute("ComputeInstance"),
     ("vm.d4s-v3.linux.hour", "disk.p10-lrs.month", "ml.compute.load-balancer.day")),
    ("vm/jump", k.VM, machine("vm"), ("vm.d2s-v3.linux.hour", "disk.e4-lrs.month")),
    (AGENT, k.VM, machine("vm"), ("vm.d2s-v3.linux.hour", "devops.self-hosted-job.month", "disk.e4-lrs.month")),
    ("scale-set/agents", k.SCALE_SET, machine("set"),
     ("vm.d2s-v3.linux.hour", "devops.self-hosted-job.month", "disk.e4-lrs.month")),
]  # fmt: skip

#: Type → a shape of it that nobody bills.
FREE: list[tuple[str, Body]] = [
    *((kind, {}) for kind in (
        k.RESOURCE_GROUP, k.VNET, k.SUBNET, k.NSG, k.ROUTE_TABLE, k.SERVICE_ENDPOINT_POLICY, k.LOCAL_GATEWAY,
        k.INTERFACE, k.VM_EXTENSION, k.ZONE_GROUP, k.DNS_LINK, k.DIAGNOSTIC, k.IDENTITY, k.DATASTORE,
        k.MANAGED_NETWORK, k.ROLE_ASSIGNMENT,
    )),
    (k.BASTION, sku("Developer")),
    (k.CONNECTION, {"properties": {"connectionType": "ExpressRoute"}}),
    (k.COMPONENT, {"properties": {"WorkspaceResourceId": "/subscriptions/s/x"}}),
    (k.ML_WORKSPACE, {}),
    (k.OUTBOUND_RULE, {"properties": {"type": "FQDN"}}),
    (k.OUTBOUND_RULE, {"properties": {"type": "ServiceTag"}}),
]  # fmt: skip


def line(key: str, kind: str, body: Body) -> Line:
    return estimate([Item(key, kind, body, REGION)], snapshot()).lines[0]


def test_every_type_has_its_place_here_and_no_other_has() -> None:
    assert {fold(kind) for _, kind, _, _ in PRICED} | {fold(kind) for kind, _ in FREE} == set(METERS)


@pytest.mark.parametrize(("key", "kind", "body", "meters"), PRICED, ids=lambda one: one if isinstance(one, str) else "")
def test_a_type_is_billed_by_its_meters(key: str, kind: str, body: Body, meters: tuple[str, ...]) -> None:
    found = line(key, kind, body)
    assert [charge.use.meter for charge in found.charges] == list(meters)
    assert (found.status, found.reason) == (Status.PRICED, "")
    # What is paid for has a price above nothing in some tier, and a unit, a day and a source in each.
    for charge in found.charges:
        meter = snapshot().meter(charge.use.meter, REGION)
        assert meter is not None and meter.tiers[-1].amount > 0, charge.use.meter
        assert all(row.unit and row.seen and row.source for row in charge.rows)


@pytest.mark.parametrize(("kind", "body"), FREE, ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_free_says_so(kind: str, body: Body) -> None:
    found = line("one", kind, body)
    assert (found.status, found.charges) == (Status.FREE, ())
    assert found.reason


def test_every_price_that_is_not_sure_is_named() -> None:
    """Of whatever type: a charge that rests on an uncertain row is in ``uncertain``, with a reason or a source."""
    seen = set()
    for key, kind, body, _ in PRICED:
        bill = estimate([Item(key, kind, body, REGION)], snapshot())
        named = {charge.use.meter for charge in bill.uncertain}
        for charge in bill.lines[0].charges:
            rows = [row for row in charge.rows if row.confidence is Confidence.UNCERTAIN]
            assert (charge.confidence is Confidence.UNCERTAIN) >= bool(rows), charge.use.meter
            assert (charge.use.meter in named) is (charge.confidence is Confidence.UNCERTAIN), charge.use.meter
            assert charge.confidence is not Confidence.UNCERTAIN or charge.remark or rows
        seen |= named
    assert {"vpn-gateway.vpngw3az.hour", "expressroute-gateway.ergw2az.hour", "ml.compute.load-balancer.day"} <= seen
