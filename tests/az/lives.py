"""One row a type: how the Azure CLI creates, shows, lists, changes and deletes it.

In every text {g} is the resource group, {G} its id, {u} a suffix for names that are global.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import Any

NETWORK = "Microsoft.Network"
ONE_VNET = "network vnet create -g {g} -n v --address-prefixes 10.0.0.0/16"
ONE_SUBNET = f"{ONE_VNET} --subnet-name s --subnet-prefixes 10.0.0.0/24"
ACCOUNT = "storage account create -g {g} -n sa{u} --sku Standard_LRS --allow-blob-public-access false"
TAGGED = ("tags.owner", "ada")


@dataclass(frozen=True)
class Life:
    """`az {command} {verb} -g {g} {name} {parent}`; `path` is the resource's id under the group."""

    command: str
    path: str
    create: str = ""
    update: str = "--set tags.owner=ada"
    changed: tuple[str, Any] = TAGGED  # dotted path in the CLI's answer -> value after the update
    stored: tuple[str, Any] | None = None  # the same in the simulator's state, where it is another
    name: str = ""  # default: -n and the path's last segment
    parent: str = ""  # options that name the parent
    before: tuple[str, ...] = ()
    shown: tuple[tuple[str, Any], ...] = ()  # what `show` says after `create`
    verbs: dict[str, str] = field(default_factory=dict)  # whole commands where the CLI breaks its own pattern

    @property
    def named(self) -> str:
        return self.name or f"-n {self.path.rpartition('/')[2]}"

    def verb(self, verb: str, *more: str) -> str:
        given = self.verbs.get(verb)
        if given is not None:
            return given
        name = "" if verb == "list" else self.named
        return " ".join(part for part in (f"{self.command} {verb} -g {{g}}", name, self.parent, *more) if part)


def network(path: str) -> str:
    return f"{NETWORK}/{path}"


#: `az vm create` deploys a template, and `az network bastion` is an extension of the CLI that is not on PyPI: both are
#: made as plain resources.
MACHINE: dict[str, Any] = {
    "location": "westeurope",
    "tags": {"made": "by-hand"},
    "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
        "storageProfile": {
            "imageReference": {
                "publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2",
                "version": "latest",
            },
            "osDisk": {"createOption": "FromImage", "managedDisk": {"storageAccountType": "Premium_LRS"}},
        },
        "osProfile": {
            "computerName": "m", "adminUsername": "azureuser",
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {"publicKeys": [{"path": "/home/azureuser/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA x"}]},
            },
        },
        "networkProfile": {"networkInterfaces": [{"id": "@G/providers/Microsoft.Network/networkInterfaces/i"}]},
    },
}  # fmt: skip
BASTION: dict[str, Any] = {
    "location": "westeurope",
    "sku": {"name": "Standard"},
    "properties": {
        "ipConfigurations": [
            {
                "name": "c",
                "properties": {
                    "subnet": {"id": "@G/providers/Microsoft.Network/virtualNetworks/v/subnets/AzureBastionSubnet"},
                    "publicIPAddress": {"id": "@G/providers/Microsoft.Network/publicIPAddresses/p"},
                },
            }
        ]
    },
}


def whole(body: dict[str, Any]) -> str:
    """Options of `az resource create` with the body as a template text."""
    text = json.dumps(body).replace("{", "{{").replace("}", "}}").replace("@G", "{G}")
    return f"--is-full-object -p {shlex.quote(text)}"


def as_resource(kind: str, name: str) -> dict[str, str]:
    """The commands of a type that is handled by `az resource` alone."""
    options = f"-g {{g}} -n {name} --resource-type {kind}"
    verbs = {verb: f"resource {verb} {options}" for verb in ("show", "delete")}
    return {**verbs, "list": f"resource list -g {{g}} --resource-type {kind}"}


INTERFACE = "network nic create -g {g} -n i --vnet-name v --subnet s"
ONE_MACHINE = f"resource create -g {{g}} -n m --resource-type Microsoft.Compute/virtualMachines {whole(MACHINE)}"

LIVES: dict[str, Life] = {
    "virtual network": Life(
        "network vnet",
        network("virtualNetworks/v"),
        "--address-prefixes 10.0.0.0/16",
        shown=(("addressSpace.addressPrefixes", ["10.0.0.0/16"]), ("provisioningState", "Succeeded")),
    ),
    "subnet": Life(
        "network vnet subnet",
        network("virtualNetworks/v/subnets/s"),
        "--address-prefixes 10.0.1.0/24 --network-security-group n",
        "--private-endpoint-network-policies Enabled",
        ("privateEndpointNetworkPolicies", "Enabled"),
        ("properties.privateEndpointNetworkPolicies", "Enabled"),
        parent="--vnet-name v",
        before=(ONE_VNET, "network nsg create -g {g} -n n"),
    ),
    "security group": Life("network nsg", network("networkSecurityGroups/n"), shown=(("securityRules", []),)),
    "security rule": Life(
        "network nsg rule",
        network("networkSecurityGroups/n/securityRules/https"),
        "--priority 100 --access Allow --direction Inbound --protocol Tcp --destination-port-ranges 443",
        "--priority 200",
        ("priority", 200),
        ("properties.priority", 200),
        parent="--nsg-name n",
        before=("network nsg create -g {g} -n n",),
    ),
    "route table": Life("network route-table", network("routeTables/r")),
    "route": Life(
        "network route-table route",
        network("routeTables/r/routes/out"),
        "--address-prefix 0.0.0.0/0 --next-hop-type VirtualAppliance --next-hop-ip-address 10.0.0.4",
        "--next-hop-ip-address 10.0.0.5",
        ("nextHopIpAddress", "10.0.0.5"),
        ("properties.nextHopIpAddress", "10.0.0.5"),
        parent="--route-table-name r",
        before=("network route-table create -g {g} -n r",),
    ),
    "service endpoint policy": Life("network service-endpoint policy", network("serviceEndpointPolicies/p")),
    "service endpoint policy definition": Life(
        "network service-endpoint policy-definition",
        network("serviceEndpointPolicies/p/serviceEndpointPolicyDefinitions/storage"),
        "--service Microsoft.Storage --service-resources {G}/providers/Microsoft.Storage/storageAccounts/sa{u}",
        "--description ours",
        ("description", "ours"),
        ("properties.description", "ours"),
        parent="--policy-name p",
        before=("network service-endpoint policy create -g {g} -n p",),
        shown=(("service", "Microsoft.Storage"),),
    ),
    "public address": Life(
        "network public-ip",
        network("publicIPAddresses/p"),
        "--sku Standard --zone 1 2 3",
        shown=(("publicIPAllocationMethod", "Static"), ("zones", ["1", "2", "3"])),
    ),
    "NAT gateway": Life(
        "network nat gateway",
        network("natGateways/n"),
        "--public-ip-addresses p --idle-timeout 10",
        "--idle-timeout 5",
        ("idleTimeoutInMinutes", 5),
        ("properties.idleTimeoutInMinutes", 5),
        before=("network public-ip create -g {g} -n p --sku Standard",),
    ),
    "peering": Life(
        "network vnet peering",
        network("virtualNetworks/v/virtualNetworkPeerings/to-w"),
        "--remote-vnet w --allow-vnet-access",
        "--set allowForwardedTraffic=true",
        ("allowForwardedTraffic", True),
        ("properties.allowForwardedTraffic", True),
        parent="--vnet-name v",
        before=(ONE_VNET, "network vnet create -g {g} -n w --address-prefixes 10.1.0.0/16"),
        shown=(("peeringState", "Initiated"),),
    ),
    "private endpoint": Life(
        "network private-endpoint",
        network("privateEndpoints/e"),
        "--vnet-name v --subnet s --connection-name c --group-id blob "
        "--private-connection-resource-id {G}/providers/Microsoft.Storage/storageAccounts/sa{u}",
        "--tags owner=ada",
        before=(ONE_SUBNET, ACCOUNT),
        shown=(("privateLinkServiceConnections[0].privateLinkServiceConnectionState.status", "Approved"),),
    ),
    "zone group": Life(
        "network private-endpoint dns-zone-group",
        network("privateEndpoints/e/privateDnsZoneGroups/default"),
        "--private-dns-zone privatelink.blob.core.windows.net --zone-name blob",
        parent="--endpoint-name e",
        before=(
            ONE_SUBNET,
            ACCOUNT,
            "network private-endpoint create -g {g} -n e --vnet-name v --subnet s --connection-name c --group-id blob "
            "--private-connection-resource-id {G}/providers/Microsoft.Storage/storageAccounts/sa{u}",
            "network private-dns zone create -g {g} -n privatelink.blob.core.windows.net",
            "network private-dns zone create -g {g} -n privatelink.file.core.windows.net",
        ),
        verbs={
            "update": "network private-endpoint dns-zone-group add -g {g} --endpoint-name e -n default "
            "--private-dns-zone privatelink.file.core.windows.net --zone-name file"
        },
        changed=("privateDnsZoneConfigs[1].name", "file"),
        stored=("properties.privateDnsZoneConfigs[1].name", "file"),
    ),
    "private zone": Life(
        "network private-dns zone",
        network("privateDnsZones/privatelink.blob.core.windows.net"),
        update="--tags owner=ada",
        verbs={"delete": "network private-dns zone delete -g {g} -n privatelink.blob.core.windows.net -y"},
    ),
    "zone link": Life(
        "network private-dns link vnet",
        network("privateDnsZones/privatelink.blob.core.windows.net/virtualNetworkLinks/l"),
        "-v v -e false",
        "--tags owner=ada",
        parent="-z privatelink.blob.core.windows.net",
        before=(ONE_VNET, "network private-dns zone create -g {g} -n privatelink.blob.core.windows.net"),
        shown=(("virtualNetworkLinkState", "Completed"),),
        verbs={
            "delete": "network private-dns link vnet delete -g {g} -n l -z privatelink.blob.core.windows.net -y",
        },
    ),
    "record set": Life(
        "network private-dns record-set a",
        network("privateDnsZones/privatelink.blob.core.windows.net/A/web"),
        "--ttl 60",
        "--metadata owner=ada",
        ("metadata.owner", "ada"),
        ("properties.metadata.owner", "ada"),
        parent="-z privatelink.blob.core.windows.net",
        before=("network private-dns zone create -g {g} -n privatelink.blob.core.windows.net",),
        verbs={
            "delete": "network private-dns record-set a delete -g {g} -n web -z privatelink.blob.core.windows.net -y"
        },
    ),
    "storage account": Life(
        "storage account",
        "Microsoft.Storage/storageAccounts/sa{u}",
        "--sku Standard_LRS --min-tls-version TLS1_2 --allow-blob-public-access false",
        "--public-network-access Disabled",
        ("publicNetworkAccess", "Disabled"),
        ("properties.publicNetworkAccess", "Disabled"),
        shown=(("minimumTlsVersion", "TLS1_2"), ("allowBlobPublicAccess", False)),
        verbs={"delete": "storage account delete -g {g} -n sa{u} -y"},
    ),
    "registry": Life(
        "acr",
        "Microsoft.ContainerRegistry/registries/acr{u}",
        "--sku Premium",
        "--public-network-enabled false",
        ("publicNetworkAccess", "Disabled"),
        ("properties.publicNetworkAccess", "Disabled"),
        shown=(("loginServer", "acr{u}.azurecr.io"),),
        verbs={"delete": "acr delete -g {g} -n acr{u} -y"},
    ),
    "log workspace": Life(
        "monitor log-analytics workspace",
        "Microsoft.OperationalInsights/workspaces/logs",
        update="--retention-time 60",
        changed=("retentionInDays", 60),
        stored=("properties.retentionInDays", 60),
        verbs={"delete": "monitor log-analytics workspace delete -g {g} -n logs -y"},
    ),
    "identity": Life("identity", "Microsoft.ManagedIdentity/userAssignedIdentities/i", update="--tags owner=ada"),
    "lock": Life(
        "lock",
        "Microsoft.Authorization/locks/keep",
        "--lock-type CanNotDelete",
        "--notes ours",
        ("notes", "ours"),
        ("properties.notes", "ours"),
    ),
    "diagnostic setting": Life(
        "monitor diagnostic-settings",
        "Microsoft.Network/networkSecurityGroups/n/providers/microsoft.insights/diagnosticSettings/d",
        before=("network nsg create -g {g} -n n", "monitor log-analytics workspace create -g {g} -n logs"),
        changed=("logs[0].enabled", False),
        stored=("properties.logs[0].enabled", False),
        verbs={
            "create": "monitor diagnostic-settings create -n d --workspace logs -g {g} "
            "--resource {G}/providers/Microsoft.Network/networkSecurityGroups/n "
            '--logs \'[{{"category":"NetworkSecurityGroupEvent","enabled":true}}]\'',
            "show": "monitor diagnostic-settings show -n d --resource "
            "{G}/providers/Microsoft.Network/networkSecurityGroups/n",
            "list": "monitor diagnostic-settings list --resource "
            "{G}/providers/Microsoft.Network/networkSecurityGroups/n",
            "update": "monitor diagnostic-settings update -n d --set logs[0].enabled=false --resource "
            "{G}/providers/Microsoft.Network/networkSecurityGroups/n",
            "delete": "monitor diagnostic-settings delete -n d --resource "
            "{G}/providers/Microsoft.Network/networkSecurityGroups/n",
        },
    ),
    "interface": Life(
        "network nic",
        network("networkInterfaces/i"),
        "--vnet-name v --subnet s",
        before=(ONE_SUBNET,),
        shown=(("ipConfigurations[0].privateIPAllocationMethod", "Dynamic"),),
    ),
    "machine": Life(
        "vm",
        "Microsoft.Compute/virtualMachines/m",
        before=(ONE_SUBNET, INTERFACE),
        shown=(("hardwareProfile.vmSize", "Standard_D2s_v3"), ("osProfile.computerName", "m")),
        verbs={"create": ONE_MACHINE, "delete": "vm delete -g {g} -n m -y"},
    ),
    "machine's extension": Life(
        "vm extension",
        "Microsoft.Compute/virtualMachines/m/extensions/CustomScript",
        before=(ONE_SUBNET, INTERFACE, ONE_MACHINE),
        changed=("settings.commandToExecute", "false"),
        stored=("properties.settings.commandToExecute", "false"),
        parent="--vm-name m",
        verbs={
            verb: "vm extension set -g {g} --vm-name m -n CustomScript --publisher Microsoft.Azure.Extensions "
            f'--version 2.1 --settings \'{{{{"commandToExecute":"{command}"}}}}\''
            for verb, command in (("create", "true"), ("update", "false"))
        },
    ),
    "disk": Life(
        "disk",
        "Microsoft.Compute/disks/d",
        "--size-gb 32",
        verbs={"delete": "disk delete -g {g} -n d -y"},
    ),
    "bastion": Life(
        "resource",
        network("bastionHosts/b"),
        before=(
            ONE_VNET,
            "network vnet subnet create -g {g} --vnet-name v -n AzureBastionSubnet --address-prefixes 10.0.1.0/26",
            "network public-ip create -g {g} -n p --sku Standard",
        ),
        verbs={
            **as_resource("Microsoft.Network/bastionHosts", "b"),
            "create": f"resource create -g {{g}} -n b --resource-type Microsoft.Network/bastionHosts {whole(BASTION)}",
            "update": "resource update -g {g} -n b --resource-type Microsoft.Network/bastionHosts "
            "--set properties.enableTunneling=true",
        },
        changed=("properties.enableTunneling", True),
    ),
}
