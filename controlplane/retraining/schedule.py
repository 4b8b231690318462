"""Retraining by schedule (S3-35): at least so often as the policy says. Part of the tick of a model's row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known
from controlplane.retraining.model import ModelState
from controlplane.retraining.policy import Mode
from controlplane.retraining.signal import Evidence, Severity, Signal, SignalKind, Source, signal_id
from controlplane.retraining.signals.intake import take
from controlplane.retraining.signals.once import IntakeDeps

_log = logging.getLogger(__name__)


async def kept(deps: RetrainingDeps, found: Known, state: ModelState, now: datetime) -> ModelState:
    """The model's row with the schedule looked at: where it is due there is a signal of it. Raises ``Transient``; a
    repetition makes the same signal."""
    if not is_scheduled(state):
        return state.model_copy(update={"scheduled_at": None})
    if state.scheduled_at is None:
        state = state.model_copy(update={"scheduled_at": state.policy_changed_at or now})
    due = next_due(state)
    if due is None or due > now:
        return state
    intake = IntakeDeps(deps.objects, deps.workspaces, deps.queue, deps.clock)
    taken = await take(intake, _signal(found, state, now))
    _log.info("scheduled retraining model=%s signal=%s", state.id, taken.id)
    return state.model_copy(update={"scheduled_at": now})


def is_scheduled(state: ModelState) -> bool:
    """Whether the policy asks for it."""
    policy = state.policy
    return policy is not None and policy.schedule is not None and policy.mode is not Mode.DISABLED


@dataclass(frozen=True, slots=True)
class Clockwork:
    """``of``: when a model is to be trained again whatever is heard of it; None: not by this."""

    of: Callable[[ModelState], datetime | None]
    requirements: tuple[str, ...] = ()


def _period(state: ModelState) -> datetime | None:
    """A period after the last training, or after the schedule was last due; None without a schedule. Whoever changes
    the policy does not put it off."""
    policy = state.policy
    if policy is None or policy.schedule is None:
        return None
    since = [one for one in (state.scheduled_at, state.last_submitted_at) if one is not None]
    return max(since) + policy.schedule if since else None


CLOCKWORKS: dict[str, Clockwork] = {"period": Clockwork(_period, ("S3-35",))}


def next_due(state: ModelState) -> datetime | None:
    """The earliest; None where nothing is scheduled."""
    return min((due for one in CLOCKWORKS.values() if (due := one.of(state)) is not None), default=None)


def _signal(found: Known, state: ModelState, now: datetime) -> Signal:
    """There is nothing to read back: the row itself says when the model was trained last."""
    last, due = state.last_submitted_at, next_due(state)
    key = f"schedule\n{state.incarnation}\n{state.model}\n{due.isoformat() if due else ''}"
    said = f"trained last on {last:%F}" if last else "not trained here yet"
    return Signal(
        id=signal_id(found.name, key),
        due_at=now,
        workspace=found.name,
        project=found.record.project,
        kind=SignalKind.SCHEDULE,
        source=Source.POLL,
        dedupe_key=key,
        severity=Severity.LOW,
        observed_at=now,
        received_at=now,
        model=state.model,
        target=found.workspace_id,
        evidence=Evidence(read_back=True, at=now, summary=f"The policy's schedule is due; the model was {said}."),
    )
