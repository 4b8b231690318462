"""Monitors: set, read, taken away. What a monitor needs is looked at before it is taken; ticks do the rest."""

from __future__ import annotations

from datetime import datetime

from controlplane.audit.changes import changes
from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import message_of
from controlplane.operations.model import Condition, Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.known import Known
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.model import Monitor, MonitorSpec, monitor_id
from controlplane.retraining.monitors.preconditions import conflicts, ground
from controlplane.retraining.monitors.rules import parse_monitor
from controlplane.retraining.monitors.site import site_of
from controlplane.retraining.periods import CODE as PERIODS_DISAGREE
from controlplane.retraining.periods import Named, disagreements, named
from controlplane.retraining.services.deps import ModelDeps, Put, current, workspace
from controlplane.retraining.signals.eventgrid import is_name
from controlplane.workspaces.services.deps import stored_spec

MOST = 100
"""Monitors of one workspace."""


class MonitorBody(Model):
    """A monitor as the API answers it: what was asked, and what stands."""

    id: str
    workspace: str
    name: str
    etag: str
    generation: int
    observed_generation: int
    """The generation of which all stands in Azure."""
    deleting: bool
    conditions: tuple[Condition, ...]
    resources: tuple[str, ...]
    """ARM ids of what it has in Azure, some of them shared with other monitors."""
    last_modified_at: datetime
    last_modified_by: str
    spec: MonitorSpec


def monitor_not_found(name: str) -> Rejected:
    """The 404 of a monitor."""
    return Rejected("MonitorNotFound", f"There is no monitor {name!r}.")


async def get_monitor(deps: ModelDeps, caller: Caller, name: str, monitor: str) -> MonitorBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``MonitorNotFound``."""
    found = await workspace(deps, caller, Permission.MONITORS_GET, name)
    stored = await _stored(deps, found, monitor)
    if stored is None:
        raise monitor_not_found(monitor)
    return shown(stored.value)


async def list_monitors(deps: ModelDeps, caller: Caller, name: str) -> tuple[MonitorBody, ...]:
    """In the order of their names."""
    found = await workspace(deps, caller, Permission.MONITORS_LIST, name)
    page = await deps.objects.page(Monitor, f"mo!{name}!", limit=1000)
    return tuple(shown(one) for one in page.values if one.incarnation == found.record.incarnation)


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

    async def attempt() -> Put[MonitorBody]:
        there = await deps.objects.get(Monitor, monitor_id(found.name, monitor))
        stored = current(found, there)
        preconditions.check(shown(stored.value).etag if stored else None)
        if stored is None:
            await _require_room(deps, found)
        elif stored.value.deleting:
            raise Rejected("MonitorIsDeleting", f"Monitor {monitor!r} is being deleted; repeat it when it is gone.")
        elif stored.value.spec == spec:
            return Put(shown(stored.value), created=False, project=found.record.project)
        model = await _model(deps, found, spec.model)
        _require_same_period(model, Named(monitor, spec))
        await _require_same_watch(deps, found, Named(monitor, spec))
        after = _changed(deps, caller, (found, monitor), stored, spec)
        told = {"generation": after.generation, "changes": changes(_json(stored), after.spec.model_dump(mode="json"))}
        # A row that an earlier workspace of this name left is written over: what it had in Azure went with that.
        # With the model's row as it was looked at: a policy that is set meanwhile is a conflict, and looked at again.
        guard = put(model, model.value) if model is not None else []
        await deps.objects.commit([*put(there, after), *guard], _fact(deps, caller, after, told))
        await deps.workspaces.queue.send(message_of(Monitor.KIND, after.id))
        return Put(shown(after), created=stored is None, project=found.record.project)

    return await on_fresh_state(attempt)


async def delete_monitor(deps: ModelDeps, caller: Caller, asked: tuple[str, str], preconditions: Preconditions) -> bool:
    """A tick takes away what it made; False when there was nothing. Signals that came stay."""
    name, monitor = asked
    found = await workspace(deps, caller, Permission.MONITORS_DELETE, name)

    async def attempt() -> bool:
        stored = await _stored(deps, found, monitor)
        preconditions.check(shown(stored.value).etag if stored else None)
        if stored is None or stored.value.deleting:
            return stored is not None
        update = {"deleting": True, "due_at": deps.clock.now(), "generation": stored.value.generation + 1}
        after = stored.value.model_copy(update=update)
        fact = _fact(deps, caller, after, {"change": "deletion asked for"})
        await deps.objects.commit(put(stored, after), fact)
        await deps.workspaces.queue.send(message_of(Monitor.KIND, after.id))
        return True

    return await on_fresh_state(attempt)


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
    page = await deps.objects.page(Monitor, f"mo!{found.name}!", limit=1000)
    for one in named(page.values, found.record.incarnation):
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


async def _require_room(deps: ModelDeps, found: Known) -> None:
    """Each has an event subscription, of which a topic has 500 ("Quotas and limits in Azure Event Grid")."""
    there = await deps.objects.ids(f"mo!{found.name}!", limit=MOST + 1)
    if len(there) >= MOST:
        raise Rejected("TooManyMonitors", f"A workspace has {MOST} monitors at most.")


async def _stored(deps: ModelDeps, found: Known, monitor: str) -> Stored[Monitor] | None:
    if not is_name(monitor):
        return None
    return current(found, await deps.objects.get(Monitor, monitor_id(found.name, monitor)))


def _changed(
    deps: ModelDeps, caller: Caller, about: tuple[Known, str], stored: Stored[Monitor] | None, spec: MonitorSpec
) -> Monitor:
    found, name = about
    now = deps.clock.now()
    told = {"due_at": now, "last_modified_at": now, "last_modified_by": caller.principal, "spec": spec}
    if stored is not None:
        return stored.value.model_copy(update={**told, "generation": stored.value.generation + 1})
    return Monitor(
        id=monitor_id(found.name, name),
        due_at=now,
        workspace=found.name,
        incarnation=found.record.incarnation,
        project=found.record.project,
        name=name,
        spec=spec,
        marks=True,
        last_modified_at=now,
        last_modified_by=caller.principal,
    )


def _fact(deps: ModelDeps, caller: Caller, monitor: Monitor, told: JsonObject) -> Fact:
    about = About(monitor.workspace, monitor.project, monitor.spec.model)
    return by_person(about, deps.clock.now(), caller, Action.MONITOR_CHANGED, {"monitor": monitor.name, **told})


def _json(stored: Stored[Monitor] | None) -> JsonObject | None:
    return None if stored is None else stored.value.spec.model_dump(mode="json")


def shown(monitor: Monitor) -> MonitorBody:
    """What the API answers; the ETag changes with what was asked for, not with what was found."""
    return MonitorBody(
        id=f"workspaces/{monitor.workspace}/monitors/{monitor.name}",
        workspace=monitor.workspace,
        name=monitor.name,
        etag=f'"{monitor.incarnation}.{monitor.generation}.{monitor.last_modified_at.timestamp():.6f}"',
        generation=monitor.generation,
        observed_generation=monitor.observed_generation,
        deleting=monitor.deleting,
        conditions=monitor.conditions,
        resources=monitor.made,
        last_modified_at=monitor.last_modified_at,
        last_modified_by=monitor.last_modified_by,
        spec=monitor.spec,
    )
