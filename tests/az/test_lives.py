"""Every type that the CLI has commands for: created, shown, listed, changed, deleted, each time asked of both sides."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from tests.az.client import Az
from tests.az.lives import LIVES
from tests.az.lives_ways_in import WAYS_IN
from tests.support.simulator import RunningSimulator

ALL = {**LIVES, **WAYS_IN}


def lookup(body: Any, path: str) -> Any:
    """`a.b[0].c` in JSON; None where a step is missing."""
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(body, list):
            body = body[int(step)] if int(step) < len(body) else None
        else:
            body = body.get(step) if isinstance(body, dict) else None
    return body


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_life(az: Az, azure: RunningSimulator, group: str, group_id: str, name: str) -> None:
    life = ALL[name]
    unique = hashlib.sha256(name.encode()).hexdigest()[:10]

    def filled(text: str) -> str:
        return text.format(g=group, G=group_id, u=unique)

    wanted = f"{group_id}/providers/{filled(life.path)}".lower()

    def stored() -> dict[str, Any] | None:
        return {key.lower(): body for key, body in azure.state(under=wanted).items()}.get(wanted)

    for command in life.before:
        az(filled(command))
    az(filled(life.verb("create", life.create)))
    shown = az(filled(life.verb("show")))
    assert shown["id"].lower() == wanted
    for path, value in life.shown:
        assert lookup(shown, path) == (filled(value) if isinstance(value, str) else value), path
    assert stored() is not None
    assert wanted in {one["id"].lower() for one in az(filled(life.verb("list")))}

    assert lookup(shown, life.changed[0]) != life.changed[1]
    az(filled(life.verb("update", life.update)))
    assert lookup(az(filled(life.verb("show"))), life.changed[0]) == life.changed[1]
    path, value = life.stored or life.changed
    assert lookup(stored(), path) == value

    az(filled(life.verb("delete")))
    assert stored() is None
    assert az.missing(filled(life.verb("show")))
    assert wanted not in {one["id"].lower() for one in az(filled(life.verb("list")))}
