"""Network security rules of the subnets, by what stands in them.

Source: "Configure inbound and outbound network traffic" (how-to-access-azureml-behind-firewall) and "Secure an Azure
Machine Learning training environment with virtual networks" (how-to-secure-training-vnet): S1-70.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.workspaces.blueprint.context import Site
from controlplane.workspaces.blueprint.egress import has_public_nodes


@dataclass(frozen=True, slots=True)
class _Rule:
    """Allows, from the networks to ``to``, outbound, unless it says otherwise."""

    name: str
    to: str
    ports: tuple[str, ...] = ("443",)
    protocol: str = "Tcp"
    source: str = "VirtualNetwork"
    direction: str = "Outbound"
    access: str = "Allow"


_NO_INTERNET_OUT = _Rule("DenyInternet", "Internet", ("*",), "*", "*", access="Deny")
_NOTHING_IN = _Rule("DenyAllInbound", "*", ("*",), "*", "*", "Inbound", "Deny")
_NO_INTERNET_IN = _Rule("DenyInternet", "*", ("*",), "*", "Internet", "Inbound", "Deny")


def training(site: Site) -> list[dict[str, Any]]:
    """Outbound to what computes need. Inbound nothing, which the default rules already say, unless nodes have public
    addresses: then the service calls them on 44224.

    Prod-class environments end with a deny to the internet (S1-17): packages then come from images. In dev the
    default rule stays, so that a conda environment can be built from public indexes.
    """
    region, asked = site.spec.location, site.spec
    # Instances are reached by the service on two more ports; a firewall on the way sees file shares too.
    studio = ("443", "8787", "18881") if asked.compute.instances else ("443",)
    storage = ("443", "445") if asked.network.egress.kind == "firewall" else ("443",)
    rules = [
        _Rule("AllowEntra", "AzureActiveDirectory", ("80", "443")),
        _Rule("AllowMachineLearning", "AzureMachineLearning", studio),
        _Rule("AllowMachineLearningUdp", "AzureMachineLearning", ("5831",), "Udp"),
        _Rule("AllowBatchNodeManagement", f"BatchNodeManagement.{region}", protocol="*"),
        _Rule("AllowResourceManager", "AzureResourceManager"),
        _Rule("AllowStorage", f"Storage.{region}", storage),
        _Rule("AllowContainerRegistry", "MicrosoftContainerRegistry"),
        _Rule("AllowFrontDoorFirstParty", "AzureFrontDoor.FirstParty"),
        _Rule("AllowMonitor", "AzureMonitor"),
        # Private endpoints of this network: 443, and 445 for the file share.
        _Rule("AllowVirtualNetwork", "VirtualNetwork", ("443", "445")),
    ]
    if site.cloud.has_front_door:
        rules.append(_Rule("AllowFrontDoorFrontEnd", "AzureFrontDoor.FrontEnd"))
    if has_public_nodes(site):
        tag = "AzureMachineLearning"
        rules.append(
            _Rule("AllowMachineLearningInbound", "VirtualNetwork", ("44224",), source=tag, direction="Inbound")
        )
    if site.spec.environment.is_prod_class:
        rules.append(_NO_INTERNET_OUT)
    return _bodies(rules)


def private_endpoints() -> list[dict[str, Any]]:
    """TLS and SMB from the two networks, nothing from the internet."""
    networks = _Rule("AllowNetworks", "VirtualNetwork", ("443", "445"), direction="Inbound")
    return _bodies([networks, _NO_INTERNET_IN])


def hub(site: Site) -> list[dict[str, Any]]:
    """Nothing from the internet; into machines only SSH, and only from the Bastion and VPN clients where there are."""
    if not site.has_machines:
        return _bodies([_NO_INTERNET_IN])
    asked, ways = site.spec.network.hub, list[tuple[str, str]]()
    if asked.bastion:
        ways.append(("Bastion", site.ranges.bastion))
    if asked.vpn is not None and asked.vpn.point_to_site is not None:
        ways.append(("Vpn", asked.vpn.point_to_site.client_address_pool))
    ssh = [_Rule(f"AllowSshFrom{name}", "VirtualNetwork", ("22",), "Tcp", source, "Inbound") for name, source in ways]
    return _bodies([*ssh, _NOTHING_IN])


def bastion() -> list[dict[str, Any]]:
    """Exactly what AzureBastionSubnet needs, which Azure holds the group to; denying what is left is added.

    Source: https://learn.microsoft.com/azure/bastion/bastion-nsg, "Apply NSGs to AzureBastionSubnet".
    """
    inside = ("8080", "5701")
    rules = [
        _Rule("AllowHttpsInbound", "*", source="Internet", direction="Inbound"),
        _Rule("AllowGatewayManagerInbound", "*", source="GatewayManager", direction="Inbound"),
        _Rule("AllowAzureLoadBalancerInbound", "*", source="AzureLoadBalancer", direction="Inbound"),
        _Rule("AllowBastionHostCommunication", "VirtualNetwork", inside, "*", direction="Inbound"),
        _Rule("AllowSshRdpOutbound", "VirtualNetwork", ("22", "3389"), "*", "*"),
        _Rule("AllowAzureCloudOutbound", "AzureCloud", source="*"),
        _Rule("AllowBastionCommunication", "VirtualNetwork", inside, "*"),
        _Rule("AllowHttpOutbound", "Internet", ("80",), "*", "*"),
        _NOTHING_IN,
    ]
    return _bodies(rules)


def _bodies(rules: Sequence[_Rule]) -> list[dict[str, Any]]:
    """Allowing rules from priority 100 on, denying ones last of all."""
    return [_body(rule, 4096 if rule.access == "Deny" else 100 + 10 * place) for place, rule in enumerate(rules)]


def _body(rule: _Rule, priority: int) -> dict[str, Any]:
    # Azure keeps a rule either with one port range or with several, as it was sent.
    one, several = {"destinationPortRange": rule.ports[0]}, {"destinationPortRanges": list(rule.ports)}
    return {
        "name": rule.name,
        "properties": {
            "priority": priority,
            "direction": rule.direction,
            "access": rule.access,
            "protocol": rule.protocol,
            "sourceAddressPrefix": rule.source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": rule.to,
            **(one if len(rule.ports) == 1 else several),
        },
    }
