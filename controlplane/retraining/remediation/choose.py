"""Which bounded step answers an infrastructure signal, or why it is a task for people (S3-37, S3-44). Pure.

Nothing here trains, deletes or makes smaller: a step adds instances or nodes, within the smallest of all limits, and
people can take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.retraining.policy import Mode
from controlplane.retraining.remediation.model import RemediationPolicy
from controlplane.retraining.signal import SignalKind
from controlplane.retraining.tasks import Step, TaskKind


@dataclass(frozen=True, slots=True)
class Target:
    """What could be scaled, as Azure shows it. ``count`` of a cluster is its maximum of nodes."""

    arm_id: str
    kind: TaskKind
    count: int
    state: str | None
    autoscaled: bool
    ceiling: int | None = None
    """Besides the policy's: of the spec, of the registration; None: there is none."""
    ceiling_is: str = ""
    held: str | None = None
    """Why it must not grow now, whatever the limits are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``target`` None: nothing that can be scaled was found; ``why`` says so."""

    kind: SignalKind
    policy: RemediationPolicy | None
    target: Target | None
    why: str
    last: datetime | None
    now: datetime
    odd: bool = False
    """The number of calls is unlike its own past, whatever the endpoint is made for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``action`` None: people do it."""

    kind: TaskKind
    sentence: str
    assignees: str
    action: Step | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    act: Callable[[Asked], Choice]
    requirements: tuple[str, ...] = ()


def choose(asked: Asked) -> Choice:
    """Never raises. A kind without a rule is the platform team's."""
    if asked.odd:
        return _people("Its calls are unlike its own past: somebody has to say why, which no instance would.")
    rule = RULES.get(asked.kind)
    if rule is None:
        return _people(f"{asked.kind.value} has no step that would help without somebody having looked.")
    return rule.act(asked)


def _scale(asked: Asked) -> Choice:
    policy, target = asked.policy, asked.target
    if policy is None or policy.mode is Mode.DISABLED:
        return _people("Nobody has allowed a step of ours: the workspace has no remediation policy that is enabled.")
    if target is None:
        return _people(asked.why)
    if target.held is not None:
        return _people(target.held)
    if target.autoscaled:
        return _people("It is scaled by rules of its own; they are for the platform team to change.")
    if target.state != "Succeeded":
        return _people(f"It is {target.state or 'in an unknown state'}, and nothing is changed in that state.")
    if asked.last is not None and asked.now < asked.last + policy.cooldown:
        until = asked.last + policy.cooldown
        return _people(f"It was scaled at {asked.last:%F %R}; the next step of ours is possible from {until:%F %R} on.")
    return _step(policy, target)


def _step(policy: RemediationPolicy, target: Target) -> Choice:
    nodes = target.kind is TaskKind.SCALE_CLUSTER
    allowed, noun = (policy.max_nodes, "maxNodes") if nodes else (policy.max_instances, "instances")
    if allowed is None:
        return _people(f"The remediation policy has no limit of {noun}, so nothing is scaled.")
    limit, whose = allowed, "the remediation policy's"
    if target.ceiling is not None and target.ceiling < limit:
        limit, whose = target.ceiling, target.ceiling_is
    if target.count >= limit:
        return _people(f"It has {target.count} {noun}; {limit} is {whose} limit.")
    after = min(target.count + policy.step, limit)
    action = Step(target=target.arm_id, before=target.count, after=after, limit=limit)
    sentence = f"From {target.count} to {after} {noun}; {limit} is {whose} limit."
    if policy.mode is Mode.DRY_RUN:
        return _people(f"A dry run: it would go on. {sentence}")
    return Choice(target.kind, sentence, "platformSupport", action)


def _retire(asked: Asked) -> Choice:
    """S3-91. Never by ourselves: what nobody asks today may be somebody's fallback."""
    sentence = "Nobody has asked it for a long time. Retire it, or close this task with the reason why it stays."
    return Choice(TaskKind.RETIRE, sentence, "projectLeads")


def _people(sentence: str) -> Choice:
    return Choice(TaskKind.PLATFORM, sentence, "platformSupport")


#: Kinds of signals with an answer; throttling, errors, health and what else there is need somebody who looks.
RULES: Mapping[SignalKind, Rule] = {
    SignalKind.LATENCY: Rule(_scale, ("S3-37", "S3-44")),
    SignalKind.UTILISATION: Rule(_scale),
    SignalKind.REQUESTS: Rule(_scale),
    SignalKind.UNUSED: Rule(_retire),
}
