"""``/api/workspaces/{name}/labelingProjects``: what people label of images and texts, and how far they are."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import page, resource
from controlplane.http.docs import body, created, no_content, ok
from controlplane.http.examples import LABELING
from controlplane.http.models import retraining as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, AllowDestructive, Ctx, read_object
from controlplane.http.things import plain, put, removed
from controlplane.projects.access import Permission
from controlplane.retraining.labeling.model import LabelingSpec
from controlplane.retraining.services import labeling as service
from controlplane.retraining.services.deps import Put
from controlplane.retraining.services.labeling import LabelingBody

router = APIRouter(prefix="/api/workspaces/{name}/labelingProjects", tags=["Retraining"])


@router.get(
    "", operation_id=Permission.LABELING_LIST, responses=ok(models.LabelingList), summary="List labelling projects"
)
async def list_labeling(ctx: Ctx, name: str) -> JSONResponse:
    """Those of one workspace, in the order of their names."""
    found = await service.list_labeling(ctx.services.for_models(), ctx.caller, name)
    return page(ctx, f"workspaces/{name}/labelingProjects", [plain(one) for one in found], None)


@router.get(
    "/{labeling}",
    operation_id=Permission.LABELING_GET,
    responses=ok(LabelingBody, etag=True),
    summary="Read a labelling project",
)
async def get_labeling(ctx: Ctx, name: str, labeling: str) -> JSONResponse:
    """`ProjectStands` says whether it stands in Azure as declared, `progress` how far people were at the last look."""
    return resource(plain(await service.get_labeling(ctx.services.for_models(), ctx.caller, name, labeling)))


@router.put(
    "/{labeling}",
    operation_id=Permission.LABELING_PUT,
    responses={**ok(LabelingBody, etag=True), **created(LabelingBody)},
    openapi_extra=body(LabelingSpec, JSON, example=LABELING),
    summary="Set a labelling project",
)
async def put_labeling(
    ctx: Ctx, name: str, labeling: str, request: Request, once: Repeat, allow_destructive: AllowDestructive = False
) -> Response:
    """In workspaces of workload `cv` (images) and `nlp` (texts). The data has to be registered. Ticks make the project
    and repair what somebody changes. Kind of annotation and data stay; a class goes with consent only.
    """

    async def work() -> Put[LabelingBody]:
        data, asked = await read_object(request, JSON), (name, labeling, allow_destructive)
        return await service.put_labeling(ctx.services.for_models(), ctx.caller, asked, data, once.conditions)

    return await put(once, work)


@router.delete(
    "/{labeling}",
    operation_id=Permission.LABELING_DELETE,
    responses=no_content(),
    status_code=204,
    summary="Delete a labelling project",
)
async def delete_labeling(
    ctx: Ctx, name: str, labeling: str, once: Repeat, allow_destructive: AllowDestructive = False
) -> Response:
    """With what people labelled, so only with `allowDestructive=true`. Shown with `deleting: true` until it is gone."""
    deps, asked = ctx.services.for_models(), (name, labeling, allow_destructive)
    return await removed(once, lambda: service.delete_labeling(deps, ctx.caller, asked, once.conditions))
