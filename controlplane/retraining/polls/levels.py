"""What logs say of an endpoint's window, and the two levels at which calls are throttled (S3-93). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.retraining.polls.judge import Observation
from controlplane.retraining.polls.model import WINDOW
from controlplane.retraining.polls.queries import Traffic
from controlplane.retraining.polls.watch import Rule, Watch
from controlplane.retraining.signal import SignalKind

#: Of a subscription and no endpoint: not a monitor's to say. Told when it lasts for two windows.
WAITS = Rule(raise_at=1, clear_at=0, windows=2)
#: Of anybody's calls in the subscription; a few are met by who asks again as told.
REFUSED = Rule(raise_at=10, clear_at=1, windows=2)
SERVICE_LEVEL, ARM_LEVEL = "service", "resourceManager"
Found = Mapping[tuple[str, datetime], Traffic]


@dataclass(frozen=True, slots=True)
class Level:
    """``of``: milliseconds that an endpoint's calls waited, or seconds since Resource Manager's last wait ended; None
    is unknown for the first, and never for the second."""

    of: Callable[[float | None, Rule], Observation]
    requirements: tuple[str, ...] = ()


def _service(delay: float | None, rule: Rule) -> Observation:
    """S3-92: the sum of both ways' delays."""
    return Observation(SignalKind.THROTTLING, "ThrottlingDelayMs", delay, rule)


def _resource_manager(wait: float | None, rule: Rule) -> Observation:
    """That we were told to wait is known for sure; so is that we were not."""
    waited = wait is not None and wait <= WINDOW.total_seconds()
    return Observation(SignalKind.THROTTLING, "ResourceManagerWaits", float(waited), rule, part="arm")


def _refused(count: float | None, rule: Rule) -> Observation:
    return Observation(SignalKind.THROTTLING, "ResourceManager429", count, rule, part="subscription")


#: Of each endpoint, and of each workspace.
SERVICE: dict[str, Level] = {"bandwidth": Level(_service, ("S3-93",))}
RESOURCE_MANAGER: dict[str, Level] = {"waits": Level(_resource_manager, ("S3-93",))}
#: Of a workspace's subscription, by Azure's own count of it.
SUBSCRIPTION: dict[str, Level] = {"refused": Level(_refused, ("S3-93",))}


def unwatched(logs_read: bool, refused: float | None) -> tuple[str, ...]:
    """S3-93: the levels at which throttling could not be seen in a window. That no call was made is seen."""
    levels = {SERVICE_LEVEL: not logs_read, ARM_LEVEL: refused is None}
    return tuple(name for name, is_missing in levels.items() if is_missing)


def of_traffic(found: Found, name: str, end: datetime, watch: Watch) -> tuple[Observation, ...]:
    """No rows is unknown: logs may be late, off, or there was no call."""
    latest, before = found.get((name, end - WINDOW)), found.get((name, end - 2 * WINDOW))
    share = delay = rise = volume = None
    if latest is not None and latest.calls > 0:
        share, delay, volume = latest.errors / latest.calls, latest.delay, float(latest.calls)
        if before is not None and before.calls > 0:
            # Of none before, one is taken: what begins at nothing rises by as many as there are.
            rise = latest.server / max(before.server, 1)
    return (
        Observation(SignalKind.ERRORS, "ErrorShare", share, watch.errors, volume=volume),
        Observation(SignalKind.ERRORS, "ServerErrorsRise", rise, watch.rise, part="rise", volume=volume, severe=True),
        *(level.of(delay, watch.throttling) for level in SERVICE.values()),
    )


def of_arm(wait: float | None, refused: float | None) -> tuple[Observation, ...]:
    """S3-93: the other level: what we were told, and what Azure counts of everybody's calls."""
    told = tuple(level.of(wait, WAITS) for level in RESOURCE_MANAGER.values())
    return (*told, *(level.of(refused, REFUSED) for level in SUBSCRIPTION.values()))
