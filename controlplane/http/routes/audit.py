"""``/api/audit``: what was done, by whom, with what result, and whether nobody changed what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from controlplane.audit import service
from controlplane.audit.proof import Proof
from controlplane.audit.reading import Filter
from controlplane.errors import ErrorDetail, Rejected
from controlplane.http import models
from controlplane.http.docs import body, ok
from controlplane.http.requests import JSON, Ctx, SkipToken, parse_object, read_body, require_media_type
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api/audit", tags=["Audit"])
PAGE = 100
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of a list; the next page is asked for with the same."""

    object: str | None
    actor: str | None
    since: datetime | None
    until: datetime | None
    maxpagesize: int

    def query(self) -> dict[str, str]:
        """For ``nextLink``."""
        times = {"since": self.since, "until": self.until}
        texts = {"object": self.object, "actor": self.actor, "maxpagesize": str(self.maxpagesize)}
        texts |= {key: value.isoformat() if value else None for key, value in times.items()}
        return {key: value for key, value in texts.items() if value is not None}


async def _asked(
    thing: Annotated[
        str | None, Query(alias="object", max_length=64, description="Only of `workspaces/{name}`, say.")
    ] = None,
    actor: Annotated[str | None, Query(max_length=128, description="Only by `{tenant id}/{object id}`.")] = None,
    since: Annotated[datetime | None, Query(description="Only at or after this time.")] = None,
    until: Annotated[datetime | None, Query(description="Only at or before this time.")] = None,
    maxpagesize: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Entries in one page.")] = PAGE,
) -> _Asked:
    return _Asked(thing, actor, _aware(since), _aware(until), maxpagesize)


@router.get("", operation_id=Permission.AUDIT_LIST, responses=ok(models.AuditList), summary="List audit entries")
async def list_entries(
    ctx: Ctx, asked: Annotated[_Asked, Depends(_asked)], skip_token: SkipToken = None
) -> JSONResponse:
    """Those of projects in which the caller has a role, newest first; of registrations for whoever may read those. A
    page may be short and have a `nextLink`: go on until there is none.
    """
    kind, name = None, None
    if asked.object is not None:
        thing = service.parse_object(asked.object)
        if thing is None:
            return JSONResponse({"value": []})
        kind, name = thing
    wanted = Filter(kind, name, asked.actor, asked.since, asked.until)
    deps = ctx.services.for_audit()
    found, continuation = await service.list_entries(deps, ctx.caller, wanted, asked.maxpagesize, skip_token)
    answer: dict[str, Any] = {"value": [item.model_dump(mode="json", by_alias=True) for item in found]}
    if continuation is not None:
        answer["nextLink"] = ctx.link("audit", **asked.query(), skipToken=continuation)
    return JSONResponse(answer)


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
        return JSONResponse(_proof(await service.verify_all(deps, ctx.caller)))
    return JSONResponse(_proof(await service.verify_object(deps, ctx.caller, thing)))


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
