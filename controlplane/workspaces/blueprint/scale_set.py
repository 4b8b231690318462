"""Build agents on a virtual machine scale set, which Azure Pipelines grows and shrinks by itself (S1-60).

Azure Pipelines works with a set of a certain kind only: Uniform, upgraded by hand, not over-provisioned, over placement
groups, in one fault domain, behind no load balancer. It installs and registers the agents itself, through a service
connection whose identity may change the set; there is neither a token nor a script of ours on a machine.
Source: https://learn.microsoft.com/azure/devops/pipelines/agents/scale-set-agents ("Create the scale set").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.hub import ADMIN, IMAGE, administrator, security
from controlplane.workspaces.blueprint.network import subnet_id
from controlplane.workspaces.model import Resource, RoleAssignmentId

AGENTS = "scale-set/agents"


def scale_set(site: Site) -> Iterator[Resource]:
    """Nothing unless agents run on one."""
    asked = site.spec.network.hub
    if not site.has_scale_set:
        return
    body = site.tracked(
        {
            "orchestrationMode": "Uniform",
            "overprovision": False,
            "singlePlacementGroup": False,
            "platformFaultDomainCount": 1,
            "upgradePolicy": {"mode": "Manual"},
            "virtualMachineProfile": _profile(site),
        },
        sku={"name": asked.vm_size, "tier": "Standard", "capacity": asked.build_agents},
        identity={"type": "SystemAssigned"},
    )
    yield resource(AGENTS, k.SCALE_SET, scale_set_id(site), body, ("subnet/hub",), requirements=("S1-60",))
    if asked.agents.principal_id is not None:
        yield _keeper(site, asked.agents.principal_id)


def scale_set_id(site: Site) -> str:
    return site.id(k.SCALE_SET, site.names.plain("vmss", "agents"))


def _profile(site: Site) -> dict[str, Any]:
    configuration = {
        "name": "internal",
        "properties": {
            "subnet": {"id": subnet_id(site, "hub")},
            "primary": True,
            "privateIPAddressVersion": "IPv4",
            "publicIPAddressConfiguration": None,
            "loadBalancerBackendAddressPools": [],
        },
    }
    interface = {
        "name": "internal",
        "properties": {"primary": True, "enableIPForwarding": False, "ipConfigurations": [configuration]},
    }
    return {
        "storageProfile": {
            "imageReference": dict(IMAGE),
            "osDisk": {
                "osType": "Linux",
                "createOption": "FromImage",
                "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
            },
        },
        "osProfile": {
            "computerNamePrefix": "agent-",
            "adminUsername": ADMIN,
            "linuxConfiguration": administrator(site),
        },
        "networkProfile": {"networkInterfaceConfigurations": [interface]},
        "securityProfile": security(site),
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
    }


def _keeper(site: Site, principal_id: str) -> Resource:
    """The service connection's identity grows, shrinks and re-images this set, and nothing else (S1-63)."""
    guid, scope = ROLES["virtual-machine-contributor"], scale_set_id(site)
    body = {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{site.spec.subscription_id}/providers/{k.ROLE_DEFINITION}/{guid}",
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
    }
    key = "role/service-connection/scale-set/virtual-machine-contributor"
    return resource(key, k.ROLE_ASSIGNMENT, RoleAssignmentId(scope, guid, principal_id), body, (AGENTS,))
