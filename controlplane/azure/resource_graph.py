"""Which online endpoints there are, from Azure Resource Graph. Implements ``ports.inventory.Inventory``.

Sources: REST "Resources - Resources" 2022-10-01 (``$top`` of 1,000 at most, ``$skipToken``); "Supported Azure
Resource Manager resource types" (workspaces/onlineEndpoints and their deployments are in table ``resources``). What the
caller may not read is left out without a word, so rights are asked for elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.errors import error_of
from controlplane.errors import Fatal
from controlplane.json_types import JsonObject
from controlplane.ports.inventory import Found

PATH, VERSION = "/providers/Microsoft.ResourceGraph/resources", "2022-10-01"
QUERY = """resources
| where type in~ ('microsoft.machinelearningservices/workspaces/onlineendpoints',
                  'microsoft.machinelearningservices/workspaces/onlineendpoints/deployments')
| project id, type, location, size = tostring(properties.instanceType), count = sku.capacity
| order by id asc"""
WORKSPACES = """resources
| where type =~ 'microsoft.machinelearningservices/workspaces'
| project id, type, location
| order by id asc"""
PAGE = 1000
MAX_PAGES = 1000
#: Subscriptions of one question.
MOST_SUBSCRIPTIONS = 1000


class ResourceGraph:
    """See the protocol."""

    def __init__(self, client: ArmClient) -> None:
        self._client = client

    async def online(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        return await self._all(subscriptions, QUERY)

    async def workspaces(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        return await self._all(subscriptions, WORKSPACES)

    async def _all(self, subscriptions: Sequence[str], query: str) -> tuple[Found, ...]:
        found: list[Found] = []
        for begin in range(0, len(subscriptions), MOST_SUBSCRIPTIONS):
            found += await self._of(list(subscriptions[begin : begin + MOST_SUBSCRIPTIONS]), query)
        return tuple(found)

    async def _of(self, subscriptions: list[str], query: str) -> list[Found]:
        found: list[Found] = []
        options: JsonObject = {"resultFormat": "objectArray", "$top": PAGE}
        for _ in range(MAX_PAGES):
            body = {"subscriptions": subscriptions, "query": query, "options": options}
            answer = await self._client.request("POST", PATH, VERSION, body=body)
            if not answer.ok:
                raise error_of(answer)
            page = answer.object() or {}
            rows = page.get("data")
            if not isinstance(rows, list):
                raise Fatal("UnexpectedAnswer", "Resource Graph answered no array 'data'.")
            found += [_found(one) for one in rows]
            token = page.get("$skipToken")
            if not token:
                if str(page.get("resultTruncated", "false")).lower() == "true":
                    raise Fatal("UnexpectedAnswer", "Resource Graph cut its answer off without a token.")
                return found
            options = {**options, "$skipToken": str(token)}
        raise Fatal("EndlessList", "The pages of Resource Graph do not end.")


def _found(row: JsonObject) -> Found:
    count = row.get("count")
    return Found(
        str(row["id"]),
        str(row["type"]).lower(),
        str(row["location"]).lower(),
        str(row.get("size") or ""),
        int(count) if count is not None else None,
    )
