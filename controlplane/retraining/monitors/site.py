"""Where a monitor's resources stand, Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.arm import group_id, resource_id
from controlplane.retraining.known import Known
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.names import Names


@dataclass(frozen=True, slots=True)
class Site:
    """One managed workspace as its monitors see it."""

    group: str
    location: str
    workspace_id: str
    logs: str
    callbacks: Callbacks

    def in_group(self, resource_type: str, name: str) -> str:
        return resource_id(self.group, resource_type, name)

    def endpoint(self, name: str) -> str:
        return f"{self.workspace_id}/onlineEndpoints/{name}"

    def deployment(self, endpoint: str, name: str) -> str:
        return f"{self.endpoint(endpoint)}/deployments/{name}"


def site_of(found: Known, callbacks: Callbacks) -> Site:
    """Names as the workspace's blueprint gives them."""
    record = found.record
    subscription = str(record.spec["subscriptionId"])
    group = group_id(subscription, record.resource_group)
    names = Names.of(subscription, record.name, record.incarnation)
    logs = resource_id(group, k.LOG_ANALYTICS, names.log_analytics)
    return Site(group, str(record.spec["location"]), found.workspace_id, logs, callbacks)
