"""Rows of test_lives.py: the ways into a network (gateways, connections, circuits) and scale sets of machines.

`az network vpn-connection create` and `az vmss create` deploy templates: both are made as plain resources.
"""

from __future__ import annotations

from typing import Any

from tests.az.lives import MACHINE, ONE_SUBNET, ONE_VNET, Life, network, whole

GATEWAY_PLACE = (
    ONE_VNET,
    "network vnet subnet create -g {g} --vnet-name v -n GatewaySubnet --address-prefixes 10.0.1.0/27",
    "network public-ip create -g {g} -n p --sku Standard --zone 1 2 3",
)
ONE_GATEWAY = "network vnet-gateway create -g {g} -n gw --vnet v --public-ip-addresses p --sku VpnGw1AZ"
ONE_LOCAL = (
    "network local-gateway create -g {g} -n office --gateway-ip-address 203.0.113.1 "
    "--local-address-prefixes 192.168.0.0/16"
)
CONNECTION: dict[str, Any] = {
    "location": "westeurope",
    "tags": {"made": "by-hand"},
    "properties": {
        "connectionType": "IPsec",
        "virtualNetworkGateway1": {"id": "@G/providers/Microsoft.Network/virtualNetworkGateways/gw"},
        "localNetworkGateway2": {"id": "@G/providers/Microsoft.Network/localNetworkGateways/office"},
        "routingWeight": 10,
    },
}
ONE_CONNECTION = f"resource create -g {{g}} -n c --resource-type Microsoft.Network/connections {whole(CONNECTION)}"

_MACHINE = MACHINE["properties"]
SCALE_SET: dict[str, Any] = {
    "location": "westeurope",
    "sku": {"name": "Standard_D2s_v3", "tier": "Standard", "capacity": 0},
    "properties": {
        "orchestrationMode": "Uniform",
        "upgradePolicy": {"mode": "Manual"},
        "virtualMachineProfile": {
            "storageProfile": _MACHINE["storageProfile"],
            "osProfile": {
                "computerNamePrefix": "agent",
                **{key: _MACHINE["osProfile"][key] for key in ("adminUsername", "linuxConfiguration")},
            },
            "networkProfile": {
                "networkInterfaceConfigurations": [
                    {
                        "name": "nic",
                        "properties": {
                            "primary": True,
                            "ipConfigurations": [
                                {
                                    "name": "ip",
                                    "properties": {
                                        "subnet": {"id": "@G/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}
                                    },
                                }
                            ],
                        },
                    }
                ]
            },
        },
    },
}
ONE_SET = (
    f"resource create -g {{g}} -n set --resource-type Microsoft.Compute/virtualMachineScaleSets {whole(SCALE_SET)}"
)

WAYS_IN: dict[str, Life] = {
    "VPN gateway": Life(
        "network vnet-gateway",
        network("virtualNetworkGateways/gw"),
        "--vnet v --public-ip-addresses p --gateway-type Vpn --vpn-type RouteBased --sku VpnGw1AZ",
        "--address-prefixes 172.20.0.0/24 --client-protocol OpenVPN",
        ("vpnClientConfiguration.vpnClientProtocols", ["OpenVPN"]),
        ("properties.vpnClientConfiguration.vpnClientAddressPool.addressPrefixes", ["172.20.0.0/24"]),
        before=GATEWAY_PLACE,
        shown=(
            ("provisioningState", "Succeeded"),
            ("sku.tier", "VpnGw1AZ"),
            ("ipConfigurations[0].privateIPAllocationMethod", "Dynamic"),
        ),
    ),
    "local gateway": Life(
        "network local-gateway",
        network("localNetworkGateways/office"),
        "--gateway-ip-address 203.0.113.1 --local-address-prefixes 192.168.0.0/16",
        "--local-address-prefixes 192.168.0.0/17",
        ("localNetworkAddressSpace.addressPrefixes", ["192.168.0.0/17"]),
        ("properties.localNetworkAddressSpace.addressPrefixes", ["192.168.0.0/17"]),
        shown=(("gatewayIpAddress", "203.0.113.1"),),
    ),
    "VPN connection": Life(
        "network vpn-connection",
        network("connections/c"),
        update="--routing-weight 25",
        changed=("routingWeight", 25),
        stored=("properties.routingWeight", 25),
        before=(*GATEWAY_PLACE, ONE_GATEWAY, ONE_LOCAL),
        shown=(("connectionType", "IPsec"), ("connectionProtocol", "IKEv2"), ("sharedKey", None)),
        verbs={"create": ONE_CONNECTION},
    ),
    "ExpressRoute circuit": Life(
        "network express-route",
        network("expressRouteCircuits/er"),
        "--bandwidth 200 --peering-location Amsterdam --provider Equinix",
        "--bandwidth 500",
        ("serviceProviderProperties.bandwidthInMbps", 500),
        ("properties.serviceProviderProperties.bandwidthInMbps", 500),
        shown=(("circuitProvisioningState", "Enabled"), ("serviceProviderProvisioningState", "NotProvisioned")),
    ),
    "scale set": Life(
        "vmss",
        "Microsoft.Compute/virtualMachineScaleSets/set",
        before=(ONE_SUBNET,),
        shown=(("sku.capacity", 0), ("virtualMachineProfile.osProfile.computerNamePrefix", "agent")),
        verbs={"create": ONE_SET, "update": "vmss scale -g {g} -n set --new-capacity 2"},
        changed=("sku.capacity", 2),
    ),
}
