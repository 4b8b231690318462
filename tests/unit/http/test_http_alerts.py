"""Alerts: from Azure Monitor's action groups and nobody else; every form is taken or left alone with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controlplane.objects.repository import of_workspace
from controlplane.projects.access import ALERTS_APPLICATION, ALERTS_ROLE
from controlplane.retraining.signal import Signal, SignalKind
from tests.support.api import Api, error

SAMPLES = Path(__file__).parents[2] / "data/samples"


def monitor(api: Api) -> str:
    """The token that a secure webhook brings."""
    return api.issuer.app_token("azns", roles=[ALERTS_ROLE], azp=ALERTS_APPLICATION)


async def workspace_group(api: Api) -> str:
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    return (
        f"/subscriptions/{stored.record.spec['subscriptionId']}/resourcegroups/{stored.record.resource_group}".lower()
    )


async def sample(api: Api, name: str, at: str | None = None) -> dict[str, Any]:
    """A published sample, fired now and about our workspace."""
    body: dict[str, Any] = json.loads((SAMPLES / name).read_text())
    essentials = body["data"].get("essentials")
    group = await workspace_group(api)
    if essentials is not None:
        essentials["firedDateTime"] = at or api.clock.now().isoformat()
        if essentials.get("alertTargetIDs"):
            essentials["alertTargetIDs"] = [f"{group}/providers/microsoft.machinelearningservices/workspaces/x"]
        if "AlertData" in body["data"].get("alertContext", {}):
            body["data"]["alertContext"]["AlertData"]["Scope"] = group
    return body


async def signals(api: Api) -> tuple[Signal, ...]:
    objects = api.services.objects
    assert objects is not None
    return (await objects.page(Signal, of_workspace(Signal, "churn-dev"))).values


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("alert-metric-static.fired.json", SignalKind.ACTIVITY),
        ("alert-log-v2.fired.json", SignalKind.ACTIVITY),
        ("alert-activitylog-administrative.fired.json", SignalKind.ACTIVITY),
        ("alert-budget-actual.common.json", SignalKind.BUDGET),
    ],
)
async def test_every_published_form_becomes_one_signal(api: Api, name: str, kind: SignalKind) -> None:
    await api.register()
    await api.create()
    body = await sample(api, name)
    answers = [await api.call("POST", "alerts", body, token=monitor(api)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.json()["signal"] for answer in answers}) == 1
    (found,) = await signals(api)
    assert (found.kind, found.evidence.read_back) == (kind, False)
    assert found.due_at is not None, "it waits for its tick"


async def test_a_rule_of_ours_says_what_it_is_about(api: Api) -> None:
    await api.register()
    await api.create()
    body = await sample(api, "alert-log-v2.fired.json")
    body["data"]["alertContext"]["properties"] = {"cpKind": "errors"}
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 202
    body["data"]["alertContext"]["properties"] = {"cpKind": "person"}
    body["data"]["essentials"]["alertId"] += "2"
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 202
    assert {one.kind for one in await signals(api)} == {SignalKind.ERRORS, SignalKind.ACTIVITY}


@pytest.mark.parametrize("order", [("Fired", "Resolved"), ("Resolved", "Fired"), ("Fired", "Resolved", "Fired")])
async def test_fired_and_resolved_are_one_signal_in_any_order(api: Api, order: tuple[str, ...]) -> None:
    """That it is over is a hint, too: a tick is due that asks Azure."""
    await api.register()
    await api.create()
    body = await sample(api, "alert-metric-static.fired.json")
    for condition in order:
        body["data"]["essentials"]["monitorCondition"] = condition
        assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 202
    (found,) = await signals(api)
    now = api.clock.now()
    assert (found.resolved, found.end_told_at, found.due_at) == (False, now, now)


async def test_what_is_not_ours_or_old_is_left_alone(api: Api) -> None:
    await api.register()
    await api.create()
    foreign = json.loads((SAMPLES / "alert-metric-static.fired.json").read_text())
    foreign["data"]["essentials"]["firedDateTime"] = api.clock.now().isoformat()
    old = await sample(api, "alert-metric-static.fired.json", at="2019-03-22T13:58:24.3713213Z")
    for body, reason in ((foreign, "nothing of ours"), (old, "older than 24 h")):
        answer = await api.call("POST", "alerts", body, token=monitor(api))
        assert (answer.status_code, answer.json()["signal"]) == (202, None)
        assert reason in answer.json()["reason"]
    assert await signals(api) == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"schemaId": "x", "data": {}},
        {"schemaId": "azureMonitorCommonAlertSchema", "data": []},
        {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertId": 3}}},
        {"schemaId": "AIP Budget Notification", "data": {"SubscriptionId": 7}},
    ],
)
async def test_what_is_no_alert_is_refused(api: Api, body: dict[str, Any]) -> None:
    answer = await api.call("POST", "alerts", body, token=monitor(api))
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidAlert")


async def test_nobody_else_sends_alerts_and_azure_monitor_does_nothing_else(api: Api) -> None:
    body = {"schemaId": "x"}
    others = {
        "another application with the role": api.issuer.app_token("x", roles=[ALERTS_ROLE], azp="another"),
        "the application without the role": api.issuer.app_token("x", roles=["Reader"], azp=ALERTS_APPLICATION),
        "a person": api.issuer.token("ada", roles=["Platform.Admin"]),
    }
    for name, token in others.items():
        answer = await api.call("POST", "alerts", body, token=token)
        assert answer.status_code == 403, name
    assert (await api.call("GET", "workspaces", token=monitor(api))).status_code == 403
    assert (await api.call("POST", "alerts", body, token="not-a-token")).status_code == 401
