"""One look at one workspace: whether it is idle, in eight calls at most."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from controlplane.arm import fold
from controlplane.errors import ControlPlaneError
from controlplane.governance.expiry import clues
from controlplane.governance.expiry.model import Clue, Evidence, Verdict
from controlplane.governance.expiry.proposals import MONTH, SERVED, Sight, days_of, proposals, suspects
from controlplane.json_types import JsonObject
from controlplane.ports.metrics import MOST_IDS, Measured, MetricsQuestion
from controlplane.ports.reader import NewestReader
from controlplane.retraining.known import WORKSPACE_TYPE, Known
from controlplane.retraining.monitors.callbacks import NOBODY
from controlplane.retraining.monitors.site import site_of
from controlplane.retraining.polls.ports import PollPorts
from controlplane.workspaces.kinds import ROLE_ASSIGNMENT
from controlplane.workspaces.spec_model import Environment
from controlplane.workspaces.spec_rules.lifetime import days

API, GRANTS_API = "2024-04-01", "2022-04-01"
T = TypeVar("T")
#: Of endpoints and deployments: with four reads, the workspace's batch and one question more that is eight calls.
MOST_BATCHES = 2
_MOST_CALLS = 8
_HOUR = timedelta(hours=1)
_NOTHING = clues.Past()


@dataclass
class _Asking:
    """Counts what is asked; a read that fails is a clue and no error."""

    calls: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    async def ask(self, name: str, call: Awaitable[T]) -> T | None:
        self.calls += 1
        try:
            return await call
        except ControlPlaneError as error:
            self.failed[name] = error.code
            return None


async def look(
    ports: tuple[NewestReader, PollPorts | None],
    found: Known,
    idle_after: str,
    now: datetime,
    past: clues.Past = _NOTHING,
) -> Evidence:
    """What a workspace shows now of the last ``idle_after``; never raises for what Azure says."""
    reader, polls = ports
    span = span_of(idle_after, now)
    asking, seen = _Asking(), list[Clue]()
    here = found.workspace_id
    computes, jobs, online = f"{here}/computes", f"{here}/jobs", f"{here}/onlineEndpoints"

    body = await asking.ask("age", reader.get(here, API))
    seen.append(_or(asking, "age", here, clues.age(body, span.begin, here, past.back_at)))
    listed = await asking.ask("clusters", _standing(reader, computes))
    if listed is None:
        seen += [clues.unread(name, asking.failed["clusters"], computes) for name in ("clusters", "instances")]
    else:
        seen += [clues.clusters(listed, computes), clues.instances(listed, computes)]
    newest = await asking.ask("jobs", reader.first(jobs, API))
    seen.append(_or(asking, "jobs", jobs, clues.jobs(newest or (), span.begin, jobs)))
    serving = await asking.ask("endpoints", _standing(reader, online))
    clue, measured = await _endpoints(asking, polls, (found, online, serving), span)
    seen.append(clue)
    seen.append(clues.lately(past.busy_at, span.begin))
    seen.append(await _cores(asking, polls, found, span))
    seen += await _by_token(asking, reader, here, seen)
    sight = Sight(
        production=str(found.record.spec["environment"]) == Environment.PROD.value,
        computes=listed or (),
        jobs=newest,
        unused=[str(one.get("name")) for one in serving or () if clues.served(one, measured, span) is Verdict.IDLE],
        period=idle_after,
    )
    sight = await _further(asking, ports, (found, serving or (), now), sight)
    return Evidence(
        verdict=clues.verdict(seen),
        read_at=now,
        period=idle_after,
        calls=asking.calls,
        clues=tuple(seen),
        proposals=proposals(sight),
    )


async def _standing(reader: NewestReader, path: str) -> tuple[JsonObject, ...]:
    return tuple(one for one in await reader.list(path, API) if clues.stands(one))


async def _further(
    asking: _Asking,
    ports: tuple[NewestReader, PollPorts | None],
    what: tuple[Known, Sequence[JsonObject], datetime],
    sight: Sight,
) -> Sight:
    """One question more, of what is rarer: who may stop an instance, or on which days an endpoint was called."""
    (reader, polls), (found, serving, now) = ports, what
    if asking.calls >= _MOST_CALLS:
        return sight
    if suspects(sight.computes):
        grants = f"{found.workspace_id}/providers/{ROLE_ASSIGNMENT}"
        query = (("$filter", "atScope()"),)
        return replace(sight, grants=await asking.ask("grants", reader.list(grants, GRANTS_API, query)))
    if polls is None or not serving or len(sight.unused) == len(serving) or sight.production:
        return sight
    logs = site_of(found, NOBODY).logs
    rows = await asking.ask("logs", polls.logs.query(logs, SERVED, now - MONTH, now))
    return replace(sight, days=days_of(rows.rows)) if rows is not None and rows.complete else sight


async def _by_token(asking: _Asking, reader: NewestReader, here: str, seen: Sequence[Clue]) -> tuple[Clue, ...]:
    """Asked where nothing else keeps the workspace: what they say can only make idle unknown."""
    if any(one.verdict is not Verdict.IDLE for one in seen):
        return ()
    source = f"{here}/serverlessEndpoints"
    listed = await asking.ask("serverlessEndpoints", reader.list(source, API))
    return (_or(asking, "serverlessEndpoints", source, clues.by_token(listed or (), source)),)


def span_of(idle_after: str, now: datetime) -> clues.Span:
    """Whole grains, the last of which has ended: what is younger may not be there yet."""
    period = timedelta(days=days(idle_after))
    grain = _HOUR if period <= timedelta(days=10) else 6 * _HOUR
    end = now.replace(minute=0, second=0, microsecond=0) - _HOUR
    return clues.Span(end - period, end, grain)


def _or(asking: _Asking, name: str, source: str, clue: Clue) -> Clue:
    return clues.unread(name, asking.failed[name], source) if name in asking.failed else clue


async def _cores(asking: _Asking, polls: PollPorts | None, found: Known, span: clues.Span) -> Clue:
    source = f"{found.workspace_id}/providers/Microsoft.Insights/metrics"
    if polls is None:
        return clues.unread("activeCores", "SettingMissing", source)
    question = _question(WORKSPACE_TYPE, (clues.CORES, clues.CONTROL), span)
    region = str(found.record.spec["location"])
    told = await asking.ask("activeCores", polls.metrics.batch(region, (found.workspace_id,), question))
    if told is None:
        return clues.unread("activeCores", asking.failed["activeCores"], source)
    here = fold(found.workspace_id)
    return clues.cores(told.measured.get(here), span, source, told.unknown.get(here))


async def _endpoints(
    asking: _Asking, polls: PollPorts | None, what: tuple[Known, str, Sequence[JsonObject] | None], span: clues.Span
) -> tuple[Clue, Mapping[str, Measured | None]]:
    found, source, serving = what
    nothing: Mapping[str, Measured | None] = {}
    if serving is None:
        return clues.unread("endpoints", asking.failed["endpoints"], source), nothing
    if not serving:
        return clues.endpoints((), {}, span, source), nothing
    if polls is None:
        return clues.unread("endpoints", "SettingMissing", source), nothing
    batches = tuple(_batches(serving, span))
    if len(batches) > MOST_BATCHES:
        return clues.unread("endpoints", "TooManyEndpoints", source), nothing
    measured: dict[str, Measured | None] = {}
    for question, ids in batches:
        told = await asking.ask("requests", polls.metrics.batch(str(found.record.spec["location"]), ids, question))
        measured |= {fold(one): told.whole(fold(one)) if told is not None else None for one in ids}
    clue = clues.endpoints(serving, measured, span, source)
    if "requests" not in asking.failed:
        return clue, measured
    failed = clues.unread("endpoints", asking.failed["requests"], source)
    if clue.verdict is Verdict.BUSY:
        return clue.model_copy(update={"unread": (*clue.unread, failed.observed)}), measured
    return failed, measured


def _batches(serving: Sequence[JsonObject], span: clues.Span) -> Iterator[tuple[MetricsQuestion, list[str]]]:
    """Of the endpoints, and of the deployments that get their calls."""
    online = f"{WORKSPACE_TYPE}/onlineEndpoints"
    of_endpoints = _question(online, (clues.REQUESTS,), span), [str(one.get("id")) for one in serving]
    names = (clues.REQUESTS, clues.CAPACITY)
    deployments = [arm_id for one in serving for arm_id in clues.serving(one)]
    for question, ids in (of_endpoints, (_question(f"{online}/deployments", names, span), deployments)):
        for place in range(0, len(ids), MOST_IDS):
            yield question, ids[place : place + MOST_IDS]


def _question(kind: str, names: tuple[str, ...], span: clues.Span) -> MetricsQuestion:
    return MetricsQuestion(kind, names, span.begin, span.end, span.grain)
