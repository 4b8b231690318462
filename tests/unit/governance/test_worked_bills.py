"""Three bills computed by hand from the price table (docs/costs.md), met to the cent: no number is the product's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from controlplane.governance.pricing.estimate import Status
from controlplane.governance.pricing.usage import Range
from tests.support.bills import amounts, bill_of

# Prices: endpoint 0.01 an hour and 0.01 a GB each way; zone 0.50, million queries 0.40; NAT 0.045 an hour and a GB;
# address 0.005; registry 1.6666 a day; balancer 0.33 a day; D2s_v3 0.12, DS3_v2 0.293; logs 2.99 after 5 GB, kept 0.13;
# blobs 0.0196, writes 0.054, reads 0.0043, files 0.06; vault 0.03; peering 0.01 at each end and way.
ENDPOINT = amounts("7.30", "7.55", "13.30")  # 730 x 0.01; + 20 x 0.01 + 5 x 0.01; + 500 x 0.01 + 100 x 0.01
ZONE = amounts("0.50", "0.54", "0.90")  # + 0.1 x 0.40; + 1 x 0.40
PEERING = amounts("0.00", "0.20", "4.00")  # 10 x 0.01 twice; 200 x 0.01 twice
NAT = amounts("32.85", "35.10", "77.85")  # 730 x 0.045; + 50 x 0.045; + 1000 x 0.045
ADDRESS = amounts("3.65", "3.65", "3.65")  # 730 x 0.005
REGISTRY = amounts("50.69", "50.69", "50.69")  # 730 / 24 x 1.6666 = 50.6924
CLUSTER = amounts("10.04", "113.18", "865.60")  # 730 / 24 x 0.33; + 4 x 88 x 0.293 = 103.14; + 4 x 730 x 0.293 = 855.56
STORAGE = amounts("0.00", "3.32", "181.85")  # 1.96 + 0.54 + 0.22 + 0.60; 100.35 + 54.00 + 21.50 + 6.00
VAULT = amounts("0.00", "0.30", "3.00")
LOGS = amounts("0.00", "14.95", "284.05")  # 5 x 2.99; 95 x 2.99
_ZONES = {f"dns-zone/{zone}": ZONE for zone in ("api", "blob", "file", "notebooks", "registry", "vault")}
_ENDPOINTS = {f"private-endpoint/{to}": ENDPOINT for to in ("blob", "file", "registry", "vault", "workspace")}
_ALWAYS = {
    **_ZONES,
    **_ENDPOINTS,
    "peering/ml-to-hub": PEERING,
    "peering/hub-to-ml": PEERING,
    "registry": REGISTRY,
    "storage": STORAGE,
    "vault": VAULT,
    "cluster/cpu": CLUSTER,
}

BILLS = {
    "secure-classical": (
        {**_ALWAYS, "nat-gateway": NAT, "public-ip/nat": ADDRESS, "log-analytics": LOGS},
        amounts("136.73", "262.58", "1546.59"),
    ),
    "hub-vpn": (
        {
            **_ALWAYS,
            "nat-gateway": NAT,
            "nat-gateway/hub": NAT,
            **{f"public-ip/{of}": ADDRESS for of in ("nat", "nat-hub", "bastion", "gateway")},
            # 90 days, of which 31 are paid: 59 / (730 / 24) = 1.9397 months of 10 GB and of 100 GB at 0.13.
            "log-analytics": amounts("0.00", "17.47", "309.27"),
            # 730 x 0.29; 5 GB are free, then 45 x 0.087 = 3.915.
            "bastion": amounts("211.70", "211.70", "215.62"),
            # 730 x 0.12 and a disk at 2.40.
            "vm/jump-host": amounts("90.00", "90.00", "90.00"),
            # 730 x 0.21; 100 GB are free, then 900 x 0.087; 128 connections are free.
            "gateway/vpn": amounts("153.30", "153.30", "231.60"),
            # 730 x 0.015.
            "connection/headquarters": amounts("10.95", "10.95", "10.95"),
        },
        amounts("646.48", "777.10", "2208.78"),
    ),
    "managed-approved-catalog": (
        {
            **_ALWAYS,
            "log-analytics": LOGS,
            # Five endpoints: 36.50, + 5 x 0.25, + 5 x 6.00. Firewall Basic: 730 x 0.395, + 50 and 1000 x 0.065.
            "workspace": amounts("324.85", "329.35", "419.85"),
        },
        amounts("425.08", "553.18", "1884.94"),
    ),
}


@pytest.mark.parametrize("name", BILLS)
@pytest.mark.requirement("S1-19")
def test_the_bill_is_the_one_computed_by_hand(name: str) -> None:
    lines, total = BILLS[name]
    found = bill_of(name)
    assert {line.key: line.amount for line in found.lines if line.status is Status.PRICED} == lines
    assert found.total == total
    assert not found.incomplete


@pytest.mark.parametrize("name", BILLS)
def test_lines_add_up_on_paper(name: str) -> None:
    lines, total = BILLS[name]
    summed = Range(
        *(sum((getattr(one, at) for one in lines.values()), Decimal(0)) for at in ("low", "expected", "high"))
    )
    assert summed == total
