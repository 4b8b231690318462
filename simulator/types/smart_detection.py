"""What Azure puts beside Application Insights by itself: a smart detector alert rule and the action group it tells.

Sources: hashicorp/terraform-provider-azurerm#10563 (both names; "It takes several minutes for this rule to show up"),
#18026 and #22163 (they stay in the group when the component goes, under
`providers/microsoft.insights/actiongroups/Application Insights Smart Detection`; a group's deletion takes them along);
CompositionalIT/farmer#637 and Azure/arm-template-whatif#196 (the rule's location and properties). Types are in the case
that Azure prints for these two. What the action group holds is not published: names alone.
"""

from __future__ import annotations

from simulator.engine.declaration import HookContext, Lro, ResourceType, Style
from simulator.types._shared import group_of
from simulator.types.action_groups import ACTION_GROUP as ACTIONS

RULE = "microsoft.alertsmanagement/smartDetectorAlertRules"
EVENT = "component-brings-smart-detection"
SECONDS = 120.0


def announce(ctx: HookContext) -> None:
    if ctx.previous is None:
        ctx.engine.schedule(SECONDS, EVENT, ctx.resource.id)


def bring(ctx: HookContext) -> None:
    """One rule a component, one action group a resource group."""
    group, component = group_of(ctx.resource.id), ctx.resource
    actions = f"{group}/providers/{ACTIONS}/Application Insights Smart Detection"
    rule = f"{group}/providers/{RULE}/Failure Anomalies - {component.name}"
    if ctx.engine.get(actions) is None:
        ctx.engine.put(
            actions, {"location": "global", "properties": {"groupShortName": "SmartDetect", "enabled": True}}
        )
    if ctx.engine.get(rule) is None:
        ctx.engine.put(
            rule,
            {
                "location": "global",
                "properties": {
                    "description": "Failure Anomalies notifies you of an unusual rise in the rate of failed HTTP "
                    "requests or dependency calls.",
                    "state": "Enabled",
                    "severity": "Sev3",
                    "frequency": "PT1M",
                    "detector": {"id": "FailureAnomaliesDetector"},
                    "scope": [component.id],
                    "actionGroups": {"groupIds": [actions]},
                },
            },
        )


def _made_by_azure(name: str) -> ResourceType:
    """Callers read and delete it; writing one of their own is not modelled."""
    return ResourceType(
        name=name,
        location="global",
        delete=Lro(Style.SYNC, 200),
        methods=frozenset({"GET", "HEAD", "DELETE", "LIST"}),
        provisioning_state=False,
        keys=("id", "name", "type", "location", "tags", "properties"),
    )


TYPES: tuple[ResourceType, ...] = (_made_by_azure(RULE),)
