"""What a monitor means in Azure beside its requirements: rules, action groups, subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controlplane.arm import name_of
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.site import Site
from controlplane.retraining.monitors.wanted import Wanted, differs, wanted
from controlplane.retraining.monitors.workbook import workbook_id
from controlplane.retraining.signals.alerts import Alert, decode_alert
from simulator.engine.outbox import Event
from simulator.planes.eventgrid import _passes
from tests.support.clock import START
from tests.support.watching import CALLBACKS, FUNCTION, SITE, monitor, rules


@pytest.mark.parametrize("kind", ["latency", "requests", "errors", "suddenErrors", "throttling", "utilisation"])
def test_every_rule_says_what_it_is_about_in_words_that_the_intake_reads(kind: str) -> None:
    for rule in rules(kind):
        actions = rule.body["properties"]["actions"]
        said = actions["customProperties"] if isinstance(actions, dict) else actions[0]["webHookProperties"]
        essentials = {"alertId": "a", "firedDateTime": START.isoformat(), "monitorCondition": "Fired"}
        body = {
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {"essentials": essentials, "alertContext": {}, "customProperties": said},
        }
        alert = decode_alert(body, START)
        assert isinstance(alert, Alert)
        assert alert.kind.value == {"suddenErrors": "errors"}.get(kind, kind)


def test_the_webhook_of_alerts_is_a_secure_one_of_ours() -> None:
    (group,) = [one for one in wanted(monitor(), SITE) if one.arm_id.endswith("/cp-alerts")]
    (hook,) = group.body["properties"]["webhookReceivers"]
    assert hook["serviceUri"] == "https://cp.example/api/alerts?api-version=2026-11-01"
    assert (hook["useAadAuth"], hook["identifierUri"], hook["useCommonAlertSchema"]) == (True, "api://cp", True)


def subscriptions(callbacks: Callbacks) -> list[Wanted]:
    site = Site(SITE.group, SITE.location, SITE.workspace_id, SITE.logs, callbacks)
    return [one for one in wanted(monitor(), site) if "/eventSubscriptions/" in one.arm_id]


def test_event_grid_calls_the_function_by_its_id_or_a_webhook_by_entra() -> None:
    for one in subscriptions(CALLBACKS):
        assert one.body["properties"]["destination"] == {
            "endpointType": "AzureFunction", "properties": {"resourceId": FUNCTION}
        }  # fmt: skip
    hook = Callbacks(tenant_id="t", events_url="https://cp.example/hook?code=x", events_app="api://cp")
    for one in subscriptions(hook):
        sent = one.body["properties"]["destination"]["properties"]
        assert sent["azureActiveDirectoryApplicationIdOrUri"] == "api://cp"
        # Azure shows no query, which may hold a key.
        assert "code=x" not in str(one.compared)


def test_without_alerts_there_is_no_action_group_and_no_log() -> None:
    ends = {one.arm_id.rpartition("/")[2] for one in wanted(monitor(alerts=[]), SITE)}
    assert ends == {"cp-events", "breach-watch", "models-registered", "our-runs", name_of(workbook_id(SITE))}


def test_what_nobody_declared_is_no_difference_and_what_somebody_added_to_a_list_is() -> None:
    (group,) = [one for one in wanted(monitor(), SITE) if one.arm_id.endswith("/cp-alerts")]
    found = {"id": group.arm_id, **group.body, "location": "global"}
    assert differs(group.compared, found) is None
    more = [*group.body["properties"]["webhookReceivers"], {"name": "theirs"}]
    changed = {**found, "properties": {**group.body["properties"], "webhookReceivers": more}}
    assert differs(group.compared, changed) == "$.properties.webhookReceivers"
    assert differs(group.compared, {**found, "properties": {}}) == "$.properties.groupShortName"


def test_event_grid_tells_of_jobs_that_are_called_as_ours_and_of_no_other() -> None:
    (one,) = [one for one in subscriptions(CALLBACKS) if one.arm_id.endswith("/our-runs")]
    chosen = one.body["properties"]["filter"]
    assert chosen["includedEventTypes"] == ["Microsoft.MachineLearningServices.RunStatusChanged"]
    heard = {
        run: all(_passes(condition, _changed(run)) for condition in chosen["advancedFilters"])
        for run in ("rt-0123456789abcdef01234567-1", "watch-20261122T105629Z", "sort-rt-1")
    }
    assert list(heard.values()) == [True, False, False]


def _changed(run: str) -> Event:
    kind, when = "Microsoft.MachineLearningServices.RunStatusChanged", datetime(2026, 11, 22, tzinfo=UTC)
    return Event("e", "/workspace", kind, f"experiments/x/runs/{run}", {"runId": run}, when)
