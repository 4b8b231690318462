"""Over generated fleets and time lines nothing is taken away unless the evidence is complete, every stage has passed,
and its time has run: clocks that jump, data that is missing or late, and sweeps that repeat included."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.governance.expiry.decide import WARNING
from controlplane.governance.expiry.model import Decided, Extension, Rule, Stage, Verdict
from tests.support.expiry_lines import START, Line

#: What one look of a clock that was set may be believed, written by hand.
ONE_LOOK = timedelta(hours=26)
RULES = st.builds(
    Rule,
    expires_on=st.none() | st.dates(date(2026, 11, 2), date(2027, 3, 1)),
    idle_after=st.none() | st.sampled_from(["P7D", "P30D"]),
    grace=st.sampled_from(["P1D", "P5D", "P14D"]),
    action=st.sampled_from(["archive", "delete", "report"]),
    retention=st.sampled_from(["P3D", "P10D"]),
)


@dataclass(frozen=True)
class Event:
    """What happens before a look, and what the look sees. ``passes`` is real time; ``clock`` is how wrong the clock is
    from then on; ``answer`` is the owner's, where he is asked."""

    passes: timedelta
    verdict: Verdict | None
    late: timedelta
    clock: timedelta | None
    answer: str
    repeats: int


#: Mostly what an idle workspace with a willing owner looks like: the others would never get anywhere.
EVENTS = st.builds(
    Event,
    passes=st.sampled_from([timedelta(days=1)] * 8 + [timedelta(), timedelta(hours=1), timedelta(days=9)]),
    verdict=st.sampled_from([Verdict.IDLE] * 9 + [Verdict.UNKNOWN, Verdict.BUSY, None]),
    late=st.sampled_from([timedelta()] * 9 + [timedelta(hours=2), timedelta(days=3), -timedelta(hours=1)]),
    clock=st.sampled_from([None] * 20 + [timedelta(days=one) for one in (-400, -3, 0, 2, 30, 400)]),
    answer=st.sampled_from(["yes"] * 4 + ["", "extend", "rule"]),
    repeats=st.sampled_from([1, 1, 1, 3]),
)
FLEETS = st.lists(
    st.tuples(RULES, st.sampled_from(["dev", "dev", "test", "prod"]), st.lists(EVENTS, min_size=20, max_size=70)),
    min_size=1,
    max_size=3,
)


@dataclass
class Judge:
    """What really happened to one workspace, by a clock that never lies."""

    line: Line
    real: datetime = START
    wrong: timedelta = timedelta()
    entered: dict[Stage, datetime] = field(default_factory=lambda: {Stage.ACTIVE: START})
    jumps: dict[Stage, int] = field(default_factory=dict)
    yes: bool = False

    def step(self, event: Event) -> None:
        self.real += event.passes
        if event.clock is not None:
            self.wrong = event.clock
            self.jumps = {stage: count + 1 for stage, count in self.jumps.items()}
        self._answer(event.answer)
        for _ in range(event.repeats):
            before = self.line.expiry.stage
            after = self.line.look(event.verdict, self.real + self.wrong, late=event.late)
            if after is not before:
                self._moved(before, after, event)
                self.entered[after], self.jumps[after] = self.real, 0

    def _answer(self, answer: str) -> None:
        expiry, at = self.line.expiry, self.real + self.wrong
        if answer == "yes" and expiry.stage is Stage.ASKED:
            consent = Decided(by="t/owner", at=at, reason="Yes.")
            self.line.expiry, self.yes = expiry.model_copy(update={"consent": consent}), True
        elif answer == "extend" and expiry.stage is Stage.ASKED:
            until = (at + timedelta(days=20)).date()
            extension = Extension(by="t/owner", at=at, reason="More.", until=until)
            self.line.expiry = expiry.model_copy(update={"extension": extension})
        elif answer == "rule" and expiry.stage is Stage.GRACE:
            self.line.rule = self.line.rule.model_copy(update={"grace": "P2D"})

    def _moved(self, before: Stage, after: Stage, event: Event) -> None:
        if after in (Stage.ACTIVE, Stage.WARNED):
            self.yes = False
        elif after is Stage.ASKED:
            assert before is Stage.WARNED
            self._lasted(Stage.WARNED, WARNING)
        elif after is Stage.GRACE:
            assert before is Stage.ASKED and self.yes
        elif after is Stage.ARCHIVING:
            rule = self.line.rule
            assert before is Stage.GRACE and self.yes
            assert self.line.environment != "prod" and rule.action in ("archive", "delete")
            assert event.verdict in (Verdict.IDLE, Verdict.BUSY)
            assert -timedelta(minutes=5) <= event.late <= timedelta(hours=1)
            assert event.verdict is Verdict.IDLE or rule.expires_on is not None
            self._lasted(Stage.GRACE, timedelta(days=int((rule.grace or "P0D")[1:-1])))
        elif after is Stage.DELETING:
            assert before is Stage.ARCHIVED and self.line.rule.action == "delete"
            self._lasted(Stage.ARCHIVED, timedelta(days=int((self.line.rule.retention or "P0D")[1:-1])))

    def _lasted(self, stage: Stage, least: timedelta) -> None:
        """In real time; each time that the clock was set, one look may be believed."""
        assert self.real - self.entered[stage] >= least - ONE_LOOK * self.jumps[stage]


@settings(max_examples=150)
@given(FLEETS)
def test_nothing_is_destroyed_without_evidence_stages_and_time(
    fleet: list[tuple[Rule, str, list[Event]]],
) -> None:
    for rule, environment, events in fleet:
        judge = Judge(Line(rule, environment))
        for event in events:
            judge.step(event)


@settings(max_examples=60)
@given(RULES, st.lists(EVENTS, min_size=5, max_size=40), st.integers(1, 30))
def test_looking_more_often_destroys_nothing_sooner(rule: Rule, events: list[Event], more: int) -> None:
    """Monotone: every look repeated leaves the same stage as looking once, or an earlier one."""
    order = list(Stage)
    once, often = Judge(Line(rule)), Judge(Line(rule))
    for event in events:
        calm = Event(event.passes, event.verdict, event.late, None, "yes", 1)
        once.step(calm)
        often.step(calm)
        for _ in range(more % 3):
            often.line.look(event.verdict, often.real, late=event.late)
        if once.line.expiry.stage is Stage.ARCHIVING:
            break
        assert order.index(often.line.expiry.stage) <= order.index(once.line.expiry.stage) + 1


def test_the_machine_gets_somewhere() -> None:
    """What the properties above rest on: an idle workspace with a willing owner is deleted in the end."""
    judge = Judge(Line(Rule(idle_after="P7D", grace="P1D", action="delete", retention="P3D")))
    day = Event(timedelta(days=1), Verdict.IDLE, timedelta(), None, "yes", 1)
    for _ in range(30):
        judge.step(day)
    assert judge.line.expiry.stage is Stage.DELETING
