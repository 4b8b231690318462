"""The main job, chapter by chapter. Each raises :class:`Unexpected` when the product did not do what it should."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tools.demo import retraining, screen
from tools.demo.api import ControlPlane, token
from tools.demo.drift import grant_to_a_person
from tools.demo.job import run_job
from tools.demo.owner import Owner
from tools.local import ROOT, LocalStack
from tools.to_json import to_json

EXAMPLES = ROOT / "examples"
NAME = "churn-dev"
MANAGED = "reviews-dev"
_LINK_VERSION = "2020-06-01"
_ML_VERSION = "2024-10-01"


class Unexpected(RuntimeError):
    """A chapter ended otherwise than it should."""


@dataclass
class Walk:
    """What the chapters share."""

    stack: LocalStack
    project: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def env_file(self) -> Path:
        return self.stack.directory / "azure.env"

    def __post_init__(self) -> None:
        self.project = to_json(EXAMPLES / "projects/churn.yaml")
        self.spec = to_json(EXAMPLES / "workspaces/secure-classical.yaml")
        group = self.project["members"]["contributors"][0]
        self.admin = ControlPlane(self.stack.api_url, token(self.env_file, "ada", "--role", "Platform.Admin"))
        self.grace = ControlPlane(self.stack.api_url, token(self.env_file, "grace", "--group", group))

    def token_of(self, user: str) -> str:
        """Whoever has a token is a person of the directory."""
        return token(self.env_file, user)

    @property
    def workspace_id(self) -> str:
        """ARM id of the ML workspace."""
        return str(self.grace.call("GET", f"/workspaces/{NAME}").json()["status"]["outputs"]["workspaceId"])

    def resource_id(self, key: str) -> str:
        """ARM id of a resource of the workspace, from its plan."""
        changes = self.grace.call("POST", f"/workspaces/{NAME}:plan").json()["changes"]
        return str(next(change["id"] for change in changes if change["key"] == key))


def register(walk: Walk) -> None:
    """Ada, of the platform team, registers what the project may use."""
    answer = walk.admin.call("PUT", "/projects/churn", walk.project)
    regions, pools = ", ".join(walk.project["regions"]), ", ".join(walk.project["addressPools"])
    screen.said(f"project {answer.json()['name']}: regions {regions}; addresses {pools}")


def plan(walk: Walk) -> None:
    """Grace, a data scientist, sees what her spec means before anything exists."""
    answer = walk.grace.call("POST", f"/workspaces/{NAME}:plan", {"spec": walk.spec}).json()
    screen.plan(answer)
    _expect(all(c["action"] == "create" for c in answer["changes"]), "a plan of nothing creates everything")


def create(walk: Walk) -> None:
    """The same spec by PUT, and the operation's steps as they move."""
    _operate(walk, "create", lambda: walk.grace.call("PUT", f"/workspaces/{NAME}", walk.spec))
    status = walk.grace.call("GET", f"/workspaces/{NAME}").json()["status"]
    for condition in status["conditions"]:
        screen.said(f"{condition['type']}: {condition['status']} ({condition['reason']})")
    _expect(status["state"] == "Ready", f"the workspace is {status['state']}")


def validate_clean(walk: Walk) -> None:
    """Every declared property and every relation between resources, read from Azure now."""
    report = walk.grace.call("POST", f"/workspaces/{NAME}:validate").json()
    failing = screen.findings(report)
    _expect(not failing, f"{len(failing)} findings on a workspace that should be clean")


def job(walk: Walk) -> None:
    """One job takes the cluster from 0 nodes to 1 and back to 0."""
    nodes = run_job(walk.stack, walk.workspace_id, walk.spec["compute"]["clusters"][0]["name"], screen.said)
    _expect(nodes == [0, 1, 0], f"the cluster went through {nodes} nodes")


def break_it(walk: Walk) -> None:
    """Somebody opens the storage account and deletes a DNS zone link, behind the control plane's back."""
    storage, link = walk.resource_id("storage"), walk.resource_id("dns-link/blob/ml")
    _inject(walk, "public-access", "--account", storage)
    parts = link.split("/")
    _inject(walk, "delete-dns-link", "--workspace-group", parts[4], "--zone", parts[8], "--link", parts[10])
    with Owner(walk.stack) as owner:
        owner.wait_until_gone(link, _LINK_VERSION)


def validate_broken(walk: Walk) -> None:
    """Both show, with what was observed and where it was read."""
    report = walk.grace.call("POST", f"/workspaces/{NAME}:validate").json()
    failing = screen.findings(report)
    seen = {finding["key"] for finding in failing}
    _expect(seen == {"storage", "dns-link/blob/ml"}, f"the findings are about {sorted(seen)}")


def repair(walk: Walk) -> None:
    """Only what differs is written."""
    _operate(walk, "repair", lambda: walk.grace.call("POST", f"/workspaces/{NAME}:repair"))


def admit(walk: Walk) -> None:
    """Two groups get a persona each; their roles follow from the matrix and the environment."""
    groups = walk.project["entraGroups"]
    personas = {"dataScientists": [groups[0]], "projectLeads": [groups[4]]}
    _operate(walk, "access", lambda: walk.grace.call("PUT", f"/workspaces/{NAME}/access", personas))
    found = walk.grace.call("GET", f"/workspaces/{NAME}/access").json()
    for persona in found["personas"]:
        rows = ", ".join(f"{g['role']} on {g['resource']} ({g['row']})" for g in persona["grants"])
        if rows:
            screen.said(f"{persona['label']}: {rows}")
    _expect(not found["drift"]["missing"], f"missing: {found['drift']['missing']}")


def overreach(walk: Walk) -> None:
    """Somebody gives a person Contributor on the storage account; the drift names it, and who can read there."""
    with Owner(walk.stack) as owner:
        grant_to_a_person(owner, walk.resource_id("storage"), walk.token_of("mallory"))
    found = walk.grace.call("GET", f"/workspaces/{NAME}/access").json()
    direct = _own(found["drift"]["directGrants"])
    for held in direct:
        screen.said(f"direct grant: {held['principalType']} {held['principalId']} is {held['role']}")
    why = walk.grace.call("GET", f"/workspaces/{NAME}/access/explanation", resource="storage", can="write").json()
    for grant in _own(one["grant"] for one in why["who"]):
        who, asked_by = grant["persona"] or grant["principalType"], ", ".join(grant["requirements"])
        behind = grant["row"] or asked_by or "no row of the matrix"
        screen.said(f"may write to storage: {who} as {grant['role']}, by {behind}")
    _expect(len(direct) == 1, f"{len(direct)} people have a grant")


def reconcile(walk: Walk) -> None:
    """With consent, what no row of the matrix has is taken away."""
    query = {"allowDestructive": "true"}
    _operate(walk, "reconcile", lambda: walk.grace.call("POST", f"/workspaces/{NAME}/access:reconcile", **query))
    drift = walk.grace.call("GET", f"/workspaces/{NAME}/access").json()["drift"]
    _expect(not _own(drift["directGrants"]) and not drift["missing"], f"drift is left: {drift}")
    screen.said("no drift")


def _own(grants: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those made on the workspace's own resources; who owns the subscription inherits, and is an administrator's."""
    return [grant for grant in grants if not grant["inherited"]]


def managed(walk: Walk) -> None:
    """Models of the catalog, in a network that Azure ML manages: which hosts they need, and what that costs."""
    spec = to_json(EXAMPLES / "workspaces/managed-approved-catalog.yaml")
    # Without a compute Azure puts off building the network, which takes it half an hour.
    spec["compute"]["clusters"] = []
    answer = walk.grace.call("POST", f"/workspaces/{MANAGED}:plan", {"spec": spec}).json()
    screen.plan(answer)
    _operate(walk, "create", lambda: walk.grace.call("PUT", f"/workspaces/{MANAGED}", spec))
    workspace = walk.grace.call("GET", f"/workspaces/{MANAGED}").json()["status"]["outputs"]["workspaceId"]
    with Owner(walk.stack) as owner:
        rules = owner.list(f"{workspace}/outboundRules", _ML_VERSION)
    hosts = sorted(r["properties"]["destination"] for r in rules if r["properties"]["type"] == "FQDN")
    screen.said(f"{len(hosts)} hosts may be reached: {', '.join(hosts)}")
    failing = screen.findings(walk.grace.call("POST", f"/workspaces/{MANAGED}:validate").json())
    _expect("pypi.org" in hosts and not failing, f"{len(failing)} findings; hosts {hosts}")
    _operate(walk, "delete", lambda: walk.grace.call("DELETE", f"/workspaces/{MANAGED}"))


def serve(walk: Walk) -> None:
    """A workspace on which monitors run: a managed network with Spark, an identity of its own, no keys."""
    spec = to_json(EXAMPLES / "workspaces/monitored-classical.yaml")
    _operate(walk, "create", lambda: walk.grace.call("PUT", f"/workspaces/{retraining.LIVE}", spec))
    retraining.watch(walk)


def drifts(walk: Walk) -> None:
    """The data of production are not what the model was trained on any more."""
    wish = (
        "--workspace",
        retraining.workspace_id(walk),
        "--endpoint",
        retraining.endpoint_name(),
        "--severity",
        "high",
    )
    _inject(walk, "drift", *wish)
    decision = retraining.drift(walk)
    _expect(decision["outcome"] == "submit", f"the decision was {decision['reason']}")
    run = retraining.run(walk, decision)
    _expect(run["state"] == "succeeded", f"the run is {run['state']}")
    found = retraining.promotion(walk)
    _expect(found["state"] == "awaitingEvaluation", f"the promotion is {found['state']}")


def annotates(walk: Walk) -> None:
    """The same drift under a model of images: nobody trains it on its own; its worst samples go to people."""
    spec = walk.grace.call("GET", f"/workspaces/{retraining.LIVE}").json()["spec"]
    changed = {**spec, "workload": "cv"}
    _operate(walk, "update", lambda: walk.grace.call("PUT", f"/workspaces/{retraining.LIVE}", changed))
    decision = retraining.drift(walk)
    _expect(decision["outcome"] == "annotate", f"the decision was {decision['reason']}")
    _operate(walk, "delete", lambda: walk.grace.call("DELETE", f"/workspaces/{retraining.LIVE}"))


def delete(walk: Walk) -> None:
    """In reverse order; what Azure keeps is reported."""
    operation = _operate(walk, "delete", lambda: walk.grace.call("DELETE", f"/workspaces/{NAME}"))
    screen.residue(operation)


CHAPTERS: tuple[tuple[str, Callable[[Walk], None]], ...] = (
    ("Register the project", register),
    ("Plan a workspace from examples/workspaces/secure-classical.yaml", plan),
    ("Create it", create),
    ("Validate it", validate_clean),
    ("Run one job", job),
    ("Somebody breaks it", break_it),
    ("Validate shows both, with evidence", validate_broken),
    ("Repair", repair),
    ("Validate is clean", validate_clean),
    ("Admit two groups", admit),
    ("Somebody gives a person a role", overreach),
    ("Reconcile access", reconcile),
    ("A managed network, with models of the catalog", managed),
    ("A model is served, and watched", serve),
    ("The world changes: a drift, a decision, a run", drifts),
    ("The same under a model of images", annotates),
    ("Delete, with the residue report", delete),
)


def walk_through(stack: LocalStack) -> None:
    """Runs every chapter. Raises what the first failing one raised."""
    walk = Walk(stack)
    for number, (title, act) in enumerate(CHAPTERS, start=1):
        screen.chapter(number, title)
        act(walk)


def _operate(walk: Walk, title: str, request: Callable[[], httpx.Response]) -> dict[str, Any]:
    started = time.monotonic()
    with screen.steps(title) as draw:
        operation = walk.grace.watch(request(), draw)
    screen.operation_result(operation, time.monotonic() - started)
    _expect(operation["status"] == "Succeeded", f"{title} ended {operation['status']}")
    return operation


def _inject(walk: Walk, *arguments: str) -> None:
    command = [sys.executable, "-m", "simulator", "inject", *arguments, "--env-file", str(walk.env_file)]
    done = subprocess.run(command, capture_output=True, text=True)
    _expect(done.returncode == 0, f"inject failed: {done.stderr.strip()}")
    screen.said(f"{arguments[0]}: {screen.without_group(done.stdout.strip())}")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unexpected(otherwise)
