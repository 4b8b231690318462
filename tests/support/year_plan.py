"""What happens in a year to fifty models: labelled drifts, seasons, noise, trouble; drawn from a seed beforehand.

Ten workspaces of five models; one of the five is watched daily, the others weekly. Four labelled drifts a model. Noise
and seasons breach a drift's threshold and leave the KPI alone; a labelled drift does both. Of a drift's first N + 1
windows one at most is in trouble: of what has no run nobody could know anything. Nothing is drawn in the shadow of a
drift, where nobody could say what is label and what is noise.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 365
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WORKSPACES, MODELS, DRIFTS = 10, 5, 4
N = 2
#: (workload, environment) of the workspaces.
ABOUT = [("classical", "dev")] * 7 + [("classical", "prod"), ("cv", "dev"), ("nlp", "dev")]


@dataclass(frozen=True)
class Slot:
    """One window of one model. ``trouble``: no run at all, a run that cannot be read, few rows, or nobody tells."""

    index: int
    at: datetime
    psi: float
    accuracy: float
    trouble: str | None
    labelled: bool

    @property
    def rows(self) -> int:
        return 300 if self.trouble == "few" else 5000


@dataclass(frozen=True)
class Plan:
    """One model's year; ``drifts`` are the indexes of their first and last windows."""

    workspace: int
    name: str
    period: timedelta
    policy: dict[str, Any]
    slots: tuple[Slot, ...]
    drifts: tuple[tuple[int, int], ...]

    @property
    def about(self) -> tuple[str, str]:
        return ABOUT[self.workspace]


def plans(seed: int) -> tuple[Plan, ...]:
    """The same seed is the same year."""
    draw = random.Random(seed)
    return tuple(_plan(draw, workspace, model) for workspace in range(WORKSPACES) for model in range(MODELS))


def _plan(draw: random.Random, workspace: int, model: int) -> Plan:
    period = DAY if model == 0 else 7 * DAY
    count = DAYS // period.days
    drifts = _drifts(draw, count)
    policy = _policy(workspace, model, period)
    noisy = policy["agreement"] == "kpi"
    slots = tuple(_slot(draw, index, period, drifts, noisy) for index in range(count))
    return Plan(workspace, f"m{model}", period, policy, slots, drifts)


def _drifts(draw: random.Random, count: int) -> tuple[tuple[int, int], ...]:
    """One in each quarter of the year, three to six windows long."""
    quarter = count // DRIFTS
    found = []
    for place in range(DRIFTS):
        length = draw.randint(N + 1, 6)
        begin = place * quarter + draw.randint(2, quarter - length - 1)
        found.append((begin, begin + length - 1))
    return tuple(found)


def _slot(draw: random.Random, index: int, period: timedelta, drifts: tuple[tuple[int, int], ...], noisy: bool) -> Slot:
    at = BEGIN + index * period
    inside = next((one for one in drifts if one[0] <= index <= one[1]), None)
    near = any(one[0] - 1 <= index <= one[1] + 2 for one in drifts)
    trouble = draw.choices((None, "outage", "unread", "few", "silent"), (88, 4, 2, 3, 3))[0]
    if inside is not None and index <= inside[0] + N and index != inside[0] + inside[0] % (N + 1):
        trouble = None
    season = 0.28 if noisy and not near and at.month == 12 and at.day > 10 else 0.08 + 0.05 * (at.month % 6) / 6
    psi, accuracy = season + draw.uniform(-0.02, 0.02), 0.9 + draw.uniform(-0.02, 0.02)
    if inside is not None:
        psi, accuracy = 0.4 + draw.uniform(-0.05, 0.05), 0.65 + draw.uniform(-0.03, 0.03)
    elif noisy and not near:
        psi = 0.27 + draw.uniform(0, 0.1) if draw.random() < 0.06 else psi
        accuracy = 0.78 if draw.random() < 0.03 else accuracy
    return Slot(index, at, round(psi, 4), round(accuracy, 4), trouble, inside is not None)


def _policy(workspace: int, model: int, period: timedelta) -> dict[str, Any]:
    """Careful ones; and some that keep quiet hours, freeze, save, or only look on."""
    days = period.days
    policy: dict[str, Any] = {
        "windows": {"period": f"P{days}D", "breaches": N, "of": 5, "minimumSeen": 2},
        "agreement": "kpi" if (workspace + model) % 3 else "secondSignalOrKpi",
        "agreementWithin": f"P{2 * days}D",
        "kpi": {"metric": "accuracy", "limit": 0.75},
        "cooldown": f"P{7 if days == 1 else 28}D",
        "breaker": {"failures": 2},
    }
    if workspace % 2:
        policy["quietHours"] = [{"begin": "18:00", "end": "08:00", "timeZone": "Europe/Berlin"}]
    if workspace % 3 == 0:
        policy["freezes"] = [
            {"begin": f"2026-{month:02d}-10T00:00:00Z", "end": f"2026-{month:02d}-24T00:00:00Z", "reason": "release"}
            for month in (3, 6, 9, 12)
        ]
    if workspace % 4 == 1:
        policy["budget"] = {"monthlyLimit": 100, "jobEstimate": 60}
    if model == 3:
        policy["thresholds"] = [{"metric": "PopulationStabilityIndex", "raiseAt": 0.3, "clearAt": 0.15}]
    if (workspace, model) == (2, 4):
        policy["mode"] = "disabled"
    if (workspace, model) == (3, 4):
        policy["mode"] = "dryRun"
    if (workspace, model) == (4, 4):
        policy["kinds"] = ["modelPerformance"]
    return policy
