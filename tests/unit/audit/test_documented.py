"""docs/audit.md names every action that an entry may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlplane.audit.model import Action

TOLD = (Path(__file__).resolve().parents[3] / "docs/audit.md").read_text().partition("## What is told")[2]


@pytest.mark.parametrize("action", Action)
def test_an_action_has_its_line(action: Action) -> None:
    first_cells = [line.split("|")[1] for line in TOLD.partition("## Reading")[0].splitlines() if line.startswith("|")]
    assert [cell for cell in first_cells if f"`{action.value}`" in cell] != []
