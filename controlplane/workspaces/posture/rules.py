"""The registry of everything that is judged beyond single declared properties, and of the controls on those. Pure data.

Plain dictionaries by rule name; each rule names the requirements it answers to.
"""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.posture import (
    catalogue_compute,
    catalogue_data,
    catalogue_hub,
    catalogue_identity,
    catalogue_managed,
    catalogue_network,
    catalogue_services,
)
from controlplane.workspaces.posture.checks import (
    access,
    data,
    dns,
    egress,
    endpoints,
    exposure,
    hub,
    idle,
    key_vault,
    managed_network,
    peering,
    policy,
    ways_in,
)
from controlplane.workspaces.posture.checks.properties import Off, is_special, provisioned
from controlplane.workspaces.posture.controls import PROD_CLASS, Control
from controlplane.workspaces.posture.model import Concern, Section, Severity
from controlplane.workspaces.posture.scene import Check

_DATA, _MODEL = Section.TRAINING_DATA, Section.MODEL

CONTROLS: dict[str, Control] = {
    control.rule: control
    for control in (
        *catalogue_network.ENTRIES,
        *catalogue_managed.ENTRIES,
        *catalogue_hub.ENTRIES,
        *catalogue_services.ENTRIES,
        *catalogue_compute.ENTRIES,
        *catalogue_identity.ENTRIES,
        *catalogue_data.ENTRIES,
    )
}
"""Rule name → control on declared properties."""

AS_DECLARED = Control("CP.AsDeclared", "*", "$.*", Severity.LOW, concern=Concern.DECLARED)
"""Where a difference goes that no entry speaks to: somebody changed what was asked for."""

_CHECKS = (
    Check("DNS.ZoneSetComplete", "dns.zoneSet", dns.zone_set),
    Check("DNS.LinkState", "dns.links", dns.links),
    Check("NET.PE.StateApproved", "endpoint.approved", endpoints.approved, requirements=("S1-37",)),
    Check("NET.PE.NoForeign", "endpoint.foreign", endpoints.foreign, section=_DATA),
    Check("DNS.ARecordsMatch", "dns.records", dns.records, requirements=("S1-44",)),
    Check("NET.PEER.StateRemote", "peering.connected", peering.connected, requirements=("S1-49",)),
    Check("NET.PEER.Sync", "peering.sync", peering.in_sync, Severity.MEDIUM),
    Check("CP.HUB.WayIn", "hub.wayIn", ways_in.way_in, section=Section.DEVOPS_PIPELINE, environments=PROD_CLASS),
    Check("CP.HUB.Gateways", "hub.gateways", ways_in.gateways, section=Section.DEVOPS_PIPELINE),
    Check("NET.SUBNET.EgressPath", "egress.path", egress.egress, concern=Concern.DECLARED),
    Check("CP.EGRESS.RuleWorks", "managed.works", managed_network.works),
    Check(
        "CP.EGRESS.Unneeded",
        "managed.unneeded",
        managed_network.unneeded,
        Severity.MEDIUM,
        requirements=("S5-26", "S5-35"),
    ),
    Check("CP.NothingPublic", "exposure.access", exposure.public_access, section=_DATA),
    Check("NET.PIP.None", "exposure.addresses", exposure.public_addresses, Severity.MEDIUM),
    Check("NET.NSG.NoAnyInboundSource", "exposure.ports", exposure.open_ports),
    Check("DNS.NoForeignLink", "dns.foreign", hub.foreign_links, Severity.MEDIUM),
    Check(
        "CP.RBAC.NoForeign",
        "roles.foreign",
        hub.foreign_grants,
        Severity.MEDIUM,
        concern=Concern.ACCESS,
        requirements=("S2-53",),
    ),
    Check("CP.CI.IdleShutdownWorks", "instance.idle", idle.idle_shutdown, Severity.LOW, concern=Concern.DECLARED),
    *access.CHECKS,
    Check(
        "CP.AGENT.Scope",
        "agent.scope",
        hub.agent_scope,
        section=Section.DEVOPS_PIPELINE,
        concern=Concern.ACCESS,
        requirements=("S4-05",),
    ),
    Check(
        "CP.AGENT.VersionAge",
        "agent.age",
        hub.agent_age,
        Severity.LOW,
        Section.DEVOPS_PIPELINE,
        concern=Concern.DECLARED,
        requirements=("S1-64",),
    ),
    Check(
        "CP.DATA.Credentials",
        "data.credentials",
        data.credentials,
        section=_DATA,
        concern=Concern.ACCESS,
        requirements=("S2-41", "S2-42", "X-15"),
    ),
    Check(
        "CP.DATA.Path",
        "data.paths",
        data.paths,
        Severity.LOW,
        _DATA,
        concern=Concern.DECLARED,
        requirements=("S2-06",),
    ),
    Check(
        "CP.DATA.PreviewReader",
        "data.readers",
        data.service_readers,
        Severity.LOW,
        _DATA,
        concern=Concern.DECLARED,
        requirements=("S2-67", "S2-68", "S2-69"),
    ),
    Check("CP.DATA.Reach", "data.reach", data.reach, section=_DATA, requirements=("S2-65",)),
    Check(
        "CP.DATA.ComputeOnly",
        "data.computeOnly",
        data.compute_only,
        section=_DATA,
        concern=Concern.ACCESS,
        requirements=("S2-51",),
    ),
    Check("CP.ACR.BroughtAlong", "registry.brought", data.brought_registry, section=_MODEL, concern=Concern.ACCESS),
    Check(
        "CP.ACR.Policy",
        "registry.policy",
        policy.registry_policy,
        section=_MODEL,
        concern=Concern.ACCESS,
        requirements=("S2-73",),
    ),
    Check("CP.KEY.VaultProtected", "key.vault", key_vault.protected, section=_DATA, requirements=("S2-24",)),
    Check("STO.SftpOff", "storage.sftp", Off(kinds.STORAGE, "$.properties.isSftpEnabled"), Severity.MEDIUM, _DATA),
    Check("STO.NfsV3Off", "storage.nfs", Off(kinds.STORAGE, "$.properties.isNfsV3Enabled"), Severity.LOW, _DATA),
    Check(
        "KV.NoTemplateDeployment",
        "vault.deployment",
        Off(kinds.VAULT, "$.properties.enabledForDeployment"),
        Severity.LOW,
        _DATA,
        environments=PROD_CLASS,
        requirements=("S1-17",),
    ),
    Check(
        "ACR.TasksBypass",
        "registry.tasks",
        Off(kinds.REGISTRY, "$.properties.networkRuleBypassAllowedForTasks"),
        Severity.LOW,
        _MODEL,
        environments=PROD_CLASS,
    ),
    Check(
        "AML.WS.AllowPublicAccessWhenBehindVnet",
        "workspace.behindVnet",
        Off(kinds.ML_WORKSPACE, "$.properties.allowPublicAccessWhenBehindVnet"),
    ),
    Check(
        "NET.PE.ProvisioningState",
        "endpoint.provisioned",
        provisioned(lambda r: r.type == kinds.PRIVATE_ENDPOINT),
        concern=Concern.DECLARED,
    ),
    Check(
        "AML.WS.ProvisioningState",
        "workspace.provisioned",
        provisioned(lambda r: r.type == kinds.ML_WORKSPACE),
        concern=Concern.DECLARED,
    ),
    Check("CP.Provisioned", "provisioned", provisioned(lambda r: not is_special(r)), concern=Concern.DECLARED),
)

CHECKS: dict[str, Check] = {check.rule: check for check in _CHECKS}
"""Rule name → check, in the order in which they are judged: a later one may be a consequence of an earlier one."""
