"""What a stored spec may become: changes that Azure forbids are refused before Azure is called. Pure.

One table of rules, each a function of the spec that is stored and the spec that is asked for. Whoever builds a part
of the spec appends its rules; a rule says nothing when nothing it knows of changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec

CODE = "TransitionNotAllowed"

Rule = Callable[[WorkspaceSpec, WorkspaceSpec], Iterator[ErrorDetail]]


def not_allowed(path: str, why: str) -> ErrorDetail:
    """``path``: JSON path of the field that may not become what is asked; ``why`` follows the field's name."""
    return ErrorDetail(CODE, f"{path[2:]} {why}", path)


def check_transition(before: WorkspaceSpec, after: WorkspaceSpec) -> tuple[ErrorDetail, ...]:
    """Every reason why a workspace with spec ``before`` cannot be given spec ``after``, by JSON path."""
    return tuple(detail for rule in _RULES for detail in rule(before, after))


def _identity(before: WorkspaceSpec, after: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-13, S2-14: "Once a workspace is created with SAI identity type, it can be updated to SAI+UAI, but not back
    from SAI+UAI to SAI" ("Set up authentication between Azure Machine Learning and other services", workspace identity
    types). It is the only change of kind that Azure describes, so it is the only one that is sent.
    """
    was, becomes = before.identity.type, after.identity.type
    if was != becomes and (was, becomes) != ("systemAssigned", "systemAndUserAssigned"):
        yield not_allowed(
            "$.identity.type",
            f"is {was!r} and cannot become {becomes!r}: Azure lets a workspace go from systemAssigned to "
            "systemAndUserAssigned and never back. Make a new workspace instead.",
        )


_RULES: tuple[Rule, ...] = (_identity,)
