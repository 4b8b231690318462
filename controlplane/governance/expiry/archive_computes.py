"""Computes of an archive: which of them an archive takes away itself, how one is written again, and what does not come
back with it. Pure.

The spec's computes are the workspace's: its operations delete and make them. What somebody made beside it is stored as
Azure shows it, without what is readOnly in the API definition (AmlCompute, ComputeInstanceProperties, 2024-04-01);
"any secrets (storage keys, service credentials, etc) are not returned" (Compute - Get).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.arm import fold
from controlplane.computes import CLUSTER, INSTANCE, is_machine, kind_of
from controlplane.governance.expiry.archive import Kept, Remark, kept_of
from controlplane.json_types import JsonObject

_SHOWN = frozenset({"provisioningErrors", "createdOn", "modifiedOn", "isAttachedCompute", "resourceId"})
_INNER: Mapping[str, frozenset[str]] = {
    CLUSTER: frozenset(
        {"currentNodeCount", "targetNodeCount", "nodeStateCounts", "allocationState", "allocationStateTransitionTime",
         "errors"}
    ),
    INSTANCE: frozenset(
        {"state", "connectivityEndpoints", "applications", "createdBy", "errors", "lastOperation", "containers",
         "dataDisks", "dataMounts", "versions", "osImageMetadata"}
    ),
}  # fmt: skip
_SSH_SHOWN = frozenset({"adminUserName", "sshPort"})
_SCHEDULE_SHOWN = frozenset({"id", "provisioningStatus"})
_STILL = frozenset({"stopped", "stopping"})
#: Of computes and endpoints alike.
IDENTITY = (
    "Its system identity comes back as another principal: roles that others gave the old one have to be given again."
)
_FILES = "Files on its own disks, and what was installed there; its mounted file share stays."
_USER = "The nodes' user: Azure shows neither its key nor its password."
_ATTACHED = (
    "It is attached and no compute of the workspace: what it leads to costs where it stands with or without this, and "
    "it could not be attached again without credentials that Azure does not show. Detach it by hand where nobody needs "
    "it."
)


def strays(listed: Sequence[JsonObject], owned: set[str]) -> tuple[JsonObject, ...]:
    """Those that no operation of the workspace takes away. ``owned``: folded ids of its inventory."""
    return tuple(one for one in listed if is_machine(one) and fold(str(one.get("id"))) not in owned)


def left(listed: Sequence[JsonObject]) -> tuple[Remark, ...]:
    """Those that stay, each with the reason."""
    return tuple(
        Remark(id=str(one["id"]), why=f"{_kind_shown(one)}: {_ATTACHED}") for one in listed if not is_machine(one)
    )


def kept_compute(body: JsonObject) -> Kept:
    """What a PUT takes of what a GET showed."""
    plain = kept_of(body)
    outer = {k: v for k, v in plain.body["properties"].items() if k not in _SHOWN}
    inner = _inner(body)
    written = {k: v for k, v in inner.items() if k not in _INNER[kind_of(body)] and v is not None}
    if kind_of(body) == INSTANCE:
        written = _instance(written, _object(inner.get("createdBy")))
    elif _has_no_key(written):
        del written["userAccountCredentials"]
    stopped = kind_of(body) == INSTANCE and str(inner.get("state") or "").lower() in _STILL
    return Kept(id=plain.id, body={**plain.body, "properties": {**outer, "properties": written}}, stopped=stopped)


def _instance(written: dict[str, Any], made_by: JsonObject) -> dict[str, Any]:
    """Whose it is: we make it again, and only for somebody else ("Create on behalf of")."""
    ssh = _object(written.get("sshSettings"))
    if ssh:
        written["sshSettings"] = {k: v for k, v in ssh.items() if k not in _SSH_SHOWN and v is not None}
    schedules = _object(written.get("schedules"))
    if schedules:
        entries = schedules.get("computeStartStop")
        each = [_object(one) for one in entries] if isinstance(entries, list) else []
        plain = [{k: v for k, v in one.items() if k not in _SCHEDULE_SHOWN} for one in each]
        written["schedules"] = {**schedules, "computeStartStop": plain}
    assigned = _object(_object(written.get("personalComputeInstanceSettings")).get("assignedUser"))
    if not assigned and made_by.get("userId"):
        user = {"objectId": made_by.get("userId"), "tenantId": made_by.get("userOrgId")}
        written["personalComputeInstanceSettings"] = {"assignedUser": user}
    return written


def _has_no_key(written: Mapping[str, Any]) -> bool:
    """A user without a key and a password is refused."""
    user = written.get("userAccountCredentials")
    if not isinstance(user, Mapping):
        return user is not None
    return not (user.get("adminUserSshPublicKey") or user.get("adminUserPassword"))


def lost(body: JsonObject) -> tuple[Remark, ...]:
    """What does not come back with a compute, whoever makes it again."""
    told: list[str] = []
    if kind_of(body) == INSTANCE:
        told.append(_FILES)
    if "systemassigned" in str(_object(body.get("identity")).get("type") or "").lower():
        told.append(IDENTITY)
    if kind_of(body) == CLUSTER and "userAccountCredentials" in _inner(body) and _has_no_key(_inner(body)):
        told.append(_USER)
    return tuple(Remark(id=str(body["id"]), why=one) for one in told)


def running(body: JsonObject | None) -> str:
    """The state of an instance, in lower case."""
    return str(_inner(body or {}).get("state") or "").lower()


def _inner(body: JsonObject) -> JsonObject:
    return _object(_object(body.get("properties")).get("properties"))


def _kind_shown(body: JsonObject) -> str:
    return str(_object(body.get("properties")).get("computeType") or "A kind that Azure does not name")


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}
