"""Rules of cost, each by what they say of a bill and of one without it (docs/requirements.csv)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from controlplane.governance.pricing.estimate import Estimate, Line, Status, estimate
from controlplane.governance.pricing.suggest import suggested
from controlplane.governance.pricing.table import snapshot
from controlplane.governance.pricing.uses import Item
from controlplane.workspaces import kinds
from tests.support.bills import amounts

REGION = "westeurope"


def bill(*items: tuple[str, str, dict[str, Any]]) -> Estimate:
    """Of (key, type, body)."""
    return estimate([Item(key, kind, body, REGION) for key, kind, body in items], snapshot())


def line(kind: str, body: dict[str, Any]) -> Line:
    return bill(("one", kind, body)).lines[0]


def meters(found: Line) -> dict[str, str]:
    return {charge.use.meter: str(charge.amount.expected) for charge in found.charges}


def networks_are_free() -> None:
    found = line(kinds.VNET, {"properties": {}})
    assert (found.status, found.amount) == (Status.FREE, amounts("0", "0", "0"))
    assert "free" in found.reason


def endpoints_by_the_hour_and_by_data() -> None:
    found = line(kinds.PRIVATE_ENDPOINT, {})
    assert found.status is Status.PRICED
    # 730 x 0.01; 20 GB in and 5 GB out at 0.01.
    assert meters(found) == {
        "private-endpoint.hour": "7.30",
        "private-link.data-in.gb": "0.20",
        "private-link.data-out.gb": "0.05",
    }


def zones_and_queries() -> None:
    zones = [(f"zone/{number}", kinds.DNS_ZONE, {}) for number in range(30)]
    found = bill(*zones)
    assert all(one.status is Status.PRICED for one in found.lines)
    assert meters(found.lines[0]) == {"private-dns.zone.month": "0.50", "private-dns.queries.million": "0.04"}
    # 25 zones at 0.50, five at 0.10, nobody asks.
    assert found.total.low == Decimal("13.00")


def peering_both_ways_at_both_ends() -> None:
    found = bill(("there", kinds.PEERING, {}), ("back", kinds.PEERING, {}))
    assert [meters(one) for one in found.lines] == [
        {"vnet-peering.intra-region.out.gb": "0.10", "vnet-peering.intra-region.in.gb": "0.10"}
    ] * 2
    # Between regions each end pays by its own zone: 10 x 0.035 and 10 x 0.09, out and in.
    ends = [("westeurope", "japaneast"), ("japaneast", "westeurope")]
    far = estimate([Item(here, kinds.PEERING, {}, here, far=there) for here, there in ends], snapshot())
    assert [one.amount.expected for one in far.lines] == [Decimal("0.70"), Decimal("1.80")]
    nowhere = estimate([Item("one", kinds.PEERING, {}, "marscentral", far="westeurope")], snapshot())
    assert nowhere.lines[0].status is Status.INCOMPLETE


def gateway(sku: str, kind: str = "Vpn", **more: Any) -> dict[str, Any]:
    return {"properties": {"gatewayType": kind, "sku": {"name": sku}, **more}}


def vpn_gateways_as_long_as_they_are_there() -> None:
    found = line(kinds.VPN_GATEWAY, gateway("VpnGw1AZ"))
    assert found.status is Status.PRICED
    # 730 x 0.21, whether anybody comes or not; 900 GB beyond the free 100 at 0.087.
    assert found.amount == amounts("153.30", "153.30", "231.60")


def express_route_by_circuit_and_gateway() -> None:
    circuit = {
        "sku": {"tier": "Standard", "family": "MeteredData"},
        "properties": {"serviceProviderProperties": {"bandwidthInMbps": 200}},
    }
    found = bill(("line", kinds.CIRCUIT, circuit), ("gateway", kinds.VPN_GATEWAY, gateway("ErGw1AZ", "ExpressRoute")))
    # 145 a month and 100 GB at 0.025; 730 x 0.361.
    assert [one.amount.expected for one in found.lines] == [Decimal("147.50"), Decimal("263.53")]
    assert not found.incomplete
    plan = {**circuit, "sku": {"tier": "Standard", "family": "UnlimitedData"}}
    assert meters(line(kinds.CIRCUIT, plan)) == {"expressroute-circuit.standard-unlimited.200m.month": "1150.00"}


def bastion_by_sku_scale_units_and_data() -> None:
    def of(sku: str, units: int) -> Line:
        return line(kinds.BASTION, {"sku": {"name": sku}, "properties": {"scaleUnits": units}})

    # 730 x 0.29; 45 GB beyond the free 5 at 0.087.
    assert of("Standard", 2).amount == amounts("211.70", "211.70", "215.62")
    # Three units more: 3 x 730 x 0.14 = 306.60.
    assert of("Standard", 5).amount.low == Decimal("518.30")
    assert of("Basic", 2).amount.low == Decimal("138.70")
    assert of("Developer", 2).status is Status.FREE
    assert of("Premium", 2).status is Status.INCOMPLETE


def budget_from_the_estimate() -> None:
    nat = {"sku": {"name": "Standard"}}
    # 730 x 0.045 + 50 x 0.045 = 35.10.
    assert suggested("budget", bill(("nat", kinds.NAT_GATEWAY, nat))) == Decimal(40)
    unknown = ("one", "Microsoft.Quantum/workspaces", {})
    assert suggested("budget", bill(("nat", kinds.NAT_GATEWAY, nat), unknown)) is None
    assert suggested("budget", bill(("rules", kinds.NSG, {}))) is None


def agents_and_their_jobs() -> None:
    disk = {"osDisk": {"managedDisk": {"storageAccountType": "StandardSSD_LRS"}}}
    machine = {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v3"}, "storageProfile": disk}}
    found = bill(*((key, kinds.VM, machine) for key in ("vm/agent-1", "vm/agent-2", "vm/jump-host")))
    # 730 x 0.12, a disk at 2.40; one agent works with the free job, the other's is 15 a month, unless it is paid for
    # already; a jump host takes none.
    assert [one.amount for one in found.lines] == [
        amounts("90.00", "90.00", "90.00"),
        amounts("90.00", "105.00", "105.00"),
        amounts("90.00", "90.00", "90.00"),
    ]


def firewall_of_rules_for_hosts() -> None:
    mode = {"isolationMode": "AllowOnlyApprovedOutbound", "firewallSku": "Basic"}
    home = ("home", kinds.ML_WORKSPACE, {"properties": {"managedNetwork": mode}})
    network = ("network", kinds.MANAGED_NETWORK, {})
    rule = ("rule", kinds.OUTBOUND_RULE, {"properties": {"type": "FQDN", "destination": "pypi.org"}})
    without, with_rule, unbuilt = bill(home, network), bill(home, network, rule), bill(home, rule)
    # Five endpoints at 7.30; 730 x 0.395 more; nothing before the network is built.
    assert [one.total.low for one in (without, with_rule, unbuilt)] == [
        Decimal("36.50"),
        Decimal("324.85"),
        Decimal("0"),
    ]


ADVISE: dict[str, Callable[[], None]] = {
    "S1-18": networks_are_free,
    "S1-19": endpoints_by_the_hour_and_by_data,
    "S1-20": zones_and_queries,
    "S1-21": peering_both_ways_at_both_ends,
    "S1-22": vpn_gateways_as_long_as_they_are_there,
    "S1-23": express_route_by_circuit_and_gateway,
    "S1-24": bastion_by_sku_scale_units_and_data,
    "S3-101": budget_from_the_estimate,
}
REPORT: dict[str, Callable[[], None]] = {"S1-56": agents_and_their_jobs, "S5-25": firewall_of_rules_for_hosts}


@pytest.mark.parametrize("need", ADVISE)
def test_advise(need: str) -> None:
    ADVISE[need]()


@pytest.mark.parametrize("need", REPORT)
def test_report(need: str) -> None:
    REPORT[need]()
