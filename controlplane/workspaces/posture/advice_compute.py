"""Advice on clusters, instances and the identities that they work with (S1-27, S2-33…35, S2-54). Pure data.

Source: "Set up authentication between Azure Machine Learning and other services", Compute cluster.
"""

from __future__ import annotations

from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import WorkspaceSpec


def _dear_nodes(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return not spec.environment.is_prod_class and any(not cluster.low_priority for cluster in spec.compute.clusters)


def _clusters(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return bool(spec.compute.clusters)


def _given_to_one(spec: WorkspaceSpec) -> int:
    """The most user-assigned identities that one compute has."""
    of_clusters = (len(cluster.identity.ids) for cluster in spec.compute.clusters)
    of_instances = (len(instance.identity.ids) for instance in spec.compute.instances)
    return max((*of_clusters, *of_instances), default=0)


def _without_keys(spec: WorkspaceSpec, blueprint: Blueprint) -> bool:
    return not spec.storage.shared_key_access and _clusters(spec, blueprint)


COMPUTE_ADVICE: tuple[Advice, ...] = (
    Advice(
        "LowPriorityNodes",
        ("S1-27",),
        "$.compute.clusters",
        "Training that can be repeated costs a fraction on low priority nodes, which Azure may take back: "
        "lowPriority: true.",
        _dear_nodes,
        WarningLevel.WARNING,
    ),
    Advice(
        "DefaultIdentityWorksForTheSystem",
        ("S2-33",),
        "$.compute.clusters",
        "Storage mounts, the registry and datastores are opened with a cluster's default identity, its system identity "
        "or the first of its user-assigned ones; that one is granted what it needs, the others nothing.",
        _clusters,
    ),
    Advice(
        "CodeNamesItsIdentity",
        ("S2-34",),
        "$.compute",
        "A compute has several identities: code in a job takes one of them by giving its client_id to "
        "ManagedIdentityCredential.",
        lambda spec, _: _given_to_one(spec) > 1,
    ),
    Advice(
        "DefaultIdentityClientId",
        ("S2-35",),
        "$.compute",
        "Code in a job finds the client id of the compute's default identity in the environment variable "
        "DEFAULT_IDENTITY_CLIENT_ID.",
        lambda spec, _: _given_to_one(spec) > 0,
    ),
    Advice(
        "ComputeIdentityReadsTrainingData",
        ("S2-54",),
        "$.storage.sharedKeyAccess",
        "Without account keys a training job reads its data with the compute's identity, unless the job asks for the "
        "identity of its user: grant that identity what its datastores elsewhere need.",
        _without_keys,
    ),
)
