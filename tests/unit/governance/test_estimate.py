"""Bills: every type of every example has an answer, what has none is named, and what is not sure says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.governance.pricing.estimate import Estimate, Status, estimate, wanted
from controlplane.governance.pricing.meter_map import METERS
from controlplane.governance.pricing.table import PriceTable, snapshot
from controlplane.governance.pricing.usage import ASSUMPTIONS, NOTHING
from controlplane.governance.pricing.uses import Item
from controlplane.workspaces import kinds
from tests.support.bills import bill_of, items_of
from tests.support.blueprints import EXAMPLES, compiled_example, everything, example, with_full_hub, with_instance

REGION = "westeurope"
BILLS: dict[str, Estimate] = {name: bill_of(name) for name in EXAMPLES}
TYPES = sorted({one.type for name in EXAMPLES for one in compiled_example(name).resources})


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_every_example_is_priced_or_free(kind: str) -> None:
    lines = [line for bill in BILLS.values() for line in bill.lines if line.type == kind]
    told = {line.status for line in lines}
    assert told <= {Status.PRICED, Status.FREE, Status.OTHERS}, kind
    for line in lines:
        assert bool(line.reason) is (line.status is not Status.PRICED), line.key
        assert (line.status is Status.PRICED) is any(charge.use.meter for charge in line.charges), line.key


@pytest.mark.parametrize("changes", [with_full_hub(), with_instance()], ids=["hub", "instance"])
def test_hubs_and_instances_have_prices(changes: dict[str, Any]) -> None:
    found = estimate(items_of(everything(**changes)), snapshot())
    assert found.incomplete == ()


@pytest.mark.parametrize("name", EXAMPLES)
def test_more_use_costs_more_and_nothing_is_negative(name: str) -> None:
    bill = BILLS[name]
    for line in bill.lines:
        assert Decimal(0) <= line.amount.low <= line.amount.expected <= line.amount.high, line.key
    assert Decimal(0) < bill.total.low < bill.total.expected < bill.total.high


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_sum_is_of_the_lines_that_are_shown(name: str) -> None:
    total = NOTHING
    for line in BILLS[name].lines:
        charges = NOTHING
        for charge in line.charges:
            charges += charge.amount
        assert line.amount == (NOTHING if line.status is Status.OTHERS else charges)
        total += line.amount
    assert total == BILLS[name].total


def test_a_type_without_a_meter_is_named_and_is_never_nothing() -> None:
    quantum = Item("one", "Microsoft.Quantum/workspaces", {}, REGION)
    found = estimate([quantum, Item("nat", kinds.NAT_GATEWAY, {"sku": {"name": "Standard"}}, REGION)], snapshot())
    (gap,) = found.incomplete
    assert (gap.key, gap.status) == ("one", Status.INCOMPLETE)
    assert "Microsoft.Quantum/workspaces" in gap.reason
    assert found.total.low == Decimal("32.85")


def without(meter: str) -> PriceTable:
    return PriceTable({key: rows for key, rows in snapshot().rows.items() if key != meter})


def test_a_meter_without_a_price_makes_its_resource_incomplete() -> None:
    found = bill_of("secure-classical", without("nat-gateway.data.gb"))
    (gap,) = found.incomplete
    assert gap.key == "nat-gateway"
    assert "nat-gateway.data.gb in westeurope" in gap.reason
    assert gap.amount.expected == Decimal("32.85")  # what is known of it


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (kinds.COMPUTE, {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_No_v9"}}}),
        (kinds.COMPUTE, {"properties": {"computeType": "Kubernetes", "properties": {"vmSize": "Standard_DS3_v2"}}}),
        (kinds.COMPUTE, {"properties": None}),
        (kinds.NAT_GATEWAY, {"sku": {"name": "StandardV2"}}),
        (kinds.PUBLIC_IP, {"sku": {"name": "Basic"}}),
        (kinds.BASTION, {"sku": {"name": "Gigantic"}}),
        (kinds.BASTION, {"sku": {"name": "Standard"}, "properties": {"scaleUnits": "many"}}),
        (kinds.VPN_GATEWAY, {"properties": {"gatewayType": "Vpn", "sku": {"name": "VpnGw9"}}}),
        (kinds.VPN_GATEWAY, {"properties": {"gatewayType": "ExpressRoute", "sku": {"name": "ErGw9AZ"}}}),
        (kinds.CONNECTION, {"properties": {"connectionType": "Tunnel"}}),
        (kinds.CIRCUIT, {"sku": {"tier": "Local", "family": "UnlimitedData"}}),
        (kinds.STORAGE, {"sku": {"name": "Premium_LRS"}, "kind": "StorageV2"}),
        (kinds.STORAGE, {"sku": {"name": "Standard_GRS"}, "kind": "StorageV2"}),
        (kinds.REGISTRY, {"sku": {"name": "Platinum"}}),
        (kinds.LOG_ANALYTICS, {"properties": {"sku": {"name": "CapacityReservation"}}}),
        (kinds.OUTBOUND_RULE, {"properties": {"type": "Teleport"}}),
        (kinds.VM, {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v3"}}}),
    ],
)
def test_what_no_meter_is_known_of_says_so(kind: str, body: dict[str, Any]) -> None:
    (line,) = estimate([Item("one", kind, body, REGION)], snapshot()).lines
    assert line.status is Status.INCOMPLETE
    assert line.reason


def test_what_could_not_be_read_is_not_known() -> None:
    items = [
        Item("one", kind, {}, REGION, unread="Azure does not show it now.") for kind in (kinds.BASTION, kinds.VNET)
    ]
    first, second = estimate(items, snapshot()).lines
    assert (first.status, first.reason, second.status) == (
        Status.INCOMPLETE,
        "Azure does not show it now.",
        Status.FREE,
    )


def test_somebody_elses_is_told_and_not_added() -> None:
    gateway = {"properties": {"gatewayType": "ExpressRoute", "sku": {"name": "ErGw1AZ"}}}
    found = estimate([Item("others/ergw", kinds.VPN_GATEWAY, gateway, REGION, ours=False)], snapshot())
    (line,) = found.lines
    assert (line.status, line.amount, found.total) == (Status.OTHERS, NOTHING, NOTHING)
    assert line.charges[0].amount.low == Decimal("263.53")  # 730 x 0.361


def test_uncertain_prices_are_named_with_the_reason() -> None:
    found = {charge.use.meter: charge.remark for charge in BILLS["secure-classical"].uncertain}
    assert set(found) == {
        "ml.compute.load-balancer.day",  # "around 0.33 a day"
        "storage.files.transaction-optimized-lrs.gb-month",  # of another region
        "vm.ds3-v2.linux.hour",  # of another region
    }
    assert "eastus" in found["vm.ds3-v2.linux.hour"]


def test_assumptions_are_those_that_numbers_rest_on() -> None:
    names = {one.name for one in BILLS["secure-classical"].assumptions}
    assert {"nodeHours", "privateLinkIn", "logs"} <= names
    assert not names & {"bastionData", "gatewayData", "firewallData", "parallelJobs", "instanceHours"}
    used = {one.name for bill in BILLS.values() for one in bill.assumptions}
    assert set(ASSUMPTIONS) - used == {"circuitData"}  # no example makes a circuit


def test_grants_are_given_once_to_a_bill() -> None:
    gateway = Item("a", kinds.LOG_ANALYTICS, {}, REGION)
    # 10 GB each, of which five are free once: 5 x 2.99 and 10 x 2.99.
    found = estimate([gateway, Item("b", kinds.LOG_ANALYTICS, {}, REGION)], snapshot())
    assert [line.amount.expected for line in found.lines] == [Decimal("14.95"), Decimal("29.90")]


def test_nodes_that_are_always_there_cost_without_anybody_using_them() -> None:
    scale = {"minNodeCount": 2, "maxNodeCount": 120}
    cluster = {"vmSize": "STANDARD_D4S_V3", "vmPriority": "Dedicated", "scaleSettings": scale}
    body = {"properties": {"computeType": "AmlCompute", "properties": cluster}}
    nodes, balancer = estimate([Item("c", kinds.COMPUTE, body, REGION)], snapshot()).lines[0].charges
    # 2 x 730 x 0.24; + 118 x 88 x 0.24; 120 x 730 x 0.24. Three balancers of 50 nodes: 3 x 730 / 24 x 0.33.
    assert (nodes.amount.low, nodes.amount.expected, nodes.amount.high) == (
        Decimal("350.40"),
        Decimal("2842.56"),
        Decimal("21024.00"),
    )
    assert balancer.amount.low == Decimal("30.11")


def test_a_region_of_another_cloud_has_no_price_at_all() -> None:
    items = [
        Item(one.key, one.type, one.body, "usgovvirginia", one.ours) for one in items_of(compiled_example("hub-vpn"))
    ]
    found = estimate(items, snapshot())
    assert found.total == NOTHING
    assert {line.status for line in found.lines} == {Status.FREE, Status.INCOMPLETE}


def test_everything_that_bills_is_asked_for() -> None:
    asked = {meter for meter, _ in wanted(items_of(compiled_example("hub-vpn")))}
    charged = {charge.use.meter for line in BILLS["hub-vpn"].lines for charge in line.charges}
    assert asked == charged


def test_the_map_is_by_folded_type() -> None:
    assert all(kind == fold(kind) for kind in METERS)
    assert example("secure-classical")["location"] == REGION
