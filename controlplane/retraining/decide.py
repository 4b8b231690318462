"""The decision: a pure function of policy, history, signal and time, with a sentence for every question asked.

The order is that of the requirements' section 4. All questions are asked and told; the first that does not hold
decides. What a person wishes is not held against monitors: of windows, agreement, cooldown and breaker it is free,
because a person has looked; of freezes, budget, approval and a run that is active it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from controlplane.retraining.model import Check, CheckName, Outcome, Verdict
from controlplane.retraining.policy import Mode, RetrainingPolicy
from controlplane.retraining.questions import of_model, of_signal
from controlplane.retraining.questions.case import Answer, Case, Facts, No
from controlplane.retraining.signal import OF_MODELS, Signal, SignalKind

__all__ = ["INFRASTRUCTURE", "QUESTIONS", "Facts", "Question", "Ruling", "decide"]

_AGAIN = frozenset({SignalKind.PERSON, SignalKind.SCHEDULE})
INFRASTRUCTURE = frozenset(
    {
        SignalKind.LATENCY,
        SignalKind.ERRORS,
        SignalKind.THROTTLING,
        SignalKind.UTILISATION,
        SignalKind.REQUESTS,
        SignalKind.UNUSED,
        SignalKind.HEALTH,
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and the requirements that it answers."""

    ask: Callable[[Case], Answer]
    requirements: tuple[str, ...] = ()


#: In the order in which they decide (section 4 of the requirements).
QUESTIONS: dict[CheckName, Question] = {
    CheckName.EVIDENCE: Question(of_signal.evidence),
    CheckName.MODE: Question(of_signal.mode),
    CheckName.KIND: Question(of_signal.kind, ("D01",)),
    CheckName.FRESH: Question(of_signal.fresh),
    CheckName.DIRECTION: Question(of_signal.direction, ("D11",)),
    CheckName.SAMPLES: Question(of_signal.samples, ("D08", "D09", "D10")),
    CheckName.WINDOWS: Question(of_signal.windows, ("D04", "D05", "D06", "D20")),
    CheckName.HYSTERESIS: Question(of_signal.hysteresis, ("D07",)),
    CheckName.WORKLOAD: Question(of_model.workload, ("S3-43", "S3-48", "X-11", "D35")),
    CheckName.DECISION_TIME: Question(of_model.decision_time, ("D23",)),
    CheckName.AGREEMENT: Question(of_model.agreement, ("D02", "D03", "D13")),
    CheckName.ACTIVE_RUN: Question(of_model.active, ("D24",)),
    CheckName.COOLDOWN: Question(of_model.cooldown, ("D22",)),
    CheckName.BREAKER: Question(of_model.breaker, ("D27",)),
    CheckName.CAPACITY: Question(of_model.capacity),
    CheckName.QUIET_HOURS: Question(of_model.quiet_hours, ("D16", "D25")),
    CheckName.BUDGET: Question(of_model.budget, ("D26",)),
    CheckName.APPROVAL: Question(of_model.approval, ("D28",)),
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """``until`` of a hold: when the same signal is decided again."""

    outcome: Outcome
    reason: str
    sentence: str
    checks: tuple[Check, ...]
    until: datetime | None = None
    dry_run: bool = False


def decide(policy: RetrainingPolicy | None, facts: Facts, signal: Signal, now: datetime) -> Ruling:
    """Never raises on a policy that ``policy_rules`` lets through."""
    if signal.kind not in OF_MODELS and signal.kind not in _AGAIN:
        return _not_of_models(signal)
    if signal.model is None:
        sentence = "No monitor of ours has a signal of this name, so nobody knows which model it is about."
        return _alone(Outcome.NOTIFY, "ModelUnknown", sentence, CheckName.KIND, Verdict.UNKNOWN)
    if policy is None:
        sentence = f"Model {signal.model} has no retraining policy: it is told, and nothing is done."
        return _alone(Outcome.NOTIFY, "NoPolicy", sentence, CheckName.MODE)
    case = Case(policy, facts, signal, now)
    answers = {name: question.ask(case) for name, question in QUESTIONS.items()}
    checks = tuple(_check(name, answer) for name, answer in answers.items())
    first = next((answer for answer in answers.values() if isinstance(answer, No)), None)
    dry = policy.mode is Mode.DRY_RUN
    if first is None:
        sentence = "Every question holds" + ("; a dry run submits nothing." if dry else ".")
        return Ruling(Outcome.SUBMIT, "Submitted", sentence, checks, dry_run=dry)
    return Ruling(first.outcome, first.reason, first.sentence, checks, first.until, dry_run=dry)


def _not_of_models(signal: Signal) -> Ruling:
    """Infrastructure never retrains (S3-37); the rest is told to people."""
    if signal.resolved:
        return _alone(Outcome.IGNORE, "Resolved", "The alert is resolved.", CheckName.KIND)
    if signal.kind not in INFRASTRUCTURE:
        sentence = f"{signal.kind.value} is told to people and decides nothing."
        return _alone(Outcome.NOTIFY, "ToldOnly", sentence, CheckName.KIND)
    sentence = f"{signal.kind.value} is about what serves the model, not about the model: training would not help."
    seen = signal.evidence.read_back
    evidence = Check(
        name=CheckName.EVIDENCE,
        verdict=Verdict.HOLDS if seen else Verdict.UNKNOWN,
        sentence="It was read back from Azure." if seen else "It could not be read back from Azure.",
    )
    kind = Check(name=CheckName.KIND, verdict=Verdict.FAILS, sentence=sentence)
    return Ruling(Outcome.REMEDIATE if seen else Outcome.NOTIFY, "InfrastructureSignal", sentence, (evidence, kind))


def _alone(outcome: Outcome, reason: str, sentence: str, name: CheckName, verdict: Verdict = Verdict.FAILS) -> Ruling:
    """A ruling by one question, where the others have no meaning."""
    return Ruling(outcome, reason, sentence, (Check(name=name, verdict=verdict, sentence=sentence),))


def _check(name: CheckName, answer: Answer) -> Check:
    if isinstance(answer, No):
        return Check(name=name, verdict=answer.verdict, sentence=answer.sentence)
    verdict = Verdict.UNKNOWN if answer.unknown else Verdict.SKIPPED if answer.skipped else Verdict.HOLDS
    return Check(name=name, verdict=verdict, sentence=answer.sentence)
