"""The table of resource types, one module per provider namespace. Adding a type is an entry in its module's TYPES."""

from __future__ import annotations

from simulator.engine.declaration import ResourceType, Route
from simulator.types import (
    compute,
    containerregistry,
    eventgrid,
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
    scale_sets,
    smart_detection,
    storage,
)

ALL_TYPES: tuple[ResourceType, ...] = (
    *network.TYPES,
    *storage.TYPES,
    *keyvault.TYPES,
    *containerregistry.TYPES,
    *operationalinsights.TYPES,
    *insights.TYPES,
    *smart_detection.TYPES,
    *managedidentity.TYPES,
    *compute.TYPES,
    *machines.TYPES,
    *scale_sets.TYPES,
    *monitor.TYPES,
    *machinelearning.TYPES,
    *eventgrid.TYPES,
    *management.TYPES,
    *pim.TYPES,
)
ALL_ROUTES: tuple[Route, ...] = (*network.ROUTES, *keyvault.ROUTES, *names.ROUTES)
