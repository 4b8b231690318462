"""Quotas of a workspace, by family of machines: what keeps jobs without a compute of their own ("serverless") waiting.

Each workspace has a limit for each family, by default the whole of the subscription's; it may be lowered to 0, and not
below what its clusters keep at least. A step lowers it to the cores of the nodes that run, 0 at last; families from
which online endpoints take their machines are left alone, because what serves goes on serving. A limit that somebody
raises meanwhile is what comes back; one raised since the last look stays as it is.

Sources: "Model training on serverless compute", Quota ("both workspace-level and subscription-level quota"); "Manage
and increase quotas", Workspace-level quotas (the default; no negative value, none above the subscription's); API
definition 2024-04-01, Quotas - Update (a status for each wish); answers of `…/locations/{l}/quotas` and `…/vmSizes` as
recorded in Azure PowerShell's tests on 2025-11-04 (a row for each workspace and family, also where nobody set one;
`MIR`, managed inference, among the uses of a size). Low priority nodes and Azure's shared pool for Spark have no quota
of a workspace.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from controlplane.arm import fold, subscription_of
from controlplane.errors import Conflict, ControlPlaneError, Rejected, Transient
from controlplane.governance.budgets.model import Undo
from controlplane.governance.deps import GovernanceDeps
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.known import Known

_log = logging.getLogger(__name__)
KIND = "quota"
QUOTA_API = "2024-04-01"
_LOCATIONS = "Microsoft.MachineLearningServices/locations"
_FORBIDDEN = 403
_RIGHT = "it takes the role of infra/role-operator-quota.json"
_SUCCESS = "Success"
_MOST_NAMED = 5
#: Of these another look is no better.
_FINAL = frozenset({"InvalidVMFamilyName", "OperationNotSupportedForSku", "OperationNotEnabledForRegion"})
UNCOUNTED = (
    "Serverless jobs on low priority nodes, and Spark jobs from Azure's shared pool, are not blocked: no quota of a "
    "workspace counts them."
)


class Place(NamedTuple):
    """Whose quotas one call reads or sets."""

    subscription: str
    location: str

    @property
    def path(self) -> str:
        return f"/subscriptions/{self.subscription}/providers/{_LOCATIONS}/{self.location}"


class Row(NamedTuple):
    """A family's limit of a workspace, as Azure names it."""

    arm_id: str
    type: str
    limit: int


@dataclass(frozen=True, slots=True)
class Shares:
    """One reading of every place. What is in ``refused`` or ``away`` was not read, and why."""

    rows: Mapping[str, Mapping[str, Row]] = field(default_factory=dict)
    """By the folded id of the workspace, and by family."""
    whole: Mapping[Place, Mapping[str, int]] = field(default_factory=dict)
    """The subscription's limits."""
    refused: Mapping[Place, str] = field(default_factory=dict)
    away: Mapping[Place, str] = field(default_factory=dict)


def place_of(space: Known) -> Place:
    location = str(space.record.spec.get("location", "")).replace(" ", "").lower()
    return Place(subscription_of(space.workspace_id) or "", location)


async def shares_of(reader: ResourceReader, spaces: Iterable[Known]) -> Shares:
    """One call for each subscription and region."""
    rows: dict[str, dict[str, Row]] = {}
    whole: dict[Place, dict[str, int]] = {}
    refused: dict[Place, str] = {}
    away: dict[Place, str] = {}
    for place in sorted({place_of(one) for one in spaces}):
        try:
            listed = await reader.list(f"{place.path}/quotas", QUOTA_API)
        except Rejected as error:
            refused[place] = _why(error)
            continue
        except (Conflict, Transient) as error:
            away[place] = _why(error)
            continue
        whole[place] = {}
        for one in listed:
            _sorted(one, rows, whole[place])
    return Shares(rows, whole, refused, away)


def _sorted(one: JsonObject, rows: dict[str, dict[str, Row]], whole: dict[str, int]) -> None:
    arm_id, kind, limit = str(one.get("id")), str(one.get("type")), one.get("limit")
    owner, _, family = arm_id.rpartition("/quotas/")
    if not isinstance(limit, int) or isinstance(limit, bool) or "lowpriority" in kind.lower() or not family:
        return
    if "/workspaces/" in fold(owner):
        rows.setdefault(fold(owner), {})[family] = Row(arm_id, kind, limit)
    elif "/providers/" not in owner:
        whole[family] = limit


def _why(error: ControlPlaneError) -> str:
    right = f"; {_RIGHT}" if isinstance(error, Rejected) and error.status == _FORBIDDEN else ""
    return f"{error.code}: {error.message}{right}"


def noted(space: Known, shares: Shares) -> Undo | None:
    """How its limits stand. Of a family that has none there is nothing to lower."""
    rows = shares.rows.get(fold(space.workspace_id))
    if rows is None:
        return None
    whole = shares.whole.get(place_of(space), {})
    before = {
        name: {"limit": row.limit, "whole": row.limit == whole.get(name)} for name, row in rows.items() if row.limit > 0
    }
    about = {"kind": KIND, "workspace": space.name, "incarnation": space.record.incarnation}
    return Undo.model_validate({**about, "resource": f"{space.workspace_id}/quotas", "before": before})


def combined(mine: Undo | None, seen: Undo, others: Sequence[Undo]) -> Undo:
    """With families that came. What another budget has lowered stood as that one noted it (the last of ``others`` goes
    first); what is higher than it was set to, somebody has raised, and it is his limit that comes back."""
    before: dict[str, Any] = dict(mine.before) if mine is not None else {}
    for other in reversed(others):
        for name, one in other.before.items():
            before.setdefault(name, {"limit": one["limit"], "whole": one["whole"]})
    for name, one in seen.before.items():
        last = before.get(name, {}).get("set")
        if name not in before or (last is not None and one["limit"] > last):
            before[name] = one
    return (mine or seen).model_copy(update={"before": before})


def unblockable(spaces: Sequence[Known], shares: Shares) -> list[str]:
    """What of serverless jobs no quota holds; the same for whoever asks."""
    said = [
        f"Serverless jobs in {place.location} are not blocked, because quotas could not be read: {why}"
        for place, why in sorted(shares.refused.items())
    ]
    for space in spaces:
        rows = shares.rows.get(fold(space.workspace_id))
        if space.record.deleting or place_of(space) in {**shares.refused, **shares.away}:
            continue
        if not rows:
            said.append(f"{space.name}: serverless jobs are not blocked: Azure shows no quota of its own for it.")
        elif endless := sorted(name for name, row in rows.items() if row.limit < 0):
            said.append(_not_blocked(space.name, endless, "no limit is set for them."))
    return [*said, UNCOUNTED] if shares.rows else said


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


# -- lowered -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lowered:
    """``undo`` with what it was set to. ``waits``: another look may do better."""

    undo: Undo
    said: tuple[str, ...] = ()
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    """Cores of a workspace's families, by plain name: held by nodes that run, and families that serve."""

    held: Mapping[str, int]
    serving: frozenset[str]


async def lowered(
    deps: GovernanceDeps, found: Sequence[tuple[Undo, Known, Use | str]], shares: Shares
) -> tuple[Lowered, ...]:
    """One call for each place at most, and none where all stands as it should. What was written is done when it is read
    back: by the next look. ``Use`` as words: why it is not known, and nothing is changed."""
    wishes: dict[Place, dict[str, tuple[Row, int]]] = {}
    for undo, space, use in found:
        rows = shares.rows.get(fold(space.workspace_id), {})
        if not isinstance(use, str):
            for name, limit in _wanted(undo, rows, use).items():
                if limit != rows[name].limit:
                    wishes.setdefault(place_of(space), {})[fold(rows[name].arm_id)] = (rows[name], limit)
    answers = {place: await _set(deps, place, list(asked.values())) for place, asked in wishes.items()}
    return tuple(
        Lowered(undo.model_copy(update={"done": False}), (f"{space.name}: {use}",))
        if isinstance(use, str)
        else _outcome(undo, space, use, _Seen(shares, answers.get(place_of(space), {})))
        for undo, space, use in found
    )


def _wanted(undo: Undo, rows: Mapping[str, Row], use: Use) -> dict[str, int]:
    """Never more than there is; what serves gets back what it had."""
    wanted = {}
    for name, one in undo.before.items():
        if name not in rows:
            continue
        now = rows[name].limit
        serves = plain(name) in use.serving
        wanted[name] = max(now, one["limit"]) if serves else min(now, use.held.get(plain(name), 0))
    return wanted


class _Seen(NamedTuple):
    shares: Shares
    statuses: Mapping[str, str]


def _outcome(undo: Undo, space: Known, use: Use, seen: _Seen) -> Lowered:
    rows, told = seen.shares.rows.get(fold(space.workspace_id), {}), _Told(space.name)
    before, waits, done = dict(undo.before), False, True
    for name, limit in _wanted(undo, rows, use).items():
        status = seen.statuses.get(fold(rows[name].arm_id), _SUCCESS)
        if status != _SUCCESS:
            told.add(name, status)
            waits, done = waits or not (status in _FINAL or _RIGHT in status), False
            continue
        before[name] = {**before[name], "set": limit}
        if plain(name) in use.serving:
            told.add(name, "online endpoints take their machines from the same quota.")
        elif rows[name].limit > 0:
            waits, done = True, False
            told.left += [f"{limit} of {name}"] if limit > 0 else []
    return Lowered(undo.model_copy(update={"before": before, "done": done}), told.sentences(), waits)


class _Told:
    """One sentence for each reason."""

    def __init__(self, space: str) -> None:
        self._space, self._reasons = space, dict[str, list[str]]()
        self.left: list[str] = []

    def add(self, family: str, reason: str) -> None:
        self._reasons.setdefault(reason, []).append(family)

    def sentences(self) -> tuple[str, ...]:
        said = [_not_blocked(self._space, names, reason) for reason, names in self._reasons.items()]
        if self.left:
            said.append(f"{self._space}: cores are left to nodes that run, and go with them: {_some(self.left)}.")
        return tuple(said)


def _not_blocked(space: str, families: Sequence[str], reason: str) -> str:
    return f"{space}: serverless jobs on {_some(families)} are not blocked: {reason}"


def plain(family: str) -> str:
    """`Standard_DSv2_Family_Cluster_Dedicated_vCPUs`, as the API's example has it, is family `standardDSv2Family`."""
    return "".join(one for one in family.lower() if one.isalnum()).removesuffix("clusterdedicatedvcpus")


async def _set(deps: GovernanceDeps, place: Place, wishes: Sequence[tuple[Row, int]]) -> dict[str, str]:
    """Status by folded id; what Azure says of all of them where it refuses the call."""
    value = [{"id": row.arm_id, "type": row.type, "limit": limit, "unit": "Count"} for row, limit in wishes]
    try:
        answer = await deps.writer.act(place.path, "updateQuotas", QUOTA_API, {"value": value})
    except (Rejected, Conflict, Transient) as error:
        _log.warning("budget could not set quotas place=%s code=%s", place.path, error.code)
        return {fold(row.arm_id): _why(error) for row, _ in wishes}
    told = (answer.body or {}).get("value")
    given = {
        fold(str(one.get("id"))): str(one.get("status"))
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, dict)
    }
    return {fold(row.arm_id): given.get(fold(row.arm_id), "Undefined") for row, _ in wishes}


# -- given back --------------------------------------------------------------------------------------------------------


async def raised(deps: GovernanceDeps, found: Sequence[tuple[Undo, Known]]) -> tuple[tuple[Undo, ...], tuple[str, ...]]:
    """Gives limits back; what is left until it is read back, and what is said.

    A workspace that had the whole of the subscription's gets the whole of today's. What is higher than it was set to,
    somebody has raised: it stays."""
    shares = await shares_of(deps.reader, [space for _, space in found])
    unread = {**shares.refused, **shares.away}
    said = [f"Quotas in {place.location} could not be read: {why}" for place, why in unread.items()]
    left: list[Undo] = []
    wishes: dict[Place, list[tuple[Row, int]]] = {}
    for undo, space in found:
        place, rows = place_of(space), shares.rows.get(fold(space.workspace_id), {})
        if place in unread:
            left.append(undo)
            continue
        low = {
            name: (one, limit) for name, one in undo.before.items()
            if name in rows and (limit := _back(one, rows[name], shares.whole[place].get(name))) > rows[name].limit
        }  # fmt: skip
        if low:
            wishes.setdefault(place, []).extend((rows[name], limit) for name, (_, limit) in low.items())
            left.append(undo.model_copy(update={"before": {name: one for name, (one, _) in low.items()}}))
    for place, asked in wishes.items():
        told = _Told(place.location)
        for arm_id, status in (await _set(deps, place, asked)).items():
            if status != _SUCCESS:
                told.add(arm_id.rpartition("/")[2], status)
        said += [one.replace(" are not blocked", " are not given back") for one in told.sentences()]
    return tuple(left), tuple(said)


def but(undo: Undo, others: Iterable[Undo]) -> Undo | None:
    """Without the families that others hold; None where nothing is left to give back."""
    theirs = {name for one in others for name in one.before}
    before = {name: one for name, one in undo.before.items() if name not in theirs}
    return undo.model_copy(update={"before": before}) if before else None


def _back(one: Mapping[str, Any], row: Row, whole: int | None) -> int:
    last = one.get("set")
    if last is not None and row.limit > last:
        return row.limit
    if whole is None:
        return int(one["limit"])
    return whole if one["whole"] else min(int(one["limit"]), whole)
