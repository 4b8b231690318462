"""What of a monitor stands in Azure besides its schedule: as resources with declared bodies. Pure.

Some are shared: a workspace has one system topic ("Only one Azure Event Grid system topic is allowed per source":
System topics in Azure Event Grid), one action group and one workbook, an endpoint one diagnostic setting of its
traffic. They stand as long as a monitor wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from controlplane.json_types import JsonObject
from controlplane.retraining.monitors import alerts
from controlplane.retraining.monitors.callbacks import API_VERSION, Callbacks
from controlplane.retraining.monitors.marks import with_mark
from controlplane.retraining.monitors.model import Monitor, signal_name
from controlplane.retraining.monitors.site import Site
from controlplane.retraining.monitors.workbook import CONTENT, WORKBOOK_API, workbook_body, workbook_id
from controlplane.workspaces import kinds as k

TOPIC = "Microsoft.EventGrid/systemTopics"
TOPIC_TYPE = "Microsoft.MachineLearningServices.Workspaces"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
EVENT_GRID_API, ACTION_GROUP_API, SCHEDULES_API = "2025-02-15", "2023-01-01", "2024-04-01"
#: Tag on the run that says so, and what its message always holds. Source: "Monitor model performance in production",
#: events of model monitoring; Azure/azureml-assets, evaluate_metrics_threshold.py.
TAG_PATH = "data.RunTags.azureml_modelmonitor_threshold_breached"
BREACHED = "has failed due to one or more features violating metric thresholds"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource. ``seen``: how Azure answers it where that is not how it is written. ``kind`` is the condition of
    the monitor that it stands for."""

    arm_id: str
    api_version: str
    body: JsonObject
    kind: str
    first: bool = False
    """Others need it: it is written before them."""
    seen: JsonObject | None = None
    listed: tuple[tuple[str, str], ...] = ()
    """Query of the list that shows all of it, where a read of it alone leaves something out."""

    @property
    def compared(self) -> JsonObject:
        return self.seen or self.body


HEARD, WATCHED, LOGGED, SHOWN = "EventsSubscribed", "AlertsStand", "TrafficLogged", "WorkbookStands"


def wanted(monitor: Monitor, site: Site) -> tuple[Wanted, ...]:
    """In the order in which they are written; each with our mark."""
    return tuple(_marked(one, monitor.workspace) for part in PARTS.values() for one in part.makes(monitor, site))


def _marked(one: Wanted, workspace: str) -> Wanted:
    seen = None if one.seen is None else with_mark(one.arm_id, one.seen, workspace)
    return replace(one, body=with_mark(one.arm_id, one.body, workspace), seen=seen)


def schedule_id(monitor: Monitor, site: Site) -> str:
    return f"{site.workspace_id}/schedules/{monitor.name}"


def _topic_id(site: Site) -> str:
    return site.in_group(TOPIC, "cp-events")


def _topic(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    source = {"source": site.workspace_id, "topicType": TOPIC_TYPE}
    body = {"location": site.location, "properties": source}
    yield Wanted(_topic_id(site), EVENT_GRID_API, body, HEARD, first=True)


def _breaches(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    """D18 and D19: only breaches, and only of this monitor's signals."""
    names = [f"'{signal_name(monitor.name, one.name)}'" for one in monitor.spec.signals]
    breach = {
        "includedEventTypes": ["Microsoft.MachineLearningServices.RunStatusChanged"],
        "advancedFilters": [
            {"operatorType": "StringContains", "key": TAG_PATH, "values": [BREACHED]},
            {"operatorType": "StringContains", "key": TAG_PATH, "values": names},
        ],
    }
    yield _subscription(site, f"{_topic_id(site)}/eventSubscriptions/breach-{monitor.name}", breach)


def _models(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    registered = {"includedEventTypes": ["Microsoft.MachineLearningServices.ModelRegistered"]}
    yield _subscription(site, f"{_topic_id(site)}/eventSubscriptions/models-registered", registered)


def _our_runs(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    """Jobs that are called as ours are: without their events a run's end is seen by its next poll. By the subject,
    which has the run's name in one spelling, and not by a field of the data."""
    ours = {
        "includedEventTypes": ["Microsoft.MachineLearningServices.RunStatusChanged"],
        "advancedFilters": [{"operatorType": "StringContains", "key": "subject", "values": ["/runs/rt-"]}],
    }
    yield _subscription(site, f"{_topic_id(site)}/eventSubscriptions/our-runs", ours)


def _subscription(site: Site, arm_id: str, chosen: JsonObject) -> Wanted:
    """To the function by its resource id, without a key; else to a webhook, whose URL Azure shows without its query."""
    calls = site.callbacks
    plain: JsonObject = {"eventDeliverySchema": "EventGridSchema", "filter": chosen}
    if calls.events_function:
        target: JsonObject = {"endpointType": "AzureFunction", "properties": {"resourceId": calls.events_function}}
        return Wanted(arm_id, EVENT_GRID_API, {"properties": {**plain, "destination": target}}, HEARD)
    entra: JsonObject = {
        "azureActiveDirectoryTenantId": calls.tenant_id,
        "azureActiveDirectoryApplicationIdOrUri": calls.events_app,
    }
    if not calls.events_app:
        entra = {}
    sent = {"endpointType": "WebHook", "properties": {"endpointUrl": calls.events_url, **entra}}
    shown = {"endpointType": "WebHook", "properties": {"endpointBaseUrl": calls.events_url.partition("?")[0], **entra}}
    body = {"properties": {**plain, "destination": sent}}
    return Wanted(arm_id, EVENT_GRID_API, body, HEARD, seen={"properties": {**plain, "destination": shown}})


def _traffic(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    """The log that rules about errors and throttling read (S3-95)."""
    if monitor.spec.alerts:
        logs = [{"category": "AmlOnlineEndpointTrafficLog", "enabled": True}]
        body = {"properties": {"workspaceId": site.logs, "logs": logs}}
        arm_id = f"{site.endpoint(monitor.spec.endpoint)}/providers/{k.DIAGNOSTIC}/cp-traffic"
        yield Wanted(arm_id, k.API_VERSIONS[k.DIAGNOSTIC], body, LOGGED, first=True)


def _group_id(site: Site) -> str:
    return site.in_group(ACTION_GROUP, "cp-alerts")


def _actions(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    if monitor.spec.alerts:
        yield Wanted(_group_id(site), ACTION_GROUP_API, _action_group(site), WATCHED, first=True)


def _rules(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    for one in monitor.spec.alerts:
        for rule in alerts.rules(monitor, one, site, _group_id(site)):
            yield Wanted(site.in_group(rule.type, rule.name), rule.api_version, rule.body, WATCHED)


def _workbook(monitor: Monitor, site: Site) -> Iterator[Wanted]:
    """What support looks at (S3-121)."""
    yield Wanted(workbook_id(site), WORKBOOK_API, workbook_body(site), SHOWN, listed=CONTENT)


def hook_of(calls: Callbacks) -> JsonObject:
    """A secure webhook: its tokens are Azure Monitor's own, for our API ("Action groups", secure webhooks)."""
    return {
        "name": "control-plane",
        "serviceUri": f"{calls.alerts_url}?api-version={API_VERSION}",
        "useCommonAlertSchema": True,
        "useAadAuth": True,
        "objectId": calls.alerts_app_object,
        "identifierUri": calls.alerts_app,
        "tenantId": calls.tenant_id,
    }


def _action_group(site: Site) -> JsonObject:
    return {
        "location": "Global",
        "properties": {"groupShortName": "cp-alerts", "enabled": True, "webhookReceivers": [hook_of(site.callbacks)]},
    }


def differs(asked: JsonObject, found: JsonObject) -> str | None:
    """JSON path of the first declared property that Azure answers otherwise; None when all is as declared. What nobody
    declared is not compared."""
    return _differs(asked, found, "$")


def _differs(asked: object, found: object, path: str) -> str | None:
    if isinstance(asked, dict):
        have = found if isinstance(found, dict) else {}
        parts = (_differs(value, have.get(name), f"{path}.{name}") for name, value in asked.items())
        return next((one for one in parts if one is not None), None)
    if isinstance(asked, list):
        return None if isinstance(found, list) and _match(asked, found) else path
    if isinstance(asked, str) and isinstance(found, str):
        left, right = (text.rstrip("/").replace(" ", "").casefold() for text in (asked, found))
        return None if left == right else path
    return None if asked == found and isinstance(asked, bool) is isinstance(found, bool) else path


def _match(asked: list[object], found: list[object]) -> bool:
    """Each with another of the found, none left over, in any order."""
    left = list(found)
    for item in asked:
        place = next((place for place, one in enumerate(left) if _differs(item, one, "") is None), None)
        if place is None:
            return False
        left.pop(place)
    return not left


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what a monitor has."""

    makes: Callable[[Monitor, Site], Iterator[Wanted]]
    requirements: tuple[str, ...] = ()


PARTS: dict[str, Part] = {
    "topic": Part(_topic),
    "breaches": Part(_breaches),
    "models": Part(_models),
    "ourRuns": Part(_our_runs),
    "traffic": Part(_traffic, ("S3-95",)),
    "actions": Part(_actions),
    "rules": Part(_rules, ("S3-31",)),
    "workbook": Part(_workbook, ("S3-121",)),
}
"""What a monitor has in Azure, whatever the workspace's environment."""
