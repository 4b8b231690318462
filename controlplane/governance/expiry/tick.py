"""The tick of an expiry: it looks daily, makes one step, and tells it before it is stored.

It needs no sweep. Who knows more (a sweep over the fleet) makes it due earlier (``storing.due_now``); it then looks
again for itself, because what is destroyed is read from its provider, and never taken from a sweep.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from controlplane.audit.model import CONTROL_PLANE, Action
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive, ArchiveState, carried
from controlplane.governance.expiry.clues import Past
from controlplane.governance.expiry.decide import DAY, ESCALATE, NOTICE, Ends, Step, decide, last_day
from controlplane.governance.expiry.ending import begins, ended
from controlplane.governance.expiry.look import look
from controlplane.governance.expiry.model import IN_USE_NOW, AccessNotice, Clue, Evidence, Expiry, Rule, Stage, Verdict
from controlplane.governance.expiry.moves import BEFORE, moved, newer_word, settled
from controlplane.governance.expiry.project_end import ends_at, is_new, is_over, noticed
from controlplane.governance.expiry.project_end import notification as access_ends
from controlplane.governance.expiry.proposals import ProposalKind
from controlplane.governance.expiry.proposing import propose
from controlplane.governance.expiry.storing import made, rule_of
from controlplane.governance.expiry.words import in_use, notification
from controlplane.governance.facts import by_us
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.sweeps.model import IN_USE, IdleBatch, batch_ids
from controlplane.governance.telling import tell
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.objects.tick import message_of
from controlplane.operations.model import OperationKind, OperationStatus
from controlplane.ports.store import Write
from controlplane.retraining.known import known
from controlplane.workspaces.archiving import begin
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.spec_model import Environment
from controlplane.workspaces.spec_rules.lifetime import days

#: Period of a look that asks what is at work.
TODAY = "P1D"
RETRY, SOON = timedelta(hours=6), timedelta(minutes=15)


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when the store is away: the due row stays."""
    kind, _, name = thing_id.partition(".")
    if kind != ScopeKind.WORKSPACE:
        return None
    stored = await deps.objects.get(Expiry, thing_id)
    space = await deps.workspaces.load(name)
    if stored is not None and (space is None or space.record.incarnation != stored.value.incarnation):
        return await _ended(deps, hold, stored, space)
    if space is None:
        return None
    if stored is None:
        return await _begun(deps, hold, space.record)
    if _is_not_due(stored.value, space.record, deps.clock.now()):
        return stored.value.due_at
    if space.record.deleting and stored.value.stage is not Stage.DELETING:
        due = deps.clock.now() + RETRY
        await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update={"due_at": due})))
        return due
    return await _look(deps, hold, stored, space)


def _is_not_due(expiry: Expiry, record: WorkspaceRecord, now: datetime) -> bool:
    """A hint that comes early costs no look, unless the rule is another one."""
    same = expiry.ruled is not None and (rule_of(expiry, record) or Rule()) == expiry.ruled
    return same and expiry.due_at is not None and expiry.due_at > now


async def project_end(deps: GovernanceDeps, project: str) -> date | None:
    stored = await deps.projects.load(project)
    return None if stored is None else stored.record.registration.ends_on


async def _begun(deps: GovernanceDeps, hold: Hold, record: WorkspaceRecord) -> datetime | None:
    if rule_of(None, record) is None and await project_end(deps, record.project) is None:
        return None
    now = deps.clock.now()
    await deps.objects.commit_held(hold, put(None, made(record, now, record.last_modified_by)))
    return now


async def _ended(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Expiry], space: StoredWorkspace | None
) -> datetime | None:
    """Of a workspace that is gone; its archive's tick removes its own row."""
    expiry, now = stored.value, deps.clock.now()
    about = (Scope(ScopeKind.WORKSPACE, expiry.workspace), expiry.project)
    last = expiry.rule or expiry.ruled
    rule = None if last is None else last.model_dump(mode="json", by_alias=True)
    told = {"change": "ended", "rule": rule, "stage": expiry.stage.value, "incarnation": expiry.incarnation}
    await deps.objects.commit_held(hold, remove(stored), by_us(about, now, Action.EXPIRY_CHANGED, told))
    return None if space is None else await _begun(deps, hold, space.record)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What this look knows."""

    space: StoredWorkspace
    ends: Ends
    evidence: Evidence | None
    archive: Stored[Archive] | None
    project_end: date | None
    now: datetime


async def _look(deps: GovernanceDeps, hold: Hold, stored: Stored[Expiry], space: StoredWorkspace) -> datetime | None:
    now, record = deps.clock.now(), space.record
    rule = rule_of(stored.value, record)
    end = await project_end(deps, record.project)
    nothing = rule is None and end is None and stored.value.exemption is None
    if nothing and stored.value.stage in BEFORE and not record.access_ended:
        await deps.objects.commit_held(hold, remove(stored))
        return None
    rule = rule or Rule()
    expiry = settled(stored.value, rule, str(record.spec["environment"]), now)
    archive = await deps.objects.get(Archive, expiry.id)
    stands = archive is not None and archive.value.state is ArchiveState.ARCHIVED
    production = record.spec["environment"] == Environment.PROD.value
    day = last_day(rule, expiry, end)
    with_project = end is not None and day == end and not production
    ends = Ends(rule, production, day, with_project, archived=stands)
    evidence = await _evidence(deps, (expiry, archive, now), ends, record)
    sight = _Sight(space, ends, evidence, archive, end, now)
    if _was_given_up(expiry, archive, record):
        step = Step(Stage.ACTIVE, ("It was restored, or was in use after all.",), None, None)
    else:
        step = _waiting(decide(expiry, ends, evidence, now), archive)
    return await _store(deps, hold, (stored, expiry), step, sight)


def _waiting(step: Step, archive: Stored[Archive] | None) -> Step:
    """What began to work between the last look and the archive's first write."""
    problem = None if archive is None else archive.value.problem
    waits = step.stage is Stage.ARCHIVING and problem is not None and problem.code == IN_USE_NOW
    return replace(step, in_use=problem.message) if waits and problem is not None else step


def _was_given_up(expiry: Expiry, archive: Stored[Archive] | None, record: WorkspaceRecord) -> bool:
    if archive is not None and archive.value.state.takes:
        return False
    taken_back = expiry.deletion_begun_at is None and not record.deleting
    return expiry.stage is Stage.ARCHIVING or (expiry.stage is Stage.DELETING and taken_back)


async def _evidence(
    deps: GovernanceDeps, stored: tuple[Expiry, Stored[Archive] | None, datetime], ends: Ends, record: WorkspaceRecord
) -> Evidence | None:
    """Read where it decides something: of idleness in every look; of an end date from the warning on, so that whoever
    says yes sees what runs, and what runs is not taken away."""
    expiry, archive, now = stored
    past = Past(expiry.busy_at, None if archive is None or archive.value.state.takes else archive.value.changed_at)
    by_date = expiry.stage is not Stage.ACTIVE and ends.destroys and _is_near(ends, now)
    if expiry.stage not in BEFORE or (ends.rule.idle_after is None and not by_date):
        return None
    if by_date:
        evidence = await look((deps.reader, deps.polls), known(record), TODAY, now, past)
        kept = tuple(one for one in evidence.proposals if one.kind is not ProposalKind.RETIRE_ENDPOINT)
        return evidence.model_copy(update={"proposals": kept})  # a day without calls is no reason
    after, ports = ends.rule.idle_after or TODAY, (deps.reader, deps.polls)
    if expiry.stage is Stage.ACTIVE and (used := await _in_use(deps, expiry, record, after)) is not None:
        return used
    return await look(ports, known(record), after, now, past)


def _is_near(ends: Ends, now: datetime) -> bool:
    return ends.ends_at is not None and now >= ends.ends_at - NOTICE


async def _in_use(deps: GovernanceDeps, expiry: Expiry, record: WorkspaceRecord, after: str) -> Evidence | None:
    """The pass over the fleet saw it in use a while ago: nothing has to be asked to say that it is not idle."""
    ids = batch_ids(str(record.spec["subscriptionId"]).lower(), str(record.spec.get("location")).lower())
    for stored in await deps.objects.get_many(IdleBatch, ids):
        batch = None if stored is None else stored.value
        if batch is None or batch.asked_at is None or expiry.workspace not in batch.in_use:
            continue
        mine = any((one.name, one.incarnation) == (expiry.workspace, expiry.incarnation) for one in batch.members)
        recent = timedelta(0) <= deps.clock.now() - batch.asked_at <= IN_USE
        if mine and recent and days(batch.period) <= days(after):
            told = batch.in_use[expiry.workspace]
            clue = Clue(name="activeCores", verdict=Verdict.BUSY, observed=told, source="metrics:getBatch")
            return Evidence(verdict=Verdict.BUSY, read_at=batch.asked_at, period=batch.period, calls=0, clues=(clue,))
    return None


async def _store(
    deps: GovernanceDeps, hold: Hold, what: tuple[Stored[Expiry], Expiry], step: Step, sight: _Sight
) -> datetime | None:
    stored, before = what
    after, now = moved(before, step, sight.evidence, sight.now), sight.now
    # A stage that began anew, by another rule, has other dates: it is told again.
    moves = after.stage is not stored.value.stage or after.since != stored.value.since
    writes: list[Write] = []
    if after.stage is Stage.ARCHIVING and stored.value.stage is not Stage.ARCHIVING:
        writes += _archiving(after, sight)
    if after.stage is Stage.DELETING:
        after = await ended(deps, after, sight.space)
    if tells := after.problem is not None and _is_to_be_told(after.problem_told_at, now):
        after = after.model_copy(update={"problem_told_at": now})
    notice = noticed(stored.value.access_notice, None if sight.ends.production else sight.project_end, now)
    after = after.model_copy(update={"access_notice": notice})
    due = now if after.stage is Stage.ARCHIVING and sight.ends.archived else _due(after, now)
    after = after.model_copy(update={"due_at": due})
    if moves or step.escalates:
        await tell(deps.notifications, notification(after, step, stored.value, now))
    if tells:
        await tell(deps.notifications, in_use(after, stored.value, now))
    if notice is not None and is_new(notice, stored.value.access_notice) and not sight.space.record.access_ended:
        await tell(deps.notifications, access_ends(after, notice, stored.value, now))
    facts: list[Any] = []
    about = (Scope(ScopeKind.WORKSPACE, after.workspace), after.project)
    if over := newer_word(stored.value, after):
        facts.append(by_us(about, now, Action.EXPIRY_CHANGED, over))
    if moves:
        told = {
            "change": "stage",
            "from": stored.value.stage.value,
            "to": after.stage.value,
            "reasons": list(step.reasons),
            "nextAt": None if step.next_at is None else step.next_at.isoformat(),
            "evidence": None if after.evidence is None else after.evidence.model_dump(mode="json", by_alias=True),
            "incarnation": after.incarnation,
        }
        facts.append(by_us(about, now, Action.EXPIRY_CHANGED, told))
    await propose(deps.notifications, after, sight.now)
    await _access(deps, sight, notice)
    await deps.objects.commit_held(hold, [*put(stored, after), *writes], *facts)
    if writes:
        await deps.queue.send(message_of(Archive.KIND, after.id))
    return due


def _is_to_be_told(told_at: datetime | None, now: datetime) -> bool:
    """Once a week."""
    return told_at is None or now - told_at >= ESCALATE


async def _access(deps: GovernanceDeps, sight: _Sight, notice: AccessNotice | None) -> None:
    """S3-70: with its project's last day people's roles on a pre-production workspace end, when that was told for a
    fortnight; with a later one they come back. Who makes the roles is the workspace's own operation. What runs there
    goes first; the next look repeats it."""
    record, end = sight.space.record, None if sight.ends.production else sight.project_end
    over = is_over(notice, end, sight.now, ended=record.access_ended)
    if record.active_operation is not None or record.deleting:
        return
    if over is record.access_ended and not await _access_failed(deps, record):
        return
    kind = OperationKind.END_ACCESS if over else OperationKind.RENEW_ACCESS
    await begin(deps.workspaces, sight.space, kind, CONTROL_PLANE, sight.now)


async def _access_failed(deps: GovernanceDeps, record: WorkspaceRecord) -> bool:
    """Whether the last operation was about access, and did not succeed: it is begun again."""
    last = None if record.last_operation is None else await deps.workspaces.load_operation(record.last_operation)
    about = (OperationKind.END_ACCESS, OperationKind.RENEW_ACCESS)
    return last is not None and last.operation.kind in about and last.operation.status is not OperationStatus.SUCCEEDED


def _archiving(expiry: Expiry, sight: _Sight) -> list[Write]:
    """In the same commit: nobody archives a workspace whose expiry did not get so far. What a person archives, or has
    archived, stays that person's: no change of the rule gives it up."""
    before = sight.archive.value if sight.archive is not None else None
    if before is not None and before.state.takes:
        return []
    rule, consent = sight.ends.rule, expiry.consent
    by_idleness = expiry.cause is not None and expiry.cause.value == "idle"
    archive = Archive(
        id=expiry.id,
        due_at=sight.now,
        workspace=expiry.workspace,
        incarnation=expiry.incarnation,
        project=expiry.project,
        by=consent.by if consent is not None else "controlplane",
        reason=" ".join(expiry.reasons),
        by_expiry=True,
        idle_after=rule.idle_after if by_idleness else None,
        changed_at=sight.now,
        **carried(before),
    )
    return put(sight.archive, archive)


def _due(expiry: Expiry, now: datetime) -> datetime:
    """Daily; sooner when the next stage is, when something could not be read, and at once to send a deletion."""
    if expiry.stage is Stage.DELETING:
        return now if begins(expiry) else now + SOON
    unknown = expiry.evidence is not None and expiry.evidence.verdict is Verdict.UNKNOWN
    soon = (unknown and expiry.stage in BEFORE) or expiry.problem is not None
    at = now + (RETRY if soon else DAY)
    if expiry.access_notice is not None and now < ends_at(expiry.access_notice):
        at = min(at, ends_at(expiry.access_notice))
    if expiry.next_at is not None and now < expiry.next_at:
        at = min(at, expiry.next_at)
    return at
