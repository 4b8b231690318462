"""A person at the API of a running function host."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.calling import VERSION
from tests.support.simulator import RunningSimulator

PATIENCE_SECONDS = 180.0


class HostPerson:
    """A Platform.Admin; ``close`` when done."""

    def __init__(self, api_url: str, azure: RunningSimulator, user: str = "ada") -> None:
        bearer = {"authorization": f"Bearer {azure.token(roles=['Platform.Admin'], user=user)}"}
        self._http = httpx.Client(base_url=f"{api_url}/api", headers=bearer, params=VERSION, timeout=60)

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
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(found := self.get(path)):
            assert time.monotonic() < deadline, (found.get("conditions"), found)
            time.sleep(0.2)
        return found

    @staticmethod
    def _said(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found
