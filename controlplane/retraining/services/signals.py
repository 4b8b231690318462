"""Signals and what was decided on them, as people read it; and a person's own wish."""

from __future__ import annotations

from pydantic import Field, ValidationError

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored
from controlplane.operations.model import Model
from controlplane.operations.paging import Fields, Paging
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission
from controlplane.projects.registration import details_of
from controlplane.retraining.model import Decision, Outcome
from controlplane.retraining.policy import Name
from controlplane.retraining.services.deps import ModelDeps, listed, thing, workspace
from controlplane.retraining.signal import (
    Direction,
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    Source,
    signal_id,
)
from controlplane.retraining.signals.intake import IntakeDeps, take

FIELDS: Fields = {
    "workspace": None,
    "project": None,
    "model": None,
    "kind": frozenset(one.value for one in SignalKind),
    "source": frozenset(one.value for one in Source),
    "state": frozenset(one.value for one in SignalState),
    "severity": frozenset(one.value for one in Severity),
    "direction": frozenset(one.value for one in Direction),
}
DECISIONS: Fields = {
    "workspace": None,
    "project": None,
    "model": None,
    "outcome": frozenset(one.value for one in Outcome),
    "reason": None,
}


class SignalBody(Model):
    """A signal as the API answers it."""

    id: str
    signal: Signal
    decision: Decision | None = Field(description="The last decision on it; null while there is none, and in lists.")


class Wish(Model):
    """What ``POST /retrainings`` takes."""

    workspace: str = Field(max_length=64, description="Name of the workspace.")
    model: Name = Field(description="Name of the model.")
    reason: str = Field(min_length=3, max_length=1000, description="Why; it is kept with the run.")


async def list_signals(deps: ModelDeps, caller: Caller, paging: Paging) -> tuple[tuple[Signal, ...], str | None]:
    """Newest first."""
    return await listed(deps, caller, (Signal, Permission.SIGNALS_LIST), paging)


async def list_decisions(deps: ModelDeps, caller: Caller, paging: Paging) -> tuple[tuple[Decision, ...], str | None]:
    """Newest first: every "no" with its reason, too."""
    return await listed(deps, caller, (Decision, Permission.DECISIONS_LIST), paging)


async def get_signal(deps: ModelDeps, caller: Caller, asked: str) -> SignalBody:
    """Raises ``Rejected("SignalNotFound")``, also for callers who may not know of its workspace."""
    stored = await thing(deps, caller, Permission.SIGNALS_GET, (Signal, asked), "SignalNotFound")
    return await _with_decision(deps, stored)


async def _with_decision(deps: ModelDeps, stored: Stored[Signal]) -> SignalBody:
    named = stored.value.decision_id
    found = None if named is None else await deps.objects.get(Decision, named)
    return shown(stored.value, found.value if found else None)


async def wish(
    deps: ModelDeps, intake: IntakeDeps, caller: Caller, data: JsonObject, request_id: str
) -> tuple[Signal, str]:
    """A person's wish becomes a signal, and so a decision: freezes, budget and approval hold for it, too. The same
    ``request_id`` is the same wish. Returns it with its project. Raises ``Rejected``: ``InvalidRetraining``,
    ``WorkspaceNotFound``. Without a policy the decision says so."""
    try:
        asked = read_strictly(Wish, data)
    except ValidationError as error:
        details = details_of(error, Wish)
        raise Rejected("InvalidRetraining", details[0].message, target=details[0].target, details=details) from error
    found = await workspace(deps, caller, Permission.RETRAININGS_POST, asked.workspace)
    now, key = deps.clock.now(), f"person\n{found.record.incarnation}\n{caller.principal}\n{request_id}"
    signal = Signal(
        id=signal_id(found.name, key),
        due_at=now,
        workspace=found.name,
        project=found.record.project,
        kind=SignalKind.PERSON,
        source=Source.PERSON,
        dedupe_key=key,
        observed_at=now,
        received_at=now,
        model=asked.model,
        requested_by=caller.principal,
        reason=asked.reason,
        evidence=Evidence(summary="A person asked for it."),
    )
    await take(intake, signal)
    return signal, found.record.project


def shown(signal: Signal, decision: Decision | None = None) -> SignalBody:
    """What the API answers."""
    return SignalBody(id=f"signals/{signal.id}", signal=signal, decision=decision)
