"""Who may be named, beyond the shape of the fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_model.access import members

#: S3-62: who tests a model must not be who releases it.
_APART = frozenset({Persona.MODEL_TESTERS, Persona.CICD_PROCESSES})


def access(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why it is refused, by JSON path."""
    yield from _owners(spec)
    yield from _personas(spec)


def _owners(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for index, owner in enumerate(spec.owners):
        if owner in spec.owners[:index]:
            yield ErrorDetail("DuplicateName", f"Owner {owner} is named twice.", f"$.owners[{index}]")


def _personas(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    seen: dict[str, Persona] = {}
    for persona in Persona:
        for index, principal in enumerate(members(spec.access, persona)):
            path = f"$.access.{persona}[{index}]"
            if persona is Persona.ML_WORKSPACE:
                message = "This persona is the workspace's own managed identities; nobody else can be it."
                yield ErrorDetail("PersonaNotAssignable", message, path)
            elif principal in seen:
                yield _twice(principal, seen[principal], persona, path)
            elif principal in spec.owners:
                message = f"{principal} is a person ($.owners); roles are granted to groups only (S3-63)."
                yield ErrorDetail("GroupExpected", message, path)
            seen.setdefault(principal, persona)


def _twice(principal: str, first: Persona, second: Persona, path: str) -> ErrorDetail:
    if first is second:
        return ErrorDetail("DuplicateName", f"{principal} is named twice.", path)
    if {first, second} == _APART:
        message = f"{principal} is {first} already: who tests a model must not be who releases it (S3-62)."
        return ErrorDetail("SeparationOfDuty", message, path)
    message = f"{principal} is {first} already: one principal is one persona, or it would hold the roles of both."
    return ErrorDetail("PersonaOverlap", message, path)
