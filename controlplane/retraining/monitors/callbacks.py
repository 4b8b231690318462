"""Whom Azure tells of what monitors find. Plain data: settings make it."""

from __future__ import annotations

from dataclasses import dataclass, field


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
