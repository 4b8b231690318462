"""What is known of one model's retraining: its policy, its windows, what runs; and the decisions. Pure data."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Listed, Thing, newest_first
from controlplane.operations.model import Model
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.signal import Measure, SignalKind

#: Windows that are kept per model and signal: the largest M.
KEPT_WINDOWS = 100
KEPT_ENDS = 50
#: Between two looks at a model's row (``keeping.py``).
LOOK = timedelta(hours=6)


class WindowVerdict(StrEnum):
    """A window without a run, or whose run failed, is unknown and never fine."""

    BREACH = "breach"
    CLEAR = "clear"
    UNKNOWN = "unknown"


class Window(Model):
    """One window of one monitor's signal, named by its scheduled time."""

    monitor: str
    signal_name: str
    kind: SignalKind
    at: datetime
    verdict: WindowVerdict
    samples: int | None = None
    measures: tuple[Measure, ...] = ()
    run_id: str | None = None


class RunEnd(Model):
    """How a run ended; for the breaker and the cooldown."""

    run_id: str
    ended_at: datetime
    outcome: str
    """A terminal state of a run."""
    submitted: bool = True
    """Whether Azure ML was asked to run it, so that it counts into the month's budget."""


class ModelState(Thing):
    """``id`` is ``{workspace}.{model}``: everything that a decision about the model is made from, in one row, so that
    two decisions at once are a conflict and not two runs."""

    KIND: ClassVar[str] = "model"

    workspace: str
    incarnation: int
    """Of the workspace: what was known of a deleted one of the same name does not count."""
    project: str
    model: str
    policy: RetrainingPolicy | None = None
    policy_generation: int = 0
    policy_changed_at: datetime | None = None
    policy_changed_by: str | None = None
    pipeline_changed_by: str | None = None
    """Who set what the policy trains with, where somebody else changed the rest of it since."""
    waived_by: str | None = None
    """The Platform.Admin who did without approvals on a workspace of environment prod; it counts there only."""
    windows: tuple[Window, ...] = ()
    """Oldest first, at most ``KEPT_WINDOWS`` for each signal name."""
    raised: tuple[str, ...] = ()
    """Signal names on the far side of their threshold that have not come back over ``clear`` yet (D07)."""
    active_run: str | None = None
    waiting_signal: str | None = None
    """The latest signal that waits for the active run's end; older ones were dropped for it (D24)."""
    last_submitted_at: datetime | None = None
    ends: tuple[RunEnd, ...] = Field(default=(), description="Oldest first, the last `KEPT_ENDS`.")
    scheduled_at: datetime | None = None
    """When the policy's schedule was due last, or was first known."""
    investigated_at: datetime | None = None
    """When a drift that retrains nothing last opened a task."""
    annotation_task: str | None = None
    """The latest that was opened; while it is open, it takes further signals in (D35)."""
    breaker_reset_at: datetime | None = None
    """A person looked: failures before it do not count."""

    def index(self) -> tuple[str, ...]:
        return (f"m!{self.workspace}!{self.model}",)


def state_id(workspace: str, model: str) -> str:
    return f"{workspace}.{model}"


class Outcome(StrEnum):
    """What a decision does."""

    SUBMIT = "submit"
    AWAIT_APPROVAL = "awaitApproval"
    HOLD = "hold"
    """Not lost: decided again at ``until``."""
    QUEUE = "queue"
    """A run is active; the latest signal waits for its end."""
    ASK = "ask"
    """The owner is asked: the budget does not cover it."""
    NOTIFY = "notify"
    """Told to people; nothing more."""
    ANNOTATE = "annotate"
    REMEDIATE = "remediate"
    REFUSE = "refuse"
    IGNORE = "ignore"


class CheckName(StrEnum):
    """In the order in which they are made; the first that does not hold decides."""

    EVIDENCE = "evidence"
    MODE = "mode"
    KIND = "kind"
    FRESH = "fresh"
    DIRECTION = "direction"
    SAMPLES = "samples"
    WINDOWS = "windows"
    HYSTERESIS = "hysteresis"
    WORKLOAD = "workload"
    DECISION_TIME = "decisionTime"
    AGREEMENT = "agreement"
    ACTIVE_RUN = "activeRun"
    COOLDOWN = "cooldown"
    BREAKER = "breaker"
    CAPACITY = "capacity"
    QUIET_HOURS = "quietHours"
    BUDGET = "budget"
    APPROVAL = "approval"


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    """Counts as fails; of ``capacity`` only it does not, because Azure ML queues a job that has no cores."""
    SKIPPED = "skipped"
    """Does not apply to this signal; the sentence says why."""


class Check(Model):
    """One question and its answer, in one plain sentence."""

    name: CheckName
    verdict: Verdict
    sentence: str


class Decision(Listed):
    """``id`` sorts newest first. ``reason`` is the code of the check that decided, ``sentence`` says it plainly."""

    KIND: ClassVar[str] = "decision"
    LETTER: ClassVar[str] = "c"

    model: str | None
    signal_id: str
    outcome: Outcome
    reason: str
    """Code in PascalCase: ``TooFewWindows``, ``CooldownActive``, ``Submitted``, …"""
    sentence: str
    checks: tuple[Check, ...] = ()
    policy_generation: int = 0
    at: datetime
    until: datetime | None = None
    run_id: str | None = None
    task_id: str | None = Field(default=None, description="The task that it opened, or that took the signal in.")
    loop_back: str | None = Field(
        default=None,
        description="Where it goes on: `staging` (what a run makes is evaluated there, S3-34), `dev` (the inner loop: "
        "people annotate and look, S3-43) or `setup` (the platform team, S3-37).",
    )
    dry_run: bool = False

    def listed_at(self) -> datetime:
        return self.at

    def further(self) -> tuple[str, ...]:
        if self.model is None:
            return ()
        return (f"cm!{self.workspace}.{self.model}!{newest_first(self.at)}!{self.id}",)
