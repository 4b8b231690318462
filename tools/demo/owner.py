"""ARM as the subscription's owner sees it; what a person would look up in the Azure portal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import httpx

from tools.local import LocalStack


class Owner:
    """Reads of ARM with the simulator's Owner service principal."""

    def __init__(self, stack: LocalStack) -> None:
        azure = stack.azure
        self._http = httpx.Client(base_url=azure["ARM_ENDPOINT"], verify=azure["SSL_CERT_FILE"], timeout=180)
        answer = self._http.post(
            f"{azure['AZURE_AUTHORITY_HOST'].rstrip('/')}/{azure['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": azure["AZURE_CLIENT_ID"],
                "client_secret": azure["AZURE_CLIENT_SECRET"],
                "scope": "https://management.azure.com/.default",
            },
        )
        self._http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def __enter__(self) -> Owner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def get(self, arm_id: str, api_version: str) -> dict[str, Any] | None:
        """The body, or None on 404."""
        answer = self._http.get(arm_id, params={"api-version": api_version})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        body: dict[str, Any] = answer.raise_for_status().json()
        return body

    def put(self, arm_id: str, api_version: str, body: dict[str, Any]) -> None:
        """As an administrator would, in the portal."""
        self._http.put(arm_id, params={"api-version": api_version}, json=body).raise_for_status()

    def ask(self, arm_id: str, api_version: str, body: dict[str, Any]) -> tuple[int, str]:
        """A PUT that may be refused: its status, and what Azure says of it."""
        answer = self._http.put(arm_id, params={"api-version": api_version}, json=body)
        said = answer.json().get("error", {}) if answer.is_error else {}
        return answer.status_code, f"{said.get('code')}: {said.get('message')}" if said else "taken"

    def delete(self, arm_id: str, api_version: str, **query: str) -> None:
        """By hand."""
        self._http.delete(arm_id, params={"api-version": api_version, **query}).raise_for_status()

    def post(self, path: str, api_version: str, body: dict[str, Any]) -> None:
        """An action."""
        self._http.post(path, params={"api-version": api_version}, json=body).raise_for_status()

    def list(self, path: str, api_version: str) -> list[dict[str, Any]]:
        """Every item, over all pages."""
        found: list[dict[str, Any]] = []
        url, query = path, {"api-version": api_version}
        while url:
            page = self._http.get(url, params=query).raise_for_status().json()
            found += page["value"]
            url, query = page.get("nextLink", ""), {}
        return found

    def wait_until_gone(self, arm_id: str, api_version: str, patience: float = 120) -> None:
        """Raises ``TimeoutError``."""
        deadline = time.monotonic() + patience
        while self.get(arm_id, api_version) is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arm_id} is still there")
            time.sleep(0.2)
