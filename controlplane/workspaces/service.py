"""What may be asked of workspaces; the flows are in :mod:`controlplane.workspaces.services`."""

from controlplane.workspaces.services.accept import (
    delete_workspace,
    patch_workspace,
    provision_network,
    put_workspace,
    repair_workspace,
)
from controlplane.workspaces.services.access import (
    approve_access,
    explain_access,
    get_access,
    put_access,
    reconcile_access,
)
from controlplane.workspaces.services.asked import Outcome, Request
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.services.jobs import check_job
from controlplane.workspaces.services.lists import list_workspaces
from controlplane.workspaces.services.look import (
    Judged,
    Planned,
    datastores_of,
    get_workspace,
    plan_workspace,
    template_of,
    topology_of,
    validate_workspace,
)

__all__ = [
    "Judged",
    "Outcome",
    "Planned",
    "Request",
    "ServiceDeps",
    "approve_access",
    "check_job",
    "datastores_of",
    "delete_workspace",
    "explain_access",
    "get_access",
    "get_workspace",
    "list_workspaces",
    "patch_workspace",
    "plan_workspace",
    "provision_network",
    "put_access",
    "put_workspace",
    "reconcile_access",
    "repair_workspace",
    "template_of",
    "topology_of",
    "validate_workspace",
]
