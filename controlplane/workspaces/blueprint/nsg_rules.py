"""Network security rules of the three subnets, for computes without public addresses.

Source: "Configure inbound and outbound network traffic" (how-to-access-azureml-behind-firewall) and "Secure an Azure
Machine Learning training environment with virtual networks" (how-to-secure-training-vnet): S1-70.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.workspaces.blueprint.context import Site


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    to: str
    ports: tuple[str, ...] = ("443",)
    protocol: str = "Tcp"


def training(site: Site) -> list[dict[str, Any]]:
    """Outbound to what computes need; nothing inbound, which the default rules already say.

    Prod-class environments end with a deny to the internet (S1-17): packages then come from images. In dev the
    default rule stays, so that a conda environment can be built from public indexes.
    """
    region = site.spec.location
    rules = [
        _Rule("AllowEntra", "AzureActiveDirectory", ("80", "443")),
        _Rule("AllowMachineLearning", "AzureMachineLearning"),
        _Rule("AllowMachineLearningUdp", "AzureMachineLearning", ("5831",), "Udp"),
        _Rule("AllowBatchNodeManagement", f"BatchNodeManagement.{region}", protocol="*"),
        _Rule("AllowResourceManager", "AzureResourceManager"),
        _Rule("AllowStorage", f"Storage.{region}"),
        _Rule("AllowContainerRegistry", "MicrosoftContainerRegistry"),
        _Rule("AllowFrontDoorFirstParty", "AzureFrontDoor.FirstParty"),
        _Rule("AllowMonitor", "AzureMonitor"),
        # Private endpoints of this network: 443, and 445 for the file share.
        _Rule("AllowVirtualNetwork", "VirtualNetwork", ("443", "445")),
    ]
    if site.cloud.has_front_door:
        rules.append(_Rule("AllowFrontDoorFrontEnd", "AzureFrontDoor.FrontEnd"))
    body = [_outbound(rule, 100 + 10 * index) for index, rule in enumerate(rules)]
    if site.spec.environment.is_prod_class:
        body.append(_deny("DenyInternet", "Outbound", "*", "Internet"))
    return body


def private_endpoints() -> list[dict[str, Any]]:
    """Only TLS and SMB from the two networks."""
    return [
        _rule("AllowNetworks", "Inbound", 100, "Tcp", "VirtualNetwork", "VirtualNetwork", ("443", "445")),
        _deny("DenyInternet", "Inbound", "Internet", "*"),
    ]


def hub() -> list[dict[str, Any]]:
    """Nothing from the internet."""
    return [_deny("DenyInternet", "Inbound", "Internet", "*")]


def _outbound(rule: _Rule, priority: int) -> dict[str, Any]:
    return _rule(rule.name, "Outbound", priority, rule.protocol, "VirtualNetwork", rule.to, rule.ports)


def _deny(name: str, direction: str, source: str, destination: str) -> dict[str, Any]:
    body = _rule(name, direction, 4096, "*", source, destination, ("*",))
    body["properties"]["access"] = "Deny"
    return body


def _rule(
    name: str,
    direction: str,
    priority: int,
    protocol: str,
    source: str,
    destination: str,
    ports: Sequence[str],
) -> dict[str, Any]:
    # Azure keeps a rule either with one port range or with several, as it was sent.
    range_of = {"destinationPortRange": ports[0]} if len(ports) == 1 else {"destinationPortRanges": list(ports)}
    return {
        "name": name,
        "properties": {
            "priority": priority,
            "direction": direction,
            "access": "Allow",
            "protocol": protocol,
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": destination,
            **range_of,
        },
    }
