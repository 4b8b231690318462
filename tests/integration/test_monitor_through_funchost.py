"""A monitor through processes: set by REST, made by ticks on the queue; what it finds is told by Event Grid, what its
alert rules see by Azure Monitor's action group, with a token of Azure's own application."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml

from controlplane.http.examples import MONITOR
from tests.support.blueprints import ROOT, example
from tests.support.calling import VERSION
from tests.support.host_person import HostPerson
from tests.support.product import NAME, Owner
from tests.support.quiet_monitors import ML_VERSION, watched_resources
from tests.support.virtual_stack import VirtualStack, midnight_after, virtual_stack
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow
#: It would train at the first breach of anything.
EAGER: dict[str, Any] = {
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "agreement": "none",
    "minimumSamples": 0,
    "approval": {"required": False},
    "pipeline": {"name": "drift", "version": "1", "compute": "cpu", "inputs": {"monitor": "none"}},
}


@dataclass
class Watched:
    """``workspace`` is the ARM id of the Azure ML workspace."""

    stack: VirtualStack
    person: HostPerson
    owner: Owner
    workspace: str

    def body(self, path: str) -> dict[str, Any]:
        found = self.owner.get(f"{self.workspace}/{path}", version=ML_VERSION)
        assert found is not None
        return found

    def latency(self) -> list[dict[str, Any]]:
        """Signals of Azure Monitor's rule, newest first."""
        found = self.person.all("signals", filter=f"workspace eq '{NAME}'")
        return [one for one in found if (one["kind"], one["source"]) == ("latency", "alert")]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with ExitStack() as open_:
        stack = open_.enter_context(virtual_stack(tmp_path_factory.mktemp("watched"), time_scale=2000))
        # In the morning, so that what is leapt over holds no run of the schedule's own, which is at midnight.
        stack.leap_to(midnight_after(stack.clock.now()) + timedelta(hours=6))
        person = open_.enter_context(closing(HostPerson(stack.api_url, stack.azure)))
        owner = open_.enter_context(closing(Owner(stack.azure)))
        person.put("projects/churn", yaml.safe_load((ROOT / "examples/projects/churn.yaml").read_text()))
        operation = person.put(f"workspaces/{NAME}", example("monitored-classical"))["id"]
        stack.settle()
        while person.get(f"operations/{operation}")["status"] not in ("Succeeded", "Failed"):
            stack.leap(30)
        workspace = str(person.get(f"workspaces/{NAME}")["status"]["outputs"]["workspaceId"])
        for path, body in watched_resources(workspace).items():
            assert owner.put(f"{workspace}/{path}", body, version=ML_VERSION).status_code < 300, path
        stack.azure.settings(timeScale=1)
        stack.azure.inject(kind="traffic", workspace=workspace, endpoint="churn", requestsPerMinute=60, latencyMs=50)
        person.put(f"workspaces/{NAME}/monitors/watch", MONITOR)
        for _ in range(30):
            stack.leap(30)
            shown = person.get(f"workspaces/{NAME}/monitors/watch")
            if shown["observedGeneration"] == shown["generation"]:
                break
        assert {one["type"]: one["status"] for one in shown["conditions"]}["Monitored"] == "True", shown
        person.put(f"workspaces/{NAME}/retrainingPolicies/churn", EAGER)
        yield Watched(stack, person, owner, workspace)


def test_an_endpoint_that_gets_slow_becomes_a_task_and_no_retraining(watched: Watched) -> None:
    stack, person = watched.stack, watched.person
    stack.leap(hours=1)
    assert watched.latency() == []
    stack.azure.inject(kind="latency", workspace=watched.workspace, endpoint="churn", latencyMs=3000)
    stack.leap(hours=0.5)
    (signal,) = watched.latency()
    assert (signal["evidence"]["readBack"], signal["resolved"], signal["model"]) == (True, False, None), signal
    decision = person.get(f"signals/{signal['id']}")["decision"]
    assert (decision["outcome"], decision["reason"], decision["runId"]) == ("remediate", "InfrastructureSignal", None)
    task = person.get(f"tasks/{signal['id']}")["task"]
    assert (task["kind"], task["state"]) == ("platform", "open")
    stack.azure.inject(kind="traffic", workspace=watched.workspace, endpoint="churn", latencyMs=50)
    for _ in range(24):
        stack.leap(300)  # Azure's rule looks every few minutes, and three of its looks have to be good
        if person.get(f"tasks/{signal['id']}")["task"]["state"] != "open":
            break
    assert person.get(f"tasks/{signal['id']}")["task"]["state"] == "closed"
    assert person.get(f"signals/{signal['id']}")["signal"]["resolved"] is True
    assert person.all("retrainings") == []
    told = [one for one in stack.azure.control("GET", "alerts")["deliveries"] if one["rule"].endswith("watch_latency")]
    assert [(one["status"], one["result"]) for one in told] == [(202, "Delivered")] * 2, told


def test_nobody_else_closes_it(watched: Watched) -> None:
    """The alert's own words, by a person with every role: refused, because she is not Azure Monitor."""
    answer = httpx.post(f"{watched.stack.api_url}/api/alerts", json={}, params=VERSION, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 401
    ada = watched.stack.azure.token(roles=["Platform.Admin"], user="ada")
    payload = json.loads(base64.urlsafe_b64decode(ada.split(".")[1] + "=="))
    assert payload["roles"] == ["Platform.Admin"]
    answer = httpx.post(
        f"{watched.stack.api_url}/api/alerts", json={}, params=VERSION, timeout=PATIENCE_SECONDS,
        headers={"authorization": f"Bearer {ada}"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_a_drift_becomes_a_signal_that_was_read_back(watched: Watched) -> None:
    watched.stack.azure.inject(kind="drift", workspace=watched.workspace, endpoint="churn", severity="high")
    url = f"{watched.workspace}/schedules/watch/trigger"
    assert watched.owner.call("POST", url, {}, version="2024-01-01-preview").status_code == 200
    watched.stack.leap(hours=0.5)
    found = [one for one in watched.person.all("signals") if one["monitor"] == "watch"]
    assert len(found) == len(MONITOR["signals"])
    for one in found:
        assert (one["model"], one["source"], one["evidence"]["readBack"]) == ("churn", "event", True), one
