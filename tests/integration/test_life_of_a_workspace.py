"""A workspace from its first PUT to its deletion, against the simulator: plans, updates, faults, races, residue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.arm import is_within, type_of
from controlplane.operations.model import Operation
from controlplane.workspaces import kinds as k
from controlplane.workspaces.measured import load_durations
from controlplane.workspaces.reconcile import tick
from tests.support.blueprints import example
from tests.support.product import NAME, Product, running_product
from tests.support.waiting import until
from tests.unit.workspaces.test_bodies_round_trip import MODELS, RECORDED, faults

WORKSPACE = f"workspaces/{NAME}"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture
def empty(process: Product) -> Product:
    """Nothing exists but the project."""
    process.reset()
    return process


@pytest.fixture
def made(empty: Product) -> Product:
    """The example workspace exists."""
    succeeded(empty.finish(empty.put()))
    return empty


def succeeded(operation: Operation) -> Operation:
    assert operation.status == "Succeeded", operation.error
    return operation


def spec(**compute: Any) -> dict[str, Any]:
    """The example with other fields of its one cluster."""
    asked = example()
    asked["compute"]["clusters"][0].update(compute)
    return asked


def effects(calls: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """(method, id) of writes that ARM took, in lower case → how often."""
    return Counter((call["method"], call["path"].lower()) for call in calls if call["status"] < 300)


def created_once(product: Product) -> None:
    """No id was answered with 201 twice, and none was written twice."""
    taken = effects(product.writes())
    assert {what: count for what, count in taken.items() if count > 1} == {}


# -- creation, and what it leaves in the record ------------------------------------------------------------------------


def test_a_creation_writes_each_thing_once_and_no_poll_is_early(made: Product) -> None:
    created_once(made)
    assert made.simulator.calls(early=1) == []
    assert made.failing() == []
    operation = made.run(made.operation(str(made.record().last_operation)))
    assert [step.key for step in operation.steps if step.resource_id is None] == []
    shown = made.call("GET", f"operations/{operation.id}").json()
    assert all(step["resourceId"] for step in shown["steps"])


def test_ids_in_writes_lie_in_the_workspace_s_own_group(made: Product) -> None:
    group = made.ids()["resource-group"]
    writes = made.writes()
    assert writes
    assert [call["path"] for call in writes if not is_within(call["path"], group)] == []
    named = [found for call in writes for found in ids_in(call["requestBody"])]
    # The definitions of built-in roles are nobody's: they are read by every subscription.
    outside = [found for found in named if not is_within(found, group) and "/roleDefinitions/" not in found]
    assert outside == []


def ids_in(body: Any) -> Iterator[str]:
    """Everything in a body that is an ARM id."""
    match body:
        case dict():
            for item in body.values():
                yield from ids_in(item)
        case list():
            for item in body:
                yield from ids_in(item)
        case str() if body.lower().startswith("/subscriptions/"):
            yield body


def test_every_body_that_was_sent_is_one_of_the_published_models(made: Product) -> None:
    """Those of updates and repairs too."""
    ids = made.ids()
    for key in ("subnet/training", "nsg/training", "storage"):
        body = made.owner.get(ids[key]) or {}
        sent = {name: body[name] for name in ("location", "sku", "kind") if name in body}
        properties = {"addressPrefix": "10.40.1.0/24"} if key.startswith("subnet") else {}
        made.owner.put(ids[key], {**sent, "properties": properties}).raise_for_status()
    assert made.failing()
    succeeded(made.repair())
    held = Counter[str]()
    for call in made.writes():
        kind = known(type_of(call["path"]))
        if call["method"] != "PUT" or kind in RECORDED or kind == k.DIAGNOSTIC:
            continue
        assert faults(kind, call["requestBody"]) == [], call["path"]
        held[kind] += 1
    declared = {resource.type for resource in made.blueprint().resources}
    assert held.keys() == MODELS.keys() & declared


def known(resource_type: str) -> str:
    return next(name for name in (*MODELS, *RECORDED, k.DIAGNOSTIC) if name.lower() == resource_type.lower())


# -- plans and updates -------------------------------------------------------------------------------------------------


def test_a_plan_says_what_differs_and_uses_what_was_measured(made: Product) -> None:
    assert made.plan()["isEmpty"] and made.plan(example())["isEmpty"]
    assert made.run(load_durations(made.store))

    asked = made.plan(spec(maxNodes=6))
    (change,) = [c for c in asked["changes"] if c["action"] not in ("none", "unmanaged")]
    assert (change["key"], change["action"]) == ("cluster/cpu", "update")
    (difference,) = change["differences"]
    assert difference["path"] == "$.properties.properties.scaleSettings.maxNodeCount"
    assert (difference["wanted"], difference["observed"]) == (6, 4)

    other = {**example(), "network": {"addressSpace": "10.40.8.0/22"}}
    seconds = {c["type"]: c["expectedDuration"] for c in made.plan(other, name="churn-two")["changes"]}
    # Estimated: PT1M30S. Measured at this time scale: well under a minute.
    assert seconds[k.ML_WORKSPACE] != "PT1M30S"


def test_an_update_writes_what_differs_and_nothing_else(made: Product) -> None:
    since = made.simulator.calls()[-1]["n"]
    succeeded(made.finish(made.put(spec(maxNodes=6))))
    assert [call["path"] for call in made.writes(since)] == [made.ids()["cluster/cpu"]]
    assert made.plan()["isEmpty"]
    since = made.simulator.calls()[-1]["n"]
    assert made.put(spec(maxNodes=6)).status_code == 200
    assert made.writes(since) == []


def refused(product: Product, asked: dict[str, Any], keys: set[str]) -> None:
    """409 naming what would be destroyed, and nothing written."""
    since = product.simulator.calls()[-1]["n"]
    answer = product.put(asked)
    assert answer.status_code == 409, answer.text
    error = answer.json()["error"]
    assert error["code"] == "DestructiveChangeNotAllowed"
    assert {detail["target"] for detail in error["details"]} >= keys
    assert product.writes(since) == []


def test_another_size_replaces_the_cluster_with_consent_only(made: Product) -> None:
    before = made.owner.get(made.ids()["cluster/cpu"]) or {}
    asked = spec(size="Standard_DS11_v2")
    refused(made, asked, {"cluster/cpu"})
    succeeded(made.finish(made.put(asked, allow_destructive=True)))
    after = made.owner.get(made.ids()["cluster/cpu"]) or {}
    assert after["properties"]["properties"]["vmSize"] == "Standard_DS11_v2"
    assert after["identity"]["principalId"] != before["identity"]["principalId"] or after["id"] == before["id"]
    assert made.failing() == []
    assert made.plan()["isEmpty"]


def test_a_removed_cluster_is_deleted_with_consent_only(made: Product) -> None:
    ids = made.ids()
    asked = {**example(), "compute": {"clusters": []}}
    refused(made, asked, {"cluster/cpu"})
    succeeded(made.finish(made.put(asked, allow_destructive=True)))
    assert made.owner.get(ids["cluster/cpu"]) is None
    assert made.owner.get(ids["role/cluster/cpu/storage/storage-blob-data-contributor"]) is None
    assert made.failing() == []
    assert made.plan()["isEmpty"]


def test_another_address_space_makes_the_networks_again(made: Product) -> None:
    """The whole chain: networks, subnets, endpoints, clusters. Data stays where it is."""
    ids, since = made.ids(), made.simulator.calls()[-1]["n"]
    asked = {**example(), "network": {"addressSpace": "10.40.16.0/22"}}
    refused(made, asked, {"vnet/ml", "vnet/hub"})
    succeeded(made.finish(made.put(asked, allow_destructive=True)))
    network = made.owner.get(made.ids()["vnet/ml"]) or {}
    assert network["properties"]["addressSpace"]["addressPrefixes"] == ["10.40.16.0/23"]
    deleted = {call["path"].lower() for call in made.writes(since) if call["method"] == "DELETE"}
    assert ids["vnet/ml"].lower() in deleted
    assert not deleted & {ids[key].lower() for key in ("storage", "vault", "registry", "workspace", "resource-group")}
    assert made.failing() == []
    assert made.plan()["isEmpty"]


def test_networks_are_made_again_and_a_cluster_with_nodes_removed_in_one_update(empty: Product) -> None:
    """What is no longer asked for goes last, unless something cannot be made again before it is gone."""
    succeeded(empty.finish(empty.put(spec(minNodes=1))))
    subnet = empty.ids()["subnet/training"]
    until(lambda: (empty.owner.get(subnet) or {})["properties"].get("ipConfigurations"))
    asked = {**example(), "network": {"addressSpace": "10.40.16.0/22"}, "compute": {"clusters": []}}
    succeeded(empty.finish(empty.put(asked, allow_destructive=True)))
    assert empty.failing() == []
    assert empty.plan()["isEmpty"]


# -- failures in the middle --------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "an operation that fails": (
        {"path": "registries/[^/]+$", "failOperation": {"code": "QuotaExceeded", "message": "No more registries."}},
        "QuotaExceeded",
    ),
    "a policy that denies": (
        {"path": "storageAccounts/[^/]+$", "status": 403, "code": "RequestDisallowedByPolicy", "message": "Not here."},
        "RequestDisallowedByPolicy",
    ),
    "a refusal": (
        {"path": "natGateways", "status": 400, "code": "InvalidParameter", "message": "Not so."},
        "InvalidParameter",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_was_made_stays_and_a_repeated_put_goes_on(empty: Product, name: str) -> None:
    rule, code = FAILURES[name]
    empty.simulator.faults([{"method": "PUT", **rule}])
    failed = empty.finish(empty.put())
    message = rule.get("message") or rule["failOperation"]["message"]
    assert (failed.status, failed.error and failed.error.code) == ("Failed", code)
    (step,) = [step for step in failed.steps if step.status == "Failed"]
    assert step.error is not None and (step.error.code, step.error.message) == (code, message)
    made = {key for key, arm_id in empty.ids().items() if empty.owner.get(arm_id) is not None}
    assert made >= {step.key for step in failed.steps if step.status == "Succeeded"}

    empty.simulator.faults([])
    again = succeeded(empty.finish(empty.put()))
    assert again.id != failed.id
    assert empty.failing() == []
    taken = effects(empty.writes())
    failing_path = str(step.resource_id).lower()
    assert {what for what, count in taken.items() if count > 1} <= {("PUT", failing_path)}


def test_one_call_in_ten_is_throttled_or_broken(empty: Product) -> None:
    """It converges; nothing is polled too early, and nothing is written while Azure asked to wait."""
    rules = [
        {"name": "throttled", "probability": 0.08, "seed": 1, "status": 429, "retryAfter": 0.2},
        {"name": "broken", "probability": 0.08, "seed": 2, "status": 503, "retryAfter": 0.1},
    ]
    empty.simulator.faults([{**rule, "path": "/resourceGroups/"} for rule in rules])
    accepted = empty.call("PUT", WORKSPACE, example(), allowDestructive="true")
    succeeded(empty.finish(accepted))
    fired = empty.simulator.control("GET", "faults")["rules"]
    empty.simulator.faults([])
    assert all(rule["fired"] > 5 for rule in fired)
    assert empty.simulator.calls(early=1) == []
    created_once(empty)
    assert empty.failing() == []
    assert empty.patience.early == []


# -- at the same time --------------------------------------------------------------------------------------------------


def test_two_workspaces_at_once(empty: Product) -> None:
    other = {**example(), "network": {"addressSpace": "10.40.4.0/22"}}
    first, second = empty.put(), empty.put(other, "churn-two")

    async def both() -> list[Operation]:
        ends = (empty.until_ended(first.json()["id"]), empty.until_ended(second.json()["id"], "churn-two"))
        return list(await asyncio.gather(*ends))

    for operation in empty.run(both()):
        succeeded(operation)
    created_once(empty)
    assert empty.failing() == [] and empty.failing("churn-two") == []


def test_two_ticks_on_one_workspace_have_one_effect(empty: Product) -> None:
    accepted = empty.put()
    other = empty.another_ticker("second")

    async def both() -> None:
        await asyncio.gather(tick(NAME, empty.deps), tick(NAME, other), tick(NAME, empty.deps))

    empty.run(both())
    succeeded(empty.run(empty.until_ended(accepted.json()["id"])))
    created_once(empty)


def test_cancel_stops_before_the_next_write_and_a_put_goes_on(empty: Product) -> None:
    empty.simulator.settings(timeScale=60)
    accepted = empty.put().json()["id"]

    async def cancelled() -> Operation:
        ticking = asyncio.ensure_future(empty.until_ended(accepted))
        while not (await empty.operation(accepted)).steps:  # noqa: ASYNC110 - a tick stores its steps, and tells nobody
            await asyncio.sleep(0.01)
        answer = await empty.send("POST", f"operations/{accepted}:cancel")
        assert answer.status_code in (200, 202), answer.text
        return await ticking

    operation = empty.run(cancelled())
    assert operation.status == "Canceled"
    assert "Canceled" in {step.status for step in operation.steps}
    assert "Running" not in {step.status for step in operation.steps}
    empty.simulator.settings(timeScale=1000)
    before = len(empty.writes())
    empty.run(tick(NAME, empty.deps))
    assert len(empty.writes()) == before
    succeeded(empty.finish(empty.put()))
    created_once(empty)
    assert empty.failing() == []


# -- the end -----------------------------------------------------------------------------------------------------------


def beside_insights(product: Product, group: str) -> set[str]:
    """What Azure itself puts into a group for Application Insights."""
    types = ("microsoft.alertsmanagement/smartdetectoralertrules", "microsoft.insights/actiongroups")
    return {arm_id for arm_id in product.simulator.state(group) if type_of(arm_id).lower() in types}


def test_deletion_reports_what_azure_keeps_and_the_name_is_free(made: Product) -> None:
    ids = made.ids()
    group = ids["resource-group"]
    assert len(beside_insights(made, group)) == 2
    gone = succeeded(made.finish(made.call("DELETE", WORKSPACE)))
    assert made.simulator.state(group) == {}
    kept = {left.resource_id for left in gone.residue if left.reason == "SoftDeleted"}
    assert kept == {ids["vault"], ids["workspace"], ids["log-analytics"]}
    vault = ids["vault"].rpartition("/")[2]
    subscription = made.simulator.subscription
    place = f"{subscription}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/{vault}"
    assert made.owner.get(place, "2023-07-01") is not None
    assert made.call("GET", WORKSPACE).status_code == 404

    succeeded(made.finish(made.put()))
    assert made.record().incarnation == 2
    assert made.ids()["vault"] != ids["vault"] and made.ids()["workspace"] != ids["workspace"]
    assert made.failing() == []


def test_what_somebody_else_put_into_the_group_survives_and_keeps_it(made: Product) -> None:
    group = made.ids()["resource-group"]
    theirs = f"{group}/providers/{k.PUBLIC_IP}/pip-theirs"
    body = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    made.owner.put(theirs, body).raise_for_status()
    gone = succeeded(made.finish(made.call("DELETE", WORKSPACE)))
    reasons = {left.resource_id: left.reason for left in gone.residue}
    assert reasons[theirs] == "Unmanaged"
    assert reasons[group] == "UnmanagedResourcesLeft"
    assert made.owner.get(theirs) is not None
    # Grants that Azure made at the group stay with it; their principals are gone. So does what it made beside Insights.
    left = {arm_id for arm_id in made.simulator.state(group) if type_of(arm_id) != k.ROLE_ASSIGNMENT}
    assert left == {group, theirs, *beside_insights(made, group)}
