"""The pure core: tables of errors, decisions on hand-made states, and properties of any blueprint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Throttled, Transient
from controlplane.operations.model import Operation, OperationKind, OperationStatus, Step, StepStatus
from controlplane.ports.reader import OperationReading
from controlplane.ports.writer import Accepted
from controlplane.workspaces import kinds as k
from controlplane.workspaces.arm_errors import BACKOFF, TABLE, Verdict, look_up
from controlplane.workspaces.ending import REST, rest_until
from controlplane.workspaces.model import Blueprint, Observed, Resource
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.reconcile.apply import apply
from controlplane.workspaces.reconcile.classify import (
    Adopt,
    Attempt,
    Fail,
    Gone,
    Recover,
    Retry,
    classify_error,
    classify_failure,
)
from controlplane.workspaces.reconcile.decide import decide
from controlplane.workspaces.reconcile.planning import plan_steps, urgency
from controlplane.workspaces.reconcile.state import Look, Outcome, Poll, Put, State
from controlplane.workspaces.records import WorkspaceRecord
from tests.support.tick_world import GROUP, STORAGE, SUBSCRIPTION, VNET, World, meaning, resource, small_resources
from tests.support.virtual_time import run

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
ROLE = "Microsoft.Authorization/roleAssignments"
ENDPOINT = "Microsoft.Network/privateEndpoints"
VAULT = "Microsoft.KeyVault/vaults"
PUT = Attempt("Microsoft.Network/virtualNetworks", False, 1)
DELETE = Attempt("Microsoft.Network/virtualNetworks", True, 1)


# -- the table of errors ---------------------------------------------------------------------------------------------


def test_every_row_names_its_source_and_stands_alone() -> None:
    assert all(row.source for row in TABLE)
    names = [(row.code.lower(), (row.type or "").lower()) for row in TABLE]
    assert len(names) == len(set(names))


def test_a_row_for_a_type_goes_before_the_general_one() -> None:
    row = look_up("roleassignmentexists", ROLE.upper())
    assert row is not None and row.verdict is Verdict.ADOPT
    assert look_up("RoleAssignmentExists", "Microsoft.Network/virtualNetworks") is None


CASES: dict[str, tuple[ControlPlaneError, Attempt, type[Any]]] = {
    "policy": (Rejected("RequestDisallowedByPolicy", "no"), PUT, Fail),
    "unknown refusal": (Rejected("NeverSeen", "no"), PUT, Fail),
    "unknown conflict": (Conflict("NeverSeenConflict", "no"), PUT, Fail),
    "unknown passing fault": (Transient("NeverSeen", "x", retry_after=0), PUT, Retry),
    "in progress": (Conflict("AnotherOperationInProgress", "x"), PUT, Retry),
    "new principal": (Rejected("PrincipalNotFound", "x"), Attempt(ROLE, False, 1), Retry),
    "grant exists": (Conflict("RoleAssignmentExists", "x"), Attempt(ROLE, False, 1), Adopt),
    "endpoint to a busy vault": (Conflict("ConflictError", "x"), Attempt(ENDPOINT, False, 1), Retry),
    "vault with a soft-deleted name": (Conflict("ConflictError", "x"), Attempt(VAULT, False, 1), Recover),
    "vault that does not come back": (Conflict("ConflictError", "x"), Attempt(VAULT, False, 3), Fail),
    "429 under any name": (Throttled("OfAProvider", "x", retry_after=1), Attempt("t", False, 50, 50), Retry),
    "gateway of a subnet that just went": (Rejected("InUseNatGatewayCannotBeDeleted", "x"), DELETE, Retry),
    "gone when deleting": (Rejected("ResourceNotFound", "x"), DELETE, Gone),
    "parent gone when deleting": (Rejected("ParentResourceNotFound", "x"), DELETE, Gone),
    "parent not yet there": (Rejected("ParentResourceNotFound", "x"), PUT, Retry),
    "attempts used up": (Transient("ServerBusy", "x", retry_after=0), Attempt("t", False, 12), Fail),
    "wrong host": (Fatal("UnexpectedHost", "x"), PUT, Fail),
}


@pytest.mark.parametrize(("error", "attempt", "wanted"), CASES.values(), ids=CASES.keys())
def test_errors(error: ControlPlaneError, attempt: Attempt, wanted: type[Any]) -> None:
    assert isinstance(classify_error(error, attempt), wanted)


def test_retry_after_wins_over_every_back_off() -> None:
    for code in (row.code for row in TABLE if row.verdict in BACKOFF):
        answer = classify_error(Transient(code, "x", retry_after=77.0), PUT)
        assert isinstance(answer, Retry) and answer.seconds == 77.0


def test_waiting_and_throttling_are_no_attempts() -> None:
    for code in ("AnotherOperationInProgress", "TooManyRequests"):
        answer = classify_error(Transient(code, "x", retry_after=1), Attempt("t", False, 500, waits=500))
        assert isinstance(answer, Retry) and not answer.counts


def test_a_fault_that_may_hide_an_effect_is_resolved_by_reading() -> None:
    lost = classify_error(Transient("ConnectionReset", "x", retry_after=1), PUT)
    refused = classify_error(Conflict("AnotherOperationInProgress", "x"), PUT)
    assert isinstance(lost, Retry) and not lost.not_sent
    assert isinstance(refused, Retry) and refused.not_sent


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("QuotaExceeded", Fail),
        (None, Fail),
        ("RetryableError", Retry),
        ("InternalServerError", Retry),
        ("Canceled", Retry),
        ("CanceledAndSupersededDueToAnotherOperation", Retry),
    ],
)
def test_failed_operations(code: str | None, wanted: type[Any]) -> None:
    assert isinstance(classify_failure(code, "m", PUT), wanted)


@given(st.sampled_from(sorted(BACKOFF)), st.integers(1, 10_000))
def test_back_off_grows_and_is_bounded(verdict: Verdict, attempt: int) -> None:
    backoff = BACKOFF[verdict]
    assert 0 < backoff.delay(attempt) <= backoff.delay(attempt + 1) <= backoff.most


# -- decisions ---------------------------------------------------------------------------------------------------------


def state_of(
    resources: tuple[Resource, ...], kind: OperationKind = OperationKind.CREATE, observed: Observed | None = None
) -> State:
    """An operation that begins."""
    blueprint = Blueprint("ws", SUBSCRIPTION, "westeurope", resources, (GROUP,))
    seen = observed or Observed({})
    steps = plan_steps(kind, make_plan(blueprint, seen, {}), blueprint, seen)
    operation = Operation(
        id="op",
        kind=kind,
        target="workspaces/ws",
        project="churn",
        generation=1,
        status=OperationStatus.RUNNING,
        steps=steps,
        created_at=NOW,
        created_by="ada",
        last_modified_at=NOW,
    )
    return State(blueprint, operation, seen, {})


TWO = (small_resources()[0], small_resources()[3])


def test_what_has_dependencies_waits_for_them() -> None:
    first = decide(state_of(TWO), NOW, 16)
    assert [type(act) for act in first.acts] == [Put]
    made = Accepted(201, {"id": GROUP, "location": "westeurope", "tags": {"project": "churn"}})
    after = apply(first.state, Outcome(first.acts[0], made), NOW)
    second = decide(after, NOW, 16)
    assert [act.id for act in second.acts if isinstance(act, Put)] == [STORAGE]


def test_an_intent_is_in_the_state_before_the_write() -> None:
    decision = decide(state_of(TWO), NOW, 16)
    step = decision.state.steps[0]
    assert (step.status, step.resource_id, step.attempts) == (StepStatus.RUNNING, GROUP, 1)
    assert decision.state.inventory["resource-group"].resource_id == GROUP


def test_nothing_is_begun_without_capacity() -> None:
    decision = decide(state_of(TWO), NOW, 0)
    assert decision.acts == ()
    assert decision.held_back
    assert decision.state.steps[0].status is StepStatus.PENDING


def test_what_others_wait_for_longest_goes_first() -> None:
    """With room for one call, the registry (workspace, cluster behind it) goes before network and logs."""
    resources = small_resources()
    blueprint = Blueprint("ws", SUBSCRIPTION, "westeurope", resources, (GROUP,))
    seen = Observed({"resource-group": {"id": GROUP, "location": "westeurope", "tags": {"project": "churn"}}})
    plan = make_plan(blueprint, seen, {}, {k.REGISTRY: 500.0})
    state = replace(state_of(resources, observed=seen), urgency=urgency(plan))
    decision = decide(state, NOW, 1)
    assert [state.steps[act.index].key for act in decision.acts] == ["registry"]
    assert decision.held_back
    assert sum(step.status is StepStatus.RUNNING for step in decision.state.steps) == 1


def _polling(poll_at: datetime) -> State:
    state = state_of(TWO)
    return state.with_step(
        0, status=StepStatus.RUNNING, operation_url="https://x", poll_at=poll_at, resource_id=GROUP, attempts=1
    )


def test_nothing_is_polled_too_early() -> None:
    due = NOW + timedelta(seconds=10)
    early = decide(_polling(due), due - timedelta(microseconds=1), 16)
    assert early.acts == () and early.next_at == due
    assert decide(_polling(due), due, 16).acts == (Poll(0, "https://x"),)


def test_an_unfinished_intent_is_read_before_it_is_repeated() -> None:
    state = state_of(TWO).with_step(0, status=StepStatus.RUNNING, resource_id=GROUP, attempts=1)
    decision = decide(state, NOW, 16)
    assert [type(act) for act in decision.acts] == [Look]
    absent = apply(decision.state, Outcome(decision.acts[0], None), NOW)
    assert [type(act) for act in decide(absent, NOW, 16).acts] == [Put]
    body = {"id": GROUP, "location": "westeurope", "tags": {"project": "churn"}}
    there = apply(decision.state, Outcome(decision.acts[0], body), NOW)
    assert there.steps[0].status is StepStatus.SUCCEEDED


def test_after_success_the_resource_is_looked_at_and_must_match() -> None:
    state = decide(_polling(NOW), NOW, 16).state
    landed = apply(state, Outcome(Poll(0, "https://x"), OperationReading("Succeeded")), NOW)
    (look,) = decide(landed, NOW, 16).acts
    assert isinstance(look, Look)
    stale = apply(landed, Outcome(look, {"id": GROUP, "location": "westeurope", "tags": {}}), NOW)
    assert stale.steps[0].status is StepStatus.RUNNING
    assert stale.steps[0].waiting_for == "NotYetVisible"


def test_a_step_that_failed_stops_what_has_not_begun() -> None:
    three = (*TWO, resource("vnet", k.VNET, VNET, ("resource-group",)))
    state = decide(state_of(three), NOW, 16).state
    refused = Rejected("RequestDisallowedByPolicy", "no")
    act = Put(0, GROUP, "v", {})
    decision = decide(apply(state, Outcome(act, error=refused), NOW), NOW, 16)
    assert decision.acts == ()
    assert [step.status for step in decision.state.steps] == [StepStatus.FAILED, *[StepStatus.CANCELED] * 2]


def test_cancel_lets_nothing_begin_and_hears_out_what_runs() -> None:
    state = _polling(NOW + timedelta(seconds=5))
    wished = State(state.blueprint, state.operation.model_copy(update={"cancel_requested": True}), state.observed, {})
    decision = decide(wished, NOW, 16)
    assert [step.status for step in decision.state.steps] == [StepStatus.RUNNING, StepStatus.CANCELED]
    assert decision.next_at == NOW + timedelta(seconds=5)


# -- properties --------------------------------------------------------------------------------------------------------


@st.composite
def blueprints(draw: st.DrawFn) -> tuple[Resource, ...]:
    """A group, and up to nine networks, accounts and zones in any order of dependency."""
    found = [small_resources()[0]]
    for number in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from([k.VNET, k.LOG_ANALYTICS, k.DNS_ZONE, k.NSG, k.COMPONENT]))
        others = [r.key for r in found[1:]]
        needs = draw(st.sets(st.sampled_from(others))) if others else set()
        arm_id = f"{GROUP}/providers/{kind}/r{number}"
        found.append(resource(f"r{number}", kind, arm_id, tuple(sorted({"resource-group", *needs}))))
    return tuple(found)


FAULTS: dict[str, Callable[[], ControlPlaneError]] = {
    "500": lambda: Transient("InternalServerError", "x", retry_after=0),
    "reset": lambda: Transient("ConnectionReset", "x", retry_after=3),
    "429": lambda: Transient("TooManyRequests", "x", retry_after=11),
    "409": lambda: Conflict("AnotherOperationInProgress", "x"),
}


@settings(max_examples=40)
@given(
    blueprints(),
    st.lists(
        st.tuples(
            st.sampled_from(["PUT", "GET", "POLL", "LIST"]),
            st.sampled_from(sorted(FAULTS)),
            st.booleans(),
            st.integers(1, 4),
        ),
        max_size=4,
    ),
    st.sampled_from([15.0, 60.0]),
    st.booleans(),
)
def test_any_blueprint_is_reached_under_any_passing_faults(
    resources: tuple[Resource, ...],
    faults: list[tuple[str, str, bool, int]],
    tick_seconds: float,
    forget: bool,
) -> None:
    """Everything exists, each once; no dependency was written after its dependant; nothing was polled too early; and a
    second operation finds nothing to do."""

    async def scene(world: World) -> None:
        operation = await world.do(OperationKind.CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert set(world.azure.resources) == {str(r.id).lower() for r in resources}
        assert set(world.azure.created.values()) == {1}
        assert world.azure.early_polls == 0
        _in_order(world, operation.steps)
        before = len(world.azure.writes())
        again = await world.do(OperationKind.UPDATE)
        assert again.steps == () and len(world.azure.writes()) == before

    with meaning(World(resources=resources, tick_seconds=tick_seconds)) as world:
        world.azure.forget_operations = forget
        for method, name, after, times in faults:
            world.azure.fail(method, "", FAULTS[name], times, after=after and method == "PUT")
        run(scene(world))


def _in_order(world: World, steps: tuple[Step, ...]) -> None:
    ended = {step.key: step.ended_at for step in steps}
    for step in steps:
        for need in world.blueprint().by_key[step.key].depends_on:
            done = ended[need]
            assert done is not None
            assert step.started_at is None or done <= step.started_at


@given(st.text(min_size=1, max_size=40), st.integers(1, 1000))
def test_rest_is_six_hours_give_or_take_a_fifth_and_always_the_same(name: str, generation: int) -> None:
    record = WorkspaceRecord(
        name=name,
        project="p",
        resource_group="g",
        spec={},
        generation=generation,
        created_at=NOW,
        created_by="a",
        last_modified_at=NOW,
        last_modified_by="a",
    )
    pause = rest_until(record, NOW) - NOW
    assert REST * 0.8 <= pause <= REST * 1.2
    assert rest_until(record, NOW) - NOW == pause


def test_virtual_time_does_not_wait() -> None:
    """What these tests rest on."""

    async def scene() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run(scene()) == 3600
