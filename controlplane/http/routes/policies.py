"""``/api/workspaces/{name}/retrainingPolicies``: what has to be true before a model is trained again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import JsonResponse, page, resource
from controlplane.http.docs import body, created, no_content, ok
from controlplane.http.examples import POLICY, SIMULATION
from controlplane.http.models import retraining as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, read_object
from controlplane.http.things import plain, put, removed
from controlplane.projects.access import Permission
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.services import breaker, simulations
from controlplane.retraining.services import policies as service
from controlplane.retraining.services.deps import Put
from controlplane.retraining.services.policies import PolicyBody
from controlplane.retraining.services.simulations import SimulationRequest
from controlplane.retraining.simulate import Simulation

router = APIRouter(prefix="/api/workspaces/{name}/retrainingPolicies", tags=["Retraining"])


@router.get(
    "", operation_id=Permission.POLICIES_LIST, responses=ok(models.PolicyList), summary="List retraining policies"
)
async def list_policies(ctx: Ctx, name: str) -> JSONResponse:
    """Those of one workspace, in the order of the models' names."""
    found = await service.list_policies(ctx.services.for_models(), ctx.caller, name)
    return page(ctx, f"workspaces/{name}/retrainingPolicies", [plain(one) for one in found], None)


@router.get(
    "/{model}",
    operation_id=Permission.POLICIES_GET,
    responses=ok(PolicyBody, etag=True),
    summary="Read a retraining policy",
)
async def get_policy(ctx: Ctx, name: str, model: str) -> JSONResponse:
    """404 where the model has none."""
    return resource(plain(await service.get_policy(ctx.services.for_models(), ctx.caller, name, model)))


@router.put(
    "/{model}",
    operation_id=Permission.POLICIES_PUT,
    responses={**ok(PolicyBody, etag=True), **created(PolicyBody)},
    openapi_extra=body(RetrainingPolicy, JSON, example=POLICY),
    summary="Set a retraining policy",
)
async def put_policy(ctx: Ctx, name: str, model: str, request: Request, once: Repeat) -> Response:
    """What could never work (more breaches than windows, a cooldown shorter than the window, …) is 400 with every
    reason; 409 `PeriodsDisagree` where windows are counted in another period than a monitor of the model has. A model
    need not be registered yet.
    """

    async def work() -> Put[PolicyBody]:
        data = await read_object(request, JSON)
        return await service.put_policy(ctx.services.for_models(), ctx.caller, (name, model), data, once.conditions)

    return await put(once, work)


@router.delete(
    "/{model}",
    operation_id=Permission.POLICIES_DELETE,
    responses=no_content(),
    status_code=204,
    summary="Take a retraining policy away",
)
async def delete_policy(ctx: Ctx, name: str, model: str, once: Repeat) -> Response:
    """From then on the model's signals are told and start nothing; a run that is active goes on."""
    deps = ctx.services.for_models()
    return await removed(once, lambda: service.delete_policy(deps, ctx.caller, (name, model), once.conditions))


@router.post(
    "/{model}:simulate",
    operation_id=Permission.POLICIES_SIMULATE,
    responses=ok(Simulation),
    openapi_extra=body(SimulationRequest, JSON, example=SIMULATION),
    summary="What another policy would have done",
)
async def simulate_policy(ctx: Ctx, name: str, model: str, request: Request, once: Repeat) -> Response:
    """The signals recorded in a period of 400 days at most are decided again under the policy of the body, beside what
    was decided. Nothing is written; what nobody can know is assumed, and the answer says what.
    """

    async def work() -> Response:
        data = await read_object(request, JSON)
        found, once.project = await simulations.simulate_policy(
            ctx.services.for_models(), ctx.caller, (name, model), data
        )
        return JsonResponse(plain(found))

    return await once.do(work)


@router.post(
    "/{model}:resetBreaker",
    operation_id=Permission.POLICIES_RESET_BREAKER,
    responses=ok(PolicyBody, etag=True),
    summary="Reset the circuit breaker",
)
async def reset_breaker(ctx: Ctx, name: str, model: str, once: Repeat) -> Response:
    """After so many runs in a row that failed or were rejected nothing is trained until a person has looked and says so
    here. Runs until now count no more; what was refused meanwhile stays refused. 409 `BreakerNotOpen` when it is
    closed.
    """

    async def work() -> Response:
        found, once.project = await breaker.reset_breaker(
            ctx.services.for_models(), ctx.caller, (name, model), once.conditions
        )
        return resource(plain(found))

    return await once.do(work)
