"""What may be asked of workspaces; the flows are in :mod:`controlplane.workspaces.services`."""

from controlplane.workspaces.services.accept import (
    delete_workspace,
    patch_workspace,
    put_workspace,
    repair_workspace,
)
from controlplane.workspaces.services.asked import Outcome, Request
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.services.lists import list_workspaces
from controlplane.workspaces.services.look import (
    Judged,
    Planned,
    get_workspace,
    plan_workspace,
    topology_of,
    validate_workspace,
)

__all__ = [
    "Judged",
    "Outcome",
    "Planned",
    "Request",
    "ServiceDeps",
    "delete_workspace",
    "get_workspace",
    "list_workspaces",
    "patch_workspace",
    "plan_workspace",
    "put_workspace",
    "repair_workspace",
    "topology_of",
    "validate_workspace",
]
