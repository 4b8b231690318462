"""Advice on who does what (S3-49, S3-68). Pure data."""

from __future__ import annotations

from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import WorkspaceSpec


def _names_somebody(_: WorkspaceSpec, blueprint: Blueprint) -> bool:
    return bool(blueprint.access.members)


def _pipelines_own_production(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return bool(spec.access.cicd_processes) and spec.environment.is_prod_class


def _by_hand(_: WorkspaceSpec, blueprint: Blueprint) -> bool:
    return bool(blueprint.access.by_hand)


ACCESS_ADVICE: tuple[Advice, ...] = (
    Advice(
        "PhasesHaveOwners",
        ("S3-49",),
        "$.access",
        "Each phase has its owner: data engineers the data, the infrastructure team the setup, data scientists and ML "
        "engineers the inner loop, ML engineers the registry and the outer loop. Name the groups accordingly.",
        _names_somebody,
    ),
    Advice(
        "PipelinesHoldOwner",
        ("S3-68",),
        "$.access.cicdProcesses",
        "CI/CD is Owner in production for as long as the project lasts. An older revision of the matrix made it just "
        "in time there, as platform support is: where that is wanted, make it eligible in PIM instead.",
        _pipelines_own_production,
        WarningLevel.WARNING,
    ),
    Advice(
        "GrantsByHand",
        ("S3-67",),
        "$.access",
        "Owner, and whatever platform support may take, is granted by an administrator: after a Platform.Admin's "
        "POST access:approve the exact requests are in GET access.",
        _by_hand,
        WarningLevel.WARNING,
    ),
)
