"""What only Azure can say of a managed network, at plan time: how isolated the workspace is already. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controlplane.arm import fold, is_within, name_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Blueprint, Observed, Resource
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.records import Owned
from controlplane.workspaces.transitions import not_allowed

_MODE = "properties.managedNetwork.isolationMode"
_NONE = "Disabled"


def kept_from(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> tuple[ErrorDetail, ...]:
    """Why a workspace cannot be given the isolation that the blueprint says, as Azure shows it now: somebody isolated
    it further, and Azure takes no isolation back (S5-07, S5-08); or somebody made computes beside the spec, and Azure
    isolates none that has any. The stored spec knows nothing of either. Code: ``TransitionNotAllowed``."""
    return (*_turned_back(blueprint, observed), *_others_computes(blueprint, observed, inventory))


def becomes_isolated(blueprint: Blueprint, observed: Observed) -> bool:
    """Whether a workspace that has no managed network is to be given one: "You'll need to delete all existing managed
    compute resources and recreate them after enabling the managed virtual network" (migration of computes)."""
    return any(_becomes_isolated(one, observed) for one in blueprint.resources if one.type == k.ML_WORKSPACE)


def _becomes_isolated(workspace: Resource, observed: Observed) -> bool:
    body, wanted = observed.bodies.get(workspace.key), value_at(workspace.body, f"$.{_MODE}")
    return body is not None and not _isolates(value_at(body, f"$.{_MODE}")) and _isolates(wanted)


def _isolates(mode: object) -> bool:
    return mode is not ABSENT and str(mode).casefold() != _NONE.casefold()


def _others_computes(blueprint: Blueprint, observed: Observed, inventory: Mapping[str, Owned]) -> Iterator[ErrorDetail]:
    if not becomes_isolated(blueprint, observed):
        return
    ours = {fold(owned.resource_id) for owned in inventory.values()}
    found = (str(body["id"]) for body in observed.unmanaged)
    own = [str(one.id) for one in blueprint.resources if one.type == k.ML_WORKSPACE]
    for arm_id in found:
        is_compute = type_of(arm_id).lower() == k.COMPUTE.lower() and any(is_within(arm_id, one) for one in own)
        if is_compute and fold(arm_id) not in ours:
            yield not_allowed(
                "$.network.mode",
                f"gives the workspace a managed network, and compute {name_of(arm_id)}, which the spec does not know, "
                "is in the way: Azure isolates no workspace that has computes. Whoever made it deletes it first.",
            )


def _turned_back(blueprint: Blueprint, observed: Observed) -> Iterator[ErrorDetail]:
    for workspace in (resource for resource in blueprint.resources if resource.type == k.ML_WORKSPACE):
        body = observed.bodies.get(workspace.key)
        have, wanted = value_at(body, f"$.{_MODE}"), value_at(workspace.body, f"$.{_MODE}")
        wanted = _NONE if wanted is ABSENT else wanted
        if _isolates(have) and KINDS[k.ML_WORKSPACE].changes_in_place(_MODE, have, wanted) is False:
            yield not_allowed(
                "$.network.mode",
                f"means {wanted}, and the workspace is {have} in Azure already: its isolation only grows. Ask for the "
                "mode that it has, or make a new workspace.",
            )
