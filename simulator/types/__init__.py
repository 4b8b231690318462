"""The table of resource types, one module per provider namespace. Adding a type is an entry in its module's TYPES."""

from __future__ import annotations

from dataclasses import replace

from simulator.billing import forecast, query
from simulator.engine.declaration import Hook, Phase, ResourceType, Route
from simulator.planes import denials
from simulator.planes.policies import deny
from simulator.types import (
    action_groups,
    alert_instances,
    alert_rules,
    budgets,
    compute,
    containerregistry,
    cost_alerts,
    eventgrid,
    eventgrid_topics,
    insights,
    keyvault,
    machinelearning,
    machines,
    managedidentity,
    management,
    monitor,
    names,
    network,
    operationalinsights,
    pim,
    pim_activation,
    policy,
    scale_sets,
    smart_detection,
    storage,
    workbooks,
)

_TYPES: tuple[ResourceType, ...] = (
    *network.TYPES,
    *storage.TYPES,
    *keyvault.TYPES,
    *containerregistry.TYPES,
    *operationalinsights.TYPES,
    *insights.TYPES,
    *smart_detection.TYPES,
    *action_groups.TYPES,
    *alert_rules.TYPES,
    *workbooks.TYPES,
    *alert_instances.TYPES,
    *budgets.TYPES,
    *cost_alerts.TYPES,
    *managedidentity.TYPES,
    *compute.TYPES,
    *machines.TYPES,
    *scale_sets.TYPES,
    *monitor.TYPES,
    *machinelearning.TYPES,
    *eventgrid.TYPES,
    *eventgrid_topics.TYPES,
    *management.TYPES,
    *denials.TYPES,
    *pim.TYPES,
    *pim_activation.TYPES,
    *policy.TYPES,
)
#: Azure Policy looks at every write before its provider does; of the caller's rights ARM has been sure by then.
_POLICY = Hook(Phase.VALIDATE, "policy-denies-writes", deny)
ALL_TYPES: tuple[ResourceType, ...] = tuple(replace(one, hooks=(_POLICY, *one.hooks)) for one in _TYPES)
ALL_ROUTES: tuple[Route, ...] = (
    *network.ROUTES,
    *keyvault.ROUTES,
    *names.ROUTES,
    *management.ROUTES,
    *machinelearning.ROUTES,
    *query.ROUTES,
    *forecast.ROUTES,
    *machinelearning.ROUTES,
)
