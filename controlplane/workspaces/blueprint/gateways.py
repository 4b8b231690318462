"""VPN gateways of a hub of the workspace's own: for people's machines and for sites (S1-52, S5-09…11).

No secret is sent: people sign in with Entra ID, and a connection that is sent without a key gets one that Azure makes
(Azure/azure-cli#2799, hashicorp/terraform-provider-azurerm#6565), which an administrator reads for the site's device.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.egress import public_ip
from controlplane.workspaces.blueprint.network import GATEWAY, GROUP, subnet_id
from controlplane.workspaces.model import Resource
from controlplane.workspaces.spec_model import PointToSite
from controlplane.workspaces.spec_model import Site as Place

_WAY_IN = ("S1-52", "S5-09")
#: Where people sign in, and who issues their tokens. Source: "Configure P2S VPN Gateway for Microsoft Entra ID
#: authentication"; outside of the public cloud a registration of one's own has to be the audience.
_ENTRA = {
    "AzureCloud": ("https://login.microsoftonline.com", "https://sts.windows.net"),
    "AzureUSGovernment": ("https://login.microsoftonline.us", "https://sts.windows.net"),
    "AzureChinaCloud": ("https://login.chinacloudapi.cn", "https://sts.chinacloudapi.cn"),
}


def gateways(site: Site) -> Iterator[Resource]:
    asked = site.spec.network.hub.vpn
    if not site.makes_hub or asked is None:
        return
    address = site.id(k.PUBLIC_IP, site.names.plain("pip", "gateway"))
    # Without zones: VmssVpnGatewayPublicIpsMustHaveZonesConfigured (Azure/ResourceModules#2609).
    yield public_ip(site, "public-ip/gateway", address, zones=sorted(asked.zones))
    properties: dict[str, Any] = {
        "gatewayType": "Vpn",
        "vpnType": "RouteBased",
        "sku": {"name": asked.sku, "tier": asked.sku},
        "enableBgp": False,
        "activeActive": False,
        "ipConfigurations": [
            {
                "name": "default",
                "properties": {
                    "subnet": {"id": subnet_id(site, "gateway")},
                    "publicIPAddress": {"id": address},
                    "privateIPAllocationMethod": "Dynamic",
                },
            }
        ],
    }
    if asked.point_to_site is not None:
        properties["vpnClientConfiguration"] = _clients(site, asked.point_to_site)
    after = ("public-ip/gateway", "subnet/gateway")
    yield resource(GATEWAY, k.VPN_GATEWAY, _id(site), site.tracked(properties), after, requirements=_WAY_IN)
    for place in asked.site_to_site:
        yield from _joined(site, place)


def watched(site: Site) -> Iterator[tuple[str, str]]:
    """ARM type and id of what people come through in an existing hub."""
    asked = site.spec.network.hub
    yield from ((k.VPN_GATEWAY, gateway) for gateway in asked.gateway_ids)
    if asked.express_route is not None:
        yield k.CIRCUIT, asked.express_route.circuit_id


def _id(site: Site) -> str:
    return site.id(k.VPN_GATEWAY, site.names.plain("vgw", "hub"))


def _clients(site: Site, asked: PointToSite) -> dict[str, Any]:
    """OpenVPN, the only protocol that Entra ID signs in to.

    Source: https://learn.microsoft.com/azure/vpn-gateway/point-to-site-entra-gateway.
    """
    tenant = site.context.tenant_id
    login, issuer = _ENTRA[site.context.cloud]
    return {
        "vpnClientAddressPool": {"addressPrefixes": [asked.client_address_pool]},
        "vpnClientProtocols": ["OpenVPN"],
        "vpnAuthenticationTypes": ["AAD"],
        "aadTenant": f"{login}/{tenant}/",
        "aadAudience": asked.audience,
        "aadIssuer": f"{issuer}/{tenant}/",
    }


def _joined(site: Site, place: Place) -> Iterator[Resource]:
    """What Azure knows of the site, and the tunnel to it."""
    local = site.id(k.LOCAL_GATEWAY, site.names.plain("lgw", place.name))
    key = f"local-gateway/{place.name}"
    properties: dict[str, Any] = {"localNetworkAddressSpace": {"addressPrefixes": list(place.address_spaces)}}
    if place.gateway_fqdn is not None:
        properties["fqdn"] = place.gateway_fqdn
    else:
        properties["gatewayIpAddress"] = place.gateway_address
    yield resource(key, k.LOCAL_GATEWAY, local, site.tracked(properties), GROUP)
    connection = {
        "connectionType": "IPsec",
        "connectionProtocol": "IKEv2",
        "virtualNetworkGateway1": {"id": _id(site)},
        "localNetworkGateway2": {"id": local},
        "enableBgp": False,
    }
    arm_id = site.id(k.CONNECTION, site.names.plain("con", place.name))
    yield resource(
        f"connection/{place.name}", k.CONNECTION, arm_id, site.tracked(connection), (GATEWAY, key), requirements=()
    )
