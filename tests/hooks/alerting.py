"""What a person relies on who makes alert rules and action groups beside the product."""

from __future__ import annotations

from typing import Any

from tests.hooks.people import Az, beside
from tests.hooks.scenarios import noticed
from tests.simulator.refusals_alerts import ACTIONS_BODY, HOOK, activity_body, book_body, log_body, metric_body
from tests.support.quiet_product import QuietProduct


def of(kind: str) -> str:
    return beside(f"Microsoft.Insights/{kind}", "theirs")


@noticed("action-group-rules", world="empty")
def a_webhook_without_its_application_is_refused(product: QuietProduct) -> None:
    """``az monitor action-group create --action webhook n u useaadauth``."""
    az = Az(product)
    az.group()
    hooks = [{**HOOK, "useAadAuth": True}]
    body: dict[str, Any] = {**ACTIONS_BODY, "properties": {**ACTIONS_BODY["properties"], "webhookReceivers": hooks}}
    assert az.refused("PUT", of("actionGroups"), body) == "BadRequest"


@noticed("workbook-rules", world="empty")
def a_workbook_is_named_by_a_uuid(product: QuietProduct) -> None:
    """``az monitor app-insights workbook create --name endpoints``."""
    az = Az(product)
    az.group()
    assert az.refused("PUT", of("workbooks"), book_body()) == "BadRequest"


@noticed("metric-alert-rules")
def a_metric_that_there_is_not_is_not_watched(product: QuietProduct) -> None:
    """``az monitor metrics alert create --condition "avg Latency > 500"``."""
    az = Az(product)
    az.group()
    assert az.refused("PUT", of("metricAlerts"), metric_body(product.ids()["workspace"])) == "BadRequest"


@noticed("log-alert-rules")
def a_query_that_cannot_be_read_is_not_watched(product: QuietProduct) -> None:
    """``az monitor scheduled-query create``."""
    az = Az(product)
    az.group()
    body = log_body(product.ids()["log-analytics"], query="AmlRunStatusChangedEvent | where")
    assert az.refused("PUT", of("scheduledQueryRules"), body) == "BadRequest"


@noticed("activity-alert-rules", world="empty")
def an_activity_alert_names_its_category(product: QuietProduct) -> None:
    """``az monitor activity-log alert create --condition status=Failed``."""
    az = Az(product)
    az.group()
    body = activity_body(of("x").partition("/providers/")[0], {"field": "status", "equals": "Failed"})
    assert az.refused("PUT", of("activityLogAlerts"), body) == "BadRequest"


@noticed("custom-topic-rules", world="empty")
def a_topic_s_name_is_one_in_its_region(product: QuietProduct) -> None:
    """``az eventgrid topic create``: its endpoint is named by it."""
    az = Az(product)
    az.group()
    body = {"location": "westeurope", "properties": {}}
    az.create(beside("Microsoft.EventGrid/topics", "notices"), body)
    az.create(f"{beside('x', 'x').partition('/resourceGroups/')[0]}/resourceGroups/others", {"location": "westeurope"})
    other = beside("Microsoft.EventGrid/topics", "notices").replace("/theirs/", "/others/")
    assert az.refused("PUT", other, body) == "Conflict"
