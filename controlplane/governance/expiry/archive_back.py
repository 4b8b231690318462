"""The way back from an archive: computes that are in no spec, endpoints, deployments, then what endpoints say of
deployments. What Azure refuses of one thing keeps no other from coming back, and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from controlplane.arm import fold, name_of, parent_of
from controlplane.errors import Conflict, Rejected
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive, ArchiveState, Kept, as_kept, first_body, says_more
from controlplane.governance.expiry.archive_computes import running
from controlplane.governance.expiry.secret_stores import enforces, lacking
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody
from controlplane.workspaces.denied import in_words

API = "2024-04-01"
SOON, RETRY = timedelta(seconds=10), timedelta(minutes=15)
BUSY = frozenset({"creating", "updating", "deleting", "accepted", "running"})
_MOST_NAMED = 10
_STANDS_STILL, _STOPPING = "stopped", "stopping"


@dataclass
class _Round:
    """One look at everything that was kept."""

    deps: GovernanceDeps
    workspace_id: str
    shown: dict[str, JsonObject | None] = field(default_factory=dict)
    waits: bool = False
    failed: list[str] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    lacks: ErrorBody | None = None

    def stands(self, arm_id: str) -> bool:
        found = self.shown.get(fold(arm_id))
        return found is not None and state_of(found) not in BUSY and state_of(found) != "failed"


async def serve(deps: GovernanceDeps, archive: Archive, workspace_id: str) -> tuple[Archive, timedelta | None]:
    """One step; it is over when everything stands as it did."""
    now = _Round(deps, workspace_id)
    computes = [one for one in archive.kept if one.is_compute]
    deployments = [one for one in archive.kept if one.is_deployment]
    endpoints = [one for one in archive.kept if not one.is_compute and not one.is_deployment]
    for one in (*computes, *endpoints, *deployments):
        now.shown[fold(one.id)] = await deps.reader.get(one.id, API)
    kept = frozenset(fold(one.id) for one in archive.kept)
    for one in (*computes, *endpoints, *deployments):
        if all(now.stands(each) for each in _needs(one) if each in kept):
            await _made(now, one)
        else:
            now.waits = True
    for one in computes:
        await _still(now, one)
    for one in endpoints:
        await _said(now, one, deployments)
    if (problem := _problem(now)) is not None:
        return archive.model_copy(update={"problem": problem}), RETRY
    if now.waits:
        return archive.model_copy(update={"problem": None}), SOON
    return archive.model_copy(update={"state": ArchiveState.RESTORED, "kept": (), "left": ()}), None


def _needs(one: Kept) -> Iterable[str]:
    """What has to stand before: a deployment's endpoint, and the compute of a batch one."""
    if not one.is_deployment:
        return ()
    compute = one.body["properties"].get("compute")
    found = (str(parent_of(one.id)), *((compute,) if isinstance(compute, str) else ()))
    return tuple(fold(each) for each in found)


async def _made(now: _Round, one: Kept) -> None:
    """Writes what is not there, or had failed."""
    found = now.shown[fold(one.id)]
    if found is not None and state_of(found) == "failed":
        now.failed.append(name_of(one.id))
    elif found is not None:
        now.waits |= state_of(found) in BUSY
        return
    else:
        now.waits = True
    if enforces(one, now.shown) and (lacks := await lacking(now.deps.reader, now.workspace_id, one)) is not None:
        now.lacks = lacks
        return
    await _tried(now, one, now.deps.writer.put(one.id, API, first_body(one)))


async def _still(now: _Round, one: Kept) -> None:
    """An instance that stood still begins to run when it is made."""
    state = running(now.shown[fold(one.id)])
    if not one.stopped or not now.stands(one.id) or state == _STANDS_STILL:
        return
    now.waits = True
    if state != _STOPPING:
        await _tried(now, one, now.deps.writer.act(one.id, "stop", API))


async def _said(now: _Round, one: Kept, deployments: Iterable[Kept]) -> None:
    """Traffic, when every deployment of the endpoint is there."""
    mine = [each for each in deployments if fold(str(parent_of(each.id))) == fold(one.id)]
    if not says_more(one) or not all(now.stands(each.id) for each in (one, *mine)):
        return
    if not as_kept(one, now.shown[fold(one.id)] or {}):
        now.waits = True
        await _tried(now, one, now.deps.writer.put(one.id, API, one.body))


async def _tried(now: _Round, one: Kept, call: Any) -> None:
    try:
        await call
    except (Rejected, Conflict) as error:
        now.refused.append((name_of(one.id), error.code, in_words(error.code, error.message)))


def _problem(now: _Round) -> ErrorBody | None:
    """Everything that keeps it from being whole; what a person can do comes first."""
    refused = [f"{name}: {code}: {message}" for name, code, message in now.refused[:_MOST_NAMED]]
    if now.lacks is not None:
        return now.lacks.model_copy(update={"message": " ".join([now.lacks.message, *refused])})
    if refused:
        return ErrorBody(code="RestoreRefused", message=f"{'; '.join(refused)} It is tried again.")
    if now.failed:
        text = (
            f"Azure could not make {', '.join(now.failed[:_MOST_NAMED])}; it is tried again, and its own log says why."
        )
        return ErrorBody(code="RestoreFailed", message=text)
    return None


def state_of(found: Mapping[str, Any]) -> str:
    """``provisioningState``, in lower case."""
    properties = found.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""
