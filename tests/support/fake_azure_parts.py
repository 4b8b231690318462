"""How the fake Azure takes writes of each type, and what it remembers of calls, faults and operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.errors import ControlPlaneError

ROLES = "microsoft.authorization/roleassignments"
GROUP = "microsoft.resources/resourcegroups"
NET = "microsoft.network/"


@dataclass(frozen=True)
class Style:
    """How a type takes a write: ``sync``, ``url`` (an operation URL) or ``state`` (provisioningState only)."""

    kind: str = "sync"
    create: float = 0.0
    update: float = 0.0
    delete: float = 0.0


STYLES = {
    NET + "virtualnetworks": Style("url", 5, 5, 10),
    NET + "virtualnetworks/subnets": Style("url", 5, 5, 10),
    NET + "virtualnetworks/virtualnetworkpeerings": Style("url", 5, 5, 5),
    NET + "networksecuritygroups": Style("url", 5, 5, 5),
    NET + "natgateways": Style("url", 10, 5, 5),
    NET + "publicipaddresses": Style("url", 5, 5, 5),
    NET + "privateendpoints": Style("url", 58, 20, 30),
    NET + "privateendpoints/privatednszonegroups": Style("url", 10, 10, 10),
    NET + "privatednszones": Style("url", 10, 5, 10),
    NET + "privatednszones/virtualnetworklinks": Style("url", 10, 5, 10),
    "microsoft.storage/storageaccounts": Style("url", 17, 0, 0),
    "microsoft.containerregistry/registries": Style("url", 20, 0, 0),
    "microsoft.operationalinsights/workspaces": Style("state", 15, 1, 0),
    "microsoft.keyvault/vaults": Style("state", 30, 1, 0),
    "microsoft.machinelearningservices/workspaces": Style("url", 90, 20, 60),
    "microsoft.machinelearningservices/workspaces/computes": Style("url", 60, 10, 40),
    GROUP: Style("sync", delete=20),
}


@dataclass
class Call:
    """One call, in the order of arrival."""

    method: str
    path: str
    at: float
    status: str = "ok"


@dataclass
class Fault:
    """Raises ``error`` for the next ``times`` calls that match; ``after`` the effect when it says so."""

    method: str
    contains: str
    error: Callable[[], ControlPlaneError]
    times: int = 1
    after: bool = False

    def meets(self, method: str, path: str) -> bool:
        """``contains`` is a part of the path; with ``$`` at its end, the end of it."""
        if self.times <= 0 or self.method != method:
            return False
        wanted, path = self.contains.lower(), path.lower()
        return path.endswith(wanted[:-1]) if wanted.endswith("$") else wanted in path


@dataclass
class RunningOperation:
    """A long operation; ``next_poll`` is when Retry-After is over."""

    target: str
    ends_at: float
    next_poll: float
    error: tuple[str, str] | None = None
    gone: bool = False
