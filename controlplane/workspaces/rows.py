"""Row keys of partition ``workspaces``, and the values behind them. Pure.

========================  =============================================================================================
``w!name``                the record
``s!name``                the status
``o!id``                  an operation
``l!name``                the lease of the tick that works on it
``d!time!name``           the due index
``f!name``                the last tick that raised: code and correlation, for whoever ends the operation instead of it
``p!project!name``        the workspaces of a project
``i!project!id``          the operations of a project
``r!digest``              a repeatable request and its answer; ``q!time!digest`` says when it may be forgotten
``t!name``                the tombstone of a deleted workspace
``n!address``             a shelf of addresses and the ranges on it (``shares.py``); ``g!digest`` who has a resource
                          group; ``m!project!place`` one of the workspaces that a project may have
========================  =============================================================================================

Every part is printable ASCII without ``/ \\ # ? !``: names are checked before they become keys, digests are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from controlplane.ports.store import Remove, Upsert, Write
from controlplane.workspaces.records import WorkspaceRecord

PARTITION = "workspaces"


def stamp(time: datetime) -> str:
    """A time that sorts as text."""
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")


def due_row(due_at: datetime, name: str) -> str:
    return f"d!{stamp(due_at)}!{name}"


def after(row: str) -> str:
    """The first row that sorts after this one: a space is the smallest character that a key may hold."""
    return f"{row} "


def due_writes(record: WorkspaceRecord, before: WorkspaceRecord | None) -> Sequence[Write]:
    """What moves the due row of a workspace from where it was to where it shall be."""
    old = before.due_at if before else None
    if old == record.due_at:
        return ()
    writes: list[Write] = []
    if old is not None:
        writes.append(Remove(due_row(old, record.name), "*"))
    if record.due_at is not None:
        writes.append(Upsert(due_row(record.due_at, record.name), {"name": record.name}))
    return writes
