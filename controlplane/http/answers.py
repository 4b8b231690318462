"""Answers that have headers of their own."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic_core import to_json

from controlplane.http import views
from controlplane.http.requests import Context, PageQuery
from controlplane.operations.model import Operation

#: Seconds until a look at an operation may show something new.
RETRY_AFTER = 2


class JsonResponse(JSONResponse):
    """FastAPI's, written by pydantic's encoder: a quarter of the time, and an operation has 62 steps."""

    def render(self, content: Any) -> bytes:
        return to_json(content, inf_nan_mode="null")


def resource(body: dict[str, Any], status: int = 200) -> JSONResponse:
    """A resource with its ETag."""
    return JsonResponse(body, status, {"ETag": body["etag"]})


def accepted(ctx: Context, operation: Operation, *, etag: str | None = None, created: bool = False) -> JSONResponse:
    """201 or 202 with the operation in the body. ``etag`` is that of the resource the request named."""
    headers = {
        "Operation-Location": ctx.link(f"operations/{operation.id}"),
        "Retry-After": str(RETRY_AFTER),
    }
    if etag is not None:
        headers["ETag"] = etag
    return JsonResponse(views.operation(operation), 201 if created else 202, headers)


def page(
    ctx: Context,
    path: str,
    value: list[dict[str, Any]],
    continuation: str | None,
    asked: PageQuery | None = None,
) -> JSONResponse:
    """A list; ``nextLink`` asks the same of what follows, and is absent on the last page."""
    return JsonResponse({"value": value, **next_link(ctx, path, continuation, asked)})


def next_link(ctx: Context, path: str, continuation: str | None, asked: PageQuery | None = None) -> dict[str, str]:
    """To be put beside a page; empty on the last one."""
    if continuation is not None:
        query = {"skipToken": continuation}
        if asked is not None:
            query |= {"maxpagesize": str(asked.size)} | ({} if asked.filter is None else {"filter": asked.filter})
        return {"nextLink": ctx.link(path, **query)}
    return {}
