"""Ways in and what builds: Bastion, jump host and build agents in a hub of the workspace's own (S1-13, S1-60, S5-13).

No machine has a public address or a password. People sign in with Entra ID through the Bastion; agents register with
their machine's identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.clouds import HOSTS
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.agent_script import agent_script
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.egress import public_ip
from controlplane.workspaces.blueprint.network import GROUP, subnet_id
from controlplane.workspaces.model import Resource

#: Ubuntu 24.04 LTS of generation 2, which trusted launch needs. Pinned: a new version is a new machine, and that is a
#: decision. Source: Canonical, "Find Ubuntu images on Azure".
IMAGE = {
    "publisher": "Canonical",
    "offer": "ubuntu-24_04-lts",
    "sku": "server",
    "version": "24.04.202609040",
}
ADMIN = "azureuser"
JUMP_HOST = "jump-host"


def hub(site: Site) -> Iterator[Resource]:
    asked = site.spec.network.hub
    if not site.makes_hub:
        return
    if asked.bastion:
        yield from _bastion(site)
    if asked.jump_host:
        yield from _machine(site, JUMP_HOST, ("S1-13", "S5-13"))
        yield _entra_login(site, JUMP_HOST)
    for name in _agents(site):
        yield from _machine(site, name, ("S1-60",))
        yield _agent(site, name)


def agent_keys(site: Site) -> tuple[str, ...]:
    """Keys of the build agents' machines."""
    return tuple(f"vm/{name}" for name in _agents(site))


def _agents(site: Site) -> tuple[str, ...]:
    count = site.spec.network.hub.build_agents if site.makes_hub and not site.has_scale_set else 0
    return tuple(f"agent-{number}" for number in range(1, count + 1))


def _bastion(site: Site) -> Iterator[Resource]:
    """Standard, because signing in with Entra ID takes the native client (``az network bastion ssh --auth-type AAD``),
    which Basic has not. What carries data out, and links that need no Azure account, stay off.

    Source: https://learn.microsoft.com/azure/bastion/configuration-settings#skus.
    """
    address = site.id(k.PUBLIC_IP, site.names.plain("pip", "bastion"))
    yield public_ip(site, "public-ip/bastion", address)
    configuration = {
        "name": "bastion",
        "properties": {
            "subnet": {"id": subnet_id(site, "bastion")},
            "publicIPAddress": {"id": address},
            "privateIPAllocationMethod": "Dynamic",
        },
    }
    body = site.tracked(
        {
            "ipConfigurations": [configuration],
            "enableTunneling": True,
            "disableCopyPaste": True,
            "enableFileCopy": False,
            "enableIpConnect": False,
            "enableShareableLink": False,
            "scaleUnits": 2,
        },
        sku={"name": "Standard"},
    )
    arm_id = site.id(k.BASTION, site.names.plain("bas", "hub"))
    after = ("public-ip/bastion", "subnet/bastion")
    yield resource("bastion", k.BASTION, arm_id, body, after, requirements=("S1-13", "S5-13"))


def _machine(site: Site, name: str, requirements: tuple[str, ...]) -> Iterator[Resource]:
    """An interface without a public address, and the machine on it."""
    interface = site.id(k.INTERFACE, site.names.plain("nic", name))
    configuration = {
        "name": "internal",
        "properties": {"subnet": {"id": subnet_id(site, "hub")}, "privateIPAllocationMethod": "Dynamic"},
    }
    body = site.tracked({"ipConfigurations": [configuration], "enableIPForwarding": False})
    yield resource(f"nic/{name}", k.INTERFACE, interface, body, ("subnet/hub",))
    body = site.tracked(_profiles(site, name, interface), identity=_identity(site, name))
    after = (*GROUP, f"nic/{name}")
    yield resource(f"vm/{name}", k.VM, machine_id(site, name), body, after, requirements=requirements)


def _identity(site: Site, name: str) -> dict[str, Any]:
    """Its own, which pipelines work with; an agent's machine also has the one that registers it."""
    given = site.spec.network.hub.agents.identity_id
    if given is None or name == JUMP_HOST:
        return {"type": "SystemAssigned"}
    return {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {given: {}}}


def machine_id(site: Site, name: str) -> str:
    return site.id(k.VM, site.names.plain("vm", name))


def _profiles(site: Site, name: str, interface: str) -> dict[str, Any]:
    return {
        "hardwareProfile": {"vmSize": site.spec.network.hub.vm_size},
        "storageProfile": {
            "imageReference": dict(IMAGE),
            "osDisk": {
                "name": site.names.plain("disk", name),
                "osType": "Linux",
                "createOption": "FromImage",
                # The disk goes with its machine, so that no copy of it stays behind.
                "deleteOption": "Delete",
                "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
            },
        },
        "osProfile": {
            "computerName": name,
            "adminUsername": ADMIN,
            "linuxConfiguration": administrator(site),
        },
        "networkProfile": {"networkInterfaces": [{"id": interface}]},
        "securityProfile": security(site),
        # Without a storage account of ours: Azure keeps the screenshots and the console's log.
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
    }


def administrator(site: Site) -> dict[str, Any]:
    """Of a machine's ``linuxConfiguration``: a key for emergencies, and no password."""
    key = site.spec.network.hub.admin_public_key or ""
    return {
        "disablePasswordAuthentication": True,
        "provisionVMAgent": True,
        "ssh": {"publicKeys": [{"path": f"/home/{ADMIN}/.ssh/authorized_keys", "keyData": key}]},
    }


def security(site: Site) -> dict[str, Any]:
    """Of a machine: trusted launch."""
    wanted: dict[str, Any] = {
        "securityType": "TrustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
    }
    return {**wanted, "encryptionAtHost": True} if site.spec.network.hub.encryption_at_host else wanted


def _extension(site: Site, machine: str, name: str, properties: dict[str, Any], *needs: str) -> Resource:
    arm_id = f"{machine_id(site, machine)}/extensions/{name}"
    body = site.tracked({**properties, "autoUpgradeMinorVersion": True})
    key = f"vm-extension/{machine}/{name}"
    return resource(key, k.VM_EXTENSION, arm_id, body, (f"vm/{machine}",), requirements=needs)


def _entra_login(site: Site, machine: str) -> Resource:
    """Who may sign in is a role: *Virtual Machine User Login* or *Administrator Login*.

    Source: https://learn.microsoft.com/entra/identity/devices/howto-vm-sign-in-azure-ad-linux.
    """
    return _extension(
        site,
        machine,
        "entra-login",
        {
            "publisher": "Microsoft.Azure.ActiveDirectory",
            "type": "AADSSHLoginForLinux",
            "typeHandlerVersion": "1.0",
        },
    )


def _agent(site: Site, machine: str) -> Resource:
    """The script is no secret: it takes its token from the machine's identity when it runs.

    Source: https://learn.microsoft.com/azure/virtual-machines/extensions/custom-script-linux (``script``: base64).
    """
    return _extension(
        site,
        machine,
        "agent",
        {
            "publisher": "Microsoft.Azure.Extensions",
            "type": "CustomScript",
            "typeHandlerVersion": "2.1",
            "settings": {
                "script": agent_script(site.spec.network.hub.agents, site.context.tenant_id, HOSTS[site.context.cloud])
            },
        },
        "S1-60",
        "S1-61",
        "S1-63",
    )
