"""Storing what was heard once: a copy meets the row of the first and is answered like it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from controlplane.errors import Conflict, Transient
from controlplane.objects.repository import Objects, Thing, put
from controlplane.objects.tick import message_of
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue
from controlplane.retraining.signals.topics import Topics
from controlplane.workspaces.repository import WorkspaceRepository

_log = logging.getLogger(__name__)


class Budgets(Protocol):
    """Who knows whether a budget in Azure is one of ours."""

    async def heard(self, arm_id: str, key: str) -> str | None:
        """What became of its alert; None for one that is not ours. Raises ``Transient``."""


@dataclass(frozen=True, slots=True)
class IntakeDeps:
    """Stores and a clock: nothing here can call Azure."""

    objects: Objects
    workspaces: WorkspaceRepository
    queue: WorkQueue
    clock: Clock
    topics: Topics = field(default_factory=Topics)
    """Remembered by a process that hears many events."""
    budgets: Budgets | None = None
    """None: every budget's alert is a signal."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it. ``id`` None: left alone, with the reason."""

    kind: str | None
    id: str | None
    reason: str


async def store_once(deps: IntakeDeps, thing: Thing, reason: str) -> Taken:
    """Inserts an object that may be there already, and hints at it."""
    try:
        await deps.objects.commit(put(None, thing))
    except Conflict:
        return Taken(thing.KIND, thing.id, "known")
    await send(deps, thing)
    return Taken(thing.KIND, thing.id, reason)


async def send(deps: IntakeDeps, thing: Thing) -> None:
    """A hint for the tick; losing it is harmless, because the due row is stored."""
    try:
        await deps.queue.send(message_of(thing.KIND, thing.id))
    except Transient as error:
        _log.warning("hint lost object=%s!%s code=%s", thing.KIND, thing.id, error.code)


def left(reason: str) -> Taken:
    """Left alone."""
    _log.info("left alone: %s", reason)
    return Taken(None, None, reason)
