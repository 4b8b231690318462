"""Names of principals and members of groups from Microsoft Graph. Implements ``ports.directory.Directory``.

Sources: Graph v1.0 "directoryObject: getByIds" (up to 1,000 ids; those that do not exist are left out of the answer)
and "List group transitive members" (pages by ``@odata.nextLink``). They take Directory.Read.All of whoever asks.
Where Graph does not answer, nothing is known: access is then told by ids.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from controlplane.azure.answers import ArmAnswer
from controlplane.errors import Transient
from controlplane.json_types import JsonObject

_log = logging.getLogger(__name__)
_PATH = "/v1.0/directoryObjects/getByIds"
MOST = 1000
#: Members of a page; Graph allows no more.
_PAGE = 999
MAX_PAGES = 200


class GraphClient(Protocol):
    """What of :class:`controlplane.azure.arm_client.ArmClient` is needed, made for Graph's host."""

    endpoint: str

    async def post(self, path: str, body: JsonObject) -> ArmAnswer: ...

    async def follow(self, link: str, base: str | None = None) -> ArmAnswer: ...


class GraphDirectory:
    """Asks anew each time: names change, and who is gone matters."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def names(self, ids: tuple[str, ...]) -> Mapping[str, str] | None:
        found: dict[str, str] = {}
        for start in range(0, len(ids), MOST):
            batch = await self._batch(ids[start : start + MOST])
            if batch is None:
                return None
            found |= batch
        return found

    async def members(self, groups: tuple[str, ...]) -> Mapping[str, frozenset[str]] | None:
        found: dict[str, frozenset[str]] = {}
        for group in groups:
            members = await self._members(group)
            if members is None:
                return None
            found[group.lower()] = members
        return found

    async def _members(self, group: str) -> frozenset[str] | None:
        found: set[str] = set()
        link = f"{self._client.endpoint}/v1.0/groups/{quote(group, safe='')}/transitiveMembers?$select=id&$top={_PAGE}"
        for _ in range(MAX_PAGES):
            try:
                answer = await self._client.follow(link)
            except Transient as error:
                _log.warning("graph not reached code=%s", error.code)
                return None
            if answer.status == 404:
                return frozenset()
            body = answer.object() or {}
            value, more = body.get("value"), body.get("@odata.nextLink")
            if not answer.ok or not isinstance(value, list):
                _log.warning("graph refused status=%s", answer.status)
                return None
            found |= {str(one["id"]).lower() for one in value}
            if not more:
                return frozenset(found)
            link = str(more)
        _log.warning("graph pages do not end")
        return None

    async def _batch(self, ids: tuple[str, ...]) -> dict[str, str] | None:
        try:
            answer = await self._client.post(_PATH, {"ids": list(ids)})
        except Transient as error:
            _log.warning("graph not reached code=%s", error.code)
            return None
        value = (answer.object() or {}).get("value")
        if not answer.ok or not isinstance(value, list):
            _log.warning("graph refused status=%s", answer.status)
            return None
        return {str(one["id"]).lower(): str(one.get("displayName") or "") for one in value}
