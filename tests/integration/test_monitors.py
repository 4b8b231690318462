"""Monitors against the simulator, by the product's own adapters: set, standing, breached, broken, repaired, gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.arm import name_of
from controlplane.objects.tick import tick_object
from controlplane.operations.model import OperationStatus
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.monitors.versions import version_of
from controlplane.retraining.signal import Direction, Signal
from controlplane.retraining.signals.intake import hear
from tests.support.monitor_world import WATCH, MonitorWorld, monitor_world
from tests.support.product import NAME
from tests.support.receiver import Receiver, receiver
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")]


@pytest.fixture(scope="module")
def webhook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, webhook: Receiver) -> Iterator[MonitorWorld]:
    with monitor_world(tmp_path_factory.mktemp("monitors"), webhook.url) as made:
        yield made


def test_what_is_asked_for_stands(world: MonitorWorld) -> None:
    answer = world.put()
    assert answer.status_code == 201, answer.text
    world.settle()
    assert set(world.conditions().values()) == {"True"}, world.shown()["conditions"]
    assert world.shown()["observedGeneration"] == 1


def body(world: MonitorWorld, arm_id: str) -> dict[str, Any] | None:
    """As the owner sees it."""
    return world.product.owner.get(arm_id, version=version_of(arm_id))


def test_what_stands_is_what_was_asked(world: MonitorWorld) -> None:
    """S3-85 and S3-86: explicit thresholds, windows that do not overlap, names that carry the monitor's."""
    schedule = body(world, f"{world.workspace}/schedules/{WATCH}")
    assert schedule is not None
    definition = schedule["properties"]["action"]["monitorDefinition"]
    assert set(definition["signals"]) == {f"{WATCH}_{name}" for name in ("data-drift", "prediction-drift", "quality")}
    drift = definition["signals"][f"{WATCH}_data-drift"]
    said = {(one["dataType"], one["metric"], one["threshold"]["value"]) for one in drift["metricThresholds"]}
    assert said == {
        ("Numerical", "NormalizedWassersteinDistance", 0.1),
        ("Numerical", "JensenShannonDistance", 0.1),
        ("Categorical", "JensenShannonDistance", 0.1),
    }
    own = definition["signals"][f"{WATCH}_prediction-drift"]
    windows = [(one["windowSize"], one["windowOffset"]) for one in (own["productionData"], own["referenceData"])]
    assert windows == [("P1D", "P0D"), ("P1D", "P2D")]
    topic = f"{world.group}/providers/Microsoft.EventGrid/systemTopics/cp-events"
    subscription = body(world, f"{topic}/eventSubscriptions/breach-{WATCH}")
    assert subscription is not None
    first, second = subscription["properties"]["filter"]["advancedFilters"]
    assert first["values"] == ["has failed due to one or more features violating metric thresholds"]
    assert f"'{WATCH}_data-drift'" in second["values"]


def test_a_look_at_what_stands_writes_nothing(world: MonitorWorld) -> None:
    before = len(world.product.writes())
    world.look()
    assert len(world.product.writes()) == before


BROKEN = ("schedule", "alert", "filter", "group", "traffic", "workbook", "content")


@pytest.mark.parametrize("what", BROKEN)
def test_what_somebody_changes_is_repaired(world: MonitorWorld, what: str) -> None:
    arm_id = break_by_hand(world, what)
    before = shown_of(world, arm_id)
    world.look()
    assert world.conditions()["Monitored"] == "False"
    world.settle()
    assert set(world.conditions().values()) == {"True"}
    after = shown_of(world, arm_id)
    assert after is not None
    assert after != before


def workbook_of(world: MonitorWorld) -> str:
    (found,) = [one for one in world.shown()["resources"] if "/workbooks/" in one]
    return str(found)


def shown_of(world: MonitorWorld, arm_id: str) -> dict[str, Any] | None:
    """A workbook with its content."""
    if "/workbooks/" not in arm_id:
        return body(world, arm_id)
    asked = {"version": version_of(arm_id), "query": {"category": "workbook", "canFetchContent": "true"}}
    found = world.product.owner.call("GET", arm_id.rpartition("/")[0], **asked).json()["value"]
    return next((one for one in found if one["name"] == name_of(arm_id)), None)


def break_by_hand(world: MonitorWorld, what: str) -> str:
    """What an owner of the subscription does in the portal; the id of what it is done to."""
    owner, p = world.product.owner, f"{world.group}/providers"
    topic, endpoint = f"{p}/Microsoft.EventGrid/systemTopics/cp-events", f"{world.workspace}/onlineEndpoints/churn"
    arm_id = {
        "schedule": f"{world.workspace}/schedules/{WATCH}",
        "alert": f"{p}/Microsoft.Insights/metricAlerts/{WATCH}_latency",
        "filter": f"{topic}/eventSubscriptions/breach-{WATCH}",
        "group": f"{p}/Microsoft.Insights/actionGroups/cp-alerts",
        "traffic": f"{endpoint}/providers/Microsoft.Insights/diagnosticSettings/cp-traffic",
        "workbook": workbook_of(world),
        "content": workbook_of(world),
    }[what]
    version, found = version_of(arm_id), body(world, arm_id)
    assert found is not None
    if what in ("alert", "traffic", "workbook"):
        answer = owner.delete(arm_id, version=version)
    else:
        properties = dict(found["properties"])
        changes: dict[str, Any] = {
            "schedule": {"isEnabled": False},
            "filter": {"filter": {"includedEventTypes": ["Microsoft.MachineLearningServices.RunCompleted"]}},
            "group": {"webhookReceivers": []},
            "content": {"serializedData": '{"version":"Notebook/1.0","items":[]}'},
        }[what]
        properties = {**properties, **changes}
        if what == "filter":
            properties["destination"] = {"endpointType": "WebHook", "properties": {"endpointUrl": world.events_url}}
            properties.pop("topic", None)
        kept = {name: found[name] for name in ("location", "tags") if found.get(name)}
        answer = owner.put(arm_id, {**kept, "properties": properties}, version=version)
    assert answer.status_code < 300, answer.text
    return arm_id


def test_what_is_somebody_elses_is_neither_written_over_nor_deleted(world: MonitorWorld) -> None:
    """A schedule, a rule and a subscription that a person has named as ours would be."""
    owner, p = world.product.owner, f"{world.group}/providers"
    topic = f"{p}/Microsoft.EventGrid/systemTopics/cp-events/eventSubscriptions"
    ids = {
        f"{world.workspace}/schedules/{{}}": "ScheduleStands",
        f"{p}/Microsoft.Insights/metricAlerts/{{}}_latency": "AlertsStand",
        f"{topic}/breach-{{}}": "EventsSubscribed",
    }
    for pattern in ids:
        found = body(world, pattern.format(WATCH))
        assert found is not None
        unmarked = {**found["properties"], "tags": {}, "labels": ["mine"], "topic": None}
        if "schedules" in pattern:
            unmarked["isEnabled"] = False
        if "destination" in unmarked:
            unmarked["destination"] = {"endpointType": "WebHook", "properties": {"endpointUrl": world.events_url}}
        theirs = {"properties": unmarked, **({"location": found["location"]} if found.get("location") else {})}
        arm_id = pattern.format("theirs")
        answer = owner.put(arm_id, theirs, version=version_of(arm_id))
        assert answer.status_code < 300, answer.text
    before = {pattern: body(world, pattern.format("theirs")) for pattern in ids}
    assert world.put("theirs").status_code == 201
    for _ in range(3):
        world.look("theirs")
    told = {one["type"]: one["message"] for one in world.shown("theirs")["conditions"] if one["status"] == "False"}
    assert "theirs: NotOurs" in told["ScheduleStands"], told
    assert {"EventsSubscribed", "Monitored"} <= set(told)
    assert not {one.format("theirs").lower() for one in ids} & set(world.shown("theirs")["resources"])
    assert world.product.call("DELETE", f"workspaces/{NAME}/monitors/theirs").status_code == 204
    world.settle("theirs")
    assert world.product.call("GET", f"workspaces/{NAME}/monitors/theirs").status_code == 404
    assert {pattern: body(world, pattern.format("theirs")) for pattern in ids} == before
    assert world.conditions()["Monitored"] == "True", "what is shared stands"
    for pattern in ids:
        arm_id = pattern.format("theirs")
        assert owner.delete(arm_id, version=version_of(arm_id)).is_success


def test_a_drift_is_told(world: MonitorWorld, webhook: Receiver) -> None:
    """S3-32: injected, computed by the schedule's next run, told by Event Grid, heard, and read back."""
    world.product.simulator.settings(timeScale=20_000)
    world.product.simulator.inject(kind="drift", workspace=world.workspace, endpoint="churn", severity="high")
    until(lambda: any("threshold_breached" in str(one) for one in webhook.events()), every=0.1, says=webhook.events)
    world.product.simulator.settings(timeScale=2000)
    event = next(one for one in webhook.events() if "threshold_breached" in str(one))
    now = datetime.now(UTC).isoformat()
    taken = world.product.run(hear(world.intake, {**event, "eventTime": now}))
    assert taken.id is not None, taken
    world.product.run(tick_object(Signal.KIND, taken.id, world.machines))
    stored = world.product.run(world.objects.require(Signal, taken.id))
    said = stored.value.evidence
    assert (stored.value.monitor, stored.value.model, said.read_back) == (WATCH, "churn", True), said
    assert stored.value.direction is Direction.WORSE


def test_without_collected_data_none_is_taken_and_one_that_stands_says_so(world: MonitorWorld) -> None:
    world.deploy(mode="Disabled")
    answer = world.put("other")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "MonitorNotPossible")
    assert {one["code"] for one in answer.json()["error"]["details"]} == {"DataCollectionOff"}
    world.look()
    said = world.conditions()
    assert (said["DataCollected"], said["Monitored"]) == ("False", "False")
    world.deploy()
    world.settle()
    assert world.conditions()["Monitored"] == "True"


def test_what_is_no_longer_asked_for_goes(world: MonitorWorld) -> None:
    alerts = [one for one in world.monitor["alerts"] if one["name"] != "latency"]
    answer = world.put(alerts=alerts)
    assert answer.status_code == 200, answer.text
    world.settle()
    assert body(world, f"{world.group}/providers/Microsoft.Insights/metricAlerts/{WATCH}_latency") is None
    assert not [one for one in world.shown()["resources"] if one.endswith("_latency")]


def test_every_kind_of_signal_is_taken_by_azure_ml_and_stays_as_asked(world: MonitorWorld) -> None:
    """With a threshold of 0 and several metrics, which the SDK's own classes would leave out."""
    train, truth = {"data": "azureml:train:1"}, {"data": "azureml:truth:1", "context": "ground_truth"}
    of = {
        "dataDrift": ({"PopulationStabilityIndex": 0.2, "PearsonsChiSquaredTest": 0.05}, {}),
        "predictionDrift": ({"TwoSampleKolmogorovSmirnovTest": 0.05, "JensenShannonDistance": 0.1}, {}),
        "dataQuality": ({"NullValueRate": 0.0, "OutOfBoundsRate": 0.1}, {}),
        "featureAttributionDrift": ({"NormalizedDiscountedCumulativeGain": 0.9}, {"asset": train}),
        "modelPerformance": ({"Accuracy": 0.8, "Recall": 0.7}, {"asset": truth}),
    }
    signals = [
        {"name": f"one-{number}", "kind": kind, "thresholds": thresholds, "reference": reference}
        for number, (kind, (thresholds, reference)) in enumerate(of.items())
    ]
    assert world.put("all-kinds", signals=signals, alerts=[]).status_code == 201
    world.settle("all-kinds")
    assert set(world.conditions("all-kinds").values()) == {"True"}, world.shown("all-kinds")["conditions"]
    before = len(world.product.writes())
    world.look("all-kinds")
    assert len(world.product.writes()) == before


def test_a_pipeline_computes_what_azure_ml_would_not(world: MonitorWorld) -> None:
    """On the workspace's own cluster, by a component that is told what to compute; what cannot work is refused."""
    step = {"name": "step", "version": "1", "type": "command", "command": "echo", "environment": "azureml:e:1"}
    inputs = {"monitor": {"type": "string"}}
    graph = {"step": {"type": "command", "componentId": f"{world.workspace}/components/step/versions/1"}}
    drift = {"name": "drift", "version": "1", "type": "pipeline", "inputs": inputs, "jobs": graph}
    blind = {**drift, "name": "blind", "inputs": {}}
    as_sender = {"step": {**graph["step"], "identity": {"type": "user_identity"}}}
    lends = {**drift, "name": "lends", "jobs": as_sender}
    for name, spec in (("step", step), ("drift", drift), ("blind", blind), ("lends", lends)):
        path = f"{world.workspace}/components/{name}/versions/1"
        world.owner_put(path, {"properties": {"componentSpec": spec}})
    chosen = {"component": "drift", "version": "1", "compute": "cpu"}
    wrong = (
        ({"component": "gone"}, "ResourceNotFound"),
        ({"component": "blind"}, "OrderInputMissing"),
        ({"component": "lends"}, "PipelineNotAllowed"),
        ({"component": "step"}, "NotAPipeline"),
        ({"compute": "gone"}, "ResourceNotFound"),
    )
    for change, code in wrong:
        answer = world.put("ours", computedBy="pipeline", pipeline={**chosen, **change}, alerts=[])
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "MonitorNotPossible"), answer.text
        assert code in {one["code"] for one in answer.json()["error"]["details"]}
    assert world.put("ours", computedBy="pipeline", pipeline=chosen, alerts=[]).status_code == 201
    world.settle("ours")
    assert set(world.conditions("ours").values()) == {"True"}, world.shown("ours")["conditions"]
    schedule = body(world, f"{world.workspace}/schedules/ours")
    assert schedule is not None
    assert "ours_data-drift" in str(schedule["properties"]["action"]["jobDefinition"])
    for name in ("ours", "all-kinds"):
        world.product.call("DELETE", f"workspaces/{NAME}/monitors/{name}")
        world.settle(name)


def test_what_azure_is_busy_with_is_written_soon_and_not_a_quarter_of_an_hour_later(world: MonitorWorld) -> None:
    """Of monitors that are set at once all but one meet the other's write of what they share."""
    path = "eventSubscriptions/breach-third"
    rule = {"method": "PUT", "path": path, "status": 409, "code": "AnotherOperationInProgress", "times": 1}
    simulator = world.product.simulator
    simulator.faults([rule])
    assert world.put("third", alerts=[]).status_code == 201
    for _ in range(10):
        world.look("third")
        if simulator.control("GET", "faults")["rules"][0]["fired"]:
            break
    stored = world.product.run(world.objects.require(Monitor, f"{NAME}.third")).value
    reasons = {one.type: (one.reason, one.message) for one in stored.conditions}
    assert reasons["EventsSubscribed"][0] == "InProgress" and "AnotherOperationInProgress" in str(reasons)
    assert stored.due_at is not None and stored.due_at - datetime.now(UTC) < timedelta(minutes=1)
    world.settle("third")
    assert set(world.conditions("third").values()) == {"True"}
    world.product.call("DELETE", f"workspaces/{NAME}/monitors/third")
    world.settle("third")


def test_monitors_share_a_topic_and_the_last_one_takes_it_away(world: MonitorWorld) -> None:
    assert world.put("second").status_code == 201
    world.settle("second")
    shared = [one for one in world.shown()["resources"] if one in world.shown("second")["resources"]]
    named = {"cp-events", "models-registered", "our-runs", "cp-alerts", "cp-traffic", name_of(workbook_of(world))}
    assert {one.rpartition("/")[2] for one in shared} == named
    mine = set(world.shown()["resources"]) - set(shared)
    for name, gone in ((WATCH, mine), ("second", {*shared, *world.shown("second")["resources"]})):
        assert world.product.call("DELETE", f"workspaces/{NAME}/monitors/{name}").status_code == 204
        world.settle(name)
        assert [one for one in gone if body(world, one) is not None] == []
        kept = shared if name == WATCH else []
        assert all(body(world, one) is not None for one in kept)
    assert world.product.call("GET", f"workspaces/{NAME}/monitors/{WATCH}").status_code == 404
    assert world.product.failing() == []


def test_its_workspaces_deletion_takes_it_along_with_the_group(world: MonitorWorld) -> None:
    """The last of this module: what a monitor made is of our own, and keeps no resource group alive."""
    assert world.put("last").status_code == 201
    world.settle("last")
    assert world.shown("last")["resources"]
    group = world.group
    ended = world.product.finish(world.product.call("DELETE", f"workspaces/{NAME}"))
    assert ended.status is OperationStatus.SUCCEEDED, ended.error
    assert {one.reason for one in ended.residue} <= {"SoftDeleted"}
    assert world.product.simulator.state(group) == {}
    world.look("last")
    assert world.product.run(world.objects.get(Monitor, f"{NAME}.last")) is None
