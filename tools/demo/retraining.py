"""The chapter of a drift: monitors, a breach, the decision with its reasons, a run, challenger against champion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.demo import screen
from tools.demo.models import ENDPOINT, MODEL, PIPELINE, serve_a_model, wait_for
from tools.demo.month import Month
from tools.demo.owner import Owner
from tools.local import ROOT
from tools.to_json import to_json

if TYPE_CHECKING:
    from tools.demo.walk import Walk

LIVE = "churn-live"
MONITOR = "watch"
_TRIGGER_VERSION = "2024-01-01-preview"
POLICY: dict[str, Any] = {
    # One window is enough here, so that nobody has to wait for days; a second kind of signal has to agree.
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 0,
    "cooldown": "P1D",
    "pipeline": {
        "kind": "component",
        "name": PIPELINE,
        "version": "1",
        "compute": "cpu",
        "fromSignal": {"begin": "windowBegin", "end": "windowEnd", "reason": "reason"},
    },
    "gate": {"metric": "accuracy", "minimum": 0.8, "minAbsoluteChange": 0.01},
}


def workspace_id(walk: Walk) -> str:
    return str(walk.grace.call("GET", f"/workspaces/{LIVE}").json()["status"]["outputs"]["workspaceId"])


def watch(walk: Walk) -> None:
    """A model is served; a monitor and a policy are set for it."""
    with Owner(walk.stack) as owner:
        serve_a_model(owner, workspace_id(walk))
    monitor = to_json(ROOT / "examples/monitors/churn.json")
    # Where the quality of the data is raised as well, its cause is looked for first and nothing is trained (D03).
    monitor["signals"] = [one for one in monitor["signals"] if one["kind"] != "dataQuality"]
    walk.grace.call("PUT", f"/workspaces/{LIVE}/monitors/{MONITOR}", monitor)
    walk.grace.call("PUT", f"/workspaces/{LIVE}/retrainingPolicies/{MODEL}", POLICY)
    with Month(walk.stack) as month:
        shown = month.until(lambda: _standing(walk), "the monitor to stand in Azure", patience=300)
    for condition in shown["conditions"]:
        screen.said(f"{condition['type']}: {condition['status']} ({condition['reason']})")


def _standing(walk: Walk) -> dict[str, Any] | None:
    """What takes a sweep or a first call to be known is unknown yet, and says so."""
    found: dict[str, Any] = walk.grace.call("GET", f"/workspaces/{LIVE}/monitors/{MONITOR}").json()
    status = {one["type"]: one["status"] for one in found["conditions"]}
    return found if status.get("Monitored") == "True" else None


def drift(walk: Walk) -> dict[str, Any]:
    """The world changes, the monitor runs, Event Grid tells of the breach, and the decision says why."""
    known = {one["id"] for one in _decisions(walk)}
    with Owner(walk.stack) as owner:
        owner.post(f"{workspace_id(walk)}/schedules/{MONITOR}/trigger", _TRIGGER_VERSION, {})
    acted = wait_for(lambda: _acting(walk, known), "a decision that does something")
    for decision in reversed([one for one in _decisions(walk) if one["id"] not in known]):
        screen.said(f"{decision['outcome']}: {decision['reason']} - {decision['sentence']}")
    for check in acted["checks"]:
        screen.said(f"   {check['name']:<12} {check['verdict']:<8} {check['sentence']}")
    return dict(acted)


def _decisions(walk: Walk) -> list[dict[str, Any]]:
    return list(walk.grace.call("GET", "/decisions", filter=f"workspace eq '{LIVE}'").json()["value"])


def _acting(walk: Walk, known: set[str]) -> dict[str, Any] | None:
    new = (one for one in _decisions(walk) if one["id"] not in known)
    return next((one for one in new if one["outcome"] in ("submit", "annotate")), None)


def run(walk: Walk, decision: dict[str, Any]) -> dict[str, Any]:
    """The pipeline runs on the workspace's cluster; its challenger is held against the champion."""
    found: dict[str, Any] = wait_for(lambda: _ended(walk, decision["runId"]), "the run to end", 600)
    for step in found["transitions"]:
        screen.said(f"{step['state']}: {step['message']}")
    if comparison := found["comparison"]:
        screen.said(f"challenger {comparison['challenger']}, champion {comparison['champion']}")
    return found


def _ended(walk: Walk, run_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] = walk.grace.call("GET", f"/retrainings/{run_id}").json()["run"]
    return found if found["state"] in ("succeeded", "failed", "rejected", "canceled", "superseded") else None


def promotion(walk: Walk) -> dict[str, Any]:
    """The version that the run registered waits to be evaluated; where it comes from was read back."""
    found: dict[str, Any] = wait_for(lambda: _promotion(walk), "the promotion")
    screen.said(f"{found['model']}:{found['version']} is {found['state']}: {found['reason']}")
    return found


def _promotion(walk: Walk) -> dict[str, Any] | None:
    page = walk.grace.call("GET", "/promotions", filter=f"workspace eq '{LIVE}'").json()["value"]
    bodies = (one.get("promotion", one) for one in page)
    return next((one for one in bodies if one["model"] == MODEL and one["version"] == "2" and one["lineage"]), None)


def endpoint_name() -> str:
    """For `inject drift`."""
    return ENDPOINT
