"""``/api/catalog``: what may come from outside, and which hosts that takes."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http import egress_views
from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok
from controlplane.http.models import egress as models
from controlplane.http.requests import Anyone

router = APIRouter(prefix="/api/catalog", tags=["Catalog"])


@router.get(
    "/collections",
    operation_id="Catalog_ListCollections",
    responses=ok(models.CatalogBody),
    summary="Model collections and package lists, with the hosts they need",
)
async def list_collections(anyone: Anyone) -> JSONResponse:
    """The table by which `catalog` becomes outbound rules, with its version, and what the Azure Firewall costs that
    rules for host names start. The same for everybody with a valid token.
    """
    del anyone
    return JsonResponse(egress_views.catalog())
