"""A monitor through processes: set by REST, made by ticks on the queue, and what it finds told by Event Grid."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from controlplane.http.examples import MONITOR
from tests.support.blueprints import ROOT, example
from tests.support.product import NAME, VERSION, Owner
from tests.support.quiet_monitors import ML_VERSION, watched_resources
from tests.support.simulator import RunningSimulator
from tools.local import LocalStack, local_stack

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 180.0


class Person:
    """A Platform.Admin at the API of a running host."""

    def __init__(self, stack: LocalStack, azure: RunningSimulator) -> None:
        bearer = {"authorization": f"Bearer {azure.token(roles=['Platform.Admin'], user='ada')}"}
        self._http = httpx.Client(base_url=f"{stack.api_url}/api", headers=bearer, params=VERSION, timeout=60)

    def close(self) -> None:
        self._http.close()

    def put(self, path: str, body: Any) -> dict[str, Any]:
        answer = self._http.put(path, json=body)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(path).raise_for_status().json()
        return found

    def until(self, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The answer as soon as it holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(found := self.get(path)):
            assert time.monotonic() < deadline, (found.get("conditions"), found)
            time.sleep(0.2)
        return found


def test_a_drift_becomes_a_signal_that_was_read_back(tmp_path: Path) -> None:
    with ExitStack() as open_:
        stack = open_.enter_context(local_stack(tmp_path, time_scale=2000))
        # The stack holds the process.
        azure = open_.enter_context(closing(RunningSimulator(None, tmp_path / "azure.env")))  # type: ignore[arg-type]
        azure.settings(throttling=False)
        person = open_.enter_context(closing(Person(stack, azure)))
        owner = open_.enter_context(closing(Owner(azure)))
        registration = yaml.safe_load((ROOT / "examples/projects/churn.yaml").read_text())
        person.put("projects/churn", registration)
        operation = person.put(f"workspaces/{NAME}", example("monitored-classical"))
        ended = person.until(f"operations/{operation['id']}", lambda one: one["status"] in ("Succeeded", "Failed"))
        assert ended["status"] == "Succeeded", ended
        ids = azure.state(azure.subscription)
        kind = "microsoft.machinelearningservices/workspaces"
        (workspace,) = [one for one, body in ids.items() if str(body.get("type")).lower() == kind]
        for path, body in watched_resources(workspace).items():
            assert owner.put(f"{workspace}/{path}", body, version=ML_VERSION).status_code < 300, path
        person.put(f"workspaces/{NAME}/monitors/watch", MONITOR)
        shown = person.until(
            f"workspaces/{NAME}/monitors/watch", lambda one: one["observedGeneration"] == one["generation"]
        )
        assert {one["status"] for one in shown["conditions"]} == {"True"}
        azure.inject(kind="drift", workspace=workspace, endpoint="churn", severity="high")
        url = f"{workspace}/schedules/watch/trigger"
        assert owner.call("POST", url, {}, version="2024-01-01-preview").status_code == 200
        signals = person.until("signals", lambda one: any(each.get("monitor") == "watch" for each in one["value"]))
        found = next(one for one in signals["value"] if one.get("monitor") == "watch")
        assert (found["model"], found["source"], found["evidence"]["readBack"]) == ("churn", "event", True), found
