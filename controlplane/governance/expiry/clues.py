"""What was read of a workspace, judged: idle only where everything was read and says so. Pure.

Idleness is positive evidence (S3-106): an idle workspace has no samples of Active Cores, not zeros, so an empty series
counts only where the call succeeded and another metric of the workspace has samples of the same time. What was not
answered, and what has samples of less than nine tenths of the time, is unknown; unknown is not idle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.arm import fold
from controlplane.computes import CLUSTER, is_machine, kind_of
from controlplane.governance.expiry.model import Clue, Verdict
from controlplane.json_types import JsonObject
from controlplane.ports.metrics import Measured, Point

#: Least share of the time that has samples.
COVERAGE = 0.9
#: Metrics of a workspace ("Supported metrics for Microsoft.MachineLearningServices/workspaces"; names have spaces):
#: what is asked, and what has samples whether or not somebody works.
CORES, CONTROL = "Active Cores", "Quota Utilization Percentage"
#: Of endpoints, and of deployments: calls, and instances, which a deployment has with or without calls.
REQUESTS, CAPACITY = "RequestsPerMinute", "DeploymentCapacity"
_ENDED = frozenset({"completed", "failed", "canceled", "notresponding"})
_STOPPED = frozenset({"stopped"})
#: Ends of states in which nobody works on an instance, which costs all the same.
_BROKEN = ("failed", "unusable")


@dataclass(frozen=True, slots=True)
class Span:
    """The time of idleness that is asked about."""

    begin: datetime
    end: datetime
    grain: timedelta

    @property
    def points(self) -> int:
        return max(1, int((self.end - self.begin) / self.grain))


@dataclass(frozen=True, slots=True)
class Past:
    """What is ours to remember. ``busy_at``: when an earlier look saw something run; ``back_at``: when the workspace
    came, or began to come, out of its archive, or was not archived after all."""

    busy_at: datetime | None = None
    back_at: datetime | None = None


def stands(body: JsonObject) -> bool:
    """Not what is being deleted, which says nothing any more: an archive that looks again while it takes away sees what
    it has taken."""
    states = (_properties(body).get("provisioningState"), _inner(body).get("state"))
    return all(str(one or "").lower() != "deleting" for one in states)


def clusters(found: Sequence[JsonObject], source: str) -> Clue:
    """Every cluster has no node, and none is on its way."""
    holding, strange, working = [], [], []
    for one in found:
        if kind_of(one) != CLUSTER or not is_machine(one):
            continue
        nodes, wanted = _inner(one).get("currentNodeCount"), _inner(one).get("targetNodeCount")
        if not isinstance(nodes, int):
            strange.append(f"{_name(one)} does not say how many nodes it has")
        elif nodes > 0 or (isinstance(wanted, int) and wanted > 0):
            holding.append(f"{_name(one)}: {nodes} nodes")
        if at_work := _at_work(one):
            working.append(f"cluster {_name(one)} with {at_work} nodes at work")
    return _now(_told("clusters", holding, strange, "No cluster has a node.", source), working)


def _at_work(cluster: JsonObject) -> int:
    """Nodes that run a job; where Azure does not say which do, all."""
    nodes, counts = _inner(cluster).get("currentNodeCount"), _inner(cluster).get("nodeStateCounts")
    told = counts.get("runningNodeCount") if isinstance(counts, dict) else None
    found = told if isinstance(told, int) else nodes
    return found if isinstance(found, int) else 0


def instances(found: Sequence[JsonObject], source: str) -> Clue:
    """Every instance is stopped. What is attached is none of the workspace's machines: an archive leaves it, and a job
    on it is a job. What Azure does not name the kind of is unknown."""
    running, strange = [], []
    for one in found:
        kind, state = kind_of(one), str(_inner(one).get("state") or "").lower()
        if kind == CLUSTER or (kind and not is_machine(one)):
            continue
        if not kind or not state:
            strange.append(f"{_name(one)} does not say {'its state' if kind else 'what it is'}")
        elif state not in _STOPPED:
            running.append(f"{_name(one)} is {state}")
    clue = _told("instances", running, strange, "No instance runs.", source)
    return _now(clue, [f"instance {one}" for one in running if not one.endswith(_BROKEN)])


def jobs(found: Sequence[JsonObject], begin: datetime, source: str) -> Clue:
    """``found``: the newest. The last one's end is older than the period."""
    running = [_name(one) for one in found if _status(one) not in _ENDED]
    if running:
        clue = _clue("jobs", Verdict.BUSY, f"{', '.join(running[:5])} have not ended.", source)
        return _now(clue, [f"job {one}" for one in running])
    times = [_last_sign(one) for one in found]
    if any(one is None for one in times):
        return _clue("jobs", Verdict.UNKNOWN, "A job does not say when it was.", source)
    last = max((one for one in times if one is not None), default=None)
    if last is None:
        return _clue("jobs", Verdict.IDLE, "There is no job.", source)
    verdict = Verdict.IDLE if last < begin else Verdict.BUSY
    return _clue("jobs", verdict, f"The last sign of a job is of {last:%Y-%m-%dT%H:%MZ}.", source)


def worked(job: JsonObject, since: datetime | None) -> bool:
    """Whether it has not ended, or began after that; one that does not say when it began did, for what anybody knows.
    ``since`` None: nobody knows since when."""
    if _status(job) not in _ENDED or since is None:
        return True
    began = [_time(job.get("systemData"), "createdAt"), _time(_inner(job), "StartTimeUtc")]
    times = [one for one in began if one is not None]
    return not times or max(times) >= since


def age(found: JsonObject | None, begin: datetime, source: str, back_at: datetime | None = None) -> Clue:
    """The workspace itself is older than the period, and so is its return from an archive: nobody could use it there,
    and whoever took it out wants it."""
    made = _time((found or {}).get("systemData"), "createdAt")
    if made is None:
        made = _time((found or {}).get("properties"), "creationTime")
    if made is None:
        return _clue("age", Verdict.UNKNOWN, "The workspace does not say when it was made.", source)
    since = made if back_at is None else max(made, back_at)
    told = f"Made {made:%Y-%m-%dT%H:%MZ}." if since == made else f"Not archived any more since {since:%Y-%m-%dT%H:%MZ}."
    return _clue("age", Verdict.IDLE if since < begin else Verdict.BUSY, told, source)


def cores(found: Measured | None, span: Span, source: str, why: str | None = None) -> Clue:
    """Active Cores, as a count of samples (S3-106), is zero, or an empty series while the control has samples.
    ``why``: what was not answered, so that what is not there was not found empty."""
    if found is None:
        return _clue("activeCores", Verdict.UNKNOWN, why or "Azure did not answer for this workspace.", source)
    active, control = found.get(CORES, ()), found.get(CONTROL, ())
    counted = sum(one.count or 0 for one in active)
    if counted > 0 or any(_of(one) > 0 for one in active):
        return _clue("activeCores", Verdict.BUSY, f"{CORES} had {counted:.0f} samples: there were nodes.", source)
    if why is not None:
        return _clue("activeCores", Verdict.UNKNOWN, why, source)
    share = len(control) / span.points
    if len(active) / span.points >= COVERAGE:
        return _clue("activeCores", Verdict.IDLE, f"{CORES}, as a count, was zero all the time.", source)
    if share >= COVERAGE:
        text = f"{CORES} had no sample, and {CONTROL} had samples {min(share, 1.0):.0%} of the time."
        return _clue("activeCores", Verdict.IDLE, text, source)
    text = f"{CORES} has no samples, and neither has {CONTROL} for more than {share:.0%} of the time."
    return _clue("activeCores", Verdict.UNKNOWN, text, source)


def endpoints(found: Sequence[JsonObject], measured: Mapping[str, Measured | None], span: Span, source: str) -> Clue:
    """``measured``: folded id of endpoints and deployments → what was; None where nobody answered. Zero requests with
    samples: zeros of the requests themselves, or a successful empty series while every deployment that gets calls has
    samples of its instances, as Active Cores."""
    if not found:
        return _clue("endpoints", Verdict.IDLE, "There is no online endpoint.", source)
    said = {_name(one): served(one, measured, span) for one in found}
    called = [f"endpoint {_name(one)} with requests" for one in found if _was_called(one, measured)]
    busy = [_why_busy(one, measured) for one in found if said[_name(one)] is Verdict.BUSY]
    strange = [f"{name} has too few samples" for name, verdict in said.items() if verdict is Verdict.UNKNOWN]
    clue = _told("endpoints", busy, strange, f"{len(found)} endpoints had no request.", source)
    young = [f"{_name(one)} is new and has too few samples" for one in found if _is_mute(one, measured, span)]
    return clue.model_copy(update={"working": tuple(called), "unread": (*clue.unread, *young)})


def serving(endpoint: JsonObject) -> tuple[str, ...]:
    """Ids of the deployments that get its calls."""
    traffic = _properties(endpoint).get("traffic")
    return tuple(f"{endpoint.get('id')}/deployments/{one}" for one in traffic) if isinstance(traffic, dict) else ()


def _was_called(endpoint: JsonObject, measured: Mapping[str, Measured | None]) -> bool:
    ids = (fold(str(endpoint.get("id") or "")), *map(fold, serving(endpoint)))
    each = [found for one in ids if (found := measured.get(one)) is not None]
    return any(_of(point) > 0 for one in each for point in one.get(REQUESTS, ()))


def _why_busy(endpoint: JsonObject, measured: Mapping[str, Measured | None]) -> str:
    return f"{_name(endpoint)} had requests" if _was_called(endpoint, measured) else f"{_name(endpoint)} is new"


def _is_mute(endpoint: JsonObject, measured: Mapping[str, Measured | None], span: Span) -> bool:
    """Of one that was made in the period: whether nothing shows that nobody has called it since."""
    made = _time(endpoint.get("systemData"), "createdAt")
    if made is None or made < span.begin or _was_called(endpoint, measured):
        return False
    return not _has_samples(endpoint, measured, Span(made, span.end, span.grain).points)


def served(endpoint: JsonObject, measured: Mapping[str, Measured | None], span: Span) -> Verdict:
    made = _time(endpoint.get("systemData"), "createdAt")
    if made is not None and made >= span.begin:
        return Verdict.BUSY
    if _was_called(endpoint, measured):
        return Verdict.BUSY
    return Verdict.IDLE if _has_samples(endpoint, measured, span.points) else Verdict.UNKNOWN


def _has_samples(endpoint: JsonObject, measured: Mapping[str, Measured | None], points: int) -> bool:
    """Of its requests, or of the instances of every deployment that gets them."""
    found = measured.get(fold(str(endpoint.get("id") or "")))
    if found is None:
        return False
    deployments, enough = [measured.get(fold(one)) for one in serving(endpoint)], COVERAGE * points
    controlled = bool(deployments) and all(one and len(one.get(CAPACITY, ())) >= enough for one in deployments)
    return len(found.get(REQUESTS, ())) >= enough or controlled


def by_token(found: Sequence[JsonObject], source: str) -> Clue:
    """Serverless endpoints: whether anybody calls one is not known here. "Azure Machine Learning monitoring data
    reference" has metrics of workspaces, online endpoints and their deployments, and none of theirs."""
    if not found:
        return _clue("serverlessEndpoints", Verdict.IDLE, "There is no serverless endpoint.", source)
    names = ", ".join(_name(one) for one in found[:5])
    return _clue("serverlessEndpoints", Verdict.UNKNOWN, f"Nobody shows the calls of {names}.", source)


def unread(name: str, code: str, source: str) -> Clue:
    """A read that failed."""
    return _clue(name, Verdict.UNKNOWN, f"It could not be read: {code}.", source)


def lately(busy_at: datetime | None, begin: datetime) -> Clue:
    """What our own earlier looks saw run: ARM's jobs have no time of their end."""
    source = "earlier looks"
    if busy_at is None or busy_at < begin:
        return _clue("earlierLooks", Verdict.IDLE, "No look of this time saw anything run.", source)
    return _clue("earlierLooks", Verdict.BUSY, f"Something ran at {busy_at:%Y-%m-%dT%H:%MZ}.", source)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clue that idleness takes, and who asks for it."""

    requirements: tuple[str, ...] = ()


WANTED: dict[str, Wanted] = {
    "age": Wanted(),
    "clusters": Wanted(),
    "instances": Wanted(),
    "jobs": Wanted(),
    "endpoints": Wanted(),
    "earlierLooks": Wanted(),
    "activeCores": Wanted(("S3-106",)),
    "serverlessEndpoints": Wanted(),
}
"""Name → what it takes."""


def verdict(clues: Sequence[Clue]) -> Verdict:
    """Busy where anything is, unknown where anything is, idle where everything is."""
    found = {one.verdict for one in clues if one.name in WANTED}
    if Verdict.BUSY in found:
        return Verdict.BUSY
    return Verdict.IDLE if found == {Verdict.IDLE} else Verdict.UNKNOWN


def _of(point: Point) -> float:
    """Whatever says the most: an average over an hour hides a minute."""
    return max((one for one in (point.maximum, point.total, point.average) if one is not None), default=0.0)


def _told(name: str, busy: Sequence[str], strange: Sequence[str], well: str, source: str) -> Clue:
    """What is strange beside what is busy makes no verdict, and is told all the same."""
    if busy:
        clue = _clue(name, Verdict.BUSY, f"{'; '.join(busy[:5])}.", source)
        return clue.model_copy(update={"unread": tuple(strange)})
    if strange:
        return _clue(name, Verdict.UNKNOWN, f"{'; '.join(strange[:5])}.", source)
    return _clue(name, Verdict.IDLE, well, source)


def _clue(name: str, found: Verdict, observed: str, source: str) -> Clue:
    return Clue(name=name, verdict=found, observed=observed, source=source)


def _now(clue: Clue, working: Sequence[str]) -> Clue:
    return clue.model_copy(update={"now": clue.verdict is Verdict.BUSY, "working": tuple(working)})


def _name(body: JsonObject) -> str:
    return str(body.get("name"))


def _properties(body: JsonObject) -> JsonObject:
    found = body.get("properties")
    return found if isinstance(found, dict) else {}


def _inner(body: JsonObject) -> JsonObject:
    found = _properties(body).get("properties")
    return found if isinstance(found, dict) else {}


def _status(body: JsonObject) -> str:
    return str(_properties(body).get("status") or "").lower()


def _last_sign(job: JsonObject) -> datetime | None:
    """ARM's jobs have no time of their end: the run's own property where it is there, else the last change, else the
    making. Whether it ran at an earlier look is the expiry's to remember."""
    times = [
        _time(_inner(job), "EndTimeUtc"),
        *(_time(job.get("systemData"), one) for one in ("lastModifiedAt", "createdAt")),
    ]
    return max((one for one in times if one is not None), default=None)


def _time(body: Any, name: str) -> datetime | None:
    text = body.get(name) if isinstance(body, dict) else None
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
