"""A call of our API, as clients make it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

VERSION = {"api-version": "2026-11-01"}


async def call(
    client: httpx.AsyncClient, asked: tuple[str, str], body: Any, bearer: str, headers: Mapping[str, str], **query: str
) -> httpx.Response:
    """``asked`` is method and path below ``/api``; ``bearer`` ``""`` sends none. ``headers`` have the last word."""
    method, path = asked
    sent = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        sent["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
    content = None if body is None else json.dumps(body)
    return await client.request(
        method, f"/api/{path}", content=content, headers={**sent, **headers}, params={**VERSION, **query}
    )
