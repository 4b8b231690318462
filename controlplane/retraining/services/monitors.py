"""Monitors: set, read, taken away. What a monitor needs is looked at before it is taken; ticks do the rest."""

from __future__ import annotations

from controlplane.audit.model import Action
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.store import Write
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.declared import DeclaredBody
from controlplane.retraining.known import Known
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.model import Monitor, MonitorSpec
from controlplane.retraining.monitors.preconditions import conflicts, ground
from controlplane.retraining.monitors.rules import parse_monitor
from controlplane.retraining.monitors.site import site_of
from controlplane.retraining.periods import CODE as PERIODS_DISAGREE
from controlplane.retraining.periods import Named, disagreements, named
from controlplane.retraining.services.declared import Asked, Collection, declare, described, withdraw
from controlplane.retraining.services.deps import ModelDeps, Put, current, workspace
from controlplane.workspaces.services.deps import stored_spec

#: Each has an event subscription, of which a topic has 500 ("Quotas and limits in Azure Event Grid").
MONITORS: Collection[Monitor] = Collection(
    kind=Monitor,
    noun="monitor",
    code="Monitor",
    path="monitors",
    label="monitor",
    action=Action.MONITOR_CHANGED,
    most=100,
    spec_of=lambda monitor: monitor.spec,
    model_of=lambda monitor: monitor.spec.model,
    first={"marks": True},
)


class MonitorBody(DeclaredBody):
    """A monitor as the API answers it: what was asked, and what stands."""

    resources: tuple[str, ...]
    """ARM ids of what it has in Azure, some of them shared with other monitors."""
    spec: MonitorSpec


async def get_monitor(deps: ModelDeps, caller: Caller, name: str, monitor: str) -> MonitorBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``MonitorNotFound``."""
    found = await workspace(deps, caller, Permission.MONITORS_GET, name)
    return _shown(await MONITORS.require(deps, found, monitor))


async def list_monitors(deps: ModelDeps, caller: Caller, name: str) -> tuple[MonitorBody, ...]:
    """In the order of their names."""
    found = await workspace(deps, caller, Permission.MONITORS_LIST, name)
    return tuple(_shown(one) for one in await MONITORS.all(deps, found))


async def put_monitor(
    deps: ModelDeps,
    caller: Caller,
    asked: tuple[str, str],
    data: JsonObject,
    preconditions: Preconditions,
    callbacks: Callbacks,
) -> Put[MonitorBody]:
    """Sets or replaces it; ``asked`` is workspace and monitor. Raises ``Rejected``: ``InvalidMonitor``,
    ``MonitorNotPossible`` with everything that it lacks, ``TooManyMonitors``,
    ``MonitorIsDeleting``; ``Conflict``: ``PeriodsDisagree``, ``WatchesDisagree``."""
    name, monitor = asked
    found = await workspace(deps, caller, Permission.MONITORS_PUT, name)
    spec = parse_monitor(monitor, data)
    await _require_possible(deps, found, spec, callbacks)

    async def guard(_: Stored[Monitor] | None) -> list[Write]:
        model = await _model(deps, found, spec.model)
        _require_same_period(model, Named(monitor, spec))
        await _require_same_watch(deps, found, Named(monitor, spec))
        # The model's row as it was looked at: a policy that is set meanwhile is a conflict, and looked at again.
        return put(model, model.value) if model is not None else []

    after, new = await declare(deps, MONITORS, Asked(caller, found, monitor, preconditions), spec, guard)
    return Put(_shown(after), created=new, project=found.record.project)


async def delete_monitor(deps: ModelDeps, caller: Caller, asked: tuple[str, str], preconditions: Preconditions) -> bool:
    """A tick takes away what it made; False when there was nothing. Signals that came stay."""
    name, monitor = asked
    found = await workspace(deps, caller, Permission.MONITORS_DELETE, name)
    return await withdraw(deps, MONITORS, Asked(caller, found, monitor, preconditions))


async def _model(deps: ModelDeps, found: Known, model: str) -> Stored[ModelState] | None:
    return current(found, await deps.objects.get(ModelState, state_id(found.name, model)))


def _require_same_period(model: Stored[ModelState] | None, asked: Named) -> None:
    """Raises ``Conflict("PeriodsDisagree")``: the model's policy counts windows in another period."""
    policy = model.value.policy if model is not None else None
    details = tuple(disagreements(policy, asked.spec.model, (asked,))) if policy is not None else ()
    if details:
        raise Conflict(PERIODS_DISAGREE, details[0].message, target="$.period", details=details)


async def _require_same_watch(deps: ModelDeps, found: Known, asked: Named) -> None:
    """Raises ``Conflict("WatchesDisagree")``: an endpoint is held against one set of thresholds. Of two that are set at
    once, the sweep takes the first by name."""
    if asked.spec.watch is None:
        return
    for one in named(await MONITORS.all(deps, found), found.record.incarnation):
        same = one.spec.endpoint.lower() == asked.spec.endpoint.lower() and one.name != asked.name
        if same and one.spec.watch is not None and one.spec.watch != asked.spec.watch:
            text = f"Monitor {one.name} watches endpoint {one.spec.endpoint} by other thresholds; leave `watch` to one."
            raise Conflict("WatchesDisagree", text, target="$.watch")


async def _require_possible(deps: ModelDeps, found: Known, spec: MonitorSpec, callbacks: Callbacks) -> None:
    """Everything that is missing at once: whoever repairs it should not have to ask five times."""
    if missing := callbacks.missing():
        text = f"This installation has not set {', '.join(missing)}: Azure would have nobody to tell."
        raise Rejected("FeatureNotAvailable", text)
    details: list[ErrorDetail] = [
        one.detail for one in conflicts(stored_spec(found.record), spec, deps.clock.now().date())
    ]
    if not details:
        base = await ground(deps.reader, site_of(found, callbacks), spec)
        details = [one.detail for one in base.unmet]
    if details:
        text = details[0].message if len(details) == 1 else f"{len(details)} things keep the monitor from working."
        raise Rejected("MonitorNotPossible", text, target=details[0].target, details=tuple(details))


def _shown(monitor: Monitor) -> MonitorBody:
    return MonitorBody(**described(MONITORS, monitor), resources=monitor.made, spec=monitor.spec)
