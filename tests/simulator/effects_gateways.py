"""What the hooks of gateways, connections and peerings through them cause: passes with the hook on, fails off."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_network import TO_HUB, TO_VNET, effect
from tests.simulator.estate import ADDRESS, HUB, LOCATION, NSG, VNET
from tests.simulator.lab import Body, Lab, provider

GATEWAY = provider("Microsoft.Network/virtualNetworkGateways", "vpn")
SUBNET = f"{HUB}/subnets/GatewaySubnet"
MACHINES = f"{HUB}/subnets/machines"
LOCAL = provider("Microsoft.Network/localNetworkGateways", "hq")
CONNECTION = provider("Microsoft.Network/connections", "to-hq")


def hub(lab: Lab) -> None:
    """A network with the gateway's subnet and an address in zones."""
    lab.group()
    lab.put(HUB, estate.vnet_body("10.9.0.0/16"))
    address(lab, ADDRESS)
    lab.put(SUBNET, estate.subnet_body("10.9.0.0/27"))


def address(lab: Lab, arm_id: str, **more: Any) -> None:
    body = {"location": LOCATION, "sku": {"name": "Standard"}, "zones": ["1", "2", "3"], "properties": {}}
    lab.put(arm_id, {**body, **more})


def gateway_body(subnet: str = SUBNET, address_id: str = ADDRESS, sku: str = "VpnGw1AZ", **more: Any) -> Body:
    configuration = {"subnet": {"id": subnet}, "publicIPAddress": {"id": address_id}}
    return {
        "location": LOCATION,
        "properties": {
            "gatewayType": "Vpn",
            "vpnType": "RouteBased",
            "sku": {"name": sku, "tier": sku},
            "ipConfigurations": [{"name": "default", "properties": configuration}],
            **more,
        },
    }


def gateway(lab: Lab) -> Body:
    hub(lab)
    return lab.put(GATEWAY, gateway_body())


def clients(pool: str, protocol: str = "OpenVPN") -> Body:
    return {
        "vpnClientAddressPool": {"addressPrefixes": [pool]},
        "vpnClientProtocols": [protocol],
        "vpnAuthenticationTypes": ["AAD"],
        "aadTenant": "https://login.microsoftonline.com/t/",
        "aadAudience": "c632b3df-fb67-4d84-bdcf-b95ad541b5c8",
        "aadIssuer": "https://sts.windows.net/t/",
    }


@effect("gateway-rules")
def gateways_are_particular(lab: Lab) -> None:
    hub(lab)
    lab.put(MACHINES, estate.subnet_body("10.9.1.0/26"))
    plain = provider("Microsoft.Network/publicIPAddresses", "plain")
    lab.put(plain, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})

    def code(body: Body) -> str:
        return str(lab.refused("PUT", GATEWAY, body)["code"])

    assert code(gateway_body(MACHINES)) == "VirtualNetworkGatewaySubnetNameInvalid"
    assert code(gateway_body(address_id=plain)) == "VmssVpnGatewayPublicIpsMustHaveZonesConfigured"
    assert code(gateway_body(address_id=plain, sku="VpnGw1")) == "NonAzSkusNotAllowedForVPNGateway"
    with_ike = gateway_body(vpnClientConfiguration=clients("172.20.0.0/24", "IkeV2"))
    assert code(with_ike) == "VpnClientAadAuthenticationOnlySupportedWithOpenVpn"
    inside = gateway_body(vpnClientConfiguration=clients("10.9.9.0/24"))
    assert code(inside) == "VpnClientAddressPoolOverlapsWithVirtualNetwork"
    made = lab.put(GATEWAY, gateway_body(vpnClientConfiguration=clients("172.20.0.0/24")))
    assert made["properties"]["vpnGatewayGeneration"] == "Generation1"
    assert code(gateway_body(vpnType="PolicyBased")) == "PropertyChangeNotAllowed"
    other = provider("Microsoft.Network/publicIPAddresses", "other")
    address(lab, other)
    error = lab.refused("PUT", f"{GATEWAY}2", gateway_body(address_id=other))
    assert error["code"] == "VirtualNetworkAlreadyHasAGatewayOfThisType"


@effect("gateway-subnet-rules")
def its_subnet_has_no_security_group(lab: Lab) -> None:
    hub(lab)
    lab.put(NSG, {"location": LOCATION, "properties": {"securityRules": []}})
    error = lab.refused("PUT", SUBNET, estate.subnet_body("10.9.0.0/27", networkSecurityGroup={"id": NSG}))
    assert error["code"] == "NetworkSecurityGroupCannotBeAttachedToGatewaySubnet"


@effect("gateway-takes-its-place")
def what_a_gateway_uses_stays(lab: Lab) -> None:
    gateway(lab)
    assert lab.refused("DELETE", SUBNET)["code"] == "InUseSubnetCannotBeDeleted"
    assert lab.refused("DELETE", ADDRESS)["code"] == "PublicIPAddressCannotBeDeleted"
    lab.delete(GATEWAY)
    lab.delete(SUBNET)
    lab.delete(ADDRESS)


def connection_body(**more: Any) -> Body:
    ends = {"virtualNetworkGateway1": {"id": GATEWAY}, "localNetworkGateway2": {"id": LOCAL}}
    return {"location": LOCATION, "properties": {"connectionType": "IPsec", **ends, **more}}


def local_body(**more: Any) -> Body:
    space = {"localNetworkAddressSpace": {"addressPrefixes": ["192.168.0.0/24"]}}
    return {"location": LOCATION, "properties": {**space, **(more or {"gatewayIpAddress": "20.1.2.3"})}}


def connection(lab: Lab) -> Body:
    gateway(lab)
    lab.put(LOCAL, local_body())
    return lab.put(CONNECTION, connection_body())


@effect("connection-rules")
def a_connection_has_two_ends(lab: Lab) -> None:
    gateway(lab)
    both = local_body(gatewayIpAddress="20.1.2.3", fqdn="vpn.example.com")
    assert lab.refused("PUT", LOCAL, both)["code"] == "LocalNetworkGatewayIpAddressOrFqdnRequired"
    assert lab.refused("PUT", CONNECTION, connection_body())["code"] == "InvalidResourceReference"


@effect("connection-gets-a-key")
def azure_makes_the_key(lab: Lab) -> None:
    body = connection(lab)
    assert "sharedKey" not in body["properties"]
    first = lab.get(f"{CONNECTION}/sharedkey")["value"]
    assert len(first) == 32
    lab.put(CONNECTION, connection_body(routingWeight=10))
    assert lab.get(f"{CONNECTION}/sharedkey")["value"] == first


@effect("gateway-in-use")
def the_ends_of_a_connection_stay(lab: Lab) -> None:
    connection(lab)
    assert lab.refused("DELETE", GATEWAY)["code"] == "InUseVirtualNetworkGatewayCannotBeDeleted"
    assert lab.refused("DELETE", LOCAL)["code"] == "InUseLocalNetworkGatewayCannotBeDeleted"
    lab.delete(CONNECTION)
    lab.delete(LOCAL)
    lab.delete(GATEWAY)


def peering(remote: str, **flags: bool) -> Body:
    return {"properties": {"remoteVirtualNetwork": {"id": remote}, **flags}}


@effect("peering-needs-gateway")
def nobody_uses_a_gateway_that_is_not_there(lab: Lab) -> None:
    hub(lab)
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    uses = peering(HUB, useRemoteGateways=True)
    assert lab.refused("PUT", TO_HUB, uses)["code"] == "RemoteVnetHasNoGateways"
    lab.put(GATEWAY, gateway_body())
    lab.put(TO_VNET, peering(VNET))
    assert lab.refused("PUT", TO_HUB, uses)["code"] == "RemotePeeringDoesNotAllowGatewayTransit"
    lab.put(TO_VNET, peering(VNET, allowGatewayTransit=True))
    through = lab.put(TO_HUB, uses)["properties"]
    assert (through["peeringState"], through["remoteGateways"]) == ("Connected", [{"id": GATEWAY}])
    assert "remoteGateways" not in lab.put(TO_HUB, peering(HUB, useRemoteGateways=False))["properties"]


@effect("gateway-used-by-peerings")
def a_gateway_that_networks_use_stays(lab: Lab) -> None:
    gateway(lab)
    lab.put(VNET, estate.vnet_body("10.0.0.0/16"))
    lab.put(TO_VNET, peering(VNET, allowGatewayTransit=True))
    lab.put(TO_HUB, peering(HUB, useRemoteGateways=True))
    assert lab.refused("DELETE", GATEWAY)["code"] == "VirtualNetworkGatewayIsUsedByPeering"
    lab.put(TO_HUB, peering(HUB, useRemoteGateways=False))
    lab.delete(GATEWAY)
