"""Reading back what an alert claims: the alert as Azure Monitor keeps it, and the resource that it is about.

Source: Microsoft.AlertsManagement alerts, "Get By Id" 2019-03-01 (`properties.essentials`: monitorCondition,
targetResource, severity); Microsoft.Consumption budgets 2024-08-01 (`amount`, `currentSpend`). Amounts in an alert are
texts in somebody's locale and are never read; those of the budget itself are told.
"""

from __future__ import annotations

import re
from datetime import datetime

from controlplane.arm import fold, is_within
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.known import Known
from controlplane.retraining.signal import Evidence, Signal, SignalKind

ALERTS_API, BUDGETS_API = "2019-03-01", "2024-08-01"
NOT_THE_TARGETS = "NotOfItsTarget"
_ALERT = re.compile(r"(/subscriptions/[^/?#]{1,64})?/providers/microsoft\.alertsmanagement/alerts/[a-z0-9-]{1,64}")
_BUDGET = re.compile(
    r"/subscriptions/[^/?#]{1,64}(/resourcegroups/[^/?#]{1,90})?/providers/microsoft\.consumption/budgets/[^/?#]{1,63}"
)


async def read_alert(reader: ResourceReader, found: Known, signal: Signal, now: datetime) -> Signal:
    """The signal with what Azure says itself. Not read back: no such alert, or not about what is the workspace's.
    Raises ``Transient``: it is read again later."""
    where = fold(signal.alert_id or "")
    budget = signal.kind is SignalKind.BUDGET
    # A path with dots leads elsewhere: the client would refuse it, each time that the tick comes again.
    readable = (_BUDGET if budget else _ALERT).fullmatch(where) and not {".", ".."} & set(where.split("/"))
    if not readable or (budget and not is_within(where, _group(found))):
        return _with(signal, Evidence(at=now, summary="It names nothing that could be read back."))
    try:
        body = await reader.get(where, BUDGETS_API if budget else ALERTS_API)
    except Rejected as error:
        return _with(signal, Evidence(where=where, at=now, summary=f"It could not be read: {error.code}."))
    if body is None:
        return _with(signal, Evidence(where=where, at=now, summary="Azure has no such alert."))
    if budget:
        return _with(signal, Evidence(read_back=True, where=where, at=now, summary=_spend(body)))
    return _confirmed(signal, found, body, Evidence(where=where, at=now))


def _confirmed(signal: Signal, found: Known, body: JsonObject, evidence: Evidence) -> Signal:
    """The target in Azure's own record counts, and so does whether it is over."""
    essentials = _part(_part(body, "properties"), "essentials")
    target = fold(str(essentials.get("targetResource") or ""))
    if not is_within(target, _group(found)):
        summary = "Azure's alert is about a resource that is not the workspace's."
        return _with(signal, evidence.model_copy(update={"doubt": NOT_THE_TARGETS, "summary": summary}))
    over = essentials.get("monitorCondition") == "Resolved"
    summary = f"{signal.evidence.summary} ({'resolved' if over else 'fired'}, as Azure says)"[:4000]
    changed = signal.model_copy(update={"resolved": over, "target": target})
    return _with(changed, evidence.model_copy(update={"read_back": True, "summary": summary}))


def _group(found: Known) -> str:
    return found.workspace_id.partition("/providers/")[0]


def _spend(body: JsonObject) -> str:
    properties = _part(body, "properties")
    spent = _part(properties, "currentSpend")
    said = {"spent": spent.get("amount"), "unit": spent.get("unit"), "of": properties.get("amount")}
    known = [f"{name} {value}" for name, value in said.items() if isinstance(value, int | float | str)]
    return f"The budget as Azure has it: {', '.join(known) or 'it says no amounts'}."[:4000]


def _with(signal: Signal, evidence: Evidence) -> Signal:
    if not evidence.read_back:
        told = f"{signal.evidence.summary} {evidence.summary}".strip()[:4000]
        evidence = evidence.model_copy(update={"summary": told})
    return signal.model_copy(update={"evidence": evidence})


def _part(body: JsonObject, name: str) -> JsonObject:
    found = body.get(name)
    return found if isinstance(found, dict) else {}
