"""What an archive of the stages is about to take away, read again from its provider right before each removal: whether
it was asked for still, and what is there. An archive that a person asked for needs neither.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.decide import end_of, last_day, said_to_work
from controlplane.governance.expiry.look import look
from controlplane.governance.expiry.model import IN_USE_NOW, Expiry, Rule, Verdict
from controlplane.governance.expiry.storing import rule_of
from controlplane.operations.model import ErrorBody
from controlplane.retraining.known import Known

_log = logging.getLogger(__name__)
#: Any period would do for what an end date asks: whether everything can be read.
_SHORTEST = "P1D"
UNSEEN = "IdlenessUnknown"
#: Problems that are over when the next look says so.
WAITED_FOR = frozenset({UNSEEN, IN_USE_NOW})
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Stays:
    """``archive`` is what it becomes; ``waits``: it is looked at again, else it is given up."""

    archive: Archive
    waits: bool


async def read_again(deps: GovernanceDeps, archive: Archive, found: Known) -> Stays | None:
    """None: it may begin, or go on. Of an end date what was used lately does not matter; what is at work, and what
    cannot be read, does."""
    if (why := await _not_asked_for(deps, archive, found)) is not None:
        return Stays(_given_up(archive, found, why), waits=False)
    evidence = await look((deps.reader, deps.polls), found, archive.idle_after or _SHORTEST, deps.clock.now())
    said = "; ".join(one.observed for one in evidence.clues if one.verdict is evidence.verdict)
    unread = evidence.unread if archive.idle_after is None and not evidence.working else ()
    if evidence.verdict is Verdict.UNKNOWN or unread:
        message = f"Nothing is taken away unseen. {'; '.join(unread[:_MOST_NAMED]) or said}"
        problem = ErrorBody(code=UNSEEN, message=message)
        return Stays(archive.model_copy(update={"problem": problem}), waits=True)
    if evidence.verdict is Verdict.BUSY and archive.idle_after is not None:
        return Stays(_given_up(archive, found, f"It is in use: {said}"), waits=False)
    if evidence.working:
        text = f"{said_to_work(evidence.working)} It goes on when that is over."
        return Stays(archive.model_copy(update={"problem": ErrorBody(code=IN_USE_NOW, message=text)}), waits=True)
    return None


async def _not_asked_for(deps: GovernanceDeps, archive: Archive, found: Known) -> str | None:
    """The rule may be another one since, and the day a later one."""
    stored = await deps.objects.get(Expiry, archive.id)
    expiry = None if stored is None else stored.value
    rule = rule_of(expiry, found.record) or Rule()
    if rule.action not in ("archive", "delete"):
        return "Its rule takes nothing away any more."
    if archive.idle_after is not None:
        return None if rule.idle_after == archive.idle_after else "Its rule has changed."
    project = await deps.projects.load(found.record.project)
    end = None if project is None else project.record.registration.ends_on
    day = last_day(rule, expiry, end)
    if day is not None and deps.clock.now() >= end_of(day):
        return None
    return f"Its last day is {day} now." if day is not None else "It has no last day any more."


def _given_up(archive: Archive, found: Known, why: str) -> Archive:
    """Whatever was taken away comes back: endpoints and computes that were kept, and what an operation of the workspace
    took, or had begun to."""
    _log.info("archive given up workspace=%s because=%s", archive.workspace, why)
    taken = bool(archive.kept) or found.record.archived
    state = ArchiveState.REFILLING if taken else ArchiveState.RESTORED
    return archive.model_copy(update={"state": state, "reason": why})
