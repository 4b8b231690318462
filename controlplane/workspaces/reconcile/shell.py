"""The tick: load, look, decide, act, record, say when it is due again. A thin shell around the pure core."""

from __future__ import annotations

import logging

from controlplane.errors import Conflict, Fatal, Rejected, Transient
from controlplane.operations.model import ErrorBody, Operation, OperationKind, OperationStatus
from controlplane.workspaces import ending
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.effective import effective_spec
from controlplane.workspaces.measured import store_durations
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.reconcile import finish
from controlplane.workspaces.reconcile.decide import Phase
from controlplane.workspaces.reconcile.deps import TickDeps
from controlplane.workspaces.reconcile.finish import Sight
from controlplane.workspaces.reconcile.runner import End, Runner
from controlplane.workspaces.reconcile.session import Session
from controlplane.workspaces.records import WorkspaceRecord

_log = logging.getLogger(__name__)
#: Pause before the next tick when somebody else changed the workspace under this one.
_AFTER_CONFLICT_SECONDS = 1.0


async def tick(name: str, deps: TickDeps) -> None:
    """One wake-up of one workspace. Returns at once when another tick holds it.

    Raises ``Transient`` when the store is away: the message comes again, and so does the due row. The lease is not
    given back then, but ends by itself, as after a crash: what Azure asked this tick to wait for may not have been
    stored, and whoever came next at once would not wait.
    """
    lease = await deps.repository.take_lease(name, deps.owner, deps.system.now(), deps.lease_seconds)
    if lease is None:
        return
    session = Session(deps, lease)
    pause = 0.0
    try:
        await session.guard(_work(session, deps))
    except Conflict as error:
        _log.info("tick gave way workspace=%s code=%s", name, error.code)
        pause = _AFTER_CONFLICT_SECONDS
    except Transient:
        raise
    except BaseException:
        await session.release()
        raise
    await session.release()
    await session.hint_if_due(pause)


async def _work(session: Session, deps: TickDeps) -> None:
    if not await session.load():
        return
    operation = session.operation
    try:
        blueprint = compile_record(session.stored.record, deps)
        if operation is None or operation.status.is_terminal:
            await _observe(session, deps, blueprint)
        else:
            await _converge(session, deps, blueprint, operation)
    except (Fatal, Rejected) as error:
        await _give_up(session, deps, error)


def compile_record(record: WorkspaceRecord, deps: TickDeps) -> Blueprint:
    """What a stored workspace means in Azure. Raises ``Rejected`` when the stored spec is not understood any more."""
    context = CompileContext(
        workspace=record.name,
        incarnation=record.incarnation,
        resource_group=record.resource_group,
        tenant_id=deps.tenant_id,
        cloud=deps.cloud,
        administrators=deps.administrators,
    )
    return compile_blueprint(effective_spec(record), context)


async def _look(session: Session, deps: TickDeps, blueprint: Blueprint) -> Sight:
    inventory = session.stored.status.inventory
    observed = await take_snapshot(blueprint, deps.reader, inventory, deps.max_parallel)
    return Sight(blueprint, observed, make_plan(blueprint, observed, inventory))


async def _observe(session: Session, deps: TickDeps, blueprint: Blueprint) -> None:
    """A workspace at rest: conditions only, no write to Azure."""
    sight = await _look(session, deps, blueprint)
    now = deps.clock.now()
    status = finish.seen_status(session.stored.status, sight, deps.judge, now)
    due = now + finish.UNREADABLE_REST if sight.observed.unknown else ending.rest_until(session.stored.record, now)
    await session.commit(record=ending.at_rest(session.stored.record, session.operation, due), status=status)
    await session.hint_expiry()


async def _converge(session: Session, deps: TickDeps, blueprint: Blueprint, operation: Operation) -> None:
    if session.stored.record.spec.get("management", "manage") != "manage":
        raise Rejected("WorkspaceNotManaged", "The workspace's management is not `manage`; nothing was changed.")
    runner = Runner(session, deps, operation.deadline)
    end = await runner.run(await _look(session, deps, blueprint), operation)
    match end:
        case End(phase=Phase.WORKING, next_at=next_at):
            due = deps.clock.now() + (next_at - deps.system.now())
            await session.commit(record=session.stored.record.model_copy(update={"due_at": due}))
            if due > deps.clock.now():
                await session.hint(due)
        case End(phase=Phase.VERIFY, sight=sight):
            await _succeed(session, deps, runner, sight)
        case End(phase=Phase.CANCELED):
            await _fail(session, deps, OperationStatus.CANCELED, ending.CANCELED)
        case End(error=error):
            ended = session.operation
            assert ended is not None
            await _fail(session, deps, OperationStatus.FAILED, error or finish.error_of(ended))


async def _succeed(session: Session, deps: TickDeps, runner: Runner, sight: Sight | None) -> None:
    operation, stored, now = session.operation, session.stored, deps.clock.now()
    assert operation is not None
    finished = ending.ended(operation, OperationStatus.SUCCEEDED, now)
    if operation.kind is OperationKind.DELETE:
        await session.bury(finished)
    else:
        assert sight is not None
        status = finish.seen_status(stored.status, sight, deps.judge, now).model_copy(
            update={
                "observed_generation": operation.generation,
                "inventory": finish.inventory_of(sight.blueprint, sight.observed, runner.inventory),
            }
        )
        record = ending.at_rest(stored.record, finished, finish.look_again(stored.record, status, now))
        await session.commit(record=record, status=status, operation=finished)
        await session.hint_expiry()
    await _measure(deps, finished, runner)


async def _measure(deps: TickDeps, finished: Operation, runner: Runner) -> None:
    """After everything that counts is stored: losing a measurement costs a worse guess."""
    if deps.durations is None:
        return
    try:
        await store_durations(deps.durations, finished, runner.types())
    except (Transient, Conflict) as error:
        _log.warning("durations lost operation=%s code=%s", finished.id, error.code)


async def _fail(session: Session, deps: TickDeps, status: OperationStatus, error: ErrorBody) -> None:
    """Everything made so far stays in the inventory; the next operation goes on from there."""
    operation, now = session.operation, deps.clock.now()
    assert operation is not None
    finished = ending.ended(operation, status, now, error)
    record = ending.at_rest(session.stored.record, finished, ending.rest_until(session.stored.record, now))
    seen = ending.blind_status(session.stored.status, error, now)
    await session.commit(record=record, status=seen, operation=finished)


async def _give_up(session: Session, deps: TickDeps, error: Fatal | Rejected) -> None:
    """A defect that repeating does not cure ends the operation with its cause, or shows at rest."""
    _log.error("tick failed workspace=%s code=%s message=%s", session.stored.record.name, error.code, error.message)
    body = ErrorBody(code=error.code, message=error.message, target=error.target)
    if session.operation is not None and not session.operation.status.is_terminal:
        await _fail(session, deps, OperationStatus.FAILED, body)
        return
    now = deps.clock.now()
    record = ending.at_rest(session.stored.record, None, ending.rest_until(session.stored.record, now))
    await session.commit(record=record, status=ending.blind_status(session.stored.status, body, now))
