"""What waivers may be, beyond the shape of their fields; the days are judged where today is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.conflict_table import WAIVABLE
from controlplane.workspaces.spec_model import WorkspaceSpec

#: What forms and templates have before somebody fills them in.
NOBODY = "00000000-0000-0000-0000-000000000000"


def waivers(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why they are refused, by JSON path."""
    for index, waiver in enumerate(spec.waivers):
        path = f"$.waivers[{index}].conflict"
        if waiver.conflict not in WAIVABLE:
            text = f"{waiver.conflict} cannot be waived; what can is {', '.join(sorted(WAIVABLE))}."
            yield ErrorDetail("InvalidValue", text, path)
        if waiver.owner == NOBODY:
            yield ErrorDetail("InvalidValue", "This is nobody's object id.", f"$.waivers[{index}].owner")
        if waiver.conflict in (other.conflict for other in spec.waivers[:index]):
            yield ErrorDetail("DuplicateName", f"{waiver.conflict} is waived twice.", path)
