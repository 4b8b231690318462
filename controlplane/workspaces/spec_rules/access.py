"""Who may be named, beyond the shape of the fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, unavailable

_UNBUILT: tuple[Unbuilt, ...] = (
    ("$.access.dataScientists", lambda s: bool(s.access.data_scientists), "[]"),
    ("$.access.projectLeads", lambda s: bool(s.access.project_leads), "[]"),
    ("$.access.platformSupport", lambda s: bool(s.access.platform_support), "[]"),
)


def access(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why it is refused, by JSON path."""
    yield from unavailable(spec, _UNBUILT)
    yield from _owners(spec)


def _owners(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for index, owner in enumerate(spec.owners):
        if owner in spec.owners[:index]:
            yield ErrorDetail("DuplicateName", f"Owner {owner} is named twice.", f"$.owners[{index}]")
