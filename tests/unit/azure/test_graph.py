"""Names from Microsoft Graph: what it answers, and nothing where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.graph import MOST, GraphDirectory
from controlplane.errors import Transient
from controlplane.json_types import JsonObject


class Graph:
    """Knows the people it is given; every other id does not exist."""

    def __init__(self, known: dict[str, str], status: int = 200) -> None:
        self.known, self.status = known, status

    async def post(self, path: str, body: JsonObject) -> ArmAnswer:
        assert path == "/v1.0/directoryObjects/getByIds"
        assert len(body["ids"]) <= MOST
        if self.status == 0:
            raise Transient("ConnectionLost", "no answer", retry_after=1)
        value: list[dict[str, Any]] = [
            {"id": one.upper(), "displayName": self.known[one]} for one in body["ids"] if one in self.known
        ]
        return ArmAnswer(self.status, {}, json.dumps({"value": value}).encode(), "https://graph.microsoft.com")


async def test_names_of_those_who_exist() -> None:
    ids = tuple(f"id-{number}" for number in range(MOST + 5))
    found = await GraphDirectory(Graph({"id-1": "ada", f"id-{MOST + 1}": "grace"})).names(ids)
    assert found == {"id-1": "ada", f"id-{MOST + 1}": "grace"}


@pytest.mark.parametrize("status", [0, 403, 429, 500])
async def test_without_an_answer_nothing_is_known(status: int) -> None:
    assert await GraphDirectory(Graph({"id-1": "ada"}, status)).names(("id-1",)) is None
