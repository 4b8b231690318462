"""How people come in beside a Bastion: VPN gateways that are made, gateways and circuits that exist (S1-52, S5-09…12).

No field holds a secret: people sign in to a point-to-site VPN with Entra ID, and Azure makes the key of a site-to-site
connection, which an administrator reads and gives to the device.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import ArmId, Guid

#: The application of Azure VPN clients that Microsoft registered itself, which nobody has to consent to. Source:
#: https://learn.microsoft.com/azure/vpn-gateway/point-to-site-entra-gateway.
VPN_CLIENT = "c632b3df-fb67-4d84-bdcf-b95ad541b5c8"
#: Gateways without AZ in their name can be made no more since November 2025, and take no address in zones. Source:
#: https://learn.microsoft.com/azure/vpn-gateway/gateway-sku-consolidation.
GatewaySku = Literal["VpnGw1AZ", "VpnGw2AZ", "VpnGw3AZ", "VpnGw4AZ", "VpnGw5AZ"]


class PointToSite(Model):
    """People's own machines: each has a VPN client that signs in with Entra ID (S5-10)."""

    client_address_pool: str = Field(
        description="IPv4 CIDR range that clients get addresses from; in no network that they reach, and not theirs."
    )
    audience: Guid = Field(
        default=VPN_CLIENT,
        description="Application id that clients ask tokens for: Microsoft's, or one of your own that only some people "
        "are assigned to.",
    )


class Site(Model):
    """A device in another place that joins the networks to yours (S5-11)."""

    name: str = Field(
        pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$",
        description="Name of the site: up to 32 lower-case letters, digits and inner hyphens.",
    )
    gateway_address: str | None = Field(default=None, description="Public IPv4 address of the site's device.")
    gateway_fqdn: str | None = Field(
        default=None,
        max_length=253,
        pattern=r"^([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$",
        description="Name of the site's device, where its address changes; instead of gatewayAddress.",
    )
    address_spaces: tuple[str, ...] = Field(
        min_length=1, max_length=100, description="IPv4 CIDR ranges of the site; none of them overlaps yours."
    )


class Vpn(Model):
    """A VPN gateway in the hub that is created: for people's machines, for sites, or for both."""

    sku: GatewaySku = Field(default="VpnGw1AZ", description="Size of the gateway.")
    zones: tuple[Literal["1", "2", "3"], ...] = Field(
        default=("1", "2", "3"),
        min_length=1,
        max_length=3,
        description="Availability zones of the gateway's address.",
    )
    point_to_site: PointToSite | None = Field(default=None, description="VPN clients of people.")
    site_to_site: tuple[Site, ...] = Field(default=(), max_length=30, description="Sites that join.")


class ExpressRoute(Model):
    """A private link through a provider (S5-12): it exists, is read and judged, and never made or changed."""

    circuit_id: ArmId = Field(description="ARM id of the existing ExpressRoute circuit behind the hub's gateway.")
