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
        self.links: list[str] = []

    endpoint = "https://graph.microsoft.com"

    async def follow(self, link: str, base: str | None = None) -> ArmAnswer:
        """Three people, one a page; whoever asks for "gone" asks for nobody."""
        if self.status == 0:
            raise Transient("ConnectionLost", "no answer", retry_after=1)
        self.links.append(link)
        number = len(self.links)
        more = {"@odata.nextLink": f"{self.endpoint}/page{number + 1}"} if number < 3 else {}
        body = {"value": [{"id": f"ID-{number}"}], **more}
        status = 404 if "/gone/" in link else self.status
        return ArmAnswer(status, {}, json.dumps(body).encode(), link)

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


async def test_members_of_all_pages_and_nobody_in_a_group_that_is_gone() -> None:
    graph = Graph({})
    assert await GraphDirectory(graph).members(("Team",)) == {"team": frozenset({"id-1", "id-2", "id-3"})}
    assert graph.links[0] == f"{graph.endpoint}/v1.0/groups/Team/transitiveMembers?$select=id&$top=999"
    assert await GraphDirectory(Graph({})).members(("gone",)) == {"gone": frozenset()}


@pytest.mark.parametrize("status", [0, 403, 429, 500])
async def test_without_an_answer_members_are_not_known(status: int) -> None:
    assert await GraphDirectory(Graph({}, status)).members(("team",)) is None
