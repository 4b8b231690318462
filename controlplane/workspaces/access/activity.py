"""What people and processes did, held against what they may do now (S3-69): gaps, and grants that nobody used. Pure.

The log has writes and no reads: whoever only reads leaves no trace, and is not looked for. A person's row is found by
the groups of the token that he wrote with, or by the groups' members where a directory tells them; where neither is
known, whether there is a gap is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from controlplane.arm import fold, type_of
from controlplane.operations.model import Model
from controlplane.ports.activity import Event
from controlplane.workspaces.access.effective import Estate, Held
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.access.powers import Can

#: Of one actor; the newest are kept, and ``succeeded`` and ``failed`` count all.
MOST_WRITES = 100
_ACTIVATES = "microsoft.authorization/roleassignmentschedulerequests/write"
_DONE = ("Succeeded", "Failed", "Canceled")

#: Group, in lower case → its members' object ids, in lower case; None where no directory tells.
Members = Mapping[str, frozenset[str]] | None


class Who(StrEnum):
    PERSONA = "persona"
    WORKSPACE = "workspace"
    """An identity of what the workspace has."""
    CONTROL_PLANE = "controlPlane"
    ADMINISTRATOR = "administrator"
    """One of those who administer the subscriptions, by the deployment's settings."""
    STRANGER = "stranger"
    UNKNOWN = "unknown"
    """A person, and nobody here knows in which groups."""


class WriteView(Model):
    at: datetime
    action: str
    resource: str
    status: str = Field(description="Succeeded, Failed, Canceled; Accepted or Started while the log says no more.")
    row: str | None = Field(description="The line of the matrix that allows it now; null when none does.")
    correlation_id: str


class ActorView(Model):
    """Somebody who wrote."""

    principal_id: str
    display_name: str | None
    caller: str = Field(description="As the activity log names it.")
    app_id: str
    who: Who
    persona: Persona | None
    gap: bool | None = Field(
        description="It changed something that no line of the matrix lets it change now; null: not known."
    )
    succeeded: int
    failed: int
    last_at: datetime
    writes: tuple[WriteView, ...] = Field(description=f"Newest first, {MOST_WRITES} at most.")


class IdleView(Model):
    """A grant to change something, and no write in all that time by whoever holds it."""

    persona: Persona
    row: str
    principal_id: str
    group_id: str | None = Field(description="The group that the person is in; null for a grant of its own.")
    display_name: str | None
    acted: bool | None = Field(description="False: it never did; null: who is in the group is not known here.")


class ActivityView(Model):
    """The activity log of the workspace's resource groups, read when it was asked for."""

    since: datetime
    until: datetime
    unreadable: str | None = Field(description="Why the log could not be read: then who did what is unknown.")
    actors: tuple[ActorView, ...] | None
    gaps: tuple[str, ...] | None = Field(description="Object ids of the actors with a gap.")
    idle: tuple[IdleView, ...] | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the estate."""

    own_apps: frozenset[str]
    """Client ids of the control plane's identities, in lower case."""
    members: Members
    names: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class _Write:
    event: Event
    """The last one about it."""
    began: datetime


def unread(since: datetime, until: datetime, why: str) -> ActivityView:
    """When there is no log to look into."""
    return ActivityView(since=since, until=until, unreadable=why, actors=None, gaps=None, idle=None)


def activity(estate: Estate, events: Iterable[Event], known: Known, since: datetime, until: datetime) -> ActivityView:
    """Who did what, whose writes no row allows, and who may write and never did."""
    by_principal: dict[str, list[_Write]] = {}
    for write in _writes(events):
        by_principal.setdefault(write.event.principal or write.event.caller.lower(), []).append(write)
    actors = tuple(_Actor(estate, known, writes).view() for _, writes in sorted(by_principal.items()))
    return ActivityView(
        since=since,
        until=until,
        unreadable=None,
        actors=tuple(sorted(actors, key=lambda one: one.last_at, reverse=True)),
        gaps=tuple(sorted(one.principal_id for one in actors if one.gap)),
        idle=tuple(_idle(estate, known, by_principal)) if estate.unreadable is None else None,
    )


def _writes(events: Iterable[Event]) -> Iterator[_Write]:
    """One for each write: the event that says how it ended, and when it began."""
    found: dict[tuple[str, str, str, str], list[Event]] = {}
    for event in events:
        key = (event.principal, event.correlation, event.action.lower(), fold(event.resource))
        found.setdefault(key, []).append(event)
    for several in found.values():
        last = max(several, key=lambda one: (one.status in _DONE, one.at))
        yield _Write(last, min(one.at for one in several))


class _Actor:
    """All writes of one principal."""

    def __init__(self, estate: Estate, known: Known, writes: list[_Write]) -> None:
        self._estate, self._known = estate, known
        self._writes = sorted(writes, key=lambda one: one.began, reverse=True)
        self._latest = self._writes[0].event
        self._groups = groups_of(self._latest.principal, writes, known)
        self._principals = frozenset({self._latest.principal}) | (self._groups or frozenset())

    def view(self) -> ActorView:
        shown, latest = [self._view(write) for write in self._writes], self._latest
        who, names = self._who(), self._known.names
        return ActorView(
            principal_id=latest.principal,
            display_name=None if names is None else names.get(latest.principal),
            caller=latest.caller,
            app_id=latest.app,
            who=who,
            persona=self._persona(),
            gap=self._gap(who, shown),
            succeeded=sum(one.status == "Succeeded" for one in shown),
            failed=sum(one.status == "Failed" for one in shown),
            last_at=shown[0].at,
            writes=tuple(shown[:MOST_WRITES]),
        )

    def _persona(self) -> Persona | None:
        found = (self._estate.persona_of(one) for one in sorted(self._principals))
        return next((persona for persona in found if persona is not None), None)

    def _who(self) -> Who:
        estate, latest = self._estate, self._latest
        if latest.is_app and latest.app in self._known.own_apps:
            return Who.CONTROL_PLANE
        if latest.principal in estate.ours:
            return Who.WORKSPACE
        if estate.is_administrator(latest.principal):
            return Who.ADMINISTRATOR
        if self._persona() is not None:
            return Who.PERSONA
        return Who.STRANGER if latest.is_app or self._groups is not None else Who.UNKNOWN

    def _gap(self, who: Who, shown: list[WriteView]) -> bool | None:
        if who in (Who.CONTROL_PLANE, Who.WORKSPACE, Who.ADMINISTRATOR):
            return False
        if all(one.row is not None or one.status in ("Failed", "Canceled") for one in shown):
            return False
        unknown = self._estate.unreadable is not None or who is Who.UNKNOWN
        return None if unknown else True

    def _view(self, write: _Write) -> WriteView:
        event = write.event
        return WriteView(
            at=write.began,
            action=event.action,
            resource=event.resource,
            status=event.status,
            row=self._row(event),
            correlation_id=event.correlation,
        )

    def _row(self, event: Event) -> str | None:
        action = event.action.lower()
        can = Can.ADMINISTER if action.startswith("microsoft.authorization/") else Can.WRITE
        for held in self._estate.held:
            if held.principal not in self._principals or not held.reaches(event.resource):
                continue
            # Taking a role is what an eligibility is for; everything else takes a role that is held.
            lets = (
                held.eligible if action == _ACTIVATES else not held.eligible and self._lets(held, can, event.resource)
            )
            granted = self._estate.granted(held) if lets else None
            if granted is not None:
                return granted.row
        return None

    def _lets(self, held: Held, can: Can, resource: str) -> bool:
        return bool(self._estate.planes(held, can, type_of(resource)))


def groups_of(principal: str, writes: Iterable[_Write], known: Known) -> frozenset[str] | None:
    """Groups of somebody who wrote; None where nobody knows."""
    told = [write.event.groups for write in writes if write.event.groups is not None]
    if known.members is None and not told:
        return None
    by_directory = {group for group, members in (known.members or {}).items() if principal in members}
    return frozenset(by_directory).union(*told)


def _idle(estate: Estate, known: Known, acted: Mapping[str, list[_Write]]) -> Iterator[IdleView]:
    missing = frozenset((grant.key, grant.means) for grant in estate.missing())
    groups = {group for writes in acted.values() for one in writes for group in one.event.groups or ()}
    seen: set[tuple[Persona, str]] = set()
    for grant in estate.wanted.grants:
        # Whoever only reads writes nothing, and is never in the log.
        if grant.role.reads_only or (grant.key, grant.means) in missing or (grant.persona, grant.principal) in seen:
            continue
        seen.add((grant.persona, grant.principal))
        principal, is_group = grant.principal.lower(), grant.principal_type == "Group"
        members = known.members.get(principal) if known.members is not None else None
        people: tuple[str, ...] = (principal,)
        answer: bool | None = False
        if is_group and members is None:
            answer, people = None, () if principal in groups else (principal,)
        elif is_group and members:
            people = tuple(sorted(members))
        for one in people:
            if one not in acted:
                yield IdleView(
                    persona=grant.persona,
                    row=grant.row,
                    principal_id=one,
                    group_id=principal if one != principal else None,
                    display_name=None if known.names is None else known.names.get(one),
                    acted=answer,
                )
