"""The tick of a promotion: read the version and where it comes from, judge it, and look again until it is judged."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from controlplane.audit.model import Fact
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, Thing, put, remove
from controlplane.promotion.facts import changed, told_of
from controlplane.promotion.lineage import found_object, job_of, lineage_of, root_of, tags_of
from controlplane.promotion.loop import STAGING, loop_back
from controlplane.promotion.model import Promotion, PromotionState
from controlplane.promotion.rules import Case, judge, state_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known, by_name
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.reading import OWNER_TAG
from controlplane.workspaces.listing import Listing

_log = logging.getLogger(__name__)
#: Azure ML's lists and reads of assets; the same as of jobs.
API = "2024-04-01"
#: An event may be faster than what it tells of; a version that is not shown for so long is none.
_PATIENCE = timedelta(hours=1)
#: Workspaces of a project that are looked through, and runs of a model.
_MOST, _RUNS = 200, 50
#: Age of a promotion → when it is looked at again; later ones are at rest until a person says something.
_LOOKS = (
    (timedelta(minutes=10), timedelta(minutes=1)),
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta(days=14), timedelta(hours=12)),
)


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays. Nothing is deployed."""
    stored = await deps.objects.get(Promotion, thing_id)
    if stored is None or stored.value.state is not PromotionState.AWAITING_EVALUATION:
        return None
    before, now = stored.value, deps.clock.now()
    found = await by_name(deps.workspaces, before.workspace)
    if found is None or found.record.incarnation != before.incarnation or found.record.project != before.project:
        gone = _moved(before, PromotionState.REJECTED, "The workspace is not managed any more.", now)
        return await _store(deps, hold, stored, gone)
    try:
        version = await deps.reader.get(f"{found.workspace_id}/models/{before.model}/versions/{before.version}", API)
        after = await _judged(deps, before, found, version, now) if version is not None else None
    except Rejected as error:
        after = before.model_copy(update={"reason": f"It could not be read: {error.code}."})
    if after is None and before.lineage is not None:
        after = _moved(before, PromotionState.REJECTED, "The version was deleted.", now)
    if after is None and now - before.created_at >= _PATIENCE:
        await _forget(deps, hold, stored)
        return None
    if after is None:
        after = before.model_copy(update={"reason": "Azure ML does not show it yet."})
    return await _store(deps, hold, stored, after)


async def _judged(
    deps: RetrainingDeps, before: Promotion, found: Known, version: JsonObject, now: datetime
) -> Promotion:
    named = job_of(version)
    job = None if named is None else await deps.reader.get(f"{found.workspace_id}/jobs/{named}", API)
    run = await _run(deps, before, named, root_of(job))
    own = None if run is None else await _own_job(deps, found, run)
    run = run if own is not None else None
    lineage = lineage_of(version, job, run)
    case = Case(
        environment=found.environment,
        workload=found.workload,
        archived=bool(found_object(version, "properties").get("isArchived")),
        lineage=lineage,
        tags=tags_of(own),
        run=run,
        earlier=await _earlier(deps, run) if run else None,
    )
    requirements = judge(case)
    state, reason = state_of(requirements)
    back = loop_back(run, await _staging(deps, before.project)) if run else None
    told = before.model_copy(update={"lineage": lineage, "requirements": requirements, "loop_back": back})
    if told == before and (state, reason) == (before.state, before.reason):
        return before
    return _moved(told, state, reason, now)


async def _run(deps: RetrainingDeps, before: Promotion, *names: str | None) -> Run | None:
    """Ours, by its name, which is the job's; one of an earlier workspace of this name is not."""
    for name in filter(None, names):
        found = await deps.objects.get(Run, name)
        if found is None or found.value.workspace != before.workspace:
            continue
        if found.value.incarnation == before.incarnation:
            return found.value
    return None


async def _own_job(deps: RetrainingDeps, found: Known, run: Run) -> JsonObject | None:
    """The run's job, which carries our decision's id: that something is called as ours would be, says nothing."""
    job = await deps.reader.get(f"{found.workspace_id}/jobs/{run.id}", API)
    return job if job is not None and tags_of(job).get(OWNER_TAG) == run.decision_id else None


async def _earlier(deps: RetrainingDeps, run: Run) -> Run | None:
    """The latest run of the model before this one that succeeded."""
    page = await deps.objects.page(Run, f"rm!{run.workspace}.{run.model}!", limit=_RUNS)
    before = (one for one in page.values if one.created_at < run.created_at and one.incarnation == run.incarnation)
    return next((one for one in before if one.state is RunState.SUCCEEDED and one.id != run.id), None)


async def _staging(deps: RetrainingDeps, project: str) -> tuple[str, ...]:
    """The project's workspaces in which a version can be evaluated before it is used."""
    found = await Listing(deps.workspaces.store).workspaces_of([project], None, _MOST)
    names = (one.record.name for _, one in found.items if one.record.spec["environment"] == STAGING)
    return tuple(names)


def _moved(before: Promotion, state: PromotionState, reason: str, now: datetime) -> Promotion:
    changes = {"state": state, "reason": reason, "last_modified_at": now, "generation": before.generation + 1}
    return before.model_copy(update=changes)


async def _store(deps: RetrainingDeps, hold: Hold, stored: Stored[Promotion], after: Promotion) -> datetime | None:
    now, before = deps.clock.now(), stored.value
    waits = after.state is PromotionState.AWAITING_EVALUATION
    after = after.model_copy(update={"due_at": _next(after, now) if waits else None})
    new: list[Thing] = []
    facts: tuple[Fact, ...] = ()
    if after.state is not before.state or (before.lineage is None and after.lineage is not None):
        new.append(told_of(after, now))
        facts = (changed(after, now),)
    writes = put(stored, after)
    for thing in new:
        writes += put(None, thing)
    await deps.objects.commit_held(hold, writes, *facts)
    return after.due_at


async def _forget(deps: RetrainingDeps, hold: Hold, stored: Stored[Promotion]) -> None:
    """Whoever told of it was wrong. No row stays that would stand in the way when there is such a version one day."""
    _log.info("no such model version workspace=%s promotion=%s", stored.value.workspace, stored.value.id)
    await deps.objects.commit_held(hold, remove(stored))


def _next(promotion: Promotion, now: datetime) -> datetime | None:
    age = now - promotion.created_at
    return next((now + pause for limit, pause in _LOOKS if age < limit), None)
