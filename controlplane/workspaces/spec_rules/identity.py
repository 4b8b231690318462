"""What identities and encryption may be, beyond the shape of their fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, unavailable

_UNBUILT: tuple[Unbuilt, ...] = (
    ("$.identity.type", lambda s: s.identity.type != "systemAssigned", "systemAssigned"),
    ("$.identity.ids", lambda s: bool(s.identity.ids), "[]"),
    ("$.identity.primary", lambda s: s.identity.primary is not None, "null"),
    ("$.encryption.customerManagedKey", lambda s: s.encryption.customer_managed_key is not None, "null"),
)


def identity(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why identities or encryption are refused, by JSON path."""
    return unavailable(spec, _UNBUILT)
