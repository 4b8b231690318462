"""What came of a call, put into the state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from controlplane.errors import ControlPlaneError, Fatal, NotYet, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody, StepStatus
from controlplane.ports.reader import OperationReading
from controlplane.ports.writer import Accepted
from controlplane.workspaces.arm_errors import BACKOFF, LOOKS, Verdict
from controlplane.workspaces.model import Unreadable
from controlplane.workspaces.reconcile import steps
from controlplane.workspaces.reconcile.classify import (
    Adopt,
    Answer,
    Attempt,
    Fail,
    Gone,
    Recover,
    Retry,
    classify_error,
    classify_failure,
)
from controlplane.workspaces.reconcile.decide import with_gate
from controlplane.workspaces.reconcile.judge import judge
from controlplane.workspaces.reconcile.state import (
    Act,
    Delete,
    Inspect,
    Look,
    Outcome,
    Poll,
    Put,
    State,
    StepAction,
    in_progress,
)

UNAUTHORIZED = 401
#: So many 401s in a row end a step: what a new token does not cure in a few seconds, a person has to.
MAX_UNAUTHORIZED = 5


def apply(state: State, outcome: Outcome, now: datetime) -> State:
    """``now`` is when the answer came; Retry-After counts from it."""
    index = outcome.act.index
    state = state.without_busy(index)
    if isinstance(outcome.error, Rejected) and outcome.error.status == UNAUTHORIZED:
        return _unauthorized(state, outcome.act, outcome.error, now)
    if state.watch(index).refused:
        state = state.with_watch(index, refused=0)
    match outcome.act, outcome.error, outcome.result:
        case Put() | Delete() as act, ControlPlaneError() as error, _:
            return _after(state, act, classify_error(error, attempt(state, index)), now)
        case _, ControlPlaneError() as error, _:
            return _unread(state, outcome.act, error, now)
        case Put() | Delete(), None, Accepted() as accepted:
            return _accepted(state, index, accepted, now)
        case Delete(), None, None:
            return steps.deleted(state, index, now)
        case Poll() as act, None, OperationReading() as reading:
            return _polled(state, act, reading, now)
        case Look(), None, tuple():
            raise Fatal("InvalidOutcome", "A look has one body or none.")
        case Look(), None, body:
            return _seen(state, index, _as_body(body), now)
        case Inspect() as inspect, None, tuple() as left:
            if not all(steps.goes_with_group(item, state.operation.target) for item in left):
                return steps.leave_group(state, index, inspect.group_id, left, now)
            return state.with_watch(index, write_due=True)
        case _:
            raise Fatal("InvalidOutcome", f"{type(outcome.act).__name__} cannot end so.")


def attempt(state: State, index: int) -> Attempt:
    """Of what an error of this step is the answer."""
    step = state.steps[index]
    owned = state.inventory.get(step.key)
    resource = state.blueprint.by_key.get(step.key)
    kind = resource.type if resource else owned.type if owned else ""
    return Attempt(kind, step.action == StepAction.DELETE, step.attempts, state.watch(index).waits)


def _as_body(result: object) -> JsonObject | None:
    if result is None or isinstance(result, Mapping):
        return result
    raise Fatal("InvalidOutcome", "A look has one body or none.")


def _accepted(state: State, index: int, taken: Accepted, now: datetime) -> State:
    deleting = state.steps[index].action == StepAction.DELETE
    if taken.operation_url is not None:
        poll_at = now + timedelta(seconds=taken.retry_after)
        return steps.accepted(state, index, taken.operation_url, poll_at, taken.correlation_id)
    if deleting and taken.status != 202:
        return steps.deleted(state, index, now)
    finished = taken.body is not None and not in_progress(taken.body)
    seconds = taken.retry_after or (0.0 if finished else LOOKS.delay(1))
    state = steps.accepted(state, index, None, now + timedelta(seconds=seconds), taken.correlation_id)
    if deleting or taken.body is None or not finished:
        return state
    # The answer of a finished write holds the resource: when it is as wanted, no GET is needed. Otherwise the GET
    # decides, because some providers answer with what was sent, and others leave out what they fill in later.
    judged = judge(state.with_step(index, poll_at=None), index, taken.body, now)
    if isinstance(judged, State) and judged.steps[index].status is StepStatus.SUCCEEDED:
        return judged
    return state.with_step(index, poll_at=None)


def _polled(state: State, act: Poll, reading: OperationReading, now: datetime) -> State:
    index = act.index
    if reading.correlation_id:
        state = state.with_step(index, correlation_id=reading.correlation_id)
    match reading.status:
        case "Succeeded":
            state = state.with_step(index, operation_url=None, poll_at=None, waiting_for=None)
            return state.with_watch(index, landed=True, looks=0)
        case "Failed" | "Canceled":
            state = state.with_step(index, operation_url=None, poll_at=None)
            answer = classify_failure(reading.code, reading.message, attempt(state, index))
            return _after(state, act, answer, now)
        case "Gone":
            return state.with_step(index, operation_url=None, poll_at=None)
        case _:
            looks = state.watch(index).looks
            seconds = reading.retry_after or LOOKS.delay(looks + 1)
            state = state.with_step(index, poll_at=now + timedelta(seconds=seconds))
            return state.with_watch(index, looks=looks + 1)


def _seen(state: State, index: int, body: JsonObject | None, now: datetime) -> State:
    move = judge(state, index, body, now)
    if isinstance(move, State):
        return move
    key = state.steps[index].key
    seen = state.with_body(key, body)
    owned = state.inventory.get(key)
    if isinstance(move, Delete) and owned is not None and steps.is_group(owned):
        # Something may have come into the group since it was inspected; it is inspected again before the DELETE.
        return seen.forget(index).with_step(index, status=StepStatus.PENDING, poll_at=None, waiting_for=None)
    return seen.with_step(index, poll_at=None).with_watch(index, write_due=True, looks=0)


def _after(state: State, act: Act, answer: Answer, now: datetime) -> State:
    """A write that was refused, or an operation that failed."""
    index = act.index
    match answer:
        case Fail(error):
            return steps.fail(state, index, error, now)
        case Gone():
            return steps.deleted(state, index, now)
        case Recover():
            state = state.with_step(index, poll_at=None, waiting_for=None)
            return state.with_watch(index, write_due=True, recover=True, landed=False, looks=0)
        case Adopt():
            state = state.with_step(index, poll_at=None, waiting_for=None)
            return state.with_watch(index, landed=True, by_triple=True, looks=0)
        case Retry() as retry:
            return _retry(state, act, retry, now)


def _retry(state: State, act: Act, retry: Retry, now: datetime) -> State:
    index = act.index
    if retry.throttled and isinstance(act, Put | Delete):
        state = with_gate(state, act.id, now, retry.seconds)
    step, waits = state.steps[index], state.watch(index).waits
    attempts = step.attempts if retry.counts else max(0, step.attempts - 1)
    state = state.with_step(index, attempts=attempts, operation_url=None, error=retry.error)
    state = steps.wait(state, index, retry.error.code, now, seconds=retry.seconds, idle=True)
    return state.with_watch(
        index, waits=0 if retry.counts else waits + 1, write_due=retry.not_sent, landed=False, looks=0
    )


def _unauthorized(state: State, act: Act, error: Rejected, now: datetime) -> State:
    """A token may have expired on its way or been issued by a server whose clock is off; a refusal that stays is final.

    Nothing was done, so a write is still to be sent, and reading Azure tells no more than sending it again.
    """
    index, number = act.index, state.watch(act.index).refused + 1
    body = ErrorBody(code=error.code, message=error.message, target=error.target)
    if number >= MAX_UNAUTHORIZED:
        return steps.fail(state, index, body, now)
    if not isinstance(act, Put | Delete):
        seconds = BACKOFF[Verdict.RETRY_FAST].delay(number)
        state = state.with_step(index, poll_at=now + timedelta(seconds=seconds), waiting_for=error.code)
        return state.with_watch(index, refused=number)
    retry = Retry(BACKOFF[Verdict.RETRY_FAST].delay(number), body, counts=False, not_sent=True)
    return _retry(state, act, retry, now).with_watch(index, refused=number)


def _unread(state: State, act: Act, error: ControlPlaneError, now: datetime) -> State:
    """Azure did not say how it is: nothing is decided; asked again until the operation's time is over."""
    index = act.index
    if isinstance(error, Fatal):
        return steps.fail(state, index, ErrorBody(code=error.code, message=error.message), now)
    looks = state.watch(index).looks
    asked = error.retry_after if isinstance(error, Transient | NotYet) else 0.0
    seconds = max(asked, LOOKS.delay(looks + 1))
    state = state.with_step(index, poll_at=now + timedelta(seconds=seconds), waiting_for=error.code)
    state = state.with_watch(index, looks=looks + 1)
    if isinstance(act, Look):
        state = state.with_unknown(state.steps[index].key, Unreadable(error.code, error.message))
    return state
