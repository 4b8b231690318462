"""Whom Azure tells of what monitors find. Plain data: settings make it."""

from __future__ import annotations

from dataclasses import dataclass, field

from controlplane.clouds import is_own_page

#: Of our API, in the URLs that others call.
API_VERSION = "2026-11-01"


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Where Azure tells us. Empty texts: this installation has none, and no monitor is taken."""

    tenant_id: str = ""
    events_function: str = ""
    """Resource id of the function ``events``: Event Grid calls it without a key."""
    events_url: str = field(default="", repr=False)
    """In its place, where the functions do not run in Azure: a webhook. Its query may be a key, so that it is shown
    nowhere."""
    events_app: str = ""
    """App registration whose tokens the webhook asks for; none: its key is in the URL."""
    alerts_url: str = ""
    """``https://…/api/alerts``."""
    alerts_app: str = ""
    """Identifier URI of the API's app registration, which the action group's tokens are for."""
    alerts_app_object: str = ""
    """Its object id."""

    shared_group: str = ""
    """Resource group of this installation for what belongs to no workspace, such as the action group by which the
    budgets of projects call."""

    def address(self, link: str | None) -> str | None:
        """Where a path of the API is read from outside; None where this installation does not know. What was stored
        before links were paths may be a page of Azure's own."""
        root, found, _ = self.alerts_url.partition("?")[0].partition("/api/alerts")
        if link is not None and link.startswith("/api/"):
            return f"{root}{link}?api-version={API_VERSION}" if found else None
        return link if link is not None and is_own_page(link) else None

    def missing(self) -> tuple[str, ...]:
        """Settings without which Azure could not tell us."""
        wanted = {
            "CONTROLPLANE_EVENTS_FUNCTION_ID": self.events_function or self.events_url,
            "CONTROLPLANE_ALERTS_URL": self.alerts_url,
            "CONTROLPLANE_ALERTS_APP_URI": self.alerts_app,
            "CONTROLPLANE_ALERTS_APP_OBJECT_ID": self.alerts_app_object,
        }
        return tuple(name for name, value in wanted.items() if not value)


NOBODY = Callbacks()
