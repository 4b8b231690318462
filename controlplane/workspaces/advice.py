"""Remarks of a plan for the person who asked, as data: each is shown once, and only to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Action, Blueprint, Change, PlanWarning, Resource

Properties = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Advice:
    """``concerns``: whether the declared properties of a resource of ``type`` call for it."""

    requirement: str
    code: str
    type: str
    text: str
    target: str | None = None
    concerns: Properties = lambda properties: True
    on_creation: bool = False
    """Said when the resource is about to be made, and not again."""


ADVICE: tuple[Advice, ...] = (
    Advice(
        "S1-05",
        "ControlPlaneThroughPublicArm",
        k.ML_WORKSPACE,
        "With the v2 API, jobs and models are managed through Azure Resource Manager, which is public; the private "
        "endpoint guards data, models and the workspace's own API.",
        "$.network",
        lambda properties: not properties["v1LegacyMode"],
        True,
    ),
    Advice(
        "S1-33",
        "EndpointOfOneResource",
        k.PRIVATE_ENDPOINT,
        "Each private endpoint leads to one resource only, which limits where data can be carried off to; another "
        "storage account needs an endpoint of its own.",
        "$.network",
        on_creation=True,
    ),
    Advice(
        "S1-48",
        "LegacyV1Mode",
        k.ML_WORKSPACE,
        "The v2 API of the workspace is off (S1-47): monitors, registries and managed networks need it. Only for "
        "users of the v1 API, or where policy forbids what goes over public networks.",
        "$.legacyV1Mode",
        lambda properties: bool(properties["v1LegacyMode"]),
    ),
    Advice(
        "S1-51",
        "PeeringOnBackbone",
        k.PEERING,
        "Traffic between the hub and the ML network stays on Azure's backbone; it is charged at both ends.",
        "$.network.hub",
        on_creation=True,
    ),
    Advice(
        "S1-68",
        "RegistryAdminUser",
        k.REGISTRY,
        "The registry's admin account is a shared password; identities pull images without it (X-01).",
        "$.registry.adminUser",
        lambda properties: bool(properties["adminUserEnabled"]),
    ),
    Advice(
        "S2-09",
        "RolesMadeByMicrosoft",
        k.ML_WORKSPACE,
        "Azure itself grants a system-assigned identity roles on the workspace's dependants; those are not taken away.",
        "$.identity.type",
        on_creation=True,
    ),
    Advice(
        "S2-43",
        "SharedKeyAccess",
        k.STORAGE,
        "Whoever has an account key reads everything, and no log says who it was.",
        "$.storage.sharedKeyAccess",
        lambda properties: bool(properties["allowSharedKeyAccess"]),
    ),
    Advice(
        "S1-65",
        "NoImageBuildCompute",
        k.ML_WORKSPACE,
        "No CPU cluster builds images: the build tasks of a private registry cannot reach it.",
        "$.compute.clusters",
        lambda properties: "imageBuildCompute" not in properties,
    ),
)


def advise(blueprint: Blueprint, changes: Sequence[Change]) -> Iterator[PlanWarning]:
    """In the table's order. ``changes`` are the blueprint's."""
    created = {change.key for change in changes if change.action is Action.CREATE}
    by_type: dict[str, list[Resource]] = {}
    for resource in blueprint.resources:
        by_type.setdefault(resource.type, []).append(resource)
    for advice in ADVICE:
        found = by_type.get(advice.type, ())
        if any(_called_for(advice, resource, created) for resource in found):
            yield PlanWarning(advice.code, f"{advice.text} ({advice.requirement})", advice.target)


def _called_for(advice: Advice, resource: Resource, created: set[str]) -> bool:
    if advice.on_creation and resource.key not in created:
        return False
    return advice.concerns(resource.body["properties"])
