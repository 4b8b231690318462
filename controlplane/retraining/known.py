"""Which managed workspace an ARM id belongs to: by its resource group's row, never by reading the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controlplane.arm import fold, group_id, is_within, resource_group_of, resource_id, subscription_of
from controlplane.workspaces.blueprint.names import Names
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.shares import group_row

WORKSPACE_TYPE = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True, slots=True)
class Known:
    """A managed workspace and the id of its Azure ML workspace."""

    record: WorkspaceRecord
    workspace_id: str

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def environment(self) -> str:
        return str(self.record.spec["environment"])

    @property
    def workload(self) -> str:
        return str(self.record.spec.get("workload", "classical"))


def known(record: WorkspaceRecord) -> Known:
    """Names derive from what is stored, as in the blueprint."""
    subscription = str(record.spec["subscriptionId"])
    names = Names.of(subscription, record.name, record.incarnation)
    group = group_id(subscription, record.resource_group)
    return Known(record, resource_id(group, WORKSPACE_TYPE, names.ml_workspace))


async def by_name(workspaces: WorkspaceRepository, name: str) -> Known | None:
    """None for one that does not exist or is being deleted."""
    stored = await workspaces.load(name)
    return None if stored is None or stored.record.deleting else known(stored.record)


async def since(workspaces: WorkspaceRepository, name: str, project: str, at: datetime) -> Known | None:
    """The workspace that something was stored about at that time; None when it is gone, is going, is another project's,
    or was made again under the same name since then: what was meant for the old one never acts on the new one."""
    found = await by_name(workspaces, name)
    if found is None or found.record.project != project or found.record.created_at > at:
        return None
    return found


async def by_group(workspaces: WorkspaceRepository, arm_id: str) -> Known | None:
    """The managed workspace whose resource group this is or lies in; None for what is elsewhere."""
    subscription, group = subscription_of(arm_id), resource_group_of(arm_id)
    if subscription is None or group is None:
        return None
    owner = await workspaces.shares.holder(group_row(subscription, group))
    return None if owner is None else await by_name(workspaces, owner)


async def by_id(workspaces: WorkspaceRepository, arm_id: str) -> Known | None:
    """The managed workspace whose Azure ML workspace this is, or has this below it; None for any other resource.

    Raises what the store raises.
    """
    found = await by_group(workspaces, arm_id)
    return found if found is not None and is_within(fold(arm_id), fold(found.workspace_id)) else None
