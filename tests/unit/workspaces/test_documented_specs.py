"""Parts of specs that the documentation shows are taken as they stand."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
import yaml

from controlplane.workspaces.conflicts import refusals
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import ROOT, example

_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [text for path in sorted((ROOT / "docs").glob("*.md")) for text in _BLOCK.findall(path.read_text())]


def test_the_documentation_shows_a_waiver() -> None:
    assert any("waivers:" in text for text in SHOWN)


@pytest.mark.parametrize("text", SHOWN)
def test_a_part_of_a_spec_that_is_shown_is_accepted_until_its_waiver_is_over(text: str) -> None:
    shown = yaml.safe_load(text)
    spec = parse_spec({**example(), **shown})
    last = [date.fromisoformat(str(waiver["endsOn"])) for waiver in shown.get("waivers", ())]
    assert refusals(spec, last[0]) == ()
    assert refusals(spec, last[0] + timedelta(days=1)) != ()
