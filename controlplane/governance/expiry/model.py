"""An expiry as it is asked for and as it is stored. Pure data; what could never be is refused in ``rules``."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.governance.expiry.proposals import Proposal
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.repository import Thing
from controlplane.operations.model import Condition, ErrorBody, Model
from controlplane.workspaces.spec_model import Expiry as Rule

__all__ = ["Rule"]
#: Steps that are kept with the expiry; the audit has them all.
KEPT = 50


class Stage(StrEnum):
    """In the order in which they are passed. Each may lead back to ``active``, those after the archive by a restore,
    until the archiver has begun."""

    ACTIVE = "active"
    WARNED = "warned"
    ASKED = "asked"
    GRACE = "grace"
    ARCHIVING = "archiving"
    ARCHIVED = "archived"
    DELETING = "deleting"


class Cause(StrEnum):
    """Why a workspace expires."""

    DATE = "date"
    IDLE = "idle"


class Verdict(StrEnum):
    """What a look says. Unknown is neither."""

    IDLE = "idle"
    BUSY = "busy"
    UNKNOWN = "unknown"


#: Clues of what is at work at the moment.
OF_NOW = frozenset({"clusters", "instances", "jobs", "endpoints"})
#: Code of what keeps an archive by a last day waiting.
IN_USE_NOW = "InUseNow"


class Clue(Model):
    """One thing that was looked at."""

    name: str = Field(description="`clusters`, `instances`, `jobs`, `endpoints`, `age`, `activeCores`.")
    verdict: Verdict
    observed: str = Field(description="What Azure said.")
    source: str = Field(description="Path of the read.")
    now: bool = Field(default=False, description="Whether something runs at this moment.")
    working: tuple[str, ...] = Field(
        default=(), description="What is at work: jobs, nodes that run some, instances, endpoints that are called."
    )
    unread: tuple[str, ...] = Field(
        default=(), description="What may be at work and did not say so, whatever the rest of the clue says."
    )


class Evidence(Model):
    """One look at a workspace; it counts for an hour."""

    verdict: Verdict
    read_at: datetime
    period: str = Field(description="The time of idleness that it is about, such as `P30D`.")
    calls: int = Field(description="Questions to Azure that it took.")
    clues: tuple[Clue, ...]
    proposals: tuple[Proposal, ...] = Field(default=(), description="What somebody might do about what was seen.")

    @property
    def in_use(self) -> bool:
        """Whether something runs now."""
        return any(one.now for one in self.clues)

    @property
    def working(self) -> tuple[str, ...]:
        """What is at work now. A node that waits for a job is not."""
        return tuple(each for one in self.clues for each in one.working)

    @property
    def unread(self) -> tuple[str, ...]:
        """What may be at work and could not be read: beside what is harmlessly busy, too."""
        return tuple(each for one in self.clues if one.name in OF_NOW for each in _unread(one))


def _unread(clue: Clue) -> tuple[str, ...]:
    return clue.unread or ((clue.observed,) if clue.verdict is Verdict.UNKNOWN else ())


class Decided(Model):
    """What a person decided, and why."""

    by: str = Field(description="`{tenant id}/{object id}`.")
    at: datetime
    reason: str


class Extension(Decided):
    until: date = Field(description="New last day.")


class Exemption(Decided):
    until: date = Field(description="Last day on which nothing happens.")


class Passed(Model):
    """A stage that began."""

    stage: Stage
    at: datetime
    reasons: tuple[str, ...]
    next_at: datetime | None = Field(default=None, description="When the next one was to begin, as it was told then.")
    verdict: Verdict | None = Field(default=None, description="What the evidence said.")
    by: str | None = Field(default=None, description="Of a person's decision.")


class AccessNotice(Model):
    """That people's roles here end with the project: told, and how much of its time looks have seen."""

    end: date
    since: datetime
    seen_at: datetime
    lived: timedelta = timedelta()


class Expiry(Thing):
    """One workspace's. ``id`` is ``workspace.{name}``."""

    KIND: ClassVar[str] = "expiry"

    workspace: str
    incarnation: int
    project: str
    rule: Rule | None = None
    """What was set beside the spec; None: the spec's, where it has one."""
    ruled: Rule | None = None
    """The rule that the stages so far went by."""
    environment: str = "dev"
    generation: int = 1
    """Counts what callers see change by their own doing."""
    stage: Stage = Stage.ACTIVE
    cause: Cause | None = None
    since: datetime
    """When the stage began."""
    lived: timedelta = timedelta()
    """How much of the stage was seen: a clock that jumps is no time that passed."""
    looked_at: datetime | None = None
    next_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    escalations: int = 0
    """How often nobody answered."""
    busy_at: datetime | None = None
    """When a look last saw something run: Azure does not say when a job ended."""
    consent: Decided | None = None
    extension: Extension | None = None
    exemption: Exemption | None = None
    evidence: Evidence | None = None
    history: tuple[Passed, ...] = ()
    access_notice: AccessNotice | None = None
    problem: ErrorBody | None = None
    """What keeps the archive waiting, although its grace is over."""
    problem_told_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    deletion_begun_at: datetime | None = None
    """Stored before the archiver's first write; from then on nothing takes the deletion back."""
    last_modified_at: datetime
    last_modified_by: str

    @property
    def etag(self) -> str:
        return f'"{self.incarnation}.{self.generation}.{self.stage}"'


def expiry_id(workspace: str) -> str:
    """Also the chain of its audit."""
    return Scope(ScopeKind.WORKSPACE, workspace).id
