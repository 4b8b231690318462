"""Azure Monitor and Event Grid's custom topics, by the commands of the CLI's core."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.az.client import Az
from tests.support.monitored import Monitored, monitored
from tests.support.receiver import receiver
from tests.support.simulator import RunningSimulator


@pytest.fixture(scope="module")
def estate(azure: RunningSimulator) -> Iterator[Monitored]:
    with monitored(azure) as made:
        yield made


def test_an_action_group_with_a_webhook(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    hook = "--action webhook control-plane http://localhost:7071/api/alerts usecommonalertschema"
    made = az(f"monitor action-group create -g {group} -n on-call -l global --short-name oncall {hook}")
    (receiver,) = made["webhookReceivers"]
    assert (receiver["serviceUri"], receiver["useCommonAlertSchema"]) == ("http://localhost:7071/api/alerts", True)
    assert [one["name"] for one in az(f"monitor action-group list -g {group}")] == ["on-call"]
    az(f"monitor action-group update -g {group} -n on-call --set tags.team=risk")
    assert az(f"monitor action-group show -g {group} -n on-call")["tags"] == {"team": "risk"}
    az(f"monitor action-group delete -g {group} -n on-call")
    assert az(f"monitor action-group list -g {group}") == []


def test_a_metric_alert_that_fires(az: Az, azure: RunningSimulator, group: str, estate: Monitored) -> None:
    with receiver() as hook:
        url = hook.url.partition("?")[0]
        az(f"monitor action-group create -g {group} -n calls -l global --action webhook cp {url} usecommonalertschema")
        scope = f"{estate.workspace}/onlineEndpoints/churn"
        command = f"monitor metrics alert create -g {group} -n slow --scopes {scope} --severity 2 --action calls"
        made = az(f'{command} --condition "avg RequestLatency_P95 > 500 where deployment includes blue"')
        (criterion,) = made["criteria"]["allOf"]
        assert (criterion["metricName"], criterion["threshold"]) == ("RequestLatency_P95", 500.0)
        azure.inject(kind="latency", endpoint="churn", latencyMs=900)
        essentials = hook.wait(1)[0]["data"]["essentials"]
        assert (essentials["alertRule"], essentials["severity"]) == ("slow", "Sev2")
    assert [one["name"] for one in az(f"monitor metrics alert list -g {group}")] == ["slow"]
    assert az(f"monitor metrics alert update -g {group} -n slow --enabled false")["enabled"] is False
    az(f"monitor metrics alert delete -g {group} -n slow")


def test_an_activity_log_alert(az: Az, group: str, group_id: str) -> None:
    condition = "category=Administrative and status=Failed"
    made = az(f'monitor activity-log alert create -g {group} -n failures --condition "{condition}" --scope {group_id}')
    assert {one["field"] for one in made["condition"]["allOf"]} == {"category", "status"}
    assert [one["name"] for one in az(f"monitor activity-log alert list -g {group}")] == ["failures"]
    az(f"monitor activity-log alert delete -g {group} -n failures")


def test_metrics_of_an_endpoint(az: Az, azure: RunningSimulator, estate: Monitored) -> None:
    azure.inject(kind="traffic", endpoint="churn", requestsPerMinute=120)
    scope = f"{estate.workspace}/onlineEndpoints/churn"
    names = {one["name"]["value"] for one in az(f"monitor metrics list-definitions --resource {scope}")}
    assert {"RequestsPerMinute", "RequestLatency_P99"} <= names
    found = az(
        f"monitor metrics list --resource {scope} --metric RequestsPerMinute --aggregation Total --interval PT1M"
    )
    (series,) = found["value"][0]["timeseries"]
    assert [one["total"] for one in series["data"] if one.get("total")][-1] == pytest.approx(120)


def test_a_custom_topic(az: Az, group: str) -> None:
    made = az(
        f"eventgrid topic create -g {group} -n notices-{group[-8:]} -l westeurope --input-schema cloudeventschemav1_0"
    )
    assert made["endpoint"].endswith("/api/events")
    name = made["name"]
    keys = az(f"eventgrid topic key list -g {group} -n {name}")
    assert az(f"eventgrid topic key regenerate -g {group} -n {name} --key-name key1")["key1"] != keys["key1"]
    with receiver() as hook:
        shown = az(
            f"eventgrid event-subscription create -n mine --source-resource-id {made['id']} --endpoint {hook.url} "
            "--event-delivery-schema cloudeventschemav1_0"
        )
        assert shown["provisioningState"] == "Succeeded"
    assert [one["name"] for one in az(f"eventgrid topic list -g {group}")] == [name]
    az(f"eventgrid topic delete -g {group} -n {name}")
    assert az(f"eventgrid topic list -g {group}") == []
