"""Retraining policies: set, read, taken away. A policy lives in its model's row: no decision sees half of it."""

from __future__ import annotations

from datetime import datetime

from controlplane.audit.changes import changes
from controlplane.audit.model import Action
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import message_of
from controlplane.operations.model import Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission, Role, app_roles
from controlplane.retraining.declared import index_of
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.history import failures_in_a_row, with_policy
from controlplane.retraining.job_costs import job_cost_of, pools_of
from controlplane.retraining.known import Known
from controlplane.retraining.model import LOOK, ModelState, state_id
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.periods import CODE as PERIODS_DISAGREE
from controlplane.retraining.periods import disagreements, named
from controlplane.retraining.pipelines import require_pipeline
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.policy_rules import parse_policy
from controlplane.retraining.runs.model import Run
from controlplane.retraining.services.deps import ModelDeps, Put, workspace
from controlplane.retraining.signals.eventgrid import is_name


class BreakerBody(Model):
    """Of the circuit breaker: open after so many failures in a row (D27), until a person resets it."""

    open: bool
    failures: int
    """Runs in a row that failed or were rejected, since it was reset."""
    reset_at: datetime | None


class PolicyBody(Model):
    """A policy as the API answers it."""

    id: str
    workspace: str
    model: str
    etag: str
    generation: int
    last_modified_at: datetime | None
    last_modified_by: str | None
    breaker: BreakerBody
    policy: RetrainingPolicy


def policy_not_found(model: str) -> Rejected:
    """The 404 of a model without a policy."""
    return Rejected("RetrainingPolicyNotFound", f"Model {model!r} has no retraining policy.")


async def get_policy(deps: ModelDeps, caller: Caller, name: str, model: str) -> PolicyBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``, ``RetrainingPolicyNotFound``."""
    found = await workspace(deps, caller, Permission.POLICIES_GET, name)
    stored = await stored_state(deps, found, model)
    if stored is None or stored.value.policy is None:
        raise policy_not_found(model)
    return shown(stored.value, stored.value.policy)


async def list_policies(deps: ModelDeps, caller: Caller, name: str) -> tuple[PolicyBody, ...]:
    """In the order of the models' names."""
    found = await workspace(deps, caller, Permission.POLICIES_LIST, name)
    states: list[ModelState] = []
    continuation: str | None = None
    while True:
        # Models without a policy have rows, too: whatever a signal or a wish was ever about.
        page = await deps.objects.page(ModelState, f"m!{name}!", limit=1000, continuation=continuation)
        states += (one for one in page.values if one.incarnation == found.record.incarnation)
        continuation = page.continuation
        if continuation is None:
            return tuple(shown(one, one.policy) for one in states if one.policy is not None)


async def put_policy(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str], data: JsonObject, preconditions: Preconditions
) -> Put[PolicyBody]:
    """Sets or replaces it; ``asked`` is workspace and model. Raises ``Rejected``: ``InvalidPolicy``,
    ``ApprovalNotWaived``, …; ``Conflict("PeriodsDisagree")``."""
    name, model = asked
    found = await workspace(deps, caller, Permission.POLICIES_PUT, name)
    _require_name(model)
    policy = parse_policy(data)
    _require_estimate(found, policy)

    async def attempt() -> Put[PolicyBody]:
        stored = await stored_state(deps, found, model)
        before = stored.value.policy if stored else None
        preconditions.check(shown(stored.value, before).etag if stored and before else None)
        _require_second_person(caller, found, before, policy)
        await _require_same_period(deps, found, model, policy)
        if before is None or before.pipeline != policy.pipeline:
            await require_pipeline(deps.reader, found.workspace_id, policy.pipeline)
        if (
            stored is not None
            and before == policy
            and _waiver(caller, found, stored.value, policy) == stored.value.waived_by
        ):
            return Put(shown(stored.value, policy), created=False, project=found.record.project)
        after = await _save(deps, caller, (stored, found, model), policy)
        return Put(shown(after, policy), created=before is None, project=found.record.project)

    return await on_fresh_state(attempt)


def _require_estimate(found: Known, policy: RetrainingPolicy) -> None:
    """A guard that cannot tell what a run costs would ask the owner each time."""
    if policy.budget is None:
        return
    one = job_cost_of(policy.budget, policy.pipeline, pools_of(found.record.spec))
    if one.amount is None:
        text = f"{one.how} `jobEstimate` says what a run costs."
        detail = ErrorDetail("EstimateUnknown", text, "$.budget.jobEstimate")
        raise Rejected("InvalidPolicy", text, target=detail.target, details=(detail,))


async def _require_same_period(deps: ModelDeps, found: Known, model: str, policy: RetrainingPolicy) -> None:
    """Raises ``Conflict("PeriodsDisagree")``: N of M is counted in the monitor's own slots."""
    page = await deps.objects.page(Monitor, index_of(Monitor, found.name), limit=1000)
    mine = named(page.values, found.record.incarnation)
    details = tuple(disagreements(policy, model, mine))
    if details:
        raise Conflict(PERIODS_DISAGREE, details[0].message, target=details[0].target, details=details)


def _require_second_person(
    caller: Caller, found: Known, before: RetrainingPolicy | None, after: RetrainingPolicy
) -> None:
    """Who trains production's models without asking anybody is not for the one who sets the policy to say."""
    dropped = after.approval.required is False and (before is None or before.approval.required is not False)
    if dropped and found.environment == "prod" and Role.ADMIN not in app_roles(caller):
        text = (
            "On a workspace of environment prod a Platform.Admin does without approvals; send the same request as one."
        )
        raise Rejected("ApprovalNotWaived", text, target="$.approval.required")


def _waiver(caller: Caller, found: Known, state: ModelState, policy: RetrainingPolicy | None) -> str | None:
    """Who did without approvals on prod: the administrator who sends the policy, or who sent it before; he spoke of
    that pipeline and its gate, and of no other."""
    if policy is None or policy.approval.required is not False or found.environment != "prod":
        return None
    if Role.ADMIN in app_roles(caller):
        return state.waived_by or caller.principal
    before = state.policy
    same = before is not None and (before.pipeline, before.gate) == (policy.pipeline, policy.gate)
    return state.waived_by if same else None


async def delete_policy(deps: ModelDeps, caller: Caller, asked: tuple[str, str], preconditions: Preconditions) -> None:
    """Signals of the model are told from then on and start nothing; what runs goes on."""
    name, model = asked
    found = await workspace(deps, caller, Permission.POLICIES_DELETE, name)

    async def attempt() -> None:
        stored = await stored_state(deps, found, model)
        before = stored.value.policy if stored else None
        preconditions.check(shown(stored.value, before).etag if stored and before else None)
        if before is not None:
            await _save(deps, caller, (stored, found, model), None)

    await on_fresh_state(attempt)


async def stored_state(deps: ModelDeps, found: Known, model: str) -> Stored[ModelState] | None:
    """The model's row, of this workspace."""
    if not is_name(model):
        return None
    stored = await deps.objects.get(ModelState, state_id(found.name, model))
    return stored if stored is None or stored.value.incarnation == found.record.incarnation else _emptied(stored, found)


def _emptied(stored: Stored[ModelState], found: Known) -> Stored[ModelState]:
    """What is known of an earlier workspace of this name does not count; its row is written over, and where it is due
    with it."""
    fresh = _new(found, stored.value.model).model_copy(update={"due_at": stored.value.due_at})
    return Stored(fresh, stored.etag)


def _new(found: Known, model: str) -> ModelState:
    return ModelState(
        id=state_id(found.name, model),
        workspace=found.name,
        incarnation=found.record.incarnation,
        project=found.record.project,
        model=model,
    )


async def _save(
    deps: ModelDeps,
    caller: Caller,
    about: tuple[Stored[ModelState] | None, Known, str],
    policy: RetrainingPolicy | None,
) -> ModelState:
    stored, found, model = about
    before, now = stored.value if stored else _new(found, model), deps.clock.now()
    after = with_policy(before, policy).model_copy(
        update={
            "policy_generation": before.policy_generation + 1,
            "policy_changed_at": now,
            "policy_changed_by": caller.principal,
            "pipeline_changed_by": before.pipeline_changed_by if _same_pipeline(before, policy) else caller.principal,
            "waived_by": _waiver(caller, found, before, policy),
            "due_at": now + LOOK if policy is not None else None,
        }
    )
    told = {"generation": after.policy_generation, "changes": changes(_json(before.policy), _json(policy))}
    fact = by_person(About(found.name, found.record.project, model), now, caller, Action.POLICY_CHANGED, told)
    await deps.objects.commit(put(stored, after), fact)
    if after.active_run is not None:
        # One that was not sent yet was decided by a policy that is no more.
        await deps.workspaces.queue.send(message_of(Run.KIND, after.active_run))
    return after


def _same_pipeline(state: ModelState, policy: RetrainingPolicy | None) -> bool:
    return state.policy is not None and policy is not None and state.policy.pipeline == policy.pipeline


def _json(policy: RetrainingPolicy | None) -> JsonObject | None:
    return None if policy is None else policy.model_dump(mode="json", by_alias=True)


def _require_name(model: str) -> None:
    if not is_name(model):
        text = f"{model!r} is no model's name: letters, digits, dots, hyphens and underscores, 255 at most."
        raise Rejected("InvalidResourceName", text, target="model")


def shown(state: ModelState, policy: RetrainingPolicy) -> PolicyBody:
    """What the API answers; the ETag changes with the policy only."""
    failed = failures_in_a_row(state)
    return PolicyBody(
        id=f"workspaces/{state.workspace}/retrainingPolicies/{state.model}",
        workspace=state.workspace,
        model=state.model,
        etag=f'"{state.incarnation}.{state.policy_generation}"',
        generation=state.policy_generation,
        last_modified_at=state.policy_changed_at,
        last_modified_by=state.policy_changed_by,
        breaker=BreakerBody(open=failed >= policy.breaker.failures, failures=failed, reset_at=state.breaker_reset_at),
        policy=policy,
    )
