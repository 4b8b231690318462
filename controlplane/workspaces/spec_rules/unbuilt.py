"""What is documented and not built yet: refused by name unless it equals its default (principle 7). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec

CODE = "FeatureNotAvailable"
#: Path, test for "asks for what is not built", what is built instead.
Unbuilt = tuple[str, Callable[[WorkspaceSpec], bool], str]


def unavailable(spec: WorkspaceSpec, fields: Sequence[Unbuilt]) -> Iterator[ErrorDetail]:
    """A detail for each of ``fields`` that the spec asks for."""
    return (not_available(path, built) for path, asks, built in fields if asks(spec))


def not_available(path: str, built: str) -> ErrorDetail:
    """``built`` is what is available."""
    return ErrorDetail(CODE, f"{path[2:]} is not available yet; the only value that is: {built}.", path)
