"""What the hooks of managed networks and their outbound rules cause: passes with the hook on, fails with it off."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_network import effect
from tests.simulator.estate import CLUSTER, STORAGE, WORKSPACE, WORKSPACE_BODY
from tests.simulator.lab import Body, Lab

INTERNET, APPROVED = "AllowInternetOutbound", "AllowOnlyApprovedOutbound"
HALF_AN_HOUR = 1800.0


def body(mode: str, **more: Any) -> Body:
    settings = {"isolationMode": mode, **more}
    return {**WORKSPACE_BODY, "properties": {**WORKSPACE_BODY["properties"], "managedNetwork": settings}}


def managed(lab: Lab, mode: str = APPROVED, *, built: bool = False) -> None:
    lab.group()
    estate.dependants(lab)
    lab.put(WORKSPACE, body(mode))
    if built:
        assert lab.outcome(lab.call("POST", f"{WORKSPACE}/provisionManagedNetwork", {})) is None


def rule(name: str) -> str:
    return f"{WORKSPACE}/outboundRules/{name}"


def fqdn(host: str) -> Body:
    return {"properties": {"type": "FQDN", "category": "UserDefined", "destination": host}}


def endpoint(target: str, group: str) -> Body:
    destination = {"serviceResourceId": target, "subresourceTarget": group, "sparkEnabled": False}
    return {"properties": {"type": "PrivateEndpoint", "category": "UserDefined", "destination": destination}}


def network(lab: Lab) -> Body:
    found: Body = lab.get(WORKSPACE)["properties"]["managedNetwork"]
    return found


@effect("managed-network-only-grows")
def isolation_is_never_taken_back(lab: Lab) -> None:
    managed(lab)
    assert lab.refused("PUT", WORKSPACE, body(INTERNET))["code"] == "ValidationError"
    assert lab.refused("PUT", WORKSPACE, body("Disabled"))["code"] == "ValidationError"


@effect("managed-network-before-computes")
def computes_have_to_go_first(lab: Lab) -> None:
    estate.secured_workspace(lab)
    assert "Delete all computes" in lab.refused("PUT", WORKSPACE, body(INTERNET))["message"]
    lab.delete(f"{CLUSTER}?underlyingResourceAction=Delete")
    lab.put(WORKSPACE, body(INTERNET))


@effect("managed-network-settings")
def what_is_left_out_stays(lab: Lab) -> None:
    lab.group()
    estate.dependants(lab)
    lab.put(WORKSPACE, body(APPROVED, firewallSku="Basic"))
    before = network(lab)
    lab.put(WORKSPACE, body(APPROVED))
    assert (before["firewallSku"], before["status"]["status"]) == ("Basic", "Inactive")
    assert network(lab) == before


@effect("managed-network-requires-rules")
def the_network_lets_out_what_the_service_needs(lab: Lab) -> None:
    managed(lab, INTERNET)
    rules = {one["name"]: one["properties"] for one in lab.get(f"{WORKSPACE}/outboundRules")["value"]}
    assert rules["__SYS_ST_MicrosoftContainerRegistry_TCP"]["category"] == "Required"


@effect("managed-network-shows-rules")
def a_workspace_shows_its_rules(lab: Lab) -> None:
    managed(lab)
    lab.put(rule("pypi"), fqdn("pypi.org"))
    assert network(lab)["outboundRules"]["pypi"]["destination"] == "pypi.org"


@effect("outbound-rule-fits-network")
def rules_are_of_the_mode(lab: Lab) -> None:
    managed(lab, INTERNET)
    assert lab.refused("PUT", rule("pypi"), fqdn("pypi.org"))["message"] == (
        'Only "PrivateEndpoint" outbound rules are supported when managed network isolation mode is '
        '"AllowInternetOutbound".'
    )


@effect("outbound-rule-destination")
def one_rule_a_destination(lab: Lab) -> None:
    managed(lab)
    lab.put(rule("pypi"), fqdn("pypi.org"))
    assert "already exists" in lab.refused("PUT", rule("other"), fqdn("PyPI.org"))["message"]


@effect("outbound-rules-one-at-a-time")
def the_next_rule_waits(lab: Lab) -> None:
    managed(lab)
    assert lab.call("PUT", rule("one"), fqdn("one.example.org")).status == 202
    second = lab.call("PUT", rule("two"), fqdn("two.example.org"))
    assert second.status == 409
    assert second.body["error"]["code"] == "Conflict"


@effect("outbound-rule-shape")
def nobody_requires_a_rule_but_azure(lab: Lab) -> None:
    managed(lab)
    found = lab.put(rule("pypi"), {"properties": {**fqdn("pypi.org")["properties"], "category": "Required"}})
    assert (found["properties"]["category"], found["properties"]["status"]) == ("UserDefined", "Inactive")


@effect("outbound-rule-takes-effect")
def a_rule_of_a_network_that_stands_is_active(lab: Lab) -> None:
    managed(lab, built=True)
    assert lab.put(rule("pypi"), fqdn("pypi.org"))["properties"]["status"] == "Active"


@effect("outbound-rule-required-stays")
def what_azure_requires_stays(lab: Lab) -> None:
    managed(lab)
    assert lab.refused("DELETE", rule("__SYS_ST_AzureMonitor_TCP"))["code"] == "ValidationError"


@effect("outbound-rule-disconnects")
def a_connection_goes_with_its_rule(lab: Lab) -> None:
    managed(lab, built=True)
    connections = f"{STORAGE}/privateEndpointConnections"
    before = len(lab.get(connections)["value"])
    lab.put(rule("queue"), endpoint(STORAGE, "queue"))
    assert len(lab.get(connections)["value"]) == before + 1
    lab.delete(rule("queue"))
    assert len(lab.get(connections)["value"]) == before


@effect("managed-network-holds-computes")
def no_compute_is_in_a_network_of_ones_own(lab: Lab) -> None:
    estate.secured_workspace(lab, cluster=False)
    lab.put(WORKSPACE, body(INTERNET))
    assert "subnet cannot be specified" in lab.refused("PUT", CLUSTER, estate.cluster_body())["message"]


@effect("first-compute-builds-network")
def the_first_compute_waits_for_the_network(lab: Lab) -> None:
    estate.secured_workspace(lab, cluster=False)
    lab.put(WORKSPACE, body(INTERNET))
    began = lab.moment
    lab.put(CLUSTER, estate.cluster_body(subnet=None))
    assert lab.moment - began >= HALF_AN_HOUR
    assert network(lab)["status"]["status"] == "Active"
