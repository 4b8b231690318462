"""What a person should know before a workspace of this spec exists: requirements that end in advice. Pure.

Each piece of advice says whom it concerns. It is shown in ``:plan`` beside the plan's own warnings.
"""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.blueprint.workspace import image_build_compute
from controlplane.workspaces.model import Blueprint, PlanWarning, WarningLevel
from controlplane.workspaces.posture.advice_access import ACCESS_ADVICE
from controlplane.workspaces.posture.advice_compute import COMPUTE_ADVICE
from controlplane.workspaces.posture.advice_data import DATA_ADVICE
from controlplane.workspaces.posture.advice_hub import HUB_ADVICE
from controlplane.workspaces.posture.advice_identity import IDENTITY_ADVICE
from controlplane.workspaces.posture.advice_managed import MANAGED_ADVICE
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.posture.advice_workload import WORKLOAD_ADVICE
from controlplane.workspaces.spec_model import Workload, WorkspaceSpec


def _has(blueprint: Blueprint, resource_type: str) -> bool:
    return any(resource.type == resource_type for resource in blueprint.resources)


_ADVICE = (
    Advice(
        "V2ApiReachesPublicArm",
        ("S1-05",),
        "$.network.mode",
        "The v2 API goes through public Azure Resource Manager whatever the network: the private endpoint keeps data "
        "and models inside, not the operations on the workspace itself.",
        lambda spec, blueprint: not spec.legacy_v1_mode and _has(blueprint, kinds.PRIVATE_ENDPOINT),
    ),
    Advice(
        "StorageTagReachesEveryAccount",
        ("S1-33",),
        "$.compute.clusters",
        "A private endpoint leads to one resource only and so limits exfiltration; the computes' outbound rule for the "
        "service tag Storage still reaches every account of the region. storageEndpointPolicy ends that.",
        lambda spec, blueprint: (
            bool(spec.compute.clusters)
            and not spec.network.mode.is_managed  # No service tag Storage there, and no policy of one's own.
            and not spec.network.egress.storage_endpoint_policy
            and _has(blueprint, kinds.PRIVATE_ENDPOINT)
        ),
        WarningLevel.WARNING,
    ),
    Advice(
        "V1ApiStaysInside",
        ("S1-04",),
        "$.legacyV1Mode",
        "With the v1 API and this private endpoint everything stays inside the network but creating, reading, updating "
        "and deleting the workspace and its computes, which go through public Azure Resource Manager.",
        lambda spec, blueprint: spec.legacy_v1_mode and _has(blueprint, kinds.PRIVATE_ENDPOINT),
    ),
    Advice(
        # Source: "Network isolation change with our new API platform on Azure Resource Manager".
        "EvaluateV2Api",
        ("S1-06",),
        "$.legacyV1Mode",
        "Evaluate the v2 API before the enterprise adopts it: ids and parameters of its operations (a job's, say) "
        "travel to Azure Resource Manager over public networks, encrypted with TLS 1.2; data in storage does not. "
        "Whoever needs time for that, or may send nothing over public networks, can set legacyV1Mode, but support of "
        "v1's SDK ended on 30 June 2026.",
        lambda spec, _: not spec.legacy_v1_mode,
    ),
    Advice(
        "V2ApiIsTheDefault",
        ("S1-46",),
        "$.legacyV1Mode",
        "A workspace uses the v2 API by default; this spec switches it off, and jobs, components and monitors of the "
        "v2 API with it.",
        lambda spec, _: spec.legacy_v1_mode,
    ),
    Advice(
        "LegacyModeForV1UsersOnly",
        ("S1-48",),
        "$.legacyV1Mode",
        "v1 legacy mode is meant for users of the v1 API, or where policy forbids sending anything over public "
        "networks; it works together with public network access off, which this workspace has.",
        lambda spec, _: spec.legacy_v1_mode,
    ),
    Advice(
        "PeeringStaysOnTheBackbone",
        ("S1-51",),
        "$.network.hub",
        "Traffic between the peered networks stays on the Azure backbone; no gateway and no encryption of your own is "
        "needed between them.",
        lambda _, blueprint: _has(blueprint, kinds.PEERING),
    ),
    *HUB_ADVICE,
    *DATA_ADVICE,
    *COMPUTE_ADVICE,
    *ACCESS_ADVICE,
    *MANAGED_ADVICE,
    Advice(
        "NoImageBuildCompute",
        ("S1-65",),
        "$.compute.clusters",
        "No CPU cluster builds images: the build tasks of a private registry cannot reach it.",
        lambda spec, _: image_build_compute(spec) is None,
        WarningLevel.WARNING,
    ),
    Advice(
        "RegistryAdminUser",
        ("S1-68",),
        "$.registry.adminUser",
        "The registry's admin account is a shared password; identities pull images without it (X-01).",
        lambda spec, _: spec.registry.admin_user,
        WarningLevel.WARNING,
    ),
    Advice(
        "NodesWithPublicAddresses",
        ("S1-71",),
        "$.compute.clusters",
        "Nodes can run without public addresses, which closes the inbound rule from AzureMachineLearning: prefer "
        "publicIp: false.",
        lambda spec, _: any(cluster.public_ip for cluster in spec.compute.clusters),
        WarningLevel.WARNING,
    ),
    Advice(
        "UseCaseProfile",
        ("S1-72",),
        "$.workload",
        "Computer vision is what this isolation was published for: video of telecom stores, defects of engine parts; "
        "customers in manufacturing, telecom, retail and health. The images are what must not leave: a closed network, "
        "identities instead of keys, and retraining that a person decides on.",
        lambda spec, _: spec.workload is Workload.CV,
    ),
    Advice(
        "AzureGrantsSystemIdentity",
        ("S2-09",),
        "$.identity.type",
        "Microsoft itself grants a system-assigned identity its roles on storage, vault, registry and Application "
        "Insights; what is granted here beyond that is in the plan.",
        lambda spec, _: spec.identity.type == "systemAssigned",
    ),
    *IDENTITY_ADVICE,
    *WORKLOAD_ADVICE,
    Advice(
        "SharedKeyAccess",
        ("S2-43",),
        "$.storage.sharedKeyAccess",
        "Whoever has an account key reads everything, and no log says who it was.",
        lambda spec, _: spec.storage.shared_key_access,
        WarningLevel.WARNING,
    ),
)

ADVICE: dict[str, Advice] = {advice.code: advice for advice in _ADVICE}
"""Code → advice."""


def advise(spec: WorkspaceSpec, blueprint: Blueprint) -> tuple[PlanWarning, ...]:
    """Advice that this spec gives a reason for, in the order of the table."""
    return tuple(
        PlanWarning(advice.code, f"{advice.message} ({', '.join(advice.requirements)})", advice.target, advice.level)
        for advice in ADVICE.values()
        if advice.needed(spec, blueprint)
    )
