"""What one example shows beside what another shows: refused with its reasons, or compiled like any spec."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.addresses import placed
from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.conflicts import refusals
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import CONTEXT, EXAMPLES, example


def both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The first in its own network, with every other field that the second has."""
    merged = copy.deepcopy(first)
    for name, value in second.items():
        if name == "network":
            continue
        own = merged.get(name)
        merged[name] = both(own, value) if isinstance(own, dict) and isinstance(value, dict) else copy.deepcopy(value)
    return merged


@pytest.mark.parametrize("first", EXAMPLES)
def test_it_goes_with_each_other_one_or_is_refused_by_name(first: str) -> None:
    compiled = 0
    for second in (other for other in EXAMPLES if other != first):
        try:
            spec = parse_spec(both(example(first), example(second)))
        except Rejected as refused:
            assert all(detail.target and detail.message for detail in refused.details), (first, second)
            continue
        if refusals(spec, date(2026, 11, 22)):
            continue  # a conflict between requirements, found before anything is compiled
        blueprint = compile_blueprint(placed(spec, "10.40.96.0/21"), CONTEXT)
        known = {resource.key for resource in blueprint.resources}
        missing = {key for resource in blueprint.resources for key in resource.depends_on} - known
        assert not missing, (first, second, missing)
        compiled += 1
    assert compiled, f"{first} goes with nothing"
