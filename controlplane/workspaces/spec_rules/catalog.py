"""What may come from outside, beyond the shape of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, unavailable

_UNBUILT: tuple[Unbuilt, ...] = (("$.catalog.collections", lambda s: bool(s.catalog.collections), "[]"),)


def catalog(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why it is refused, by JSON path."""
    return unavailable(spec, _UNBUILT)
