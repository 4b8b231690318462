"""Alert rules at work: evaluated at their frequency, fired, resolved. No I/O: what is to be told stands in `notices`.

Sources: learn.microsoft.com, "Overview of Azure Monitor alerts" (a stateful metric alert is resolved after three checks
that do not meet its condition, a log alert after a time that depends on its frequency; a stateless one fires each time
and is never resolved), "Common alert schema". What a rule has fired is kept with the rule.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine.hooks import JsonObject, Resource
from simulator.planes import activity_feed, alert_conditions, alert_payloads
from simulator.planes.alert_conditions import Measured
from simulator.planes.alert_payloads import Alert
from simulator.types import alert_instances
from simulator.types._shared import items, subscription_of
from simulator.types.alert_rules import ACTIVITY, DYNAMIC, LOG, METRIC
from simulator.types.machinelearning.nodes import duration

if TYPE_CHECKING:
    from simulator.planes.world import World

STATE = "alerts"
#: Real seconds between two evaluations of one rule at least, whatever the time scale.
LEAST = {METRIC: 0.05, LOG: 0.5}
METRIC_CHECKS = 3


@dataclass(frozen=True)
class Notice:
    """A payload for the action groups that a rule names."""

    rule: str
    groups: tuple[str, ...]
    payload: JsonObject


@dataclass
class Alerts:
    """`work` evaluates every rule that is due."""

    world: World
    notices: deque[Notice] = field(default_factory=deque)
    _due: list[tuple[float, str]] = field(default_factory=list)
    _known: dict[str, tuple[int, float]] = field(default_factory=dict)
    _revision: tuple[int, int] = (-1, -1)

    def next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def work(self) -> None:
        """Rules that came, changes that happened, and what is due now."""
        self._take_up()
        while self.world.activity.events:
            self._of_activity(self.world.activity.events.popleft())
        while self.world.engine.outbox.notices:
            self.notices.append(Notice(*self.world.engine.outbox.notices.popleft()))
        now = self.world.engine.time()
        for _ in range(len(self._due)):
            if not self._due or self._due[0][0] > now:
                break
            due, key = heapq.heappop(self._due)
            rule = self.world.engine.store.resources.get(key)
            if rule is None or self._known.get(key, (0, 0.0))[1] != due:
                continue
            self._evaluate(rule, due)
            # One that is late is not evaluated for every period that it missed.
            self._schedule(rule, max(due, now - self._period(rule)) + self._period(rule))

    def _take_up(self) -> None:
        store = self.world.engine.store
        revision = (store.revision(METRIC), store.revision(LOG))
        if revision == self._revision:
            return
        self._revision = revision
        for rule in (*store.of_type(METRIC), *store.of_type(LOG)):
            if self._known.get(rule.key, (-1, 0.0))[0] != rule.version:
                self._schedule(rule, self.world.engine.time() + self._period(rule))

    def _schedule(self, rule: Resource, due: float) -> None:
        self._known[rule.key] = (rule.version, due)
        heapq.heappush(self._due, (due, rule.key))

    def _period(self, rule: Resource) -> float:
        wanted = duration(str(rule.properties["evaluationFrequency"])) / self.world.engine.scale
        return max(wanted, LEAST[rule.type])

    # One evaluation.

    def _evaluate(self, rule: Resource, now: float) -> None:
        if not rule.properties.get("enabled", True):
            return
        engine = self.world.engine
        if rule.type == LOG:
            found = alert_conditions.of_logs(self.world, rule, now)
        else:
            found = alert_conditions.of_metrics(engine, rule, now)
        states: dict[str, JsonObject] = rule.private.setdefault(STATE, {})
        measured = {one.key: one for one in found}
        length = duration(str(rule.properties["windowSize"])) / engine.scale
        window = (now - length, now)
        for key in [*measured, *(key for key in states if key not in measured)]:
            self._judge(rule, states, key, measured.get(key), window)

    def _judge(
        self, rule: Resource, states: dict[str, JsonObject], key: str, one: Measured | None, window: tuple[float, float]
    ) -> None:
        """What one time series' window means for its alert. What has no value now does not meet the condition."""
        met = one is not None and one.met
        if not met and key not in states:
            return
        state = states.setdefault(key, {"met": [], "healthy": 0, "alert": None})
        whole, least = _periods(rule)
        state["met"] = [*state["met"], met][-whole:]
        state["healthy"] = 0 if met else state["healthy"] + 1
        stateful, active = bool(rule.properties.get("autoMitigate")), state["alert"]
        if met and sum(state["met"]) >= least and (active is None or not stateful):
            assert one is not None
            state["alert"] = self._fire(rule, key, one, window)
        elif active is not None and stateful and state["healthy"] >= _checks(rule):
            self._resolve(rule, active, one, window)
            state["alert"] = None
        if not met and state["alert"] is None and not any(state["met"]):
            del states[key]
        self.world.engine.store.touch(rule)
        self._revision = (self.world.engine.store.revision(METRIC), self.world.engine.store.revision(LOG))

    def _fire(self, rule: Resource, key: str, one: Measured, window: tuple[float, float]) -> JsonObject:
        engine = self.world.engine
        number = str(engine.count(f"alerts:{rule.key}"))
        guid = engine.guid("alert", rule.key, key, number)
        alert: JsonObject = {
            "id": f"/subscriptions/{subscription_of(rule.id)}/providers/Microsoft.AlertsManagement/alerts/{guid}",
            "origin": _origin(rule, engine.digits("origin", rule.key, key, number, length=10, alphabet="0123456789")),
            "fired": window[1], "target": one.target, "parts": list(one.parts), "dimensions": list(one.dimensions),
        }  # fmt: skip
        fired = Alert(alert["id"], alert["origin"], window[1])
        self._tell(rule, alert_payloads.of_rule(rule, fired, one, window))
        return alert

    def _resolve(self, rule: Resource, alert: JsonObject, one: Measured | None, window: tuple[float, float]) -> None:
        if one is None:
            dimensions = tuple((str(name), str(value)) for name, value in alert["dimensions"])
            one = Measured(str(alert["target"]), False, tuple(alert["parts"]), dimensions)
        resolved = Alert(str(alert["id"]), str(alert["origin"]), float(alert["fired"]), window[1])
        self._tell(rule, alert_payloads.of_rule(rule, resolved, one, window))

    def _tell(self, rule: Resource, payload: JsonObject) -> None:
        alert_instances.keep(self.world.engine, payload)
        self.notices.append(Notice(rule.id, groups_of(rule), payload))

    # The activity log.

    def _of_activity(self, event: JsonObject) -> None:
        for rule in self.world.engine.store.of_type(ACTIVITY):
            resource = str(event["resourceId"]).lower()
            scopes = [str(one).rstrip("/").lower() for one in rule.properties.get("scopes") or ()]
            inside = any(resource == scope or resource.startswith(scope + "/") for scope in scopes)
            conditions = items(rule.properties, "condition.allOf")
            if not inside or not rule.properties.get("enabled", True):
                continue
            if all(activity_feed.holds(one, event) for one in conditions):
                origin = f"{event['eventDataId']}_{self.world.engine.digits('origin', rule.key, event['eventDataId'])}"
                alert = Alert(rule.id, origin, self.world.engine.time())
                self._tell(rule, alert_payloads.of_activity(rule, event, alert))


def groups_of(rule: Resource) -> tuple[str, ...]:
    """The action groups that a rule tells, whatever its type's way to name them."""
    actions = rule.properties.get("actions")
    if isinstance(actions, dict):
        return tuple(
            str(one.get("actionGroupId") if isinstance(one, dict) else one) for one in actions.get("actionGroups") or ()
        )
    return tuple(str(one.get("actionGroupId")) for one in items(rule.properties, "actions"))


def _origin(rule: Resource, number: str) -> str:
    parts = rule.id.split("/")
    return f"{parts[2]}_{parts[4]}_microsoft.insights_{rule.type.rpartition('/')[2]}_{rule.name}_{number}"


def _periods(rule: Resource) -> tuple[int, int]:
    """(evaluations that count, how many of them must meet the condition)."""
    (criterion, *more) = items(rule.properties, "criteria.allOf")
    if more or (rule.type == METRIC and criterion.get("criterionType") != DYNAMIC):
        return 1, 1
    periods = criterion.get("failingPeriods") or {}
    return int(periods.get("numberOfEvaluationPeriods", 1)), int(periods.get("minFailingPeriodsToAlert", 1))


def _checks(rule: Resource) -> int:
    """Evaluations without the condition after which an alert is resolved."""
    if rule.type == METRIC:
        return METRIC_CHECKS
    minutes = duration(str(rule.properties["evaluationFrequency"])) / 60
    return 10 if minutes < 5 else 3 if minutes <= 15 else 2 if minutes <= 660 else 1
