"""The simulator as a process, for tests.

    from tests.support.simulator import RunningSimulator, simulator, simulator_process   # noqa: F401

    async def test_group(simulator: RunningSimulator) -> None:
        async with simulator.arm() as arm:  # as Owner
            path = f"{simulator.subscription}/resourceGroups/g"
            answer = await arm.put(path, params={"api-version": "2021-04-01"}, json={"location": "westeurope"})

- `simulator_process` (session scope) starts `python -m simulator` on a free port at time scale 100 and stops it.
- `simulator` (function scope) is the same process after `POST /simulator/reset`: nothing exists but the seed, no
  calls are recorded, no faults, every hook on, throttling off (`simulator.settings(throttling=True)` to have it).
- `start_simulator(folder, **options)` is a context manager for a process of one's own (state, scale, seed, faults).

`RunningSimulator`: `.url`, `.env` (the env file as a dict), `.environment()` (os.environ plus it, for subprocesses),
`.subscription` (`/subscriptions/<first>`), `.reset(seed=, scale=)`, `.arm(identity="owner")` (httpx.AsyncClient with
an ARM token of owner | observer | operator), `.token(roles=[...], user="ada", groups=[...], app=True, ...)` (a token
for the control plane's API), `.arm_token(identity)`, `.calls(**filters)`, `.state(under=)`, `.faults([...])`,
`.hooks({name: False})`, `.inject(kind=..., ...)`, `.settings(...)`, `.drain()` (wait until no operation runs).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class RunningSimulator:
    """A started process and what a test asks of it. Control calls are synchronous: they take a millisecond."""

    process: subprocess.Popen[bytes]
    env_file: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.env = read_env(self.env_file)
        self._control = httpx.Client(
            base_url=self.env["SIMULATOR_URL"], verify=self.context(), timeout=PATIENCE_SECONDS
        )

    def context(self) -> Any:
        import ssl

        return ssl.create_default_context(cafile=self.env["SSL_CERT_FILE"])

    @property
    def url(self) -> str:
        return self.env["SIMULATOR_URL"]

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.env['AZURE_SUBSCRIPTION_ID']}"

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}

    def control(self, method: str, endpoint: str, **kwargs: Any) -> Any:
        """One call to `/simulator/<endpoint>`; the parsed answer. Raises httpx.HTTPStatusError."""
        answer = self._control.request(method, f"/simulator/{endpoint}", **kwargs)
        if answer.status_code >= 400:
            raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
        return answer.json() if answer.content else None

    def reset(self, seed: str | None = None, scale: float | None = None) -> None:
        body = {"seed": seed, "timeScale": scale}
        self.control("POST", "reset", json={key: value for key, value in body.items() if value is not None})
        self.env = read_env(self.env_file)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (timeScale, pageSize, throttling, strictReplication) and return them all."""
        method = "PATCH" if changes else "GET"
        found: dict[str, Any] = self.control(method, "settings", **({"json": changes} if changes else {}))
        return found

    def calls(self, **filters: Any) -> list[dict[str, Any]]:
        """Recorded calls, oldest first; filters: since, method, plane, principal, path, early=1."""
        found: list[dict[str, Any]] = self.control("GET", "calls", params=filters)["value"]
        return found

    def clear_calls(self) -> None:
        self.control("DELETE", "calls")

    def state(self, under: str = "") -> dict[str, dict[str, Any]]:
        """Resource id -> body of everything (under a prefix)."""
        found: dict[str, dict[str, Any]] = self.control("GET", "state", params={"under": under})["value"]
        return found

    def faults(self, rules: list[dict[str, Any]]) -> None:
        self.control("PUT", "faults", json={"rules": rules})

    def hooks(self, switches: dict[str, bool]) -> None:
        self.control("POST", "hooks", json=switches)

    def inject(self, **wish: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.control("POST", "inject", json=wish)
        return found

    def token(self, **wish: Any) -> str:
        """A token for the control plane's own API: roles, user, groups, app, id_token, expired, audience, tenant,
        group_overage, claims (overrides), without (claims to leave out)."""
        return str(self.control("POST", "tokens", json=wish)["access_token"])

    def arm_token(self, identity: str = "owner") -> str:
        """A token for ARM by the way the identity really gets it: client credentials or the App Service endpoint."""
        if identity == "owner":
            form = {
                "grant_type": "client_credentials", "client_id": self.env["AZURE_CLIENT_ID"],
                "client_secret": self.env["AZURE_CLIENT_SECRET"], "scope": "https://management.azure.com/.default",
            }  # fmt: skip
            answer = self._control.post(f"/{self.env['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form)
        else:
            query = {
                "resource": "https://management.azure.com", "api-version": "2019-08-01",
                "client_id": self.env[f"{identity.upper()}_CLIENT_ID"],
            }  # fmt: skip
            header = {"X-IDENTITY-HEADER": self.env["IDENTITY_HEADER"]}
            answer = self._control.get("/msi/token", params=query, headers=header)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def arm(self, identity: str = "owner", *, token: str | None = None) -> httpx.AsyncClient:
        """An async client for ARM paths; pass `params={"api-version": ...}` per call."""
        bearer = {"authorization": f"Bearer {token or self.arm_token(identity)}"}
        return httpx.AsyncClient(base_url=self.url, verify=self.context(), headers=bearer, timeout=PATIENCE_SECONDS)

    async def drain(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when no long operation is running; TimeoutError after so many real seconds."""
        deadline = time.monotonic() + seconds
        while self.settings()["runningOperations"]:
            if time.monotonic() > deadline:
                raise TimeoutError("operations are still running")
            await asyncio.sleep(0.02)

    def close(self) -> None:
        self._control.close()


def read_env(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {name: value for name, _, value in pairs}


@contextlib.contextmanager
def start_simulator(folder: Path, **options: Any) -> Iterator[RunningSimulator]:
    """Start a process with its env file in `folder`; options are those of the command line (`time_scale=20`,
    `state="..."`, `seed="..."`, `faults="..."`, `record="..."`, `port=...`). Stopped at the end."""
    env_file = folder / "azure.env"
    env_file.unlink(missing_ok=True)
    chosen = {"port": 0, "env_file": env_file, **options}
    arguments = [part for name, value in chosen.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    process = subprocess.Popen([sys.executable, "-m", "simulator", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not env_file.exists():
            if process.poll() is not None:
                raise RuntimeError(f"the simulator ended with {process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError("the simulator did not start")
            time.sleep(0.02)
        running = RunningSimulator(process, env_file)
        try:
            yield running
        finally:
            running.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """One simulator for the whole session, time scale 100."""
    with start_simulator(tmp_path_factory.mktemp("simulator"), time_scale=100) as running:
        yield running


@pytest.fixture
def simulator(simulator_process: RunningSimulator) -> RunningSimulator:
    """The session's simulator, emptied. Throttling is off, so that tests do not depend on their speed."""
    simulator_process.reset(seed="contoso", scale=100)
    simulator_process.settings(throttling=False)
    return simulator_process
