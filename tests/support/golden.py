"""The hand-written lists of what each example means: key → what it needs and what it is for. Pure but for reading."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.blueprints import ROOT

Golden = dict[str, dict[str, list[str]]]


def golden(name: str) -> Golden:
    """The list of an example; one that starts from another's is joined with it."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / f"tests/data/golden/{name}.yaml").read_text())
    base = loaded.pop("base", None)
    gone = set(loaded.pop("gone", ()))
    inherited = golden(base) if base else {}
    assert gone <= inherited.keys() - loaded.keys(), name
    return {**{key: entry for key, entry in inherited.items() if key not in gone}, **loaded}
