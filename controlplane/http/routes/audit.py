"""``/api/audit``: what was done, by whom, with what result, and whether nobody changed what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from controlplane.audit import service
from controlplane.audit.proof import Proof
from controlplane.audit.reading import FIELDS, Filter
from controlplane.errors import ErrorDetail, Rejected
from controlplane.http.answers import JsonResponse
from controlplane.http.docs import body, ok
from controlplane.http.models import audit as models
from controlplane.http.requests import JSON, Ctx, Paged, parse_object, read_body, require_media_type
from controlplane.operations.paging import parse_filter
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api/audit", tags=["Audit"])


Since = Annotated[datetime | None, Query(description="Only entries at or after this time.")]
Until = Annotated[datetime | None, Query(description="Only entries at or before this time.")]


@router.get("", operation_id=Permission.AUDIT_LIST, responses=ok(models.AuditList), summary="List audit entries")
async def list_entries(ctx: Ctx, asked: Paged, since: Since = None, until: Until = None) -> JSONResponse:
    """Those of projects in which the caller has a role, newest first; of registrations for whoever may read those.
    Fields of the filter: `object` (`workspaces/{name}`, `projects/{name}`, `retraining/{workspace}.{model}`,
    `governance/{scope}.{name}`), `actor`, `action`, `project`. A filtered page may be short, or empty, while there is a
    `nextLink`.
    """
    wanted = Filter(terms=parse_filter(asked.filter, FIELDS), since=_aware(since), until=_aware(until))
    page = await service.list_entries(ctx.services.for_audit(), ctx.caller, wanted, asked.size, asked.skip_token)
    answer: dict[str, Any] = {"value": [item.model_dump(mode="json", by_alias=True) for item in page.entries]}
    if page.continuation is not None:
        query: dict[str, str | None] = {
            "skipToken": page.continuation,
            "maxpagesize": str(asked.size),
            "filter": asked.filter,
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
        }
        answer["nextLink"] = ctx.link("audit", **{key: text for key, text in query.items() if text is not None})
    return JsonResponse(answer)


@router.post(
    ":verify",
    operation_id=Permission.AUDIT_VERIFY,
    responses=ok(models.VerificationBody),
    openapi_extra=body(models.VerifyRequest, JSON, example={"object": "workspaces/churn-dev"}, required=False),
    summary="Whether the audit is as it was written",
)
async def verify(ctx: Ctx, request: Request) -> JSONResponse:
    """Recomputes one chain or all of them, and holds them against the checkpoints. Without checkpoints `anchored` is
    false: then a chain that somebody rewrote as a whole cannot be told from the true one. Of all chains: for callers
    whose token carries a role of its own.
    """
    deps, thing = ctx.services.for_audit(), await _object(request)
    if thing is None:
        return JsonResponse(_proof(await service.verify_all(deps, ctx.caller)))
    return JsonResponse(_proof(await service.verify_object(deps, ctx.caller, thing)))


def _proof(found: Proof) -> dict[str, Any]:
    bad, last = found.first_bad, found.checkpoint
    checkpoint = last and models.CheckpointBody(number=last.number, at=last.at, count=last.count, root=last.root)
    return models.VerificationBody(
        consistent=found.consistent,
        anchored=found.anchored,
        checked_chains=found.checked_chains,
        checked_entries=found.checked_entries,
        unanchored_entries=found.unanchored_entries,
        first_bad=bad
        and models.BadEntry(object=bad.object, sequence=bad.sequence, reason=bad.reason, message=bad.message),
        checkpoint=checkpoint,
    ).model_dump(mode="json", by_alias=True)


async def _object(request: Request) -> str | None:
    """``object`` of the body; None for an empty one. Raises ``Rejected("InvalidRequestContent")``."""
    raw = await read_body(request)
    if not raw.strip():
        return None
    require_media_type(request, JSON)
    data = parse_object(raw)
    details = [ErrorDetail("UnknownField", "Only `object` is taken.", f"$.{key}") for key in data if key != "object"]
    thing = data.get("object")
    if thing is not None and not isinstance(thing, str):
        details.append(ErrorDetail("InvalidValue", "object has to be a text.", "$.object"))
    if details:
        raise Rejected("InvalidRequestContent", details[0].message, target=details[0].target, details=tuple(details))
    return thing


def _aware(at: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
