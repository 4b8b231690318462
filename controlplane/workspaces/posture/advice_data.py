"""Advice on data and images of others (S2-44, S2-47, S2-66, S2-79). Pure data.

Source: Microsoft Learn, "Set up authentication between Azure Machine Learning and other services".
"""

from __future__ import annotations

from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import WorkspaceSpec

_STORES = "$.datastores"


def _has_data(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return bool(spec.datastores)


DATA_ADVICE: tuple[Advice, ...] = (
    Advice(
        "TokenInsteadOfCredential",
        ("S2-44",),
        _STORES,
        "These datastores keep no credential: whoever works with them, in a notebook on a compute instance or on their "
        "own machine too, is asked for a token of Entra ID and needs a role on the account.",
        _has_data,
    ),
    Advice(
        "AccessLevelIsTheOwners",
        ("S2-47",),
        _STORES,
        "What a person may do with the data is changed by the owner of the storage account only; roles for people are "
        "asked for there.",
        _has_data,
    ),
    Advice(
        "ClosedAccountsCanStillLeak",
        ("S2-66",),
        _STORES,
        "An account that admits a network only needs more against leakage, with and without credentials: what computes "
        "may send out decides where data can go.",
        lambda spec, _: any(store.private_endpoint for store in spec.datastores),
        WarningLevel.WARNING,
    ),
    Advice(
        "PublicBaseImages",
        ("S2-79",),
        "$.registry.privateImages",
        "Base images come from Microsoft's public registry; for images of your own name their registries here.",
        lambda spec, _: bool(spec.compute.clusters) and not spec.registry.private_images,
    ),
)
