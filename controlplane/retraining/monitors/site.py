"""Where a monitor's resources stand, and who is called by them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.arm import group_id, resource_id
from controlplane.retraining.known import Known
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.names import Names


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Where Azure tells us. Empty texts: this installation has none, and no monitor is taken."""

    tenant_id: str = ""
    events_function: str = ""
    """Resource id of the function ``events``: Event Grid calls it without a key."""
    events_url: str = ""
    """In its place, where the functions do not run in Azure: a webhook."""
    events_app: str = ""
    """App registration whose tokens the webhook asks for; none: its key is in the URL."""
    alerts_url: str = ""
    """``https://…/api/alerts``."""
    alerts_app: str = ""
    """Identifier URI of the API's app registration, which the action group's tokens are for."""
    alerts_app_object: str = ""
    """Its object id."""

    def missing(self) -> tuple[str, ...]:
        """Settings without which Azure could not tell us."""
        wanted = {
            "CONTROLPLANE_EVENTS_FUNCTION_ID": self.events_function or self.events_url,
            "CONTROLPLANE_ALERTS_URL": self.alerts_url,
            "CONTROLPLANE_ALERTS_APP_URI": self.alerts_app,
            "CONTROLPLANE_ALERTS_APP_OBJECT_ID": self.alerts_app_object,
        }
        return tuple(name for name, value in wanted.items() if not value)


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
