"""The end of an archived workspace, by the archiver: an identity that holds nothing until a Platform.Admin makes an
active role assignment that ends, on that resource group (X-14). Who asked for the deletion does not do it, and who does
it could not have asked.

The group goes by the archiver. What the workspace has elsewhere (peerings, links), the record and the report of what is
left behind are the operation ``delete`` of the workspace, which begins when the group is gone. A group that holds what
this workspace did not make stays, as it does where people delete the workspace: whose that is, nobody has asked.

That it begins is stored before it does (``deletion_begun_at``), and everything is read once more then: until that is
stored, a restore, an extension or an exemption takes the deletion back, and whoever commits first of a person and a
tick has decided.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controlplane.arm import fold, group_id, is_within, name_of, type_of
from controlplane.computes import is_machine
from controlplane.errors import Conflict, ControlPlaneError, Rejected
from controlplane.governance.budgets.model import Budget
from controlplane.governance.deps import Archiver, GovernanceDeps
from controlplane.governance.expiry.archive import Archive
from controlplane.governance.expiry.clues import worked
from controlplane.governance.expiry.model import Expiry
from controlplane.json_types import JsonObject
from controlplane.operations.model import ConditionStatus, OperationKind
from controlplane.retraining.known import Known, known
from controlplane.retraining.monitors.model import Monitor
from controlplane.workspaces.archiving import begin
from controlplane.workspaces.ending import condition
from controlplane.workspaces.kinds import ROLE_DEFINITION
from controlplane.workspaces.reconcile.steps import UNMANAGED_LEFT, comes_with_insights
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.spec_model import Environment

ELEVATED = "Elevated"
GROUPS_API, PIM_API, ML_API = "2021-04-01", "2020-10-01", "2024-04-01"
_INSTANCES = "Microsoft.Authorization/roleAssignmentScheduleInstances"
_REQUESTS = "Microsoft.Authorization/roleAssignmentScheduleRequests"
ROLE, PENDING = "MLOps Control Plane Archiver", "PendingElevation"
ROLES_API = "2022-04-01"
#: What Azure answers to an identity without any role there.
_HOLDS_NOTHING = frozenset({"AuthorizationFailed", "InsufficientPermissions", "SubscriptionNotFound"})
_MOST_NAMED = 5
#: Reason of the one look between what was stored and the write.
BEGINS = "Begins"
Said = tuple[ConditionStatus, str, str]


async def ended(deps: GovernanceDeps, expiry: Expiry, space: StoredWorkspace) -> Expiry:
    """One step towards the end; the condition says what it waits for, with the request that somebody has to make."""
    try:
        status, reason, text = await _step(deps, expiry, space)
    except ControlPlaneError as error:
        status, reason, text = ConditionStatus.UNKNOWN, error.code, error.message
    now = deps.clock.now()
    told = condition(ELEVATED, status, reason, text, expiry.conditions, now)
    begun = expiry.deletion_begun_at
    if status is ConditionStatus.TRUE:
        begun = begun or now
    elif status is ConditionStatus.FALSE:
        begun = None  # the group stands, and nobody is deleting it
    return expiry.model_copy(update={"conditions": (told,), "deletion_begun_at": begun})


def begins(expiry: Expiry) -> bool:
    """Whether the next look sends the deletion."""
    return any(one.type == ELEVATED and one.reason == BEGINS for one in expiry.conditions)


async def _step(deps: GovernanceDeps, expiry: Expiry, space: StoredWorkspace) -> Said:
    record = space.record
    if record.deleting:
        return ConditionStatus.TRUE, "Deleting", f"Operation {record.active_operation} reports what is left behind."
    if record.spec["environment"] == Environment.PROD:
        return ConditionStatus.FALSE, "ProductionNeverExpires", "It has become a production workspace."
    group = group_id(str(record.spec["subscriptionId"]), record.resource_group)
    body = await deps.reader.get(group, GROUPS_API)
    if body is None:
        return await _rest(deps, expiry, space)
    if _state(body) == "deleting":
        return ConditionStatus.TRUE, "Deleting", f"Azure is deleting {group}."
    if record.active_operation is not None:
        return (
            ConditionStatus.FALSE,
            "OperationRunning",
            f"Operation {record.active_operation} of the workspace ends first.",
        )
    if used := await _used(deps, expiry.id, known(record)):
        return ConditionStatus.FALSE, "InUseAgain", f"Somebody works in the archive: {', '.join(used[:_MOST_NAMED])}."
    if left := await _not_ours(deps, expiry, space, group):
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        text = f"The workspace did not make {', '.join(left[:_MOST_NAMED])}{more}: its group stays while it is there."
        return ConditionStatus.FALSE, UNMANAGED_LEFT, text
    if deps.archiver is None:
        text = "This installation has not set CONTROLPLANE_ARCHIVER_CLIENT_ID: nobody may delete it."
        return ConditionStatus.FALSE, "ArchiverMissing", text
    if (lacks := await _lacks(deps, deps.archiver, group)) is not None:
        return lacks
    if expiry.deletion_begun_at is None:
        return ConditionStatus.TRUE, BEGINS, f"The archiver is about to delete {group}."
    return await _deleted(deps, deps.archiver, group)


async def _rest(deps: GovernanceDeps, expiry: Expiry, space: StoredWorkspace) -> Said:
    """What the workspace has elsewhere, when nothing else of it runs."""
    if (running := space.record.active_operation) is not None:
        return ConditionStatus.TRUE, "Deleting", f"Its group is gone; the rest ends after operation {running}."
    by = expiry.consent.by if expiry.consent is not None else expiry.last_modified_by
    operation = await begin(deps.workspaces, space, OperationKind.DELETE, by, deps.clock.now())
    return ConditionStatus.TRUE, "Deleting", f"Its group is gone; operation {operation.id} ends the rest."


async def _deleted(deps: GovernanceDeps, archiver: Archiver, group: str) -> Said:
    """A refusal is told in Azure's words, and takes back that it has begun: nobody is deleting what stands. Whether
    another request is, the group says."""
    try:
        await archiver.writer.delete(group, GROUPS_API)
    except (Rejected, Conflict) as error:
        body = await deps.reader.get(group, GROUPS_API)
        if body is not None and _state(body) != "deleting":
            return ConditionStatus.FALSE, error.code, f"Azure does not delete {group}: {error.message}"
    return ConditionStatus.TRUE, "Deleting", f"The archiver is deleting {group}."


async def _used(deps: GovernanceDeps, archive_id: str, found: Known) -> list[str]:
    """What an archive does not have, read right before it is deleted. What is attached was left where it is. Of jobs,
    which need no compute of the workspace where they are serverless, the newest."""
    computes = await deps.reader.list(f"{found.workspace_id}/computes", ML_API)
    names = [f"computes/{one.get('name')}" for one in computes if is_machine(one)]
    for collection in ("onlineEndpoints", "batchEndpoints"):
        listed = await deps.reader.list(f"{found.workspace_id}/{collection}", ML_API)
        names += [f"{collection}/{one.get('name')}" for one in listed]
    stored = await deps.objects.get(Archive, archive_id)
    since = None if stored is None else stored.value.changed_at
    newest = await deps.reader.first(f"{found.workspace_id}/jobs", ML_API)
    return [*names, *(f"jobs/{one.get('name')}" for one in newest if worked(one, since))]


async def _not_ours(deps: GovernanceDeps, expiry: Expiry, space: StoredWorkspace, group: str) -> list[str]:
    """What lies in the group and is neither the workspace's, nor of what we made beside it (monitors, a budget), nor
    Azure's own companion of something of these. Read right before; a list that is refused deletes nothing."""
    owned = {fold(one.resource_id) for one in space.status.inventory.values()}
    owned.add(fold(known(space.record).workspace_id))
    monitors = await deps.notifications.page(Monitor, f"mo!{expiry.workspace}!", limit=1000)
    owned |= {fold(arm_id) for one in monitors.values for arm_id in one.made}
    budget = await deps.objects.get(Budget, expiry.id)
    owned |= {fold(arm_id) for arm_id in (budget.value.made if budget is not None else ())}
    owned.discard(fold(group))
    listed = await deps.reader.list(f"{group}/resources", GROUPS_API)
    return [f"{type_of(str(one['id']))} {name_of(str(one['id']))}" for one in listed if not _is_ours(one, owned)]


def _is_ours(shown: JsonObject, owned: set[str]) -> bool:
    arm_id, manager = fold(str(shown.get("id"))), fold(str(shown.get("managedBy") or ""))
    if comes_with_insights(arm_id) or manager in owned:
        return True
    return any(is_within(arm_id, one) or _is_interface_of(arm_id, one) for one in owned)


def _is_interface_of(arm_id: str, endpoint: str) -> bool:
    """A private endpoint's network interface: ``{endpoint}.nic.{guid}``, which goes with it ("Manage Azure private
    endpoints", network interface)."""
    interface = "/providers/microsoft.network/networkinterfaces/"
    beginning = endpoint.replace("/providers/microsoft.network/privateendpoints/", interface)
    return beginning != endpoint and arm_id.startswith((f"{beginning}.nic.", f"{beginning}-nic"))


async def _lacks(deps: GovernanceDeps, archiver: Archiver, group: str) -> Said | None:
    """None with an active assignment of its role that ends, on this group, and none elsewhere or without an end."""
    query = (("$filter", "asTarget()"),)
    try:
        found = await archiver.reader.list(f"{group}/providers/{_INSTANCES}", PIM_API, query)
    except ControlPlaneError as error:
        if error.code not in _HOLDS_NOTHING:
            raise
        found = ()
    query = (("$filter", f"roleName eq '{ROLE}'"),)
    roles = await deps.reader.list(f"{group}/providers/{ROLE_DEFINITION}", ROLES_API, query)
    role = next((str(one["id"]) for one in roles), "")
    who = archiver.client_id, archiver.object_id, archiver.endpoint, role
    return judged(found, Elevation(group, deps.clock.now(), *who))


def judged(found: Sequence[JsonObject], asked: Elevation) -> Said | None:
    """Of the archiver's active assignments at a group and above it. Pure."""
    held = [one["properties"] for one in found if isinstance(one.get("properties"), dict)]
    for reason, bar in BARS.items():
        if (text := bar.says(held, asked)) is not None:
            return ConditionStatus.FALSE, reason, text
    return None


@dataclass(frozen=True, slots=True)
class Elevation:
    """Where somebody has to let the archiver, and when."""

    group: str
    now: datetime
    client_id: str
    object_id: str = ""
    endpoint: str = "https://management.azure.com"
    role_id: str = ""

    @property
    def url(self) -> str:
        """A request of its own for each look: Azure takes no name twice."""
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.group}@{self.now.isoformat()}")
        return f"{self.endpoint}{self.group}/providers/{_REQUESTS}/{name}?api-version={PIM_API}"

    @property
    def body(self) -> JsonObject:
        """What is sent there, by a Platform.Admin. Source: "Role Assignment Schedule Requests - Create"."""
        expiration = {"type": "AfterDuration", "duration": "PT8H"}
        start = self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "properties": {
                "requestType": "AdminAssign",
                "principalId": self.object_id or f"<object id of {self.client_id}>",
                "roleDefinitionId": self.role_id or f"<id of role {ROLE}>",
                "justification": f"{name_of(self.group)} was kept in its archive for as long as its rule says.",
                "scheduleInfo": {"startDateTime": start, "expiration": expiration},
            }
        }


@dataclass(frozen=True, slots=True)
class Bar:
    """``says`` why what the archiver holds is not what it may act with; None: it is."""

    says: Callable[[Sequence[Mapping[str, Any]], Elevation], str | None]
    requirements: tuple[str, ...] = ()


def _stands(held: Sequence[Mapping[str, Any]], asked: Elevation) -> str | None:
    standing = [one for one in held if _end(one) is None or fold(str(one.get("scope"))) != fold(asked.group)]
    if not standing:
        return None
    return f"The archiver holds a role at {standing[0].get('scope')} that does not end there; take it away first."


def _waits(held: Sequence[Mapping[str, Any]], asked: Elevation) -> str | None:
    active = [one for one in held if (_end(one) or asked.now) > asked.now]
    if any(_is_role(one, asked) for one in active):
        return None
    lacks = [
        *(() if asked.object_id else ("CONTROLPLANE_ARCHIVER_OBJECT_ID is not set",)),
        *(() if asked.role_id else (f"the subscription has no role {ROLE!r} (infra/role-archiver.json)",)),
    ]
    other = " What it holds there is another role." if active and asked.role_id else ""
    said = f" To be filled in, as {' and '.join(lacks)}." if lacks else ""
    return (
        f"pendingElevation: a Platform.Admin makes an active assignment that ends, role {ROLE!r}, for the archiver."
        f"{other}{said} Request: PUT {asked.url} {json.dumps(asked.body)}"
    )


#: X-14: "own persona, JIT elevation, two-person approval". Without the owner's yes there is no archive (``decide``);
#: this is the second person's.
BARS: dict[str, Bar] = {"StandingRights": Bar(_stands, ("X-14",)), PENDING: Bar(_waits, ("X-14",))}


def _is_role(properties: Mapping[str, Any], asked: Elevation) -> bool:
    """By its GUID: the id of one role is written with a subscription before it, and without."""
    found = str(properties.get("roleDefinitionId") or "")
    return bool(found and asked.role_id) and fold(name_of(found)) == fold(name_of(asked.role_id))


def _end(properties: Mapping[str, Any]) -> datetime | None:
    text = properties.get("endDateTime")
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None


def _state(body: JsonObject) -> str:
    properties = body.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""
