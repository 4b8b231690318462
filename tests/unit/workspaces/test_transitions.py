"""What a stored spec may become."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.transitions import check_transition
from tests.support.blueprints import example

KINDS = ("systemAssigned", "systemAndUserAssigned", "userAssigned")
ALLOWED = {*zip(KINDS, KINDS, strict=True), ("systemAssigned", "systemAndUserAssigned")}


def spec(**changes: Any) -> WorkspaceSpec:
    return WorkspaceSpec.model_validate({**example(), **changes})


@pytest.mark.parametrize(("was", "becomes"), [*product(KINDS, KINDS)])
def test_s2_13_s2_14_only_a_system_identity_may_be_joined_by_others_and_never_back(was: str, becomes: str) -> None:
    details = check_transition(spec(identity={"type": was}), spec(identity={"type": becomes}))
    if (was, becomes) in ALLOWED:
        assert details == ()
    else:
        (detail,) = details
        assert (detail.code, detail.target) == ("TransitionNotAllowed", "$.identity.type")
        assert was in detail.message
        assert becomes in detail.message
