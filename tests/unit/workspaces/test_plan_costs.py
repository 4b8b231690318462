"""The difference that a plan makes to the bill: what exists is priced as Azure shows it, what is wanted as declared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.governance.pricing.estimate import Status
from controlplane.governance.pricing.usage import NOTHING, Range
from controlplane.http import cost_views
from controlplane.http.models.costs import CostBody
from controlplane.ports.prices import PriceAnswers, PriceQuestion, PriceRow, RetailPrices
from controlplane.workspaces import kinds as k
from controlplane.workspaces.diff import diff
from controlplane.workspaces.kinds import API_VERSIONS
from controlplane.workspaces.model import Blueprint, Observed, Unreadable
from controlplane.workspaces.records import Owned
from controlplane.workspaces.services.costs import Costs, Money, costs_of
from tests.support.azure_answers import Estate, create
from tests.support.bills import amounts
from tests.support.blueprints import FULL_HUB, compiled, compiled_example, managed, with_hub
from tests.support.price_list import ListedPrices

NO_COMPUTE: dict[str, Any] = {"compute": {"clusters": []}}
CLUSTER = amounts("10.04", "113.18", "865.60")


def owned(estate: Estate) -> dict[str, Owned]:
    """The inventory after everything was made."""
    return {
        one.key: Owned(resource_id=estate.id_of(one.key), type=one.type, api_version=API_VERSIONS[one.type])
        for one in estate.blueprint.resources
    }


def plan(
    wanted: Blueprint,
    estate: Estate | None = None,
    prices: RetailPrices | None = None,
    seen: Observed | None = None,
    billed_in: str | None = None,
) -> Costs:
    """What a plan of ``wanted`` says where ``estate`` is what was made."""
    observed = seen or (estate.observed(wanted) if estate is not None else Observed({}))
    changes = diff(wanted, observed, owned(estate) if estate is not None else {})
    return asyncio.run(costs_of(wanted, changes, observed, Money(prices, billed_in)))


def body(found: Costs) -> dict[str, Any]:
    """As the API shows it; strictly of the model that OpenAPI shows."""
    shown = cost_views.costs(found)
    return CostBody.model_validate(shown).model_dump(mode="json", by_alias=True)


def difference(found: Costs) -> Range:
    return found.after.total - found.before.total


def without_hosts() -> dict[str, Any]:
    """What to replace in the example for approved outbound without any rule for a host name."""
    network = managed("managed-approved-catalog")["network"]
    rules = [one for one in network["managed"].get("outboundRules", []) if one["type"] != "fqdn"]
    return {"network": {**network, "managed": {**network["managed"], "outboundRules": rules}}, "catalog": {}}


def test_a_new_workspace_costs_nothing_now() -> None:
    found = plan(compiled_example("secure-classical"))
    assert (found.before.total, found.after.total) == (NOTHING, amounts("136.73", "262.58", "1546.59"))


@pytest.mark.parametrize("name", ["secure-classical", "hub-vpn", "managed-approved-catalog", "compute-identities"])
def test_what_exists_as_declared_makes_no_difference(name: str) -> None:
    blueprint = compiled_example(name)
    found = plan(blueprint, create(blueprint))
    assert difference(found) == NOTHING
    assert found.before.total == found.after.total != NOTHING
    assert body(found)["isComplete"] is True


def test_a_cluster_more_is_what_it_costs() -> None:
    found = plan(compiled(), create(compiled(**NO_COMPUTE)))
    assert difference(found) == CLUSTER
    (line,) = [one for one in body(found)["lines"] if one["key"] == "cluster/cpu"]
    assert (line["before"], line["after"]["low"]) == (None, {"amount": 10.04, "currency": "USD"})


def test_what_goes_takes_its_costs_with_it() -> None:
    found = plan(compiled(**NO_COMPUTE), create(compiled()))
    assert difference(found) == NOTHING - CLUSTER
    (line,) = [one for one in body(found)["lines"] if one["key"] == "cluster/cpu"]
    assert (line["status"], line["after"], line["before"]["high"]["amount"]) == ("removed", None, 865.60)


def test_a_larger_cluster_is_the_nodes_more() -> None:
    cluster = {"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 6}
    found = plan(compiled(compute={"clusters": [cluster]}), create(compiled()))
    # Two nodes more: 2 x 88 x 0.293 (154.70 - 103.14), 2 x 730 x 0.293.
    assert difference(found) == amounts("0.00", "51.56", "427.78")


def test_what_somebody_changed_in_azure_is_priced_as_it_is_there() -> None:
    blueprint = compiled(network=with_hub(**FULL_HUB))
    estate = create(blueprint)
    estate.body("bastion")["properties"]["scaleUnits"] = 5
    # A repair takes three units away: 3 x 730 x 0.14.
    assert difference(plan(blueprint, estate)) == Range.of(Decimal("-306.60"))


def test_the_first_rule_for_a_host_shows_its_firewall() -> None:
    found = plan(compiled(**managed("managed-approved-catalog")), create(compiled(**without_hosts())))
    # Firewall Basic: 730 x 0.395, and 50 or 1000 GB at 0.065.
    assert difference(found) == amounts("288.35", "291.60", "353.35")


def test_a_rule_that_somebody_added_keeps_the_firewall() -> None:
    blueprint = compiled(**without_hosts())
    assert plan(blueprint, create(blueprint)).after.total.low < Decimal(200)  # no firewall
    estate = create(blueprint)
    arm_id = f"{estate.id_of('workspace')}/outboundRules/by-hand"
    rule = {"type": "FQDN", "destination": "pypi.org", "category": "UserDefined"}
    estate.bodies[fold(arm_id)] = {"id": arm_id, "name": "by-hand", "type": k.OUTBOUND_RULE, "properties": rule}
    found = plan(blueprint, estate)
    assert difference(found) == NOTHING
    (home,) = [line for line in found.after.lines if line.key == "workspace"]
    assert "firewall.basic.hour" in {charge.use.meter for charge in home.charges}


def test_what_azure_does_not_show_is_not_nothing() -> None:
    blueprint = compiled()
    estate = create(blueprint)
    group = blueprint.own_groups[0]
    estate.refused[fold(f"{group}/providers/{k.NAT_GATEWAY}")] = Unreadable("AuthorizationFailed", "No.")
    found = plan(blueprint, estate)
    (gap,) = found.before.incomplete
    assert (gap.key, found.after.incomplete) == ("nat-gateway", ())
    shown = body(found)
    assert (shown["isComplete"], shown["incomplete"][0]["of"]) == (False, ["before"])


def test_a_hub_in_another_region_makes_each_gigabyte_dearer() -> None:
    blueprint = compiled_example("hub-existing")
    near = plan(blueprint)
    (hub,) = {
        str(one.body["properties"]["remoteVirtualNetwork"]["id"])
        for one in blueprint.resources
        if one.key == "peering/ml-to-hub"
    }
    far = plan(blueprint, seen=Observed({}, snapshot={fold(hub): {"location": "East US"}}))
    # Both ends in Zone 1: 10 GB each way at 0.035 in place of 0.01.
    assert far.after.total.expected - near.after.total.expected == Decimal("1.00")


def test_a_gateway_and_a_circuit_of_others_are_told_and_not_added() -> None:
    blueprint = compiled_example("landing-zone")
    bodies = {
        k.VPN_GATEWAY: {"properties": {"gatewayType": "ExpressRoute", "sku": {"name": "ErGw1AZ"}}},
        k.CIRCUIT: {
            "sku": {"tier": "Standard", "family": "MeteredData"},
            "properties": {"serviceProviderProperties": {"bandwidthInMbps": 50}},
        },
    }
    snapshot = {fold(arm_id): bodies[kind] for kind, arm_id in blueprint.watched}
    found = plan(blueprint, seen=Observed({}, snapshot=snapshot))
    others = {line.type: line for line in found.after.lines if line.key.startswith("others/")}
    assert {line.status for line in others.values()} == {Status.OTHERS}
    # 730 x 0.361; 55 a month and 100 GB at 0.025.
    charged = {kind: sum(charge.amount.expected for charge in line.charges) for kind, line in others.items()}
    assert charged == {k.VPN_GATEWAY: Decimal("263.53"), k.CIRCUIT: Decimal("57.50")}
    assert found.after.total == plan(blueprint).after.total


class Listed:
    """A price list that knows the node and nothing else."""

    def __init__(self, *notes: str) -> None:
        self.notes = notes
        self.asked: list[PriceQuestion] = []

    async def ask(self, questions: Sequence[PriceQuestion], currency: str) -> PriceAnswers:
        self.asked += questions
        row = PriceRow("DSv2", "DS3 v2", "DS3 v2", "westeurope", "1 Hour", Decimal(0), Decimal("0.5"), "2026-11-01")
        rows = {one: (row,) if one.size.lower() == "standard_ds3_v2" else () for one in questions}
        return PriceAnswers(rows, "2026-11-22T12:00:00+00:00", self.notes)


def test_prices_that_the_list_knows_go_before_the_table() -> None:
    listed = Listed("One was not answered.")
    found = plan(compiled(), prices=listed)
    shown = body(found)
    assert shown["prices"] == {
        "origin": "mixed",
        "asOf": "2026-11-22T12:00:00+00:00",
        "snapshot": "2026-11-21",
        "notes": ["One was not answered."],
    }
    # 4 x 88 x 0.50 in place of 0.293.
    assert found.after.total.expected == Decimal("262.58") - Decimal("103.14") + Decimal("176.00")
    assert "vm.ds3-v2.linux.hour" not in {one["meter"] for one in shown["uncertain"]}
    assert len(listed.asked) == len(set(listed.asked))


def test_a_plan_is_in_what_the_subscription_is_billed_in() -> None:
    shown = body(plan(compiled(), prices=ListedPrices(), billed_in="EUR"))
    assert (shown["currency"], shown["billingCurrency"], shown["isComplete"]) == ("EUR", "EUR", True)
    assert {one["amount"]["expected"]["currency"] for line in shown["lines"] for one in line["charges"]} == {"EUR"}
    assert shown["suggestedBudget"]["currency"] == "EUR"
    # Without a list there are prices in dollars alone, and nobody knows a rate.
    alone = body(plan(compiled(), billed_in="EUR"))
    assert (alone["currency"], alone["billingCurrency"]) == ("USD", "EUR")
    assert "billed in EUR; all prices are in USD" in alone["prices"]["notes"][-1]
    assert body(plan(compiled()))["billingCurrency"] is None


def test_a_plan_names_its_assumptions_and_where_prices_come_from() -> None:
    shown = body(plan(compiled()))
    assert shown["prices"]["origin"] == "snapshot"
    assert {"nodeHours", "logs"} <= {one["name"] for one in shown["assumptions"]}
    assert shown["suggestedBudget"] == {"amount": 270.0, "currency": "USD"}
    free = {line["type"] for line in shown["lines"] if line["status"] == "free"}
    assert {k.VNET, k.NSG, k.SUBNET, k.ROLE_ASSIGNMENT} <= free
    (nat,) = [line for line in shown["lines"] if line["key"] == "nat-gateway"]
    assert nat["charges"][0]["prices"][0]["asOf"] == "2026-09-25"
    assert replace(plan(compiled())).after.currency == "USD"
