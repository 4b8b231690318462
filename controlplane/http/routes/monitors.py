"""``/api/workspaces/{name}/monitors``: what Azure computes and watches of a model, and tells us."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import page, resource
from controlplane.http.docs import body, created, no_content, ok
from controlplane.http.examples import MONITOR
from controlplane.http.models import retraining as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, read_object
from controlplane.http.things import plain, put, removed
from controlplane.projects.access import Permission
from controlplane.retraining.monitors.model import MonitorSpec
from controlplane.retraining.services import monitors as service
from controlplane.retraining.services.deps import Put
from controlplane.retraining.services.monitors import MonitorBody

router = APIRouter(prefix="/api/workspaces/{name}/monitors", tags=["Retraining"])


@router.get("", operation_id=Permission.MONITORS_LIST, responses=ok(models.MonitorList), summary="List monitors")
async def list_monitors(ctx: Ctx, name: str) -> JSONResponse:
    """Those of one workspace, in the order of their names."""
    found = await service.list_monitors(ctx.services.for_models(), ctx.caller, name)
    return page(ctx, f"workspaces/{name}/monitors", [plain(one) for one in found], None)


@router.get(
    "/{monitor}", operation_id=Permission.MONITORS_GET, responses=ok(MonitorBody, etag=True), summary="Read a monitor"
)
async def get_monitor(ctx: Ctx, name: str, monitor: str) -> JSONResponse:
    """Its conditions say what of it stands in Azure; `Monitored` sums them up."""
    return resource(plain(await service.get_monitor(ctx.services.for_models(), ctx.caller, name, monitor)))


@router.put(
    "/{monitor}",
    operation_id=Permission.MONITORS_PUT,
    responses={**ok(MonitorBody, etag=True), **created(MonitorBody)},
    openapi_extra=body(MonitorSpec, JSON, example=MONITOR),
    summary="Set a monitor",
)
async def put_monitor(ctx: Ctx, name: str, monitor: str, request: Request, once: Repeat) -> Response:
    """What it needs is read from Azure first, and all that is missing is named (`MonitorNotPossible`): data collection,
    the network's mode, Spark, identities, the component and the cluster of a pipeline. Then ticks make the schedule,
    the alert rules and the event subscriptions, and repair what somebody changes. 409 `PeriodsDisagree` where the
    model's retraining policy counts windows in another period.
    """

    async def work() -> Put[MonitorBody]:
        data = await read_object(request, JSON)
        deps, asked = ctx.services.for_models(), (name, monitor)
        return await service.put_monitor(deps, ctx.caller, asked, data, once.conditions, ctx.services.callbacks())

    return await put(once, work)


@router.delete(
    "/{monitor}",
    operation_id=Permission.MONITORS_DELETE,
    responses=no_content(),
    status_code=204,
    summary="Take a monitor away",
)
async def delete_monitor(ctx: Ctx, name: str, monitor: str, once: Repeat) -> Response:
    """What it has in Azure is deleted by ticks; until the last of it is gone it is shown with `deleting: true`."""
    deps = ctx.services.for_models()
    return await removed(once, lambda: service.delete_monitor(deps, ctx.caller, (name, monitor), once.conditions))
