"""Time lines of an expiry: looks, evidence and answers in, stages out, with the product's own steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from controlplane.governance.expiry.decide import DAY, Ends, decide, last_day
from controlplane.governance.expiry.model import Decided, Evidence, Expiry, Rule, Stage, Verdict, expiry_id
from controlplane.governance.expiry.moves import moved, settled

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def fresh(rule: Rule, at: datetime = START, **more: object) -> Expiry:
    """One that was set now."""
    made = Expiry(
        id=expiry_id("ws"),
        workspace="ws",
        incarnation=1,
        project="churn",
        rule=rule,
        since=at,
        last_modified_at=at,
        last_modified_by="t/ada",
    )
    return made.model_copy(update=more)


def evidence(verdict: Verdict, at: datetime) -> Evidence:
    return Evidence(verdict=verdict, read_at=at, period="P30D", calls=6, clues=())


@dataclass
class Line:
    """One expiry and the time of its looks. Its archive takes no time."""

    rule: Rule
    environment: str = "dev"
    project_end: date | None = None
    now: datetime = START

    def __post_init__(self) -> None:
        self.expiry = fresh(self.rule, self.now)
        self.archived = False
        self.passed: list[tuple[datetime, Stage]] = []

    def look(
        self,
        verdict: Verdict | None = Verdict.IDLE,
        at: datetime | None = None,
        *,
        late: timedelta = timedelta(),
    ) -> Stage:
        """``verdict`` None: nothing was read. ``at``: what the clock says. ``late``: how old the evidence is."""
        now = self.now if at is None else at
        before = settled(self.expiry, self.rule, self.environment, now)
        end = last_day(self.rule, before, self.project_end)
        ends = Ends(self.rule, self.environment == "prod", end, archived=self.archived)
        found = None if verdict is None else evidence(verdict, now - late)
        after = moved(before, decide(before, ends, found, now), found, now)
        if after.stage is not self.expiry.stage:
            self.passed.append((now, after.stage))
        self.expiry = after
        self.archived = after.stage in (Stage.ARCHIVING, Stage.ARCHIVED, Stage.DELETING)
        return after.stage

    def days(self, count: int, verdict: Callable[[int], Verdict | None] = lambda _: Verdict.IDLE) -> Stage:
        """Daily looks."""
        for number in range(count):
            self.now += DAY
            self.look(verdict(number))
        return self.expiry.stage

    def say_yes(self) -> None:
        """The owner's."""
        assert self.expiry.stage is Stage.ASKED
        consent = Decided(by="t/owner", at=self.now, reason="It has ended.")
        self.expiry = self.expiry.model_copy(update={"consent": consent})


def life(rule: Rule, environment: str = "dev", days: int = 120) -> tuple[tuple[int, str], ...]:
    """(day, stage) of a workspace that is idle from the first day, and whose owner says yes on the day he is asked."""
    line = Line(rule, environment)
    after = timedelta(days=int((rule.idle_after or "P0D")[1:-1]))
    for _ in range(days):
        line.now += DAY
        line.look(Verdict.IDLE if rule.idle_after and line.now - START >= after else Verdict.BUSY)
        if line.expiry.stage is Stage.ASKED:
            line.say_yes()
    return tuple(((at - START).days, stage.value) for at, stage in line.passed)
