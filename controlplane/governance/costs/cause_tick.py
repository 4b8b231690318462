"""The question about causes: one query for all anomalies of a subscription, two reads of each workspace, and what is
told of it."""

from __future__ import annotations

from controlplane.arm import fold
from controlplane.errors import Rejected
from controlplane.governance.costs import causes
from controlplane.governance.costs.model import Anomaly, Charged, CostScope, Spend, spend_id
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.storing import change_each
from controlplane.governance.telling import tell
from controlplane.notifications.model import Notification, notification_id
from controlplane.ports.costs import CostReader, CostRow
from controlplane.retraining.known import Known, by_name
from controlplane.retraining.signal import Severity

API = "2024-04-01"


async def look(deps: GovernanceDeps, costs: CostReader, scope: CostScope) -> int:
    """Returns how many calls for costs it took. What was told once has a stable id and is not told again. Raises what
    the reader raises."""
    spaces = {spend_id(one.name): one for one in scope.workspaces}
    found = await deps.objects.get_many(Spend, list(spaces))
    open_ = [one.value for one in found if one is not None and any(not each.looked for each in one.value.anomalies)]
    some = open_[: causes.MOST_GROUPS]
    days = [one.day for spend in some for one in spend.anomalies if not one.looked]
    if not days:
        return 0
    answer = await costs.query(scope.id, causes.question(days, [spaces[one.id].group for one in some]))
    for spend in some:
        await _explained(deps, (scope.id, spaces[spend.id]), spend, answer.rows)
    return answer.calls


async def _explained(deps: GovernanceDeps, where: tuple[str, Charged], spend: Spend, rows: tuple[CostRow, ...]) -> None:
    subscription, one = where
    space = await by_name(deps.workspaces, one.name)
    explained: dict[object, Anomaly] = {}
    for anomaly in spend.anomalies:
        if not anomaly.looked:
            after = causes.risen(anomaly, one, subscription, rows)
            if space is not None and causes.is_compute(after):
                after = await _whose(deps, space, after, spend)
            explained[anomaly.day] = after
            await tell(deps.notifications, _told(spend, after, deps))
    month = [row for row in rows if f"{row.day:%Y-%m}" == spend.month]
    sums = causes.by_resource(one, subscription, month)

    def change(thing_id: str, before: Spend | None) -> Spend:
        was = before or spend
        known = tuple(explained.get(each.day, each) for each in was.anomalies)
        return was.model_copy(update={"anomalies": known, "causes": sums})

    await change_each(deps.objects, Spend, [spend.id], change)


async def _whose(deps: GovernanceDeps, space: Known, anomaly: Anomaly, spend: Spend) -> Anomaly:
    """Which compute, which jobs, who. What may not be read is unknown, and the rest is told."""
    try:
        computes = await deps.reader.list(f"{space.workspace_id}/computes", API)
        accrued = spend.live.resources if spend.live is not None else {}
        after = causes.named(anomaly, computes, accrued)
        if after.resource == anomaly.resource:
            return after
        jobs = await deps.reader.first(f"{space.workspace_id}/jobs", API)
        return causes.ran(after, jobs)
    except Rejected as error:
        return anomaly.model_copy(update={"unknown": f"{error.code}: {error.message}"[:300]})


def _told(spend: Spend, one: Anomaly, deps: GovernanceDeps) -> Notification:
    kind = "ControlPlane.Costs.Anomaly"
    text = f"{one.day} cost {one.amount:.2f} {spend.currency}; usual is {one.usual:.2f}."
    if one.resource is not None and one.rise is not None:
        text += f" {fold(one.resource).rpartition('/')[2]} rose by {one.rise:.2f} ({one.meter})."
    if one.jobs:
        text += f" Jobs that may have run there: {', '.join(one.jobs)}."
    if one.who:
        text += f" By: {', '.join(one.who)}."
    if one.unknown:
        text += f" {one.unknown}"
    about = f"{spend.id}\n{spend.incarnation}\n{one.day}"
    return Notification(
        id=notification_id(kind, about),
        due_at=deps.clock.now(),
        workspace=spend.workspace,
        project=spend.project,
        type=kind,
        subject=f"workspaces/{spend.workspace}/costs",
        title=f"{spend.workspace}: {one.day} cost much more than usual",
        text=text[:4000],
        severity=Severity.MEDIUM,
        link=f"/api/workspaces/{spend.workspace}/costs",
        created_at=deps.clock.now(),
    )
