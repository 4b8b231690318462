"""The table of resource types, one module per provider namespace. Adding a type is an entry in its module's TYPES."""

from __future__ import annotations

from simulator.engine.declaration import ResourceType, Route
from simulator.types import (
    compute,
    containerregistry,
    insights,
    keyvault,
    machinelearning,
    managedidentity,
    monitor,
    names,
    network,
    operationalinsights,
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
    *monitor.TYPES,
    *machinelearning.TYPES,
)
ALL_ROUTES: tuple[Route, ...] = (*network.ROUTES, *keyvault.ROUTES, *names.ROUTES)
