"""Every kind of object beside workspaces, and who works on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from controlplane.notifications import tick as notification_tick
from controlplane.notifications.model import Notification
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Thing
from controlplane.objects.tick import Part
from controlplane.promotion import tick as promotion_tick
from controlplane.promotion.model import Promotion
from controlplane.retraining import keeping
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.labeling import tick as labeling_tick
from controlplane.retraining.labeling.model import LabelingProject
from controlplane.retraining.model import ModelState
from controlplane.retraining.monitors import tick as monitor_tick
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.polls import metrics_tick, sweep_tick, workspace_tick
from controlplane.retraining.polls.model import Poll, Sweep, WorkspacePoll
from controlplane.retraining.remediation import tick as task_tick
from controlplane.retraining.runs import tick as run_tick
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals import tick as signal_tick
from controlplane.retraining.tasks import Task

_Work = Callable[[RetrainingDeps, str, Hold], Awaitable[datetime | None]]
_WORK: tuple[tuple[type[Thing], _Work], ...] = (
    (Signal, signal_tick.work),
    (Run, run_tick.work),
    (ModelState, keeping.work),
    (Monitor, monitor_tick.work),
    (LabelingProject, labeling_tick.work),
    (Promotion, promotion_tick.work),
    (Task, task_tick.work),
    (Notification, notification_tick.work),
    (Sweep, sweep_tick.work),
    (Poll, metrics_tick.work),
    (WorkspacePoll, workspace_tick.work),
)


def parts(deps: RetrainingDeps) -> Mapping[str, Part]:
    """Kind in a queue message → its class and its handler."""
    return {thing.KIND: Part(thing, partial(work, deps)) for thing, work in _WORK}
