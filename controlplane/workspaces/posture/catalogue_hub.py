"""Controls on the hub's own parts: Bastion, VPN gateway, jump host, build agents, as data.

Ids with ``CP.`` are our own; the catalogue put together for this project has none on machines in a hub. The
settings follow "Azure Bastion configuration settings", "Secure your Azure Bastion deployment" and "Trusted launch for
Azure VMs".
"""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_OPS = Section.DEVOPS_PIPELINE
_bastion = Table(kinds.BASTION, _OPS, Concern.NETWORK)
_gateway = Table(kinds.VPN_GATEWAY, _OPS, Concern.NETWORK)
_interface = Table(kinds.INTERFACE, _OPS, Concern.NETWORK)
_vm = Table(kinds.VM, _OPS, Concern.DECLARED)
_vm_access = Table(kinds.VM, _OPS, Concern.ACCESS)
_vm_network = Table(kinds.VM, _OPS, Concern.NETWORK)
_extension = Table(kinds.VM_EXTENSION, _OPS, Concern.DECLARED)
_extension_access = Table(kinds.VM_EXTENSION, _OPS, Concern.ACCESS)
_role = Table(kinds.ROLE_ASSIGNMENT, _OPS, Concern.ACCESS)

_LINUX = "properties.osProfile.linuxConfiguration"
_AGENTS = "vm/agent-*"
_set = Table(kinds.SCALE_SET, _OPS, Concern.DECLARED)
_set_access = Table(kinds.SCALE_SET, _OPS, Concern.ACCESS)
_set_network = Table(kinds.SCALE_SET, _OPS, Concern.NETWORK)
_PROFILE = "properties.virtualMachineProfile"

#: What Azure Pipelines needs of a set whose machines it counts ("Azure Virtual Machine Scale Set agents").
_POOL = ("orchestrationMode", "overprovision", "singlePlacementGroup", "platformFaultDomainCount", "upgradePolicy")

ENTRIES: tuple[Control, ...] = (
    _bastion.high("CP.HUB.WayIn", "", "S1-52", "S5-09"),
    _bastion.medium("CP.BASTION.Sku", "sku"),
    _bastion.high("CP.BASTION.ShareableLinkOff", "properties.enableShareableLink"),
    _bastion.medium("CP.BASTION.FileCopyOff", "properties.enableFileCopy"),
    _bastion.medium("CP.BASTION.CopyPasteOff", "properties.disableCopyPaste"),
    _bastion.medium("CP.BASTION.IpConnectOff", "properties.enableIpConnect"),
    _bastion.low("CP.BASTION.NativeClient", "properties.enableTunneling"),
    _bastion.high("CP.BASTION.Placement", "properties.ipConfigurations"),
    _gateway.high("CP.HUB.WayIn", "", "S1-52", "S5-09"),
    # People sign in with Entra ID: a certificate or a RADIUS server of somebody else's is another way in.
    _gateway.high("CP.VPN.EntraOnly", "properties.vpnClientConfiguration"),
    _gateway.high("CP.VPN.Placement", "properties.ipConfigurations"),
    _gateway.medium("CP.VPN.Sku", "properties.sku"),
    Table(kinds.LOCAL_GATEWAY, _OPS, Concern.NETWORK).high("CP.VPN.Site"),
    # Another device, or other ranges, is another place that joins.
    Table(kinds.LOCAL_GATEWAY, _OPS, Concern.NETWORK).high("CP.VPN.Site", "properties"),
    Table(kinds.CONNECTION, _OPS, Concern.NETWORK).high("CP.VPN.Tunnel"),
    Table(kinds.CONNECTION, _OPS, Concern.NETWORK).high("CP.VPN.Tunnel", "properties"),
    _interface.high("CP.VM.NoPublicAddress", "properties.ipConfigurations"),
    _interface.medium("CP.VM.ForwardingOff", "properties.enableIPForwarding"),
    _vm.high("CP.HUB.WayIn", "", "S1-52", "S5-09", key="vm/jump-host"),
    _vm.high("CP.AGENT.Present", key=_AGENTS),
    _vm_access.high("CP.VM.PasswordOff", f"{_LINUX}.disablePasswordAuthentication"),
    _vm_access.medium("CP.VM.Keys", f"{_LINUX}.ssh"),
    _vm.medium("CP.VM.TrustedLaunch", "properties.securityProfile"),
    _vm.medium("CP.VM.Image", "properties.storageProfile.imageReference"),
    _vm.low("CP.VM.DiskGoesToo", "properties.storageProfile.osDisk"),
    _vm.low("CP.VM.BootDiagnostics", "properties.diagnosticsProfile"),
    _vm.low("CP.VM.Size", "properties.hardwareProfile"),
    _vm_network.high("CP.VM.Interfaces", "properties.networkProfile"),
    Table(kinds.VM, _OPS, Concern.IDENTITY).high("CP.VM.Identity", "identity"),
    Table(kinds.VM, _OPS, Concern.IDENTITY).high("CP.AGENT.Identity", "identity", "S4-04", key=_AGENTS),
    _extension_access.high("CP.VM.EntraLogin", key="vm-extension/*/entra-login"),
    _extension.high("CP.AGENT.Installed", key="vm-extension/*/agent"),
    # What installs the agent on its machine and registers it by identity: no container, no personal access token.
    _extension.high("CP.AGENT.Setup", "properties.settings", "S1-61", "S1-63"),
    _role.high("CP.AGENT.Role", key="role/agent-*"),
    _role.high("CP.AGENT.Role", key="role/agents/*"),
    _role.high("CP.AGENT.Role", key="role/service-connection/*"),
    _set.high("CP.AGENT.Present"),
    *(_set.medium("CP.AGENT.Pool", f"properties.{name}") for name in _POOL),
    _set_access.high("CP.VM.PasswordOff", f"{_PROFILE}.osProfile.linuxConfiguration.disablePasswordAuthentication"),
    _set_access.medium("CP.VM.Keys", f"{_PROFILE}.osProfile.linuxConfiguration.ssh"),
    _set_network.high("CP.VM.NoPublicAddress", f"{_PROFILE}.networkProfile"),
    _set.medium("CP.VM.TrustedLaunch", f"{_PROFILE}.securityProfile"),
    _set.medium("CP.VM.Image", f"{_PROFILE}.storageProfile.imageReference"),
    _set.low("CP.VM.BootDiagnostics", f"{_PROFILE}.diagnosticsProfile"),
    _set.low("CP.VM.Size", "sku"),
    Table(kinds.SCALE_SET, _OPS, Concern.IDENTITY).high("CP.AGENT.Identity", "identity"),
)
