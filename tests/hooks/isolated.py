"""Managed networks and their outbound rules."""

from __future__ import annotations

from typing import Any

from tests.hooks.people import Az
from tests.hooks.scenarios import noticed, sent, succeeded, tries
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct

CATALOG, OPEN = "managed-approved-catalog", "managed-internet"


def rules(product: QuietProduct) -> str:
    return f"{product.ids()['workspace']}/outboundRules"


def fqdn(host: str) -> dict[str, Any]:
    return {"properties": {"type": "FQDN", "category": "UserDefined", "destination": host}}


@noticed("managed-network-only-grows", world="managed")
def nobody_takes_isolation_back(product: QuietProduct) -> None:
    tries(product, "workspace", managedNetwork={"isolationMode": "AllowInternetOutbound"})
    assert product.failing() == set()


@noticed("managed-network-before-computes")
def nobody_isolates_under_a_cluster(product: QuietProduct) -> None:
    arm_id, body = sent(product, "workspace", managedNetwork={"isolationMode": "AllowOnlyApprovedOutbound"})
    assert Az(product).refused("PUT", arm_id, body) == "ValidationError"


@noticed("managed-network-settings", world="empty")
def people_see_which_network_it_is(product: QuietProduct) -> None:
    succeeded(product.create(example(OPEN)))
    assert Az(product).show(product.ids()["workspace"])["properties"]["managedNetwork"]["networkId"]


@noticed("managed-network-requires-rules", world="managed")
def the_network_of_another_mode_reaches_what_it_needs(product: QuietProduct) -> None:
    succeeded(product.delete())
    succeeded(product.create(example(OPEN)))
    shown = product.body(product.ids()["vault"]) or {}
    names = [one["properties"]["privateEndpoint"]["id"] for one in shown["properties"]["privateEndpointConnections"]]
    assert any("__SYS_PE_" in name for name in names)
    assert product.failing() == set()


@noticed("managed-network-shows-rules", world="managed")
def people_see_the_rules_in_the_workspace(product: QuietProduct) -> None:
    shown = Az(product).show(product.ids()["workspace"])["properties"]["managedNetwork"]["outboundRules"]
    assert shown["catalog-pypi-org"]["destination"] == "pypi.org"


@noticed("outbound-rule-fits-network", world="managed")
def nobody_reaches_storage_by_a_name(product: QuietProduct) -> None:
    product.owner("PUT", f"{rules(product)}/by-name", fqdn("theirs.blob.core.windows.net"))
    assert product.failing() == set()


@noticed("outbound-rule-destination", world="managed")
def nobody_adds_a_rule_twice(product: QuietProduct) -> None:
    product.owner("PUT", f"{rules(product)}/again", fqdn("pypi.org"))
    assert product.failing() == set()


@noticed("outbound-rules-one-at-a-time", world="managed")
def people_wait_for_the_last_rule(product: QuietProduct) -> None:
    azure, version = product.azure, "api-version=2025-12-01"
    first = azure.call("owner", "PUT", f"{rules(product)}/one?{version}", fqdn("one.example.org"))
    second = azure.call("owner", "PUT", f"{rules(product)}/two?{version}", fqdn("two.example.org"))
    assert (first.status, second.status) == (202, 409)


@noticed("outbound-rule-shape", world="managed")
def a_rule_that_calls_itself_required_is_found(product: QuietProduct) -> None:
    product.owner(
        "PUT", f"{rules(product)}/hidden", {"properties": {**fqdn("x.org")["properties"], "category": "Required"}}
    )
    assert product.failing() != set()


@noticed("outbound-rule-takes-effect", world="managed")
def a_rule_that_is_added_works(product: QuietProduct) -> None:
    asked = example(CATALOG)
    asked["network"]["managed"]["outboundRules"].append({"name": "more", "type": "fqdn", "destination": "more.org"})
    succeeded(product.finish(product.put(asked)))
    assert product.failing() == set()


@noticed("outbound-rule-required-stays", world="managed")
def people_cannot_take_a_required_rule_away(product: QuietProduct) -> None:
    assert Az(product).refused("DELETE", f"{rules(product)}/__SYS_ST_AzureMonitor_TCP") == "ValidationError"


@noticed("outbound-rule-disconnects", world="managed")
def a_rule_that_goes_leaves_no_connection(product: QuietProduct) -> None:
    asked = example(CATALOG)
    asked["network"]["managed"]["outboundRules"].append(
        {"name": "queue", "type": "privateEndpoint", "destination": "storage", "subresource": "queue"}
    )
    succeeded(product.finish(product.put(asked)))
    succeeded(product.finish(product.put(example(CATALOG), consent=True)))
    assert product.failing() == set()


@noticed("managed-network-holds-computes", world="managed")
def nobody_puts_a_cluster_into_a_subnet(product: QuietProduct) -> None:
    arm_id, body = sent(product, "cluster/cpu")
    subnet = {"id": product.ids()["subnet/private-endpoints"]}
    inner = {**body["properties"]["properties"], "subnet": subnet}
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, {**body, "properties": {"computeType": "AmlCompute", "properties": inner}})
    missing = {f.key for f in product.validate().report.findings if f.status == "Fail" and f.path == "$"}
    assert "cluster/cpu" in missing


@noticed("first-compute-builds-network", world="empty")
def a_cluster_by_hand_builds_the_network(product: QuietProduct) -> None:
    asked = example(OPEN)
    asked["network"]["managed"]["provision"] = "atFirstCompute"
    cluster, asked["compute"] = asked["compute"], {}
    succeeded(product.create(asked))
    inner = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1}, "enableNodePublicIp": False}
    body = {"location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": inner}}
    assert product.owner("PUT", f"{product.ids()['workspace']}/computes/theirs", body) == 201
    # The network is there already when the product wants a cluster: it is not built again.
    planned = product.plan({**asked, "compute": cluster}).plan
    assert {c.key: c.action.value for c in planned.changes}["managed-network"] == "none"
