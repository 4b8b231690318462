"""Domain → JSON of the API. Explicit, so that what the store holds is not shown by accident: the URLs of Azure's
operations, for one, carry signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from pydantic_core import from_json

from controlplane.http.cost_views import costs
from controlplane.http.egress_views import egress
from controlplane.operations.etags import etag_of
from controlplane.operations.model import Operation, StepStatus
from controlplane.projects.model import ProjectRecord
from controlplane.workspaces.conflicts import Found
from controlplane.workspaces.model import Change, Difference, Plan, Ref
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.service import Judged, Planned

_STEP_FIELDS = (
    "key",
    "resourceId",
    "action",
    "status",
    "startedAt",
    "endedAt",
    "attempts",
    "correlationId",
    "waitingFor",
    "inFlight",
    "error",
)
_OPERATION_FIELDS = (
    "kind",
    "target",
    "project",
    "generation",
    "status",
    "cancelRequested",
    "cancelRequestedBy",
    "error",
    "residue",
    "createdAt",
    "createdBy",
    "lastModifiedAt",
    "endedAt",
)
_step_values = itemgetter(*_STEP_FIELDS)
_AUDIT_FIELDS = {"name", "created_at", "created_by", "last_modified_at", "last_modified_by"}


def project(record: ProjectRecord) -> dict[str, Any]:
    """``models.projects.Project``."""
    return {
        "id": f"projects/{record.name}",
        "etag": record.public_etag,
        **_audit(record),
        "registration": record.registration.model_dump(mode="json", by_alias=True),
    }


def workspace(stored: StoredWorkspace) -> dict[str, Any]:
    """``models.workspaces.Workspace``."""
    record, status = stored.record, stored.status
    shown = status.model_dump(mode="json", by_alias=True, exclude={"inventory"})
    return {
        "id": f"workspaces/{record.name}",
        "etag": record.public_etag,
        **_audit(record),
        "project": record.project,
        "spec": dict(record.spec),
        "status": {
            "state": stored.state,
            "generation": record.generation,
            "activeOperation": record.active_operation,
            "lastOperation": record.last_operation,
            "addressSpace": record.address_space or None,
            "waivers": [one.model_dump(mode="json", by_alias=True) for one in record.waiver_acceptances],
            **shown,
        },
    }


def operation(found: Operation) -> dict[str, Any]:
    """``models.operations.OperationBody``."""
    # One pass of pydantic for the ETag and for what is shown: an operation has 62 steps, and portals ask every 2 s.
    text = found.model_dump_json(by_alias=True)
    known = from_json(text)
    return {
        "id": found.id,
        "name": found.id,
        "etag": etag_of(text),
        **{field: known[field] for field in _OPERATION_FIELDS},
        "deadlineAt": found.deadline,
        "isTerminal": found.status.is_terminal,
        "percentComplete": found.percent_complete,
        "steps": [_step(step) for step in known["steps"]],
    }


def plan(name: str, planned: Planned) -> dict[str, Any]:
    """``models.plans.PlanBody``."""
    found: Plan = planned.plan
    return {
        "workspace": name,
        "exists": planned.exists,
        "isEmpty": found.is_empty,
        "requiresAllowDestructive": bool(found.destructive),
        "changes": [_change(change) for change in found.changes],
        "criticalPath": list(found.critical_path),
        "expectedDuration": duration(found.expected_seconds),
        "warnings": [
            {"code": w.code, "level": w.level, "message": w.message, "target": w.target} for w in found.warnings
        ],
        "conflicts": [_conflict(item) for item in planned.conflicts],
        "egress": egress(planned.egress),
        "monthlyCost": costs(planned.costs),
    }


def _conflict(found: Found) -> dict[str, Any]:
    rule, waiver = found.rule, found.waiver
    return {
        "conflict": rule.id,
        "code": rule.code,
        "rules": list(rule.rules),
        "target": found.target,
        "message": found.what,
        "decision": found.decision.value,
        "answer": rule.answer,
        "change": rule.change,
        "waivable": rule.waivable,
        "waiver": waiver.model_dump(mode="json", by_alias=True) if waiver else None,
    }


def validation(judged: Judged) -> dict[str, Any]:
    """``models.workspaces.Validation``."""
    return {
        **judged.report.model_dump(mode="json", by_alias=True),
        "isClean": judged.report.is_clean,
        "generation": judged.stored.record.generation,
    }


def duration(seconds: float) -> str:
    """ISO 8601: 75.5 → ``PT1M15.5S``, 0 → ``PT0S``."""
    hours, rest = divmod(round(seconds, 1), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{int(hours)}H" if hours else "", f"{int(minutes)}M" if minutes else ""]
    text = "".join(parts) + (f"{left:g}S" if left else "")
    return f"PT{text or '0S'}"


def _audit(record: ProjectRecord | WorkspaceRecord) -> dict[str, Any]:
    return record.model_dump(mode="json", by_alias=True, include=_AUDIT_FIELDS)


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(zip(_STEP_FIELDS, _step_values(step), strict=True))
    shown["inFlight"] = step["inFlight"] or (step["status"] == StepStatus.RUNNING and step["attempts"] > 0)
    return shown


def _change(change: Change) -> dict[str, Any]:
    return {
        "key": change.key,
        "type": change.type,
        "id": change.id,
        "action": change.action.value,
        "differences": [_difference(item) for item in change.differences],
        "dependsOn": list(change.depends_on),
        "expectedDuration": duration(change.expected_seconds),
        "reason": change.reason,
    }


def _difference(item: Difference) -> dict[str, Any]:
    return {
        "path": item.path,
        "wanted": _value(item.wanted),
        "observed": _value(item.observed),
        "observedAbsent": item.observed_absent,
        "replaces": item.replaces,
        "deletes": item.deletes,
    }


def _value(value: Any) -> Any:
    match value:
        case Ref(key=key, path=path):
            return {"knownAfterCreate": {"key": key, "path": path}}
        case Mapping():
            return {name: _value(item) for name, item in value.items()}
        case list() | tuple():
            return [_value(item) for item in value]
        case _:
            return value
