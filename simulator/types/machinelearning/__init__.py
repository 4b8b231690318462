"""Microsoft.MachineLearningServices."""

from __future__ import annotations

from simulator.engine.declaration import ResourceType
from simulator.types.machinelearning import assets, computes, jobs, workspaces

TYPES: tuple[ResourceType, ...] = (*workspaces.TYPES, *computes.TYPES, *jobs.TYPES, *assets.TYPES)
