"""Retraining through two function hosts on one store, with the simulator before them: one of everything, and what a
host that is killed was doing is done by the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.retraining_hosts import RetrainingHosts
from tests.support.two_hosts import several_hosts

pytestmark = pytest.mark.slow


def test_a_host_that_is_killed_while_it_submits_loses_nothing(tmp_path: Path) -> None:
    with several_hosts(tmp_path, store="azure", lease_seconds=3.0) as estate:
        hosts = RetrainingHosts(estate)
        hosts.build("drift")
        _one_promotion(hosts)

        signal = hosts.wish("7f8d1f9e-0000-4000-8000-000000000001")
        estate.until(lambda: (hosts.wake(), hosts.get(f"signals/{signal}")["decision"])[1], every=0.5)
        (run,) = hosts.listed("retrainings")
        assert run["run"]["state"] == "waitingApproval"
        run_id = run["run"]["id"]
        asker = hosts.say(run_id, "approve", "ada")
        assert (asker.status_code, asker.json()["error"]["code"]) == (403, "ApproverIsRequester")

        estate.hold(f"/jobs/{run_id}$")
        assert hosts.say(run_id, "approve", "grace", host=1).status_code == 200
        estate.until_held()
        worker = hosts.owner("run", run_id)
        assert worker is not None
        killed = hosts.kill_host_of(worker)
        other = 1 - killed
        estate.release()

        hosts.until_run(run_id, ("running", "evaluating", "succeeded"), other)
        assert hosts.owner("run", run_id) != worker
        # Event Grid tells of the job's end more than once: one look, one end.
        told = {"runId": run_id, "runStatus": "Completed", "runTags": {}, "runProperties": {}, "experimentName": "x"}
        estate.until(lambda: _ended(hosts, run_id), every=0.2)
        assert set(hosts.deliver("RunCompleted", f"experiments/x/runs/{run_id}", told, copies=5)) == {202}
        run = hosts.until_run(run_id, ("succeeded",), other)
        assert [step["state"] for step in run["transitions"]] == [
            "waitingApproval", "submitted", "running", "evaluating", "succeeded",
        ]  # fmt: skip
        assert run["approvedBy"] not in (None, run["requestedBy"])

        made = Counter(call["status"] for call in hosts.jobs())
        assert made[201] <= 1
        assert len({call["path"].lower() for call in hosts.jobs()}) == 1
        assert (len(hosts.listed("signals", other)), len(hosts.listed("decisions", other))) == (1, 1)
        proof = estate.client.post(
            f"{estate.urls[other]}/api/audit:verify", json={"object": f"retraining/{hosts.name}.churn"}
        ).json()
        assert proof["consistent"], proof
        told = hosts.get("audit", other, filter=f"object eq 'retraining/{hosts.name}.churn'")["value"]
        states = [entry["details"].get("state") for entry in reversed(told) if entry["action"] == "RunChanged"]
        assert states == ["submitted", "running", "evaluating", "succeeded"]


def _ended(hosts: RetrainingHosts, run_id: str) -> bool:
    state = hosts.estate.simulator.state()
    body = next((one for arm_id, one in state.items() if arm_id.lower().endswith(f"/jobs/{run_id}")), None)
    return body is not None and body["properties"]["status"] == "Completed"


def _one_promotion(hosts: RetrainingHosts) -> None:
    """A version of which both hosts hear, ten times each."""
    hosts.owner_put("models/churn/versions/1", {"properties": {"modelUri": "azureml://jobs/x/outputs/model"}})
    data = {"modelName": "churn", "modelVersion": "1", "modelTags": {}, "modelProperties": {}}
    assert set(hosts.deliver("ModelRegistered", "models/churn:1", data, copies=10)) == {202}

    def judged() -> bool:
        hosts.wake()
        return any(one["promotion"]["lineage"] for one in hosts.listed("promotions"))

    hosts.estate.until(judged, every=0.5)
    (promotion,) = hosts.listed("promotions", host=1)
    assert (promotion["promotion"]["model"], promotion["promotion"]["version"]) == ("churn", "1")
    webhook = f"{hosts.estate.urls[0]}/runtime/webhooks/EventGrid?functionName=events"
    assert hosts.estate.client.post(webhook, json=[]).status_code == 401, "without a key"
