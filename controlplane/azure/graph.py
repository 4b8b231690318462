"""Names of principals from Microsoft Graph. Implements ``ports.directory.Directory``.

Source: Graph v1.0 "directoryObject: getByIds" (up to 1,000 ids; those that do not exist are left out of the answer).
It takes Directory.Read.All of whoever asks. Where Graph does not answer, nothing is known: access is then told by ids.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from controlplane.azure.answers import ArmAnswer
from controlplane.errors import Transient
from controlplane.json_types import JsonObject

_log = logging.getLogger(__name__)
_PATH = "/v1.0/directoryObjects/getByIds"
MOST = 1000


class GraphClient(Protocol):
    """What of :class:`controlplane.azure.arm_client.ArmClient` is needed, made for Graph's host."""

    async def post(self, path: str, body: JsonObject) -> ArmAnswer: ...


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
