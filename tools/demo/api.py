"""A small client of the control plane's REST API, as a portal would have one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

API_VERSION = "2026-11-01"
#: "Ask again": what could not be done now, and why it says so, is in Retry-After.
_LATER = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_PATIENCE_SECONDS = 180.0


class Refused(RuntimeError):
    """The API answered with an error; the text is its code and message."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        error = body.get("error", {})
        details = "".join(f"\n  {d.get('target')}: {d.get('message')}" for d in error.get("details", []))
        super().__init__(f"{status} {error.get('code')}: {error.get('message')}{details}")


def token(env_file: Path, user: str, *options: str) -> str:
    """A signed token from the simulator's Entra ID."""
    command = [sys.executable, "-m", "simulator", "token", "--env-file", str(env_file), "--user", user, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class ControlPlane:
    """One caller of the API."""

    def __init__(self, base_url: str, bearer: str) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url}/api",
            headers={"Authorization": f"Bearer {bearer}"},
            params={"api-version": API_VERSION},
            timeout=180,
        )

    def call(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        """Raises :class:`Refused` on an error answer. What the API asks to be asked for later is."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            params = {"api-version": API_VERSION, **query}
            answer = self._http.request(method, path, json=body, params=params)
            if answer.status_code not in _LATER or time.monotonic() > deadline:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.is_error:
            raise Refused(answer.status_code, answer.json())
        return answer

    def watch(
        self, accepted: httpx.Response, on_progress: Callable[[dict[str, Any]], None], patience: float = 900
    ) -> dict[str, Any]:
        """Follows Operation-Location until the operation is terminal; returns it."""
        url = accepted.headers["Operation-Location"]
        deadline = time.monotonic() + patience
        while True:
            operation: dict[str, Any] = self.call("GET", url).json()
            on_progress(operation)
            if operation["isTerminal"]:
                return operation
            if time.monotonic() > deadline:
                raise TimeoutError(f"operation {operation['id']} is still {operation['status']}")
            time.sleep(0.25)
