"""An archive: what a workspace served with, stored so that it can be made again. Pure data, and what is kept of a body.

``storing`` → ``removing`` (endpoints, then computes that are in no spec) → ``emptying`` (the spec's computes, by an
operation of the workspace) → ``archived`` → ``refilling`` (the spec's computes) → ``serving`` (the other computes,
endpoints, deployments, then traffic) → ``restored``. Each state is stored before its first write, and begins with a
look at what stands, so that a tick that dies anywhere is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from controlplane.json_types import JsonObject
from controlplane.objects.repository import Thing
from controlplane.operations.model import ErrorBody, Model

ONLINE, BATCH, SERVERLESS = "onlineEndpoints", "batchEndpoints", "serverlessEndpoints"


class ArchiveState(StrEnum):
    STORING = "storing"
    REMOVING = "removing"
    EMPTYING = "emptying"
    ARCHIVED = "archived"
    REFILLING = "refilling"
    SERVING = "serving"
    RESTORED = "restored"

    @property
    def takes(self) -> bool:
        """Whether it is on its way into the archive, or in it."""
        return self in (self.STORING, self.REMOVING, self.EMPTYING, self.ARCHIVED)


class Kept(Model):
    """An endpoint, a deployment, or a compute that is in no spec, as it is written again."""

    id: str
    body: Mapping[str, Any]
    stopped: bool = False
    """Of a compute instance: it stood still, and does so again."""

    @property
    def is_deployment(self) -> bool:
        return "/deployments/" in self.id.lower()

    @property
    def is_compute(self) -> bool:
        return "/computes/" in self.id.lower()


class Remark(Model):
    """What is said of one resource."""

    id: str = Field(description="ARM id.")
    why: str


class Archive(Thing):
    """One workspace's. ``id`` is ``workspace.{name}``; it stays when it was restored, and says so."""

    KIND: ClassVar[str] = "archive"

    workspace: str
    incarnation: int
    project: str
    state: ArchiveState = ArchiveState.STORING
    by: str
    reason: str = ""
    by_expiry: bool = False
    """Asked for by the stages: what it destroys is looked at once more before."""
    idle_after: str | None = None
    """Of the rule that led here; None: its last day did."""
    kept: tuple[Kept, ...] = ()
    left: tuple[Remark, ...] = ()
    """What stays in Azure, and may cost."""
    lost: tuple[Remark, ...] = ()
    """What a restore does not bring back."""
    changed_at: datetime
    operation: str | None = None
    """Of the workspace: the last one that this started."""
    problem: ErrorBody | None = None
    generation: int = Field(default=1, description="Counts what people asked for.")

    @property
    def etag(self) -> str:
        return f'"{self.incarnation}.{self.generation}"'


def carried(before: Archive | None) -> dict[str, Any]:
    """What a fresh archive has of the one before it, out of whose restore it comes: things that are not back yet, and
    what was told of them. A restore that ended has brought back what it could."""
    if before is None:
        return {}
    more: dict[str, Any] = {"generation": before.generation + 1}
    if before.state is ArchiveState.RESTORED:
        return more
    return {**more, "kept": before.kept, "left": before.left, "lost": before.lost}


_SHOWN_ONLY = frozenset({"provisioningState", "scoringUri", "swaggerUri", "endpointUri"})
_WRITTEN = ("location", "tags", "kind", "sku", "identity")


def kept_of(body: JsonObject) -> Kept:
    """What a PUT takes of what a GET showed."""
    properties = body.get("properties")
    shown = dict(properties) if isinstance(properties, dict) else {}
    written: dict[str, Any] = {name: body[name] for name in _WRITTEN if body.get(name) is not None}
    identity = written.get("identity")
    if isinstance(identity, dict):
        written["identity"] = _identity(identity)
    written["properties"] = {k: v for k, v in shown.items() if k not in _SHOWN_ONLY and v is not None}
    return Kept(id=str(body["id"]), body=written)


def _identity(shown: JsonObject) -> JsonObject:
    """Principals are Azure's to say; a system identity comes back as another one."""
    named = shown.get("userAssignedIdentities")
    return {"type": shown.get("type"), **({"userAssignedIdentities": {one: {} for one in named}} if named else {})}


#: What an endpoint can only say of deployments that are there.
_LATER = ("traffic", "mirrorTraffic", "defaults")


def first_body(kept: Kept) -> JsonObject:
    """Of an endpoint before it has deployments; a deployment's is whole."""
    properties = dict(kept.body["properties"])
    return {**kept.body, "properties": {k: v for k, v in properties.items() if k not in _LATER}}


def says_more(kept: Kept) -> bool:
    """Whether an endpoint has to be written again when its deployments are there."""
    return any(kept.body["properties"].get(name) for name in _LATER)


def as_kept(kept: Kept, shown: JsonObject) -> bool:
    """Whether the endpoint sends its calls where it did."""
    properties = shown.get("properties")
    found = properties if isinstance(properties, dict) else {}
    wanted = kept.body["properties"]
    return all((found.get(name) or {}) == (wanted.get(name) or {}) for name in _LATER)
