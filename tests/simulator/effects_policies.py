"""What the hooks of service endpoint policies cause, and of nodes with public addresses."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.effects_network import effect
from tests.simulator.effects_workspaces import with_endpoint
from tests.simulator.estate import CLUSTER, JOB, LOCATION, NSG, STORAGE, TRAINING, VNET
from tests.simulator.lab import Body, Lab, provider

POLICY = provider("Microsoft.Network/serviceEndpointPolicies", "policy")
ALIAS = "/services/Azure/MachineLearning"


def definition(name: str = "storage", service: str = "Microsoft.Storage", *resources: str) -> Body:
    return {"name": name, "properties": {"service": service, "serviceResources": list(resources or (STORAGE,))}}


def policy(lab: Lab, *definitions: Body) -> Body:
    lab.group()
    return lab.put(
        POLICY, {"location": LOCATION, "properties": {"serviceEndpointPolicyDefinitions": list(definitions)}}
    )


def held(lab: Lab) -> Body:
    """A subnet with the service's endpoint and the policy; as it shows."""
    policy(lab, definition())
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    more = {"serviceEndpoints": [{"service": "Microsoft.Storage"}], "serviceEndpointPolicies": [{"id": POLICY}]}
    return lab.put(TRAINING, estate.subnet_body("10.0.2.0/24", **more))


@effect("endpoint-policy-inline-definitions")
def definitions_are_written_with_the_policy(lab: Lab) -> None:
    policy(lab, definition("one"), definition("two", "Global", ALIAS))
    found = lab.get(f"{POLICY}/serviceEndpointPolicyDefinitions/two")["properties"]
    assert (found["provisioningState"], found["serviceResources"]) == ("Succeeded", [ALIAS])
    policy(lab, definition("one"))
    assert [one["name"] for one in lab.get(f"{POLICY}/serviceEndpointPolicyDefinitions")["value"]] == ["one"]


@effect("endpoint-policy-shows-definitions")
def a_definition_that_is_added_alone_shows_in_the_policy(lab: Lab) -> None:
    policy(lab)
    lab.put(f"{POLICY}/serviceEndpointPolicyDefinitions/alone", {"properties": definition()["properties"]})
    shown = lab.get(POLICY)["properties"]["serviceEndpointPolicyDefinitions"]
    assert [one["name"] for one in shown] == ["alone"]


@effect("endpoint-policy-rules")
def a_definition_names_accounts_or_an_alias(lab: Lab) -> None:
    policy(lab)
    alone = f"{POLICY}/serviceEndpointPolicyDefinitions/alone"
    for service, target, code in (
        ("Microsoft.Cheese", STORAGE, "ServiceEndpointPolicyDefinitionHasInvalidService"),
        ("Microsoft.Storage", ALIAS, "ServiceEndpointPolicyDefinitionHasInvalidServiceResources"),
        ("Global", STORAGE, "ServiceEndpointPolicyDefinitionHasInvalidServiceResources"),
    ):
        body = {"properties": definition("alone", service, target)["properties"]}
        assert lab.refused("PUT", alone, body)["code"] == code


@effect("endpoint-policy-in-use")
def a_policy_in_use_stays(lab: Lab) -> None:
    held(lab)
    code = "ServiceEndpointPolicyCannotBeDeletedIfReferencedBySubnet"
    assert lab.refused("DELETE", POLICY)["code"] == code
    lab.put(TRAINING, estate.subnet_body("10.0.2.0/24"))
    lab.delete(POLICY)


@effect("subnet-endpoints-shown")
def a_subnet_says_where_its_endpoints_lead(lab: Lab) -> None:
    (shown,) = held(lab)["properties"]["serviceEndpoints"]
    assert (shown["service"], shown["locations"]) == ("Microsoft.Storage", [LOCATION])


def status_with(lab: Lab, *rules: Body) -> str:
    """A job on nodes with public addresses, behind a group with these rules."""
    with_endpoint(lab)
    lab.put(NSG, {"location": LOCATION, "properties": {"securityRules": list(rules)}})
    body = estate.cluster_body()
    body["properties"]["properties"]["enableNodePublicIp"] = True
    lab.put(CLUSTER, body)
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    return str(lab.get(JOB)["properties"]["status"])


def inbound(access: str = "Allow", priority: int = 100) -> Body:
    more = {"sourceAddressPrefix": "AzureMachineLearning", "destinationAddressPrefix": "*", "access": access}
    return estate.rule(f"in-{priority}", priority, "Inbound", destinationPortRange="44224", **more)


@effect("public-nodes-need-inbound")
def nodes_that_cannot_be_called_do_not_come(lab: Lab) -> None:
    assert status_with(lab) == "Queued"
    for rules in ((inbound(),), (inbound("Deny", 100), inbound("Allow", 200))):
        another = Lab()
        assert status_with(another, *rules) == ("Queued" if len(rules) == 2 else "Completed")
