"""What the audit is told of models: policies, monitors, decisions, runs, promotions, tasks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.audit.canonical import exact
from controlplane.audit.facts import evidence_of
from controlplane.audit.model import CONTROL_PLANE, Action, Actor, ActorKind, Fact, Kind
from controlplane.projects.access import Caller
from controlplane.retraining.model import Decision


@dataclass(frozen=True, slots=True)
class About:
    """What a fact is about. ``model`` None: the workspace itself."""

    workspace: str
    project: str
    model: str | None = None

    @property
    def chain(self) -> str:
        return self.workspace if self.model is None else f"{self.workspace}.{self.model}"


def by_person(about: About, at: datetime, caller: Caller, action: Action, details: Mapping[str, Any]) -> Fact:
    """Of a request."""
    evidence = evidence_of(caller)
    actor = Actor(caller.principal, evidence.actor_kind)
    told = exact({**details, **evidence.told()})
    return Fact(Kind.RETRAINING, about.chain, about.project, at, actor, action, told)


def by_us(about: About, at: datetime, action: Action, details: Mapping[str, Any]) -> Fact:
    """Of a tick."""
    actor = Actor(CONTROL_PLANE, ActorKind.CONTROL_PLANE)
    return Fact(Kind.RETRAINING, about.chain, about.project, at, actor, action, exact(dict(details)))


def decided(decision: Decision) -> Fact:
    """A decision, with the check that decided."""
    about = About(decision.workspace, decision.project, decision.model)
    details = {
        "decision": decision.id,
        "signal": decision.signal_id,
        "outcome": decision.outcome.value,
        "reason": decision.reason,
        "sentence": decision.sentence,
        "policyGeneration": decision.policy_generation,
        "run": decision.run_id,
        "task": decision.task_id,
        "dryRun": decision.dry_run,
    }
    return by_us(about, decision.at, Action.DECISION_MADE, details)
