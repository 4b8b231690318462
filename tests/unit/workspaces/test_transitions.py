"""What a stored spec may become."""

from __future__ import annotations

from itertools import product
from typing import Any

from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.transitions import check_transition
from tests.support.blueprints import example

KINDS = ("systemAssigned", "systemAndUserAssigned", "userAssigned")
ALLOWED = {*zip(KINDS, KINDS, strict=True), ("systemAssigned", "systemAndUserAssigned")}


def spec(**changes: Any) -> WorkspaceSpec:
    return WorkspaceSpec.model_validate({**example(), **changes})


def refused() -> set[tuple[str, str]]:
    """Changes of kind that are refused, each with the field and both kinds named."""
    found = set()
    for was, becomes in product(KINDS, KINDS):
        for detail in check_transition(spec(identity={"type": was}), spec(identity={"type": becomes})):
            assert (detail.code, detail.target) == ("TransitionNotAllowed", "$.identity.type")
            assert was in detail.message
            assert becomes in detail.message
            found.add((was, becomes))
    return found


def test_a_system_identity_may_be_joined_and_no_kind_changes_otherwise_s2_13() -> None:
    assert refused() == {*product(KINDS, KINDS)} - ALLOWED


def test_a_system_identity_is_never_alone_again_s2_14() -> None:
    assert {was for was, becomes in refused() if becomes == "systemAssigned"} == {KINDS[1], KINDS[2]}
