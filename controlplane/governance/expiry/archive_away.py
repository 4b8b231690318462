"""The way into an archive: everything that serves or costs is stored, then endpoints and the computes that are in no
spec are deleted. What the spec names goes by the workspace's own operation, after these.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from controlplane.arm import fold, name_of
from controlplane.errors import Conflict, Rejected
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import BATCH, ONLINE, SERVERLESS, Archive, ArchiveState, Remark, kept_of
from controlplane.governance.expiry.archive_again import read_again
from controlplane.governance.expiry.archive_back import API, BUSY, RETRY, SOON, state_of
from controlplane.governance.expiry.archive_budgets import as_before, before_budgets
from controlplane.governance.expiry.archive_computes import IDENTITY, kept_compute, left, lost, strays
from controlplane.governance.expiry.confidential import confidential
from controlplane.governance.expiry.secret_stores import ROLE, enforcing
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody
from controlplane.retraining.known import Known

_log = logging.getLogger(__name__)
UNREAD = timedelta(hours=1)
_MOST_NAMED = 10

Move = tuple[Archive, timedelta | None]
"""What the archive is after a step, and when to look again; None: at rest."""


@dataclass(frozen=True, slots=True)
class There:
    """What stands in Azure: endpoints with their deployments, online and batch; computes, and those of them that no
    operation of the workspace takes away."""

    serving: tuple[JsonObject, ...]
    computes: tuple[JsonObject, ...]
    strays: tuple[JsonObject, ...]
    by_token: tuple[JsonObject, ...] = ()
    """Serverless endpoints: they have no machines of the workspace, and stay."""

    @property
    def anything(self) -> bool:
        return bool(self.serving or self.strays)

    @property
    def endpoints(self) -> tuple[JsonObject, ...]:
        return tuple(body for body in self.serving if "/deployments/" not in str(body["id"]).lower())


async def there_now(deps: GovernanceDeps, found: Known) -> There:
    """The inventory is read after the computes: it names what an operation makes before it is made."""
    serving: list[JsonObject] = []
    for collection in (ONLINE, BATCH):
        for endpoint in await deps.reader.list(f"{found.workspace_id}/{collection}", API):
            serving.append(endpoint)
            serving += await deps.reader.list(f"{endpoint['id']}/deployments", API)
    computes = await deps.reader.list(f"{found.workspace_id}/computes", API)
    by_token = await deps.reader.list(f"{found.workspace_id}/{SERVERLESS}", API)
    space = await deps.workspaces.load(found.name)
    if space is None or space.record.incarnation != found.record.incarnation:
        raise Conflict("ConcurrentChange", f"Workspace {found.name!r} changed just now.")
    owned = {fold(one.resource_id) for one in space.status.inventory.values()}
    return There(tuple(serving), computes, strays(computes, owned), by_token)


async def seen_again(deps: GovernanceDeps, archive: Archive, found: Known) -> Move | None:
    """Right before something is stored or taken away, however long the archive has waited. None: it goes on."""
    if not archive.by_expiry or (stays := await read_again(deps, archive, found)) is None:
        return None
    if stays.waits:
        return stays.archive, UNREAD
    return stays.archive, None if stays.archive.state is ArchiveState.RESTORED else timedelta()


async def store(deps: GovernanceDeps, archive: Archive, found: Known) -> Move:
    """With what is needed to make it again; what was kept before stays as it was kept."""
    if (stays := await seen_again(deps, archive, found)) is not None:
        return stays
    there = await there_now(deps, found)
    if (secret := _secret((*there.serving, *there.strays))) is not None:
        return archive.model_copy(update={"problem": secret}), RETRY
    budgets = await before_budgets(deps, found)
    computes = [as_before(one, budgets.get(fold(one.id))) for one in map(kept_compute, there.strays)]
    fresh = (*map(kept_of, there.serving), *computes)
    kept = {fold(one.id): one for one in (*fresh, *archive.kept)}
    told = {(fold(one.id), one.why): one for one in (*archive.lost, *_lost(there))}
    update = {
        "kept": tuple(kept.values()),
        "left": (*left(there.computes), *called(there.by_token)),
        "lost": tuple(told.values()),
    }
    return archive.model_copy(update={**update, "state": ArchiveState.REMOVING}), timedelta()


def called(by_token: Sequence[JsonObject]) -> tuple[Remark, ...]:
    """Made again, one would have another address and other keys, and could be refused: an offer of the marketplace is
    subscribed to by people (ServerlessEndpoint: `inferenceEndpoint`, `marketplaceSubscriptionId`)."""
    why = (
        "A serverless endpoint: it costs by the token when it is called (a model of your own tuning by the hour, too), "
        "and keeps its address and keys. Delete it by hand where nobody shall call it."
    )
    return tuple(Remark(id=str(one["id"]), why=why) for one in by_token)


def _secret(there: Sequence[JsonObject]) -> ErrorBody | None:
    """Why they are not stored: no secret is, and what is not stored is not taken away."""
    bodies = [(body, path) for body in there for path in confidential(body)]
    if not bodies:
        return None
    found = [f"{name_of(str(body['id']))}: {path}" for body, path in bodies]
    kind = "compute" if all("/computes/" in str(body["id"]).lower() for body, _ in bodies) else "deployment"
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    text = (
        f"What looks like a secret is not stored: {', '.join(found[:_MOST_NAMED])}{more}. Keep it in a connection or a "
        f"vault and name it there, or delete the {kind}; nothing is taken away before."
    )
    return ErrorBody(code=f"SecretIn{kind.capitalize()}", message=text)


def _lost(there: There) -> tuple[Remark, ...]:
    """What does not come back, of everything that goes, the spec's computes too."""
    told = [one for body in there.computes for one in lost(body)]
    for body in there.endpoints:
        arm_id, properties = str(body["id"]), body.get("properties")
        mode = str(properties.get("authMode") if isinstance(properties, dict) else "").lower()
        if mode == "key":
            told.append(Remark(id=arm_id, why="Its keys: it gets others."))
        identity = body.get("identity")
        if isinstance(identity, dict) and "systemassigned" in str(identity.get("type")).lower():
            told.append(Remark(id=arm_id, why=IDENTITY))
        if enforcing(body):
            why = f"It comes back when the operator has the role {ROLE!r} on the workspace for a while, not before."
            told.append(Remark(id=arm_id, why=why))
    return tuple(told)


async def remove(deps: GovernanceDeps, archive: Archive, found: Known) -> Move:
    """An endpoint goes with its deployments; then computes, with the jobs that run on them, as those of the spec. What
    was made since is stored first. What Azure refuses of one keeps no other."""
    there = await there_now(deps, found)
    kept = {fold(one.id) for one in archive.kept}
    if any(fold(str(body["id"])) not in kept for body in (*there.serving, *there.strays)):
        return archive.model_copy(update={"state": ArchiveState.STORING}), timedelta()
    if not there.anything:
        return archive.model_copy(update={"state": ArchiveState.EMPTYING}), timedelta()
    refused: list[str] = []
    going = [body for body in there.endpoints or there.strays if state_of(body) not in BUSY]
    if going and (stays := await seen_again(deps, archive, found)) is not None:
        return stays
    for body in going:
        try:
            await deps.writer.delete(str(body["id"]), API)
        except (Rejected, Conflict) as error:
            _log.warning("archive could not remove id=%s code=%s", body["id"], error.code)
            refused.append(f"{name_of(str(body['id']))}: {error.code}: {error.message}")
    if refused:
        problem = ErrorBody(code="RemovalRefused", message=f"{'; '.join(refused[:_MOST_NAMED])} It is tried again.")
        return archive.model_copy(update={"problem": problem}), RETRY
    return archive.model_copy(update={"problem": None}), SOON
