"""Asking Azure what we may do, before an operation writes anything (S2-08)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from controlplane.errors import Conflict, NotYet, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody, OperationKind
from controlplane.ports.reader import ResourceReader
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.own_rights import API_VERSION, PERMISSIONS, Need, lacking, needs_of

#: Kinds of operation that give things to others' identities.
_GIVING = frozenset({OperationKind.CREATE, OperationKind.UPDATE, OperationKind.REPAIR, OperationKind.RESTORE})


async def rights_missing(reader: ResourceReader, kind: OperationKind, blueprint: Blueprint) -> ErrorBody | None:
    """Why the operation cannot begin, or None; asks nothing where the blueprint names nothing of others."""
    needs = needs_of(blueprint) if kind in _GIVING else ()
    answers = await asyncio.gather(*(_permissions(reader, need) for need in needs))
    return lacking(dict(zip(needs, answers, strict=True)))


async def _permissions(reader: ResourceReader, need: Need) -> Sequence[JsonObject] | None:
    try:
        return await reader.list(f"{need.scope}/providers/{PERMISSIONS}", API_VERSION)
    except (Rejected, Transient, Conflict, NotYet):
        # Nobody knows; the write that needs it is refused by Azure, and tried again as any other.
        return None
