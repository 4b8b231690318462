"""A person at the API of a running function host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from tests.support.calling import VERSION
from tests.support.simulator import RunningSimulator
from tests.support.waiting import PATIENCE_SECONDS, until


class HostPerson:
    """A Platform.Admin; ``close`` when done."""

    def __init__(self, api_url: str, azure: RunningSimulator, user: str = "ada") -> None:
        bearer = {"authorization": f"Bearer {azure.token(roles=['Platform.Admin'], user=user)}"}
        self._http = httpx.Client(base_url=f"{api_url}/api", headers=bearer, params=VERSION, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._http.close()

    def put(self, path: str, body: Any) -> dict[str, Any]:
        return self._said(self._http.put(path, json=body))

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._said(self._http.post(path, json=body))

    def get(self, path: str) -> dict[str, Any]:
        return self._said(self._http.get(path))

    def all(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        page = self._said(self._http.get(path, params={"maxpagesize": "1000", **query}))
        found: list[dict[str, Any]] = list(page["value"])
        while link := page.get("nextLink"):
            page = self._said(self._http.get(link))
            found += page["value"]
        return found

    def until(self, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The answer as soon as it holds."""
        said: list[dict[str, Any]] = []

        def look() -> dict[str, Any] | None:
            said[:] = [self.get(path)]
            return said[0] if holds(said[0]) else None

        return until(look, every=0.2, says=lambda: (said[0].get("conditions"), said[0]))

    @staticmethod
    def _said(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found
