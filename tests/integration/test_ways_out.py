"""Ways out of a workspace that is there: changed, broken and put right, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import existing_hub, registered


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    registered(running)
    existing_hub(running)
    yield running
    running.close()


def asked(**egress: Any) -> dict[str, Any]:
    """The example with the existing hub and this way out."""
    found = example("hub-existing")
    return {**found, "network": {**found["network"], "egress": egress}}


FIREWALL = {"kind": "firewall", "nextHop": "10.9.0.4", "storageEndpointPolicy": True}


def test_a_way_out_is_exchanged_for_another_and_back(product: QuietProduct) -> None:
    """Azure deletes no gateway, table or policy that a subnet uses: the subnet lets go first."""
    assert product.create(asked()).status == "Succeeded"
    for way, there, gone in (
        (FIREWALL, {"route-table/training", "service-endpoint-policy/training"}, {"nat-gateway", "public-ip/nat"}),
        ({}, {"nat-gateway", "public-ip/nat"}, {"route-table/training", "service-endpoint-policy/training"}),
    ):
        changed = product.finish(product.put(asked(**way), consent=True))
        assert changed.status == "Succeeded", changed.error
        assert product.failing() == set()
        assert there <= set(product.ids())
        assert not gone & set(product.ids())


@pytest.mark.parametrize(
    ("key", "properties"),
    [
        ("route-table/training", {"routes": []}),
        ("route-table/training", {"disableBgpRoutePropagation": False}),
        ("service-endpoint-policy/training", {"serviceEndpointPolicyDefinitions": []}),
        ("subnet/training", {"routeTable": None}),
        ("subnet/training", {"serviceEndpointPolicies": []}),
    ],
)
def test_s1_70_a_way_out_that_was_changed_is_found_and_put_back(
    product: QuietProduct, key: str, properties: dict[str, Any]
) -> None:
    assert product.create(asked(**FIREWALL)).status == "Succeeded"
    arm_id = product.ids()[key]
    body = product.body(arm_id) or {}
    kept = {name: body[name] for name in ("location", "tags") if name in body}
    assert product.owner("PUT", arm_id, {**kept, "properties": {**body["properties"], **properties}}) < 300
    assert product.failing() == {key}
    assert product.repair().status == "Succeeded"
    assert product.failing() == set()


def test_nodes_of_both_kinds_come(product: QuietProduct) -> None:
    body = example("public-nodes")
    for cluster in body["compute"]["clusters"]:
        cluster["minNodes"] = 1
    assert product.create(body).status == "Succeeded"
    product.advance(900)
    for name in ("cpu", "open"):
        cluster = product.body(product.ids()[f"cluster/{name}"]) or {}
        assert cluster["properties"]["properties"]["currentNodeCount"] == 1, name


def test_a_cluster_gets_public_addresses_and_loses_them(product: QuietProduct) -> None:
    """X-17 is about the order of a creation: the workspace's endpoint stays where it is, whatever comes later."""
    closed = example("secure-classical")
    (cluster,) = closed["compute"]["clusters"]
    opened = {**closed, "compute": {"clusters": [{**cluster, "publicIp": True}]}}
    assert product.create(closed).status == "Succeeded"
    endpoint = product.body(product.ids()["private-endpoint/workspace"])
    for body in (opened, closed):
        changed = product.finish(product.put(body, consent=True))
        assert changed.status == "Succeeded", changed.error
        assert {step.key for step in changed.steps if step.action == "delete"} >= {"cluster/cpu"}
        assert product.failing() == set()
    assert product.body(product.ids()["private-endpoint/workspace"]) == endpoint
