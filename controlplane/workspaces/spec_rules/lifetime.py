"""What money, lifetime and management may be, beyond the shape of their fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, unavailable

_UNBUILT: tuple[Unbuilt, ...] = (
    ("$.management", lambda s: s.management != "manage", "manage"),
    ("$.budget", lambda s: s.budget is not None, "null"),
    ("$.expiry.idleAfter", lambda s: s.expiry is not None and s.expiry.idle_after is not None, "null"),
    ("$.expiry.grace", lambda s: s.expiry is not None and s.expiry.grace is not None, "null"),
    ("$.expiry.action", lambda s: s.expiry is not None and s.expiry.action is not None, "null"),
)


def lifetime(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why they are refused, by JSON path."""
    return unavailable(spec, _UNBUILT)
