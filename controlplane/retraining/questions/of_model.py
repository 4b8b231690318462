"""What is asked of the model: may it be trained again, does anything agree, and is this the time? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from controlplane.retraining.history import (
    failures_in_a_row,
    is_up,
    kpi_is_bad,
    last_activity,
    runs_of_the_month,
)
from controlplane.retraining.job_costs import job_cost_of
from controlplane.retraining.model import Outcome, Verdict, Window, WindowVerdict
from controlplane.retraining.policy import Agreement
from controlplane.retraining.questions.case import Answer, Case, No, Yes
from controlplane.retraining.quiet import decision_time as decision_time_of
from controlplane.retraining.quiet import quiet_until
from controlplane.retraining.signal import SignalKind
from controlplane.retraining.waiting import waits_before

#: When free cores are looked for again.
_CAPACITY_PAUSE = timedelta(hours=1)


def workload(case: Case) -> Answer:
    """S3-43, S3-48 (D35, X-11): the workload decides."""
    name = case.facts.workload
    if name == "classical":
        return Yes("A classical model may be trained again.")
    if case.wished:
        return Yes(f"A {name} model is trained again when a person asks for it.")
    if case.signal.kind is SignalKind.SCHEDULE:
        return No(Outcome.REFUSE, "WorkloadNeedsPerson", f"A {name} model is never trained again on its own.")
    sentence = f"A {name} model is never trained again on its own: its worst samples go to annotation."
    return No(Outcome.ANNOTATE, "WorkloadNeedsAnnotation", sentence)


def decision_time(case: Case) -> Answer:
    """D23: held until the day's monitors have all said what they have to say."""
    rule = case.policy.decide_at
    if rule is None or not case.measured:
        return Yes("It is decided as it comes.", skipped=True)
    until = decision_time_of(rule, case.signal.received_at)
    if case.now < until:
        sentence = f"Monitors are decided on at {rule.time} {rule.time_zone}: {until:%F %R} UTC."
        return No(Outcome.HOLD, "NotDecidedYet", sentence, until=until)
    return Yes(f"It was to be decided at {until:%F %R} UTC.")


def agreement(case: Case) -> Answer:
    """D02, D13: drift alone is told. D03: where the data's quality is bad, too, its cause is looked for first."""
    policy, signal = case.policy, case.signal
    if not case.measured or policy.agreement is Agreement.NONE:
        return Yes("No agreement is asked for.", skipped=True)
    if SignalKind.DATA_QUALITY not in policy.kinds and _raised(case, {SignalKind.DATA_QUALITY}):
        sentence = "The quality of the data is raised, too: the cause may lie upstream, and is looked for first."
        return No(Outcome.NOTIFY, "DataQualityFirst", sentence)
    agrees = _kpi(case)
    if agrees is None and policy.agreement is Agreement.SECOND_SIGNAL_OR_KPI:
        agrees = _second(case)
    if agrees is not None:
        return Yes(agrees)
    wanted = "a KPI" if policy.agreement is Agreement.KPI else "a second signal or a KPI"
    return No(Outcome.NOTIFY, "NothingAgrees", f"{signal.kind.value} alone is told; {wanted} has to agree.")


def _recent(case: Case) -> Iterator[Window]:
    """What counts as agreeing, oldest first: known, not long ago, of a monitor that the policy does not leave out."""
    since = case.now - case.policy.agreement_within
    for window in case.facts.state.windows:
        named = not case.policy.monitors or window.monitor in case.policy.monitors
        if named and window.at >= since and window.verdict is not WindowVerdict.UNKNOWN:
            yield window


def _kpi(case: Case) -> str | None:
    """The latest window that measured it says. Without a KPI of the policy's, a performance signal is one itself."""
    rule = case.policy.kpi
    if rule is None:
        own = case.signal.kind is SignalKind.PERFORMANCE
        return "It is about the model's performance itself." if own else None
    bad = False
    for window in _recent(case):
        if window.kind is SignalKind.PERFORMANCE:
            found = kpi_is_bad(window.measures, rule.metric, rule.limit)
            bad = bad if found is None else found
    return f"KPI {rule.metric} is on the bad side of {rule.limit:g}." if bad else None


def _second(case: Case) -> str | None:
    others = _raised(case, set(case.policy.kinds) - {case.signal.kind})
    return f"{', '.join(others)} agrees." if others else None


def _raised(case: Case, kinds: set[SignalKind]) -> list[str]:
    state = case.facts.state
    breaches = (one for one in _recent(case) if one.kind in kinds and one.verdict is WindowVerdict.BREACH)
    return sorted({one.kind.value for one in breaches if is_up(state, one.signal_name)})


def active(case: Case) -> Answer:
    """D24: one run of a model; the latest signal waits, and an older one does not take its place."""
    run, waiting = case.facts.state.active_run, case.facts.waiting
    if run is None:
        return Yes("No run is active.")
    if waiting is not None and waits_before(waiting, case.signal):
        return No(Outcome.REFUSE, "LaterSignalWaits", f"Run {run} is active, and a later signal waits for its end.")
    return No(Outcome.QUEUE, "RunActive", f"Run {run} is active; the latest signal waits for its end.")


def cooldown(case: Case) -> Answer:
    """D22."""
    if case.wished:
        return Yes("A person asked for it.", skipped=True)
    if case.signal.retry_of is not None:
        return Yes(f"Run {case.signal.retry_of} failed, and this is about another attempt.", skipped=True)
    last = last_activity(case.facts.state)
    if last is None:
        return Yes("It was never trained again.")
    over = last + case.policy.cooldown
    if case.now < over:
        return No(Outcome.REFUSE, "CooldownActive", f"The last run was at {last:%F %R}; cooldown until {over:%F %R}.")
    return Yes(f"The cooldown was over at {over:%F %R}.")


def breaker(case: Case) -> Answer:
    """D27."""
    if case.wished:
        return Yes("A person asked for it.", skipped=True)
    failed, most = failures_in_a_row(case.facts.state), case.policy.breaker.failures
    if failed >= most:
        sentence = f"{failed} runs in a row failed or were rejected: a person has to look first."
        return No(Outcome.REFUSE, "BreakerOpen", sentence)
    return Yes(f"{failed} runs in a row failed or were rejected; {most} open the breaker.")


def capacity(case: Case) -> Answer:
    """D24. Where the quota is not known that is said, and Azure ML queues the job itself."""
    room = case.facts.room
    if room is None:
        return Yes("The quota of cores was not asked.", skipped=True)
    if room.closed is not None:
        return No(Outcome.HOLD, "NoCapacity", f"The run would wait: {room.closed}", until=case.now + _CAPACITY_PAUSE)
    free, needed = room.free, room.needed
    if room.doubt is not None or free is None or needed is None:
        why = room.doubt or "nothing of it is counted."
        sentence = f"Nobody knows whether cores are free: {why} Without any Azure ML queues the job."
        return Yes(sentence, unknown=True)
    if needed == 0:
        return Yes("Its cluster has the nodes already; no quota is asked for.")
    if needed > free:
        sentence = f"The run needs {needed} cores; {free} of the quota are free."
        return No(Outcome.HOLD, "NoCapacity", sentence, until=case.now + _CAPACITY_PAUSE)
    return Yes(f"The run needs {needed} cores; {free} of the quota are free.")


def quiet_hours(case: Case) -> Answer:
    """D25: held, decided again at their end, not lost."""
    until = quiet_until(case.policy, case.now)
    if until is not None:
        return No(Outcome.HOLD, "QuietHours", f"Quiet until {until:%F %R} UTC; decided again then.", until=until)
    return Yes("No quiet hours, no freeze.")


def budget(case: Case) -> Answer:
    """D26. The month to date is what the model's own runs were estimated at: bills are a day late."""
    guard = case.policy.budget
    if guard is None:
        return Yes("The policy has no budget guard.", skipped=True)
    limit = f"{guard.monthly_limit:.2f} {guard.currency}"
    runs = runs_of_the_month(case.facts.state, case.now)
    if runs is None:
        sentence = f"The month had more runs than are remembered; the limit is {limit}: the owner is asked."
        return No(Outcome.ASK, "SpendUnknown", sentence, Verdict.UNKNOWN)
    one = job_cost_of(guard, case.policy.pipeline, case.facts.pools)
    if one.amount is None:
        sentence = f"{one.how} The limit is {limit}: the owner is asked."
        return No(Outcome.ASK, "EstimateUnknown", sentence, Verdict.UNKNOWN)
    after = (runs + 1) * one.amount
    how = "" if guard.job_estimate is not None else f" (each run {one.how})"
    if after > Decimal(str(guard.monthly_limit)):
        sentence = f"It would make {after:.2f} of {limit} this month{how}: the owner is asked."
        return No(Outcome.ASK, "OverBudget", sentence)
    return Yes(f"It makes {after:.2f} of {limit} this month{how}.")


def approval(case: Case) -> Answer:
    """D28."""
    asked = case.policy.approval.required
    if asked is None:
        asked = case.facts.environment != "dev"
    if not asked and case.facts.environment == "prod" and case.facts.state.waived_by is None:
        # The policy may be from before the workspace was production's, when its lead could say so alone.
        sentence = "An approver has to say yes: on prod only a Platform.Admin does without, and none has."
        return No(Outcome.AWAIT_APPROVAL, "ApprovalNeeded", sentence)
    if asked:
        return No(Outcome.AWAIT_APPROVAL, "ApprovalNeeded", "An approver has to say yes.")
    return Yes("No approval is asked for.")
