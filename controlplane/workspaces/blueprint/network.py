"""Networks, subnets, security groups, NAT and peering (S1-03, S1-12, S1-26, S1-49, S1-50, S1-70)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint import nsg_rules
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.egress import egress, nat, nat_id, of_subnet
from controlplane.workspaces.model import Expectation, Resource

GROUP = ("resource-group",)
#: Azure knows the Bastion's subnet by this name only.
BASTION_SUBNET = "AzureBastionSubnet"
#: And a gateway's by this one.
GATEWAY_SUBNET = "GatewaySubnet"
GATEWAY = "gateway/vpn"
CONNECTED = Expectation("properties.peeringState", ("Connected",), "PeeringNotConnected")


def vnet_id(site: Site, which: str) -> str:
    """``which`` is ``ml`` or ``hub``."""
    existing = site.spec.network.hub.vnet_id
    if which == "hub" and existing is not None:
        return existing
    return site.id(k.VNET, site.names.plain("vnet", which))


def subnet_id(site: Site, which: str) -> str:
    """``which`` is ``private-endpoints``, ``training``, ``hub``, ``bastion`` or ``gateway``."""
    name = {"bastion": BASTION_SUBNET, "gateway": GATEWAY_SUBNET}.get(which, f"snet-{which}")
    return f"{vnet_id(site, 'hub' if which in ('hub', 'bastion', 'gateway') else 'ml')}/subnets/{name}"


def network(site: Site) -> Iterator[Resource]:
    yield _vnet(site, "ml", site.ranges.ml, ("S1-03", "S1-12"))
    yield _nsg(site, "private-endpoints", nsg_rules.private_endpoints())
    if not site.is_managed:
        yield _nsg(site, "training", nsg_rules.training(site))
        yield from egress(site)
    yield from _ml_subnets(site)
    if site.makes_hub:
        yield from _hub(site)


def _hub(site: Site) -> Iterator[Resource]:
    """A network of the workspace's own that people and agents come from; an existing hub is somebody else's."""
    asked = site.spec.network.hub
    yield _vnet(site, "hub", site.ranges.hub, ("S1-03",))
    yield _nsg(site, "hub", nsg_rules.hub(site))
    more: dict[str, object] = {}
    needs: tuple[str, ...] = ("vnet/hub", "nsg/hub")
    if site.has_machines:
        # Default outbound access is off: without this no machine reaches Entra ID, and no agent Azure DevOps.
        yield from nat(site, "hub")
        more, needs = {"natGateway": {"id": nat_id(site, "hub")}}, (*needs, "nat-gateway/hub")
    yield _subnet(site, "hub", site.ranges.hub_subnet, needs, (), defaultOutboundAccess=False, **more)
    if asked.bastion:
        yield _nsg(site, "bastion", nsg_rules.bastion())
        after = ("vnet/hub", "nsg/bastion", "subnet/hub")
        # Neither a route table nor a delegation is allowed here ("Azure Bastion FAQ").
        yield _subnet(site, "bastion", site.ranges.bastion, after, (), delegations=[])
    if asked.vpn is not None:
        last = "subnet/bastion" if asked.bastion else "subnet/hub"
        # No security group: NetworkSecurityGroupCannotBeAttachedToGatewaySubnet (azure-docs#115804).
        body = {"properties": {"addressPrefix": site.ranges.gateway, "delegations": []}}
        yield resource("subnet/gateway", k.SUBNET, subnet_id(site, "gateway"), body, ("vnet/hub", last))


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


def _ml_subnets(site: Site) -> Iterator[Resource]:
    """Subnets of one network are chained: Azure refuses two writes to one network at a time."""
    needed, way_out = of_subnet(site)
    yield _subnet(
        site,
        "private-endpoints",
        site.ranges.endpoints,
        ("vnet/ml", "nsg/private-endpoints"),
        ("S1-12",),
        defaultOutboundAccess=False,
        # "Disable network policies for private endpoints": how-to-configure-private-link, prerequisites.
        privateEndpointNetworkPolicies="Disabled",
    )
    if site.is_managed:
        return
    yield _subnet(
        site,
        "training",
        site.ranges.training,
        ("vnet/ml", "nsg/training", *needed, "subnet/private-endpoints"),
        ("S1-12", "S1-70"),
        defaultOutboundAccess=False,
        **way_out,
        # "The subnet must not be delegated": how-to-secure-training-vnet.
        delegations=[],
    )


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
            **more,
        }
    }
    return resource(f"subnet/{which}", k.SUBNET, subnet_id(site, which), body, depends_on, requirements=requirements)


def peerings(site: Site) -> Iterator[Resource]:
    """Both ways, one after the other, and after the subnets: each is a write to both networks.

    Only the second one is waited for: the first is ``Initiated`` until its twin exists, then both are ``Connected``.
    """
    after: tuple[str, ...] = ("vnet/ml", "subnet/private-endpoints" if site.is_managed else "subnet/training")
    if site.makes_hub:
        asked = site.spec.network.hub
        more = (("bastion", asked.bastion), ("gateway", asked.vpn is not None))
        after = (*after, "vnet/hub", "subnet/hub", *(f"subnet/{name}" for name, there in more if there))
    if not site.uses_gateways:
        yield _peering(site, "ml", "hub", after, ())
        yield _peering(site, "hub", "ml", (*after, "peering/ml-to-hub"), (CONNECTED,))
        return
    # The hub lets its gateways be used before the ML network uses them, and those are there before that: otherwise
    # RemoteVnetHasNoGateways (hashicorp/terraform#30569, terraform-provider-azurerm#2872).
    gateway = (GATEWAY,) if site.makes_hub else ()
    yield _peering(site, "hub", "ml", after, ())
    yield _peering(site, "ml", "hub", (*after, "peering/hub-to-ml", *gateway), (CONNECTED,))


def _peering(site: Site, near: str, far: str, depends_on: tuple[str, ...], ready: tuple[Expectation, ...]) -> Resource:
    body = {
        "properties": {
            "remoteVirtualNetwork": {"id": vnet_id(site, far)},
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            # People behind the hub's gateways reach what is private here, and nobody has to route.
            "allowGatewayTransit": near == "hub" and site.uses_gateways,
            "useRemoteGateways": near == "ml" and site.uses_gateways,
        }
    }
    key = f"{near}-to-{far}"
    # In somebody else's network the name says whose peering it is, and two workspaces never have the same one.
    name = f"peer-{key}" if near == "ml" or site.makes_hub else site.names.abroad("peer")
    arm_id = f"{vnet_id(site, near)}/virtualNetworkPeerings/{name}"
    needs = ("S1-49", "S1-50")
    return resource(f"peering/{key}", k.PEERING, arm_id, body, depends_on, ready=ready, requirements=needs)
