"""Reading bodies by the paths that findings show."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.workspaces.model import Ref
from controlplane.workspaces.posture.paths import ABSENT, covers, plain, refs, value_at

BODY: dict[str, Any] = {
    "tags": {"project": "churn"},
    "properties": {
        "WorkspaceResourceId": "/x",
        "none": None,
        "rules": [{"name": "a", "properties": {"priority": 100}}, {"name": "b"}],
        "plain": ["x", "y"],
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", BODY),
        ("$.tags.project", "churn"),
        ("$.properties.workspaceresourceid", "/x"),
        ("$.properties.none", None),
        ("$.properties.gone", ABSENT),
        ("$.properties.none.below", ABSENT),
        ("$.properties.rules[a].properties.priority", 100),
        ("$.properties.rules[1].name", "b"),
        ("$.properties.rules[*].name", "a"),
        ("$.properties.rules[c]", ABSENT),
        ("$.properties.plain[1]", "y"),
        ("$.properties.plain[9]", ABSENT),
        ("$.tags[0]", ABSENT),
    ],
)
def test_value_at(path: str, expected: Any) -> None:
    found = value_at(BODY, path)
    assert found is expected if expected is ABSENT else found == expected


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("$.properties", "$.properties.a", True),
        ("$.Properties.A", "$.properties.a", True),
        ("$.properties.a", "$.properties.ab", False),
        ("$.properties.a.b", "$.properties.a", False),
        ("$.list[*].x", "$.list[name].x.y", True),
        ("$.list[*].x", "$.list.x", False),
        ("$.list", "$.list[name]", True),
    ],
)
def test_covers(prefix: str, path: str, expected: bool) -> None:
    assert covers(prefix, path) is expected


def test_references_are_found_and_shown() -> None:
    body = {"a": [Ref("workspace", "identity.principalId")], "b": {"c": "d"}}
    assert refs(body) == {Ref("workspace", "identity.principalId")}
    assert plain(body) == {"a": ["<workspace: identity.principalId, known after create>"], "b": {"c": "d"}}
