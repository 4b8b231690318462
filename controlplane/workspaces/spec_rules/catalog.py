"""What may come from outside, beyond the shape of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec

#: S5-01: "Use model catalog collections with workspace managed virtual network": a managed network is the only
#: supported way to isolate the catalog.
_WHY = {
    "collections": "a managed network is the only supported way to isolate the model catalog (S5-01)",
    "packages": "a safe-list is made of the outbound rules of a managed network (S3-72)",
}


def catalog(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why it is refused, by JSON path."""
    for field, entries in (("collections", spec.catalog.collections), ("packages", spec.catalog.packages)):
        path = f"$.catalog.{field}"
        if entries and not spec.network.mode.is_managed:
            text = f"catalog.{field} needs a managed network.mode: {_WHY[field]}."
            yield ErrorDetail("InvalidValue", text, path)
        for index, entry in enumerate(entries):
            if entry in entries[:index]:
                yield ErrorDetail("DuplicateName", f"catalog.{field}: '{entry}' is named twice.", f"{path}[{index}]")
