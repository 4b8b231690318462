"""One table through azure-data-tables: entities in and out, errors translated. What they mean is ``tables``' business.

This module imports the SDK; it is itself imported on first use, off the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from controlplane.azure.storage_errors import code_of, explain, is_outcome_unknown, status_of
from controlplane.azure.table_rows import MAX_CHUNKS, Operation, OutcomeUnknown, Refused, Row, Version
from controlplane.errors import Fatal

_TAG = "tag"
_NAMES = tuple(f"c{number:02d}" for number in range(MAX_CHUNKS))
#: Of an entity; a table that is missing is ``TableNotFound``.
_GONE = frozenset({"ResourceNotFound", "EntityNotFound"})
#: Answers to a batch that say a precondition did not hold.
_REFUSALS = _GONE | {"EntityAlreadyExists", "UpdateConditionNotSatisfied", "ConditionNotMet"}


class Table:
    """Raises ``controlplane.errors`` for everything but what a batch may come to."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    async def create(self) -> None:
        """Makes the table unless it is there."""
        try:
            await self._client.create_table()
        except ResourceExistsError as error:
            if code_of(error) != "TableAlreadyExists":
                raise explain(error) from error
        except AzureError as error:
            raise explain(error) from error

    async def get(self, partition: str, row: str) -> Row | None:
        """One round trip."""
        found = await self._entity(partition, row, None)
        return None if found is None else _row(found)

    async def version(self, partition: str, row: str) -> Version | None:
        """The two ETags of a row, without its value."""
        found = await self._entity(partition, row, [_TAG])
        return None if found is None else _version(found)

    async def page(
        self, query: str, size: int, after: tuple[str, str] | None
    ) -> tuple[list[Row], tuple[str, str] | None]:
        """One round trip: at most ``size`` rows, and Tables' continuation when there may be more."""
        token = {"PartitionKey": after[0], "RowKey": after[1]} if after else None
        pages: Any = self._client.query_entities(query, results_per_page=size).by_page(token)  # type: ignore[arg-type]
        try:
            rows = [_row(entity) async for entity in await anext(pages)]
        except AzureError as error:
            raise explain(error) from error
        following = pages.continuation_token
        if not following:
            return rows, None
        return rows, (following["PartitionKey"] or "", following["RowKey"] or "")

    async def batch(self, partition: str, operations: Sequence[Operation]) -> list[str | None]:
        """One entity group transaction; Tables' ETag of each row that is there afterwards.

        Raises ``Refused`` (a precondition; nothing was done) and ``OutcomeUnknown`` besides.
        """
        try:
            answers = await self._client.submit_transaction([_operation(partition, item) for item in operations])
        except AzureError as error:
            if status_of(error) in (404, 409, 412) and code_of(error) in _REFUSALS:
                raise Refused from error
            if is_outcome_unknown(error):
                raise OutcomeUnknown(explain(error)) from error
            raise explain(error) from error
        return [answer.get("etag") for answer in answers]

    async def _entity(self, partition: str, row: str, select: list[str] | None) -> Any:
        try:
            return await self._client.get_entity(partition, row, select=select)
        except ResourceNotFoundError as error:
            if code_of(error) in _GONE:
                return None
            raise explain(error) from error
        except AzureError as error:
            raise explain(error) from error


def _version(entity: Any) -> Version:
    tag, etag = entity.get(_TAG), entity.metadata.get("etag")
    if not isinstance(tag, str) or not isinstance(etag, str):
        raise Fatal("InvalidRecord", "A stored entity has no tag.")
    return Version(tag, etag)


def _row(entity: Any) -> Row:
    chunks = [entity[name] for name in _NAMES if name in entity]
    if not all(isinstance(chunk, bytes) for chunk in chunks):
        raise Fatal("InvalidRecord", "A stored entity holds something that is not binary.")
    return Row(entity["RowKey"], _version(entity), tuple(chunks))


def _operation(partition: str, item: Operation) -> tuple[str, dict[str, Any], dict[str, Any]]:
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": item.row}
    if item.chunks is not None:
        entity |= {_TAG: item.tag, **dict(zip(_NAMES, item.chunks, strict=False))}
    condition: dict[str, Any] = {}
    if item.etag is not None:
        condition = {"etag": item.etag, "match_condition": MatchConditions.IfNotModified}
    match item.kind:
        case "insert":
            return "create", entity, {}
        case "upsert":
            return "upsert", entity, {"mode": UpdateMode.REPLACE}
        case "replace":
            return "update", entity, {"mode": UpdateMode.REPLACE, **condition}
        case "check":
            return "update", entity, {"mode": UpdateMode.MERGE, **condition}
        case "remove":
            return "delete", entity, condition
