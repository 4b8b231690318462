"""Address plans: what a range must hold, where one is free, and what may be asked for."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import ErrorDetail, Rejected
from controlplane.projects.registration import parse_registration
from controlplane.projects.scope import out_of_scope
from controlplane.workspaces.addresses import DOCKER_BRIDGE, choice, choose, free, placed, usable, wanted_prefix
from controlplane.workspaces.blueprint.context import Ranges
from controlplane.workspaces.spec import parse_spec
from tests.support.api import registration, spec

HUB_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub"
HUB = f"{HUB_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
POOL = IPv4Network("10.40.0.0/16")


def asked(**changes: Any) -> dict[str, Any]:
    """A spec that says ``auto``; changes are of its network."""
    return {**spec(), "network": {"addressSpace": "auto", **changes}}


SPACES = ["10.40.12.0/22", "10.40.6.0/24"]
VPN = {
    "pointToSite": {"clientAddressPool": "10.40.0.0/23"},
    "siteToSite": [{"name": "office", "gatewayFqdn": "vpn.contoso.com", "addressSpaces": SPACES}],
}


# -- what a range must hold --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "hub", "prefix"),
    [
        *((0, "create", 22), (251, "create", 22), (252, "create", 21), (507, "create", 21), (508, "create", 20)),
        *((507, "existing", 22), (508, "existing", 21)),
    ],
)
def test_s1_12_auto_takes_what_the_training_subnet_holds_and_azures_five_addresses(
    nodes: int, hub: str, prefix: int
) -> None:
    clusters = [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": nodes}] if nodes else []
    body = {**asked(hub={"kind": hub}), "compute": {"clusters": clusters}}
    if hub == "existing":
        body["network"]["hub"]["vnetId"] = HUB
    found = parse_spec(body)
    assert wanted_prefix(found) == prefix
    training = IPv4Network(Ranges.of(placed(found, f"10.40.0.0/{prefix}").network).training)
    assert nodes + 5 <= training.num_addresses
    assert prefix == 22 or nodes + 5 > training.num_addresses // 2


@given(
    prefix=st.integers(17, 25),
    taken=st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(17, 25)), max_size=40),
)
def test_a_free_range_overlaps_nothing_and_none_is_passed_over(prefix: int, taken: list[tuple[int, int]]) -> None:
    networks = [IPv4Network((int(POOL.network_address) + start, size), strict=False) for start, size in taken]
    found = list(free(POOL, prefix, networks))
    every = set(POOL.subnets(new_prefix=prefix))
    assert set(found) == {one for one in every if not any(one.overlaps(other) for other in networks)}
    assert found == sorted(set(found))


@pytest.mark.parametrize("pool", ["172.16.0.0/12", "172.17.0.0/16", "0.0.0.0/0"])
def test_the_docker_bridge_is_never_given(pool: str) -> None:
    found = [one for part in usable([pool]) for one in free(part, 17, ())]
    assert not any(one.overlaps(DOCKER_BRIDGE) for one in found)
    assert all(one.is_private for one in found)
    assert bool(found) is (pool != "172.17.0.0/16")


def test_a_plan_and_a_request_choose_the_same_and_losers_choose_from_more() -> None:
    assert choose(range(16), "churn-dev", 0) == choose(range(16), "churn-dev", 0)
    assert len({choose(range(64), f"team-{n}", 0) for n in range(64)}) > 20
    assert [choice(attempt) for attempt in (0, 1, 2, 50)] == [16, 32, 64, 256]


# -- what may be asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "code", "target"),
    [
        ({"addressSpace": "172.17.4.0/22"}, "AddressSpaceOverlaps", "$.network.addressSpace"),
        ({"addressSpace": "172.16.0.0/14"}, "AddressSpaceOverlaps", "$.network.addressSpace"),
        ({"addressSpace": "10.0.0.0/15"}, "AddressSpaceTooLarge", "$.network.addressSpace"),
        ({"addressSpace": "10.0.0.0/26"}, "AddressSpaceTooSmall", "$.network.addressSpace"),
        ({"addressSpace": "20.0.0.0/22"}, "InvalidValue", "$.network.addressSpace"),
        ({"addressSpace": "10.0.0.0/22", "prefixLength": 22}, "InvalidValue", "$.network.prefixLength"),
        ({"addressSpace": "auto", "prefixLength": 26}, "InvalidValue", "$.network.prefixLength"),
        (
            {"addressSpace": "auto", "prefixLength": 25, "hub": {"bastion": True}},
            "AddressSpaceTooSmall",
            "$.network.addressSpace",
        ),
    ],
)
def test_s1_03_what_no_address_plan_may_be(network: dict[str, Any], code: str, target: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_spec({**spec(), "network": network})
    assert (code, target) in {(detail.code, detail.target) for detail in refused.value.details}


@pytest.mark.parametrize(
    ("pools", "prefix", "outside"),
    [
        (["10.40.0.0/22"], None, False),
        (["10.40.0.0/22"], 21, True),
        ([], None, True),
        (["172.17.0.0/16"], None, True),
        (["20.0.0.0/8"], None, True),
    ],
)
def test_auto_needs_a_pool_that_could_hold_it(pools: list[str], prefix: int | None, outside: bool) -> None:
    project = parse_registration(registration(addressPools=pools))
    found: tuple[ErrorDetail, ...] = out_of_scope("one", parse_spec(asked(prefixLength=prefix)), project)
    assert [detail.target for detail in found] == (["$.network.addressSpace"] if outside else [])


def test_a_bastion_and_a_gateway_need_a_23_of_auto_too() -> None:
    with pytest.raises(Rejected) as refused:
        parse_spec(asked(prefixLength=24, hub={"bastion": True, "vpn": VPN}))
    assert "AddressSpaceTooSmall" in {detail.code for detail in refused.value.details}
