"""Ways out: what Azure refuses and shows of service endpoint policies, and when nodes with public addresses come."""

from __future__ import annotations

from tests.hooks.people import Az
from tests.hooks.scenarios import noticed, sent, spec, succeeded, tries
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct


def with_policy(product: QuietProduct) -> None:
    """The example with a service endpoint policy."""
    egress = {"storageEndpointPolicy": True}
    succeeded(product.create(spec(network={**example()["network"], "egress": egress})))


@noticed("endpoint-policy-inline-definitions", "endpoint-policy-shows-definitions", world="empty")
def a_policy_is_what_was_declared(product: QuietProduct) -> None:
    with_policy(product)
    assert product.failing() == set()


@noticed("endpoint-policy-rules", world="empty")
def a_policy_cannot_name_what_is_no_storage(product: QuietProduct) -> None:
    with_policy(product)
    properties = {"service": "Microsoft.Storage", "serviceResources": ["/services/Azure/Batch"]}
    definition = {"name": "workspace-storage", "properties": properties}
    tries(product, "service-endpoint-policy/training", serviceEndpointPolicyDefinitions=[definition])
    assert product.failing() == set()


@noticed("endpoint-policy-in-use", world="empty")
def a_policy_in_use_cannot_be_taken_away(product: QuietProduct) -> None:
    with_policy(product)
    product.owner("DELETE", product.ids()["service-endpoint-policy/training"])
    assert product.failing() == set()


@noticed("subnet-endpoints-shown", world="empty")
def a_subnet_shows_where_its_endpoint_leads(product: QuietProduct) -> None:
    with_policy(product)
    (shown,) = Az(product).show(product.ids()["subnet/training"])["properties"]["serviceEndpoints"]
    assert shown["locations"] == ["westeurope"]


@noticed("public-nodes-need-inbound", world="empty")
def nodes_with_public_addresses_do_not_come_while_nobody_may_call_them(product: QuietProduct) -> None:
    succeeded(product.create(example("public-nodes")))
    arm_id, body = sent(product, "cluster/open")
    tries(product, "nsg/training", securityRules=[])
    inner = {**body["properties"]["properties"]}
    inner["scaleSettings"] = {**inner["scaleSettings"], "minNodeCount": 1}
    properties = {"computeType": "AmlCompute", "disableLocalAuth": True, "properties": inner}
    product.owner("PUT", arm_id, {**body, "properties": properties})
    product.advance(900)
    assert Az(product).post(f"{arm_id}/listNodes")["nodes"] == []
    succeeded(product.repair())
    assert product.failing() == set()
