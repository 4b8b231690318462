"""Microsoft.Consumption/budgets, as they are read (API 2024-08-01). Nothing here costs anything: nobody makes one."""

from __future__ import annotations

from simulator.engine.declaration import ResourceType, Scope

BUDGET = "Microsoft.Consumption/budgets"
TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=BUDGET,
        scope=Scope.EXTENSION,
        location="none",
        tags=False,
        provisioning_state=False,
        methods=frozenset({"GET", "HEAD", "LIST"}),
        keys=("id", "name", "type", "properties"),
    ),
)
