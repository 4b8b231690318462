"""The loop inside a tick: decide, store the intents, send, take what comes back first, again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controlplane.operations.model import ErrorBody, Operation, OperationKind, OperationStatus, Step
from controlplane.workspaces.arm_errors import LOOKS
from controlplane.workspaces.ending import DEADLINE_EXCEEDED
from controlplane.workspaces.model import Observed
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.plan_checks.managed_network import kept_from
from controlplane.workspaces.reconcile import finish, steps
from controlplane.workspaces.reconcile.apply import apply
from controlplane.workspaces.reconcile.calls import perform
from controlplane.workspaces.reconcile.decide import Decision, Phase, decide, dependants_of, expire, phase
from controlplane.workspaces.reconcile.deps import TickDeps
from controlplane.workspaces.reconcile.finish import Sight
from controlplane.workspaces.reconcile.planning import (
    KEEPS,
    deletion_steps,
    never_as_declared,
    plan_steps,
    refusal,
    timed_out,
    unreadable_removals,
    urgency,
)
from controlplane.workspaces.reconcile.rights import rights_missing
from controlplane.workspaces.reconcile.session import Session
from controlplane.workspaces.reconcile.state import Act, Delete, Outcome, Put, State, StepAction
from controlplane.workspaces.records import Owned

#: Whole looks before a difference at the end counts as one: reads may lag behind writes.
_VERIFY_PAUSES = (0.5, 1.0, 2.0)
#: How often in one tick steps may be added because the whole look at the end showed differences.
MAX_ROUNDS = 3
_UNREADABLE_PAUSE = timedelta(seconds=15)
#: A tick that waits asks this often whether somebody cancelled meanwhile.
HEED = timedelta(seconds=3)


@dataclass(frozen=True)
class End:
    """Why the loop stopped. ``WORKING``: come back at ``next_at`` (system clock)."""

    phase: Phase
    next_at: datetime
    sight: Sight | None = None
    error: ErrorBody | None = None


class Runner:
    """One operation in one tick."""

    def __init__(self, session: Session, deps: TickDeps, deadline: datetime) -> None:
        self._session = session
        self._deps = deps
        self._deadline = deadline
        self._leave_at = deps.system.now() + timedelta(seconds=deps.tick_seconds)
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._state: State
        self._saved: tuple[Operation, Mapping[str, Owned]]
        self._acted = False
        self._heed_at = deps.system.now() + HEED
        self._rounds = 0
        self._refreshes = 0

    @property
    def inventory(self) -> Mapping[str, Owned]:
        return self._state.inventory

    def types(self) -> Mapping[str, str]:
        """Key → ARM type of what this operation is about."""
        known = {key: owned.type for key, owned in self._state.inventory.items()}
        return known | {r.key: r.type for r in self._state.blueprint.resources}

    async def run(self, sight: Sight, operation: Operation) -> End:
        """Until the operation has an end, or the tick must leave."""
        inventory = self._session.stored.status.inventory
        self._saved = (operation, inventory)
        self._state = State(
            blueprint=sight.blueprint,
            operation=operation,
            observed=sight.observed,
            inventory=inventory,
            dependants=dependants_of(sight.blueprint, inventory),
            urgency=urgency(sight.plan),
            ahead=self._deps.clock.now() - self._deps.system.now(),
        )
        if operation.status is OperationStatus.NOT_STARTED:
            if operation.cancel_requested:
                return self._end(Phase.CANCELED)
            unreadable = self._unreadable(sight)
            if unreadable is not None:
                return unreadable
            refused = await rights_missing(self._deps.reader, operation.kind, sight.blueprint) or self._begin(sight)
            if refused is not None:
                return self._end(Phase.FAILED, error=refused)
        try:
            return await self._loop(sight)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, sight: Sight) -> ErrorBody | None:
        """The first steps of an operation, or why there are none."""
        operation = self._state.operation
        if operation.kind is OperationKind.DELETE:
            planned, owned = deletion_steps(sight.blueprint, sight.observed, self._state.inventory)
            gone = {key: one for key, one in self._state.inventory.items() if key not in owned}
            dependants = dependants_of(sight.blueprint, owned)
            self._state = replace(self._state, inventory=owned, dependants=dependants)
            self._state = steps.gone_with_group(self._state, gone, self._deps.system.now())
        else:
            if self._is_refused(sight):
                return refusal(sight.plan)
            if impossible := self._impossible(sight):
                return impossible
            wishes = (operation.reapply, operation.recreate)
            planned = plan_steps(operation.kind, sight.plan, sight.blueprint, sight.observed, wishes)
        self._extend(planned)
        return None

    def _impossible(self, sight: Sight) -> ErrorBody | None:
        """Somebody may have isolated the workspace further, or made computes, since the request was accepted; a repair
        leaves that."""
        details = kept_from(sight.blueprint, sight.observed, self._state.inventory)
        if not details or self._state.operation.kind in KEEPS:
            return None
        return ErrorBody(code=details[0].code, message=details[0].message, target=details[0].target)

    def _unreadable(self, sight: Sight) -> End | None:
        """Comes back later when nobody can say whether the operation would destroy something."""
        operation = self._state.operation
        if operation.allow_destructive or operation.kind in (*KEEPS, OperationKind.DELETE):
            return None
        removals = unreadable_removals(sight.plan, sight.blueprint)
        if not removals:
            return None
        if self._deps.clock.now() > self._deadline:
            return self._end(Phase.FAILED, error=ErrorBody(code=DEADLINE_EXCEEDED, message=removals[0].reason))
        return self._end(Phase.WORKING, next_at=self._deps.system.now() + _UNREADABLE_PAUSE)

    def _undecided(self, sight: Sight) -> frozenset[str]:
        """Keys about which a look said nothing, and which therefore get no step."""
        consent = self._state.operation.allow_destructive
        removals = () if consent else unreadable_removals(sight.plan, sight.blueprint)
        return frozenset((*sight.observed.unknown, *(change.key for change in removals)))

    def _is_refused(self, sight: Sight) -> bool:
        operation = self._state.operation
        consent = operation.allow_destructive or operation.kind in KEEPS
        return bool(sight.plan.destructive) and not consent

    def _extend(self, more: tuple[Step, ...]) -> None:
        operation = self._state.operation
        update = {"status": OperationStatus.RUNNING, "steps": (*operation.steps, *more)}
        self._state = replace(self._state, operation=operation.model_copy(update=update))

    async def _loop(self, sight: Sight) -> End:
        while True:
            now = self._deps.system.now()
            if self._deps.clock.now() > self._deadline:
                return await self._expire()
            decision = self._decide(now)
            await self._send(decision)
            if self._tasks or self._worth_waiting(decision):
                await self._wait(decision.next_at)
                continue
            if decision.held_back or decision.next_at is not None:
                return self._end(Phase.WORKING, next_at=decision.next_at or now)
            current = phase(self._state)
            match current:
                case Phase.VERIFY:
                    end = await self._verify(sight)
                case Phase.REPLAN:
                    end = await self._refresh()
                case _:
                    end = self._end(current)
            if end is not None:
                return end

    async def _expire(self) -> End:
        """The operation's time is over: what is in flight is heard out, nothing else is begun."""
        while self._tasks:
            await self._wait(None)
        self._state = expire(self._state, self._deps.system.now())
        await self._save()
        failed = phase(self._state) is Phase.FAILED
        return self._end(Phase.FAILED, error=None if failed else timed_out(self._state.observed))

    def _decide(self, now: datetime) -> Decision:
        room = max(0, self._deps.max_parallel - len(self._tasks))
        decision = decide(self._state, now, room if now < self._leave_at else 0)
        self._state = decision.state
        return decision

    async def _send(self, decision: Decision) -> None:
        """Reads go out at once; writes after their intents are stored, all of this round in one commit."""
        writes = [act for act in decision.acts if isinstance(act, Put | Delete)]
        self._spawn([act for act in decision.acts if not isinstance(act, Put | Delete)])
        await self._save()
        if self._state.operation.cancel_requested and writes:
            now = self._deps.system.now()
            for act in writes:
                self._state = steps.withdraw(self._state, act, now)
            return
        self._spawn(writes)

    def _spawn(self, acts: Sequence[Act]) -> None:
        for act in acts:
            self._acted = self._acted or isinstance(act, Put | Delete)
            self._tasks.add(asyncio.ensure_future(perform(act, self._deps.reader, self._deps.writer)))

    async def _save(self) -> None:
        """Stores what changed since the last commit."""
        operation, inventory = self._saved
        state = self._state
        if state.operation is operation and state.inventory is inventory:
            return
        status = None
        first = operation.status is OperationStatus.NOT_STARTED
        if first or state.inventory is not inventory:
            status = self._session.stored.status.model_copy(update={"inventory": dict(state.inventory)})
            if first:
                status = finish.reconciling(status, operation.kind, self._deps.clock.now())
        changed = state.operation.model_copy(update={"last_modified_at": self._deps.clock.now()})
        stored = await self._session.commit(status=status, operation=changed)
        assert stored is not None
        self._state = replace(state, operation=stored)
        self._saved = (stored, self._state.inventory)

    def _worth_waiting(self, decision: Decision) -> bool:
        return not decision.held_back and decision.next_at is not None and decision.next_at < self._leave_at

    async def _wait(self, next_at: datetime | None) -> None:
        """For the first answer, or until something becomes possible, or it is time to ask for a wish to cancel."""
        until = self._heed_at if next_at is None else min(next_at, self._heed_at)
        pause = (until - self._deps.system.now()).total_seconds()
        timer = asyncio.ensure_future(self._deps.system.sleep(max(0.0, pause)))
        waiting: set[asyncio.Future[Outcome] | asyncio.Future[None]] = {*self._tasks, timer}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
        now = self._deps.system.now()
        done = {task for task in self._tasks if task.done()}
        self._tasks -= done
        for outcome in sorted((task.result() for task in done), key=lambda o: o.act.index):
            self._state = apply(self._state, outcome, now)
        if now >= self._heed_at and not self._state.operation.cancel_requested:
            self._state = replace(self._state, operation=await self._session.heed(self._state.operation))
        if now >= self._heed_at:
            self._heed_at = self._deps.system.now() + HEED

    async def _verify(self, first: Sight) -> End | None:
        """The whole look at the end. None when there is more to do."""
        if self._state.operation.kind is OperationKind.DELETE:
            return self._end(Phase.VERIFY)
        sight, more = first, self._missing(first)
        for pause in (0.0, *_VERIFY_PAUSES):
            if not self._acted and not more and not self._state.steps:
                break
            await self._deps.system.sleep(pause)
            sight = await self._look()
            more = self._missing(sight)
            if not more:
                break
        if not more:
            return self._end(Phase.VERIFY, sight=sight)
        self._state = replace(self._state, observed=sight.observed, watches={})
        undecided = self._undecided(sight)
        readable = tuple(step for step in more if step.key not in undecided)
        if not readable:
            return self._end(Phase.WORKING, next_at=self._deps.system.now() + _UNREADABLE_PAUSE)
        if self._is_refused(sight):
            return self._end(Phase.FAILED, error=refusal(sight.plan))
        self._rounds += 1
        if self._rounds > MAX_ROUNDS:
            return self._end(Phase.FAILED, error=never_as_declared(readable))
        self._extend(readable)
        return None

    async def _refresh(self) -> End | None:
        """Steps wait for something that was not seen, or that went away meanwhile: looks at the whole again, and adds
        what nobody is about to do."""
        pause = LOOKS.delay(self._refreshes) if self._refreshes else 0.0
        self._refreshes += 1
        if (again := self._deps.system.now() + timedelta(seconds=pause)) >= self._leave_at:
            return self._end(Phase.WORKING, next_at=again)
        await self._deps.system.sleep(pause)
        sight = await self._look()
        self._state = replace(self._state, observed=sight.observed)
        if self._state.operation.kind is not OperationKind.DELETE:
            taken = self._state.open_keys | self._undecided(sight)
            more = tuple(step for step in self._missing(sight) if step.key not in taken)
            if any(step.action == StepAction.DELETE for step in more) and self._is_refused(sight):
                return self._end(Phase.FAILED, error=refusal(sight.plan))
            if more:
                self._extend(more)
        return None

    def _missing(self, sight: Sight) -> tuple[Step, ...]:
        return plan_steps(self._state.operation.kind, sight.plan, sight.blueprint, sight.observed)

    async def _look(self) -> Sight:
        blueprint = self._state.blueprint
        observed: Observed = await take_snapshot(
            blueprint, self._deps.reader, self._state.inventory, self._deps.max_parallel
        )
        return Sight(blueprint, observed, make_plan(blueprint, observed, self._state.inventory))

    def _end(
        self,
        reason: Phase,
        *,
        next_at: datetime | None = None,
        sight: Sight | None = None,
        error: ErrorBody | None = None,
    ) -> End:
        return End(reason, next_at or self._deps.system.now(), sight, error)
