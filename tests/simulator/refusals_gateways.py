"""Cases of test_refusals.py: gateways and what connects to them, scale sets, outbound rules of managed networks."""

from __future__ import annotations

from tests.simulator import effects_gateways as ways
from tests.simulator import effects_managed, effects_scale_sets, estate
from tests.simulator.effects_machines import MACHINES
from tests.simulator.estate import LOCATION
from tests.simulator.lab import Body, Lab, provider
from tests.simulator.refusals import ELSEWHERE, IGNORED, LOCATION_REQUIRED, Case, moved

#: The estate's own address belongs to its NAT gateway, its own workspace is in the customer's network.
ADDRESS = provider("Microsoft.Network/publicIPAddresses", "vpn")
MANAGED = provider("Microsoft.MachineLearningServices/workspaces", "managed")
CIRCUIT = provider("Microsoft.Network/expressRouteCircuits", "circuit")
CIRCUIT_BODY: Body = {
    "location": LOCATION,
    "sku": {"name": "Standard_MeteredData", "tier": "Standard", "family": "MeteredData"},
    "properties": {
        "serviceProviderProperties": {
            "serviceProviderName": "Equinix",
            "peeringLocation": "Amsterdam",
            "bandwidthInMbps": 50,
        }
    },
}


def prepare(lab: Lab) -> None:
    """What the cases stand in. The hub is there."""
    lab.put(ways.SUBNET, estate.subnet_body("10.9.0.0/27"))
    lab.put(MACHINES, estate.subnet_body("10.9.1.0/26"))
    ways.address(lab, ADDRESS)
    lab.put(MANAGED, effects_managed.body(effects_managed.APPROVED))


#: In the order in which they can be made: a connection names its two ends.
CASES: dict[str, Case] = {
    "Microsoft.Network/virtualNetworkGateways": Case(
        ways.GATEWAY,
        ways.gateway_body(address_id=ADDRESS),
        "properties.gatewayType",
        ("InvalidRequestFormat", "Cannot parse the request."),
        ("properties.vpnType", "PolicyBased"),
        ("PropertyChangeNotAllowed", "cannot be changed from RouteBased to PolicyBased."),
    ),
    "Microsoft.Network/localNetworkGateways": Case(
        ways.LOCAL, ways.local_body(), "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("hq")
    ),
    "Microsoft.Network/connections": Case(
        ways.CONNECTION,
        ways.connection_body(),
        "properties.connectionType",
        ("InvalidRequestFormat", "Cannot parse the request."),
        ("properties.connectionStatus", "Connected"),
        IGNORED + "connectionStatus is readOnly in the API definition",
    ),
    "Microsoft.Network/expressRouteCircuits": Case(
        CIRCUIT, CIRCUIT_BODY, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("circuit")
    ),
    "Microsoft.Compute/virtualMachineScaleSets": Case(
        effects_scale_sets.SCALE_SET,
        effects_scale_sets.body(),
        "sku.name",
        ("InvalidParameter", "Required parameter 'name' is missing (null)."),
        ("properties.orchestrationMode", "Flexible"),
        ("PropertyChangeNotAllowed", "Changing property 'orchestrationMode' is not allowed."),
    ),
    "Microsoft.MachineLearningServices/workspaces/outboundRules": Case(
        f"{MANAGED}/outboundRules/pypi",
        effects_managed.fqdn("pypi.org"),
        "properties.destination",
        ("ValidationError", "The destination of rule"),
        ("properties.category", "Required"),
        IGNORED + "category and status are the service's to say of a rule (outbound_rules.py, [API])",
    ),
}
