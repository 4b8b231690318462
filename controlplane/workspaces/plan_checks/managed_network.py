"""What only Azure can say of a managed network, at plan time: how isolated the workspace is already. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Blueprint, Observed
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.transitions import not_allowed

_MODE = "properties.managedNetwork.isolationMode"
_NONE = "Disabled"


def turned_back(blueprint: Blueprint, observed: Observed) -> tuple[ErrorDetail, ...]:
    """Why a workspace that somebody isolated further cannot be given what the blueprint says (S5-07, S5-08): the
    stored spec knows nothing of it, and Azure takes no isolation back. Code: ``TransitionNotAllowed``."""
    return tuple(_turned_back(blueprint, observed))


def _turned_back(blueprint: Blueprint, observed: Observed) -> Iterator[ErrorDetail]:
    for workspace in (resource for resource in blueprint.resources if resource.type == k.ML_WORKSPACE):
        body = observed.bodies.get(workspace.key)
        have, wanted = value_at(body, f"$.{_MODE}"), value_at(workspace.body, f"$.{_MODE}")
        wanted = _NONE if wanted is ABSENT else wanted
        isolated = have is not ABSENT and str(have).casefold() != _NONE.casefold()
        if isolated and KINDS[k.ML_WORKSPACE].changes_in_place(_MODE, have, wanted) is False:
            yield not_allowed(
                "$.network.mode",
                f"means {wanted}, and the workspace is {have} in Azure already: its isolation only grows. Ask for the "
                "mode that it has, or make a new workspace.",
            )
