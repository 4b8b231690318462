"""What the audit is told of money and lifetime. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.audit.canonical import exact
from controlplane.audit.facts import evidence_of
from controlplane.audit.model import CONTROL_PLANE, Action, Actor, ActorKind, Fact, Kind
from controlplane.governance.scope import Scope
from controlplane.projects.access import Caller

About = tuple[Scope, str]
"""A scope, and the project whose readers may read of it; that of a department is empty."""


def by_person(about: About, at: datetime, caller: Caller, action: Action, details: Mapping[str, Any]) -> Fact:
    """Of a request."""
    evidence = evidence_of(caller)
    actor = Actor(caller.principal, evidence.actor_kind)
    return _fact(about, at, actor, action, {**details, **evidence.told()})


def by_us(about: About, at: datetime, action: Action, details: Mapping[str, Any]) -> Fact:
    """Of a tick."""
    return _fact(about, at, Actor(CONTROL_PLANE, ActorKind.CONTROL_PLANE), action, details)


def _fact(about: About, at: datetime, actor: Actor, action: Action, details: Mapping[str, Any]) -> Fact:
    scope, project = about
    return Fact(Kind.GOVERNANCE, scope.id, project, at, actor, action, exact(dict(details)))
