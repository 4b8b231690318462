"""The activity log of a workspace's resource groups, held against who may do what (S3-69)."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.arm import name_of, subscription_of
from controlplane.errors import Conflict, NotYet, Rejected, Transient
from controlplane.ports.activity import LONGEST, ActivityLog, Event
from controlplane.workspaces.access.activity import ActivityView, Known, activity, unread
from controlplane.workspaces.access.effective import Estate
from controlplane.workspaces.services.deps import ServiceDeps

_NO_LOG = "ActivityLogNotRead: This API was made without a reader of the activity log."


async def look_at_activity(deps: ServiceDeps, estate: Estate, span: timedelta) -> ActivityView:
    """What cannot be read makes everything about activity unknown, and is said; it fails nothing else."""
    until = deps.clock.now()
    since = until - min(span, LONGEST)
    if deps.activity is None:
        return unread(since, until, _NO_LOG)
    events: list[Event] = []
    try:
        for group in estate.blueprint.own_groups:
            events += await _of_group(deps.activity, group, since, until)
    except (Transient, Rejected, Conflict, NotYet) as error:
        return unread(since, until, f"{error.code}: {error.message}")
    return activity(estate, events, await _known(deps, estate, events), since, until)


async def _of_group(log: ActivityLog, group: str, since: datetime, until: datetime) -> tuple[Event, ...]:
    return await log.writes(str(subscription_of(group)), name_of(group), since, until)


async def _known(deps: ServiceDeps, estate: Estate, events: list[Event]) -> Known:
    """Who is in which group, and what everybody is called, as far as a directory tells."""
    if deps.directory is None:
        return Known(deps.own_apps, None, None)
    groups = {grant.principal for grant in estate.wanted.grants if grant.principal_type == "Group"}
    members = await deps.directory.members(tuple(sorted(groups)))
    ids = {event.principal for event in events if event.principal} | groups
    ids |= {one for several in (members or {}).values() for one in several}
    return Known(deps.own_apps, members, await deps.directory.names(tuple(sorted(ids))))
