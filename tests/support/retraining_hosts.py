"""Retraining through several function hosts: what a test does as a person, as Event Grid and as the owner in Azure.

with several_hosts(folder, store="azure") as estate:
    hosts = RetrainingHosts(estate)
    hosts.build("drift")
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import psutil

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.objects.repository import Objects
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.processes import runs
from tests.support.two_hosts import Estate
from tests.support.waiting import PATIENCE_SECONDS

T = TypeVar("T")
_ML = {"api-version": "2024-04-01"}
POLICY: dict[str, Any] = {
    "pipeline": {"name": "retrain", "version": "1", "compute": "serverless", "fromSignal": {"reason": "reason"}},
    "approval": {"required": True, "expiresAfter": "P1D"},
}


@dataclass
class RetrainingHosts:
    """``workspace`` is the ARM id of the Azure ML workspace, once it is built."""

    estate: Estate
    name: str = ""
    workspace: str = ""

    def build(self, name: str) -> None:
        """A workspace made by the product, with a pipeline; the policy asks for a yes."""
        self.name = name
        self.estate.create([name])
        self.estate.finish()
        shown = self.estate.client.get(f"{self.estate.urls[0]}/api/workspaces/{name}").raise_for_status().json()
        self.workspace = str(shown["status"]["outputs"]["workspaceId"])
        inputs = {"reason": {"type": "string", "optional": "True"}}
        for asset, kind in (("train", "command"), ("retrain", "pipeline")):
            graph = {"step": {"type": "command", "componentId": f"{self.workspace}/components/train/versions/1"}}
            spec = {"name": asset, "version": "1", "type": kind, "inputs": inputs}
            spec |= {"jobs": graph} if kind == "pipeline" else {"command": "echo", "environment": "azureml:env:1"}
            self.owner_put(f"components/{asset}/versions/1", {"properties": {"componentSpec": spec}})
        won = {"metrics": {"accuracy": 0.9}, "tags": {"cp.champion.accuracy": "0.8"}}
        self.estate.simulator.control("PUT", "outcomes", json=[{"component": "retrain", "seconds": 1, **won}])
        path = f"{self.estate.urls[1]}/api/workspaces/{name}/retrainingPolicies/churn"
        self.estate.client.put(path, json=POLICY).raise_for_status()

    def owner_put(self, path: str, body: dict[str, Any]) -> None:
        """What a data scientist publishes."""

        async def send() -> None:
            async with self.estate.simulator.arm() as arm:
                (await arm.put(f"{self.workspace}/{path}", params=_ML, json=body)).raise_for_status()

        self._do(send())

    def wish(self, request_id: str) -> str:
        """The same request at every host at once; the signal's id."""
        asked = {"workspace": self.name, "model": "churn", "reason": "The world has changed."}
        headers = {"Repeatability-Request-ID": request_id, "Repeatability-First-Sent": _http_date()}

        def send(url: str) -> Any:
            return self.estate.client.post(f"{url}/api/retrainings", json=asked, headers=headers)

        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(send, self.estate.urls * 2))
        found = {answer.raise_for_status().json()["signal"] for answer in answers}
        assert len(found) == 1, found
        return str(found.pop())

    def say(self, run_id: str, action: str, user: str, host: int = 0) -> httpx.Response:
        bearer = self.estate.simulator.token(roles=["Platform.Admin"], user=user)
        url = f"{self.estate.urls[host]}/api/retrainings/{run_id}:{action}"
        return self.estate.client.post(url, headers={"Authorization": f"Bearer {bearer}"})

    def deliver(self, kind: str, subject: str, data: dict[str, Any], copies: int = 1) -> list[int]:
        """As Event Grid does, to every host, with the key that their webhook takes; the answers' statuses."""
        key = json.loads((self.estate.folder / "keys.json").read_text())["systemKeys"]["eventgrid_extension"]
        event = {
            "id": f"{kind}-{subject}", "topic": self.workspace, "subject": subject, "data": data, "dataVersion": "1.0",
            "metadataVersion": "1", "eventType": f"Microsoft.MachineLearningServices.{kind}",
            "eventTime": datetime.now(UTC).isoformat(),
        }  # fmt: skip

        def send(url: str) -> int:
            query = {"functionName": "events", "code": key}
            headers = {"aeg-event-type": "Notification"}
            return httpx.post(
                f"{url}/runtime/webhooks/EventGrid",
                params=query,
                headers=headers,
                json=[event],
                timeout=PATIENCE_SECONDS,
            ).status_code

        with ThreadPoolExecutor() as pool:
            return list(pool.map(send, self._alive() * copies))

    def wake(self) -> None:
        """What the hosts' own timer does each minute, now: for objects as well."""
        clock, store = SystemClock(), self.estate.store
        objects = Objects(store, Kind.RETRAINING)
        deps = SweepDeps(WorkspaceRepository(store), self.estate.queue, clock, clock, None, (objects,))
        self._do(wake_due(deps))

    def get(self, path: str, host: int = 0, **query: str) -> Any:
        answer = self.estate.client.get(f"{self.estate.urls[host]}/api/{path}", params=query)
        return answer.raise_for_status().json()

    def listed(self, path: str, host: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(path, host, filter=f"workspace eq '{self.name}'")["value"]
        return found

    def until_run(self, run_id: str, states: tuple[str, ...], host: int = 0) -> dict[str, Any]:
        """Waits, waking what is due; the run as the API shows it."""

        def there() -> dict[str, Any] | None:
            self.wake()
            found: dict[str, Any] = self.get(f"retrainings/{run_id}", host)["run"]
            return found if found["state"] in states else None

        return self.estate.until(there, every=0.5)

    def owner(self, kind: str, thing_id: str) -> int | None:
        """Process id of the tick that holds an object."""
        entity = self._do(self.estate.store.get(Kind.RETRAINING, f"l!{kind}!{thing_id}"))
        return int(entity.value["owner"].split(":")[1]) if entity is not None else None

    def kill_host_of(self, worker: int) -> int:
        """The host of that worker ends at once, with all its workers; its index."""
        host = self.estate.host_of(worker)
        process = psutil.Process(self.estate.hosts[host])
        for one in (process, *process.children(recursive=True)):
            os.kill(one.pid, signal.SIGKILL)
        return host

    def jobs(self) -> list[dict[str, Any]]:
        """Every PUT of a job that Azure has answered."""
        calls = self.estate.simulator.calls(plane="arm")
        return [call for call in calls if call["method"] == "PUT" and "/jobs/rt-" in call["path"].lower()]

    def _alive(self) -> list[str]:
        pairs = zip(self.estate.urls, self.estate.hosts, strict=True)
        return [url for url, pid in pairs if runs(pid)]

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.estate.do(work)


def _http_date() -> str:
    return datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
