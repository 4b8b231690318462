"""Microsoft.MachineLearningServices."""

from __future__ import annotations

from simulator.engine.declaration import ResourceType, Route
from simulator.types.machinelearning import (
    assets,
    batch,
    computes,
    endpoints,
    jobs,
    labeling,
    models,
    outbound_rules,
    quotas,
    region_cores,
    schedules,
    serverless,
    workspaces,
)

TYPES: tuple[ResourceType, ...] = (
    *workspaces.TYPES,
    *outbound_rules.TYPES,
    *computes.TYPES,
    *jobs.TYPES,
    *assets.TYPES,
    *endpoints.TYPES,
    *models.TYPES,
    *batch.TYPES,
    *schedules.TYPES,
    *serverless.TYPES,
    *labeling.TYPES,
)
ROUTES: tuple[Route, ...] = (*quotas.ROUTES, *region_cores.ROUTES)
