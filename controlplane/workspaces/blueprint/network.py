"""Networks, subnets, security groups, NAT and peering (S1-03, S1-12, S1-26, S1-49, S1-50, S1-70)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint import nsg_rules
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.model import Expectation, Resource

GROUP = ("resource-group",)
CONNECTED = Expectation("properties.peeringState", ("Connected",), "PeeringNotConnected")


def vnet_id(site: Site, which: str) -> str:
    """``which`` is ``ml`` or ``hub``."""
    return site.id(k.VNET, site.names.plain("vnet", which))


def subnet_id(site: Site, which: str) -> str:
    """``which`` is ``private-endpoints``, ``training`` or ``hub``."""
    return f"{vnet_id(site, 'hub' if which == 'hub' else 'ml')}/subnets/snet-{which}"


def network(site: Site) -> Iterator[Resource]:
    yield _vnet(site, "ml", site.ranges.ml, ("S1-03", "S1-12"))
    yield _vnet(site, "hub", site.ranges.hub, ("S1-03",))
    yield _nsg(site, "private-endpoints", nsg_rules.private_endpoints())
    yield _nsg(site, "training", nsg_rules.training(site))
    yield _nsg(site, "hub", nsg_rules.hub())
    yield from _egress(site)
    yield from _subnets(site)
    yield from _peerings(site)


def _vnet(site: Site, which: str, prefix: str, requirements: tuple[str, ...]) -> Resource:
    # No subnets: a list here would delete those it leaves out, so each subnet is a resource of its own.
    # No DNS servers: private zones are answered by Azure's resolver only (S1-42, S1-44).
    body = site.tracked(
        {"addressSpace": {"addressPrefixes": [prefix]}, "dhcpOptions": {"dnsServers": []}},
    )
    return resource(f"vnet/{which}", k.VNET, vnet_id(site, which), body, GROUP, requirements=requirements)


def _nsg_id(site: Site, which: str) -> str:
    return site.id(k.NSG, site.names.plain("nsg", which))


def _nsg(site: Site, which: str, rules: list[dict[str, Any]]) -> Resource:
    body = site.tracked({"securityRules": rules})
    needs = ("S1-70",) if which == "training" else ()
    return resource(f"nsg/{which}", k.NSG, _nsg_id(site, which), body, GROUP, requirements=needs)


def _egress(site: Site) -> Iterator[Resource]:
    """Nodes without public addresses leave through a NAT gateway; default outbound access is off everywhere."""
    address = site.id(k.PUBLIC_IP, site.names.plain("pip", "nat"))
    standard = {"name": "Standard"}
    body = site.tracked(
        {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4},
        sku=standard,
    )
    yield resource("public-ip/nat", k.PUBLIC_IP, address, body, GROUP)
    body = site.tracked({"idleTimeoutInMinutes": 10, "publicIpAddresses": [{"id": address}]}, sku=standard)
    yield resource("nat-gateway", k.NAT_GATEWAY, _nat_id(site), body, ("public-ip/nat",))


def _nat_id(site: Site) -> str:
    return site.id(k.NAT_GATEWAY, site.names.plain("ng", "ml"))


def _subnets(site: Site) -> Iterator[Resource]:
    """Subnets of one network are chained: Azure refuses two writes to one network at a time."""
    yield _subnet(
        site,
        "private-endpoints",
        site.ranges.endpoints,
        ("vnet/ml", "nsg/private-endpoints"),
        ("S1-12",),
        # "Disable network policies for private endpoints": how-to-configure-private-link, prerequisites.
        privateEndpointNetworkPolicies="Disabled",
    )
    yield _subnet(
        site,
        "training",
        site.ranges.training,
        ("vnet/ml", "nsg/training", "nat-gateway", "subnet/private-endpoints"),
        ("S1-12", "S1-70"),
        natGateway={"id": _nat_id(site)},
        # "The subnet must not be delegated": how-to-secure-training-vnet.
        delegations=[],
    )
    yield _subnet(site, "hub", site.ranges.hub_subnet, ("vnet/hub", "nsg/hub"), ())


def _subnet(
    site: Site,
    which: str,
    prefix: str,
    depends_on: tuple[str, ...],
    requirements: tuple[str, ...],
    **more: object,
) -> Resource:
    body = {
        "properties": {
            "addressPrefix": prefix,
            "networkSecurityGroup": {"id": _nsg_id(site, which)},
            "defaultOutboundAccess": False,
            **more,
        }
    }
    return resource(f"subnet/{which}", k.SUBNET, subnet_id(site, which), body, depends_on, requirements=requirements)


def _peerings(site: Site) -> Iterator[Resource]:
    """Both ways, one after the other, and after the subnets: each is a write to both networks.

    Only the second one is waited for: the first is ``Initiated`` until its twin exists, then both are ``Connected``.
    """
    after = ("vnet/ml", "vnet/hub", "subnet/training", "subnet/hub")
    yield _peering(site, "ml", "hub", after, ())
    yield _peering(site, "hub", "ml", (*after, "peering/ml-to-hub"), (CONNECTED,))


def _peering(site: Site, near: str, far: str, depends_on: tuple[str, ...], ready: tuple[Expectation, ...]) -> Resource:
    body = {
        "properties": {
            "remoteVirtualNetwork": {"id": vnet_id(site, far)},
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
        }
    }
    key = f"{near}-to-{far}"
    arm_id = f"{vnet_id(site, near)}/virtualNetworkPeerings/peer-{key}"
    needs = ("S1-49", "S1-50")
    return resource(f"peering/{key}", k.PEERING, arm_id, body, depends_on, ready=ready, requirements=needs)
