"""The main job, chapter by chapter. Each raises :class:`Unexpected` when the product did not do what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tools.demo import lifetime, money, retraining, screen
from tools.demo.drift import grant_to_a_person
from tools.demo.job import run_job
from tools.demo.owner import Owner
from tools.demo.walk import EXAMPLES, NAME, Walk, expect, inject, operate
from tools.local import LocalStack
from tools.to_json import to_json

MANAGED = "reviews-dev"
_LINK_VERSION = "2020-06-01"
_ML_VERSION = "2024-10-01"


def register(walk: Walk) -> None:
    """Ada, of the platform team, registers what the project may use."""
    answer = walk.admin.call("PUT", "/projects/churn", walk.project)
    regions, pools = ", ".join(walk.project["regions"]), ", ".join(walk.project["addressPools"])
    screen.said(f"project {answer.json()['name']}: regions {regions}; addresses {pools}")


def plan(walk: Walk) -> None:
    """Grace, a data scientist, sees what her spec means before anything exists."""
    answer = walk.grace.call("POST", f"/workspaces/{NAME}:plan", {"spec": walk.spec}).json()
    screen.plan(answer)
    expect(all(c["action"] == "create" for c in answer["changes"]), "a plan of nothing creates everything")


def create(walk: Walk) -> None:
    """The same spec by PUT, and the operation's steps as they move."""
    operate(walk, "create", lambda: walk.grace.call("PUT", f"/workspaces/{NAME}", walk.spec))
    status = walk.grace.call("GET", f"/workspaces/{NAME}").json()["status"]
    for condition in status["conditions"]:
        screen.said(f"{condition['type']}: {condition['status']} ({condition['reason']})")
    expect(status["state"] == "Ready", f"the workspace is {status['state']}")


def validate_clean(walk: Walk) -> None:
    """Every declared property and every relation between resources, read from Azure now."""
    report = walk.grace.call("POST", f"/workspaces/{NAME}:validate").json()
    failing = screen.findings(report)
    expect(not failing, f"{len(failing)} findings on a workspace that should be clean")


def job(walk: Walk) -> None:
    """One job takes the cluster from 0 nodes to 1 and back to 0."""
    nodes = run_job(walk.stack, walk.workspace_id, walk.spec["compute"]["clusters"][0]["name"], screen.said)
    expect(nodes == [0, 1, 0], f"the cluster went through {nodes} nodes")


def break_it(walk: Walk) -> None:
    """Somebody opens the storage account and deletes a DNS zone link, behind the control plane's back."""
    storage, link = walk.resource_id("storage"), walk.resource_id("dns-link/blob/ml")
    inject(walk, "public-access", "--account", storage)
    parts = link.split("/")
    inject(walk, "delete-dns-link", "--workspace-group", parts[4], "--zone", parts[8], "--link", parts[10])
    with Owner(walk.stack) as owner:
        owner.wait_until_gone(link, _LINK_VERSION)


def validate_broken(walk: Walk) -> None:
    """Both show, with what was observed and where it was read."""
    report = walk.grace.call("POST", f"/workspaces/{NAME}:validate").json()
    failing = screen.findings(report)
    seen = {finding["key"] for finding in failing}
    expect(seen == {"storage", "dns-link/blob/ml"}, f"the findings are about {sorted(seen)}")


def repair(walk: Walk) -> None:
    """Only what differs is written."""
    operate(walk, "repair", lambda: walk.grace.call("POST", f"/workspaces/{NAME}:repair"))


def admit(walk: Walk) -> None:
    """Two groups get a persona each; their roles follow from the matrix and the environment."""
    groups = walk.project["entraGroups"]
    personas = {"dataScientists": [groups[0]], "projectLeads": [groups[4]]}
    operate(walk, "access", lambda: walk.grace.call("PUT", f"/workspaces/{NAME}/access", personas))
    found = walk.grace.call("GET", f"/workspaces/{NAME}/access").json()
    for persona in found["personas"]:
        rows = ", ".join(f"{g['role']} on {g['resource']} ({g['row']})" for g in persona["grants"])
        if rows:
            screen.said(f"{persona['label']}: {rows}")
    expect(not found["drift"]["missing"], f"missing: {found['drift']['missing']}")


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
    expect(len(direct) == 1, f"{len(direct)} people have a grant")


def reconcile(walk: Walk) -> None:
    """With consent, what no row of the matrix has is taken away."""
    query = {"allowDestructive": "true"}
    operate(walk, "reconcile", lambda: walk.grace.call("POST", f"/workspaces/{NAME}/access:reconcile", **query))
    drift = walk.grace.call("GET", f"/workspaces/{NAME}/access").json()["drift"]
    expect(not _own(drift["directGrants"]) and not drift["missing"], f"drift is left: {drift}")
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
    operate(walk, "create", lambda: walk.grace.call("PUT", f"/workspaces/{MANAGED}", spec))
    workspace = walk.grace.call("GET", f"/workspaces/{MANAGED}").json()["status"]["outputs"]["workspaceId"]
    with Owner(walk.stack) as owner:
        rules = owner.list(f"{workspace}/outboundRules", _ML_VERSION)
    hosts = sorted(r["properties"]["destination"] for r in rules if r["properties"]["type"] == "FQDN")
    screen.said(f"{len(hosts)} hosts may be reached: {', '.join(hosts)}")
    failing = screen.findings(walk.grace.call("POST", f"/workspaces/{MANAGED}:validate").json())
    expect("pypi.org" in hosts and not failing, f"{len(failing)} findings; hosts {hosts}")
    operate(walk, "delete", lambda: walk.grace.call("DELETE", f"/workspaces/{MANAGED}"))


def serve(walk: Walk) -> None:
    """A workspace on which monitors run: a managed network with Spark, an identity of its own, no keys."""
    spec = to_json(EXAMPLES / "workspaces/monitored-classical.yaml")
    operate(walk, "create", lambda: walk.grace.call("PUT", f"/workspaces/{retraining.LIVE}", spec))
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
    inject(walk, "drift", *wish)
    decision = retraining.drift(walk)
    expect(decision["outcome"] == "submit", f"the decision was {decision['reason']}")
    run = retraining.run(walk, decision)
    expect(run["state"] == "succeeded", f"the run is {run['state']}")
    found = retraining.promotion(walk)
    expect(found["state"] == "awaitingEvaluation", f"the promotion is {found['state']}")


def annotates(walk: Walk) -> None:
    """The same drift under a model of images: nobody trains it on its own; its worst samples go to people."""
    spec = walk.grace.call("GET", f"/workspaces/{retraining.LIVE}").json()["spec"]
    changed = {**spec, "workload": "cv"}
    operate(walk, "update", lambda: walk.grace.call("PUT", f"/workspaces/{retraining.LIVE}", changed))
    decision = retraining.drift(walk)
    expect(decision["outcome"] == "annotate", f"the decision was {decision['reason']}")
    operate(walk, "delete", lambda: walk.grace.call("DELETE", f"/workspaces/{retraining.LIVE}"))


def costs(walk: Walk) -> None:
    """What is planned is priced before it exists, meter by meter."""
    found = money.prices(walk, NAME)
    expect(found["isComplete"], f"without a price: {found['incomplete']}")
    more = found["difference"]["expected"]["amount"]
    expect(more > 0, f"four nodes and an instance cost {more}")


def spends(walk: Walk) -> None:
    """A budget; half of it is spent at once, which Azure shows a day later."""
    money.set_budget(walk, NAME)
    inject(walk, "cost", "--scope", _group(walk), "--amount", "600")
    money.reached(walk, NAME, 1)
    expect(bool(money.told(walk, NAME)), "nobody was told")


def overspends(walk: Walk) -> None:
    """All of it is spent: announced first, then Azure denies what is new, and a raised budget gives it back."""
    inject(walk, "cost", "--scope", _group(walk), "--amount", "500")
    found = money.reached(walk, NAME, 3)
    announced = [(one["act"], one["state"]) for one in found["enforcement"]]
    expect(announced == [("blockComputes", "announced")], f"the enforcement is {announced}")
    _, said = money.enforced(walk, NAME)
    expect("RequestDisallowedByPolicy" in said, f"a new compute: {said}")
    expect("BudgetRaiseNotAllowed" in money.more_than_allowed(walk, NAME), "who spends raised the budget")
    _, said = money.raised(walk, NAME)
    expect(said == "taken", f"a new compute: {said}")


def idles(walk: Walk) -> None:
    """Its owner puts idleness in the place of its last day; nobody uses the workspace; she is warned, and needs it
    longer. Grace, who leads it and does not own it, may not say so."""
    spec = walk.grace.call("GET", f"/workspaces/{NAME}").json()["spec"]
    changed = {**spec, "expiry": lifetime.RULE}
    operate(walk, "update", lambda: walk.owner.call("PUT", f"/workspaces/{NAME}", changed))
    inject(walk, "idle", "--workspace", walk.workspace_id, "--days", "30")
    lifetime.warned(walk, NAME)
    expect("ExtensionNotAllowed" in lifetime.longer(walk, NAME, changed), "who is no owner gave it more time")
    lifetime.extended(walk, NAME)


def expires(walk: Walk) -> None:
    """The extension is over: asked, the owner's yes, the grace, the archive."""
    found = lifetime.asked(walk, NAME)
    expect(found["stage"] == "asked", f"the expiry is {found['stage']}: {found['reasons']}")
    found = lifetime.archived(walk, NAME)
    expect(found["archive"]["state"] == "archived", f"the archive is {found['archive']}")


def returns(walk: Walk) -> None:
    """Out of the archive again, and every declared property of it is read from Azure."""
    lifetime.restored(walk, NAME)
    validate_clean(walk)


def _group(walk: Walk) -> str:
    return walk.workspace_id.partition("/providers/")[0]


def delete(walk: Walk) -> None:
    """In reverse order; what Azure keeps is reported."""
    operation = operate(walk, "delete", lambda: walk.grace.call("DELETE", f"/workspaces/{NAME}"))
    screen.residue(operation)


CHAPTERS: tuple[tuple[str, Callable[[Walk], None]], ...] = (
    ("Register the project", register),
    ("Plan a workspace from examples/workspaces/secure-classical.yaml", plan),
    ("Create it", create),
    ("Validate it", validate_clean),
    ("What it costs a month, and what a change would add", costs),
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
    ("A budget: half of it is spent, and people are told", spends),
    ("All of it is spent: announced, enforced, released", overspends),
    ("Nobody uses it: warned, and extended", idles),
    ("Asked, and archived after the grace", expires),
    ("Restored from the archive", returns),
    ("Delete, with the residue report", delete),
)


def walk_through(stack: LocalStack) -> None:
    """Runs every chapter. Raises what the first failing one raised."""
    walk = Walk(stack)
    for number, (title, act) in enumerate(CHAPTERS, start=1):
        screen.chapter(number, title)
        act(walk)
