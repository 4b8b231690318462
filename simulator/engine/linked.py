"""Linked access: who puts the id of another resource into a body needs a right on that resource too.

ARM checks it with the write, for the ids in what was sent. A type whose rule is not known has none here.

Sources: [RBAC] Azure resource provider operations (Microsoft Learn, role-based-access-control/permissions/*: what joins
what); [VNET] "Virtual network permissions"; [PE] "Azure RBAC permissions for Azure Private Link"; [25]
github.com/microsoft/planetary-computer-hub/issues/25 (a subnet and its route table); [8ear]
github.com/CheckPointSW/terraform-azure-cloudguard-network-security/issues/25 (a network interface); [ML]
github.com/MicrosoftDocs/azure-docs/issues/71691 (a cluster's subnet); [17] github.com/JimGBritt/AzurePolicy/issues/17
and Azure/mpf (diagnostic settings); [297] github.com/MicrosoftDocs/azure-monitor-docs/pull/297 (Application Insights);
[441] github.com/MicrosoftDocs/azure-ai-docs/pull/441 (user-assigned identities).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulator.engine import words

if TYPE_CHECKING:
    from simulator.engine.core import Engine
    from simulator.engine.messages import Request
    from simulator.engine.registry import Target

_NET = "Microsoft.Network"
_SUBNET = f"{_NET}/virtualNetworks/subnets/join/action"
_PUBLIC_IP = f"{_NET}/publicIPAddresses/join/action"
_SECURITY = f"{_NET}/networkSecurityGroups/join/action"
_LOGS = "Microsoft.OperationalInsights/workspaces/sharedKeys/action"
_OF_A_SUBNET = {
    "properties.networkSecurityGroup.id": _SECURITY,
    "properties.natGateway.id": f"{_NET}/natGateways/join/action",
    "properties.routeTable.id": f"{_NET}/routeTables/join/action",
    "properties.serviceEndpointPolicies[].id": f"{_NET}/serviceEndpointPolicies/join/action",
}
_OF_AN_ADDRESS = {
    "properties.ipConfigurations[].properties.subnet.id": _SUBNET,
    "properties.ipConfigurations[].properties.publicIPAddress.id": _PUBLIC_IP,
}
#: Type, folded → path of an id in its body → the action that is needed on what the id names.
RULES: dict[str, dict[str, str]] = {
    "microsoft.network/virtualnetworks/subnets": _OF_A_SUBNET,  # [VNET], [25]
    "microsoft.network/virtualnetworks": {f"properties.subnets[].{k}": v for k, v in _OF_A_SUBNET.items()},
    "microsoft.network/virtualnetworks/virtualnetworkpeerings": {
        "properties.remoteVirtualNetwork.id": f"{_NET}/virtualNetworks/peer/action",  # [VNET]
    },
    "microsoft.network/natgateways": {"properties.publicIpAddresses[].id": _PUBLIC_IP},  # [RBAC]
    "microsoft.network/networkinterfaces": {
        **_OF_AN_ADDRESS,
        "properties.networkSecurityGroup.id": _SECURITY,
    },  # [8ear]
    "microsoft.network/bastionhosts": _OF_AN_ADDRESS,  # [RBAC]
    "microsoft.network/virtualnetworkgateways": _OF_AN_ADDRESS,  # "About VPN Gateway roles and permissions"
    "microsoft.network/privatednszones/virtualnetworklinks": {
        "properties.virtualNetwork.id": f"{_NET}/virtualNetworks/join/action",  # [RBAC], Private DNS Zone Contributor
    },
    "microsoft.network/privateendpoints/privatednszonegroups": {
        "properties.privateDnsZoneConfigs[].properties.privateDnsZoneId": f"{_NET}/privateDnsZones/join/action",  # [PE]
    },
    "microsoft.compute/virtualmachines": {
        "properties.networkProfile.networkInterfaces[].id": f"{_NET}/networkInterfaces/join/action",  # [RBAC]
    },
    "microsoft.compute/virtualmachinescalesets": {  # [RBAC]
        "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations[].properties"
        ".ipConfigurations[].properties.subnet.id": _SUBNET,
    },
    "microsoft.machinelearningservices/workspaces/computes": {"properties.properties.subnet.id": _SUBNET},  # [ML]
    "microsoft.insights/diagnosticsettings": {"properties.workspaceId": _LOGS},  # [17]
    "microsoft.insights/components": {"properties.WorkspaceResourceId": _LOGS},  # [297]
}
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"  # [441], any type


def check(engine: Engine, request: Request, target: Target) -> None:
    """Raises LinkedAuthorizationFailed for the first linked scope on which the caller lacks the right."""
    caller, sent = request.caller, request.json()
    for action, linked in links(target.type.name, sent):
        if not engine.may(caller, action, linked):
            written = (f"{target.type.permission or target.type.name}/write", target.id)
            raise words.linked_authorization_failed((caller.name, caller.object_id), written, action, linked)


def links(resource_type: str, body: Any) -> Iterator[tuple[str, str]]:
    """(action, id) of everything that a body refers to and a rule is known for."""
    for path, action in RULES.get(resource_type.lower(), {}).items():
        for found in _at(body, path.split(".")):
            if isinstance(found, str) and found:
                yield action, found
    for identity in _at(body, ["identity", "userAssignedIdentities"]):
        if isinstance(identity, dict):
            # A null takes an identity away, which needs no right on it.
            yield from ((_IDENTITY, arm_id) for arm_id, value in identity.items() if value is not None)


def _at(body: Any, path: list[str]) -> Iterator[Any]:
    """Every value at a path; names are compared without regard to case, `[]` stands for each item."""
    if not path:
        yield body
        return
    name, *rest = path
    many, name = name.endswith("[]"), name.removesuffix("[]").lower()
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key.lower() != name:
            continue
        for item in value if many and isinstance(value, list) else () if many else (value,):
            yield from _at(item, rest)
